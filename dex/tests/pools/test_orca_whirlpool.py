"""Orca Whirlpools against results of the program's core library."""

from collections.abc import Callable
from typing import Any

import pytest

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools import Swap
from dex.pools.kinds.orca_whirlpool import WhirlpoolPool
from dex.testing import whirlpool
from dex.tests.vector_files import each_of, load_vectors

Vector = dict[str, Any]
TOKENS = ("AAA", "BBB")
SWAPS = [(pool, swap, n) for pool in load_vectors("orca_whirlpool", "pools") for n, swap in enumerate(pool["swaps"])]
PLENTY = str(2**63)  # the vectors do not say what the vaults hold


def _pool(case: Vector) -> WhirlpoolPool:
    names = ("tick_spacing", "sqrt_price_x64", "tick", "liquidity", "tick_array_starts")
    state = {name: case[name] for name in names} | {
        "fee_ppm": case["fee_rate"],
        "ticks": [[tick, net] for tick, net, _ in case["ticks"]],
        "balances": [PLENTY, PLENTY],
    }
    return WhirlpoolPool.from_state("pool", "orca", TOKENS, state)


def _swap(case: Vector, swap: Vector) -> Swap:
    pool, pair = _pool(case), TOKENS if swap["a_to_b"] else TOKENS[::-1]
    execute = pool.swap_exact_in if swap["exact_in"] else pool.swap_exact_out
    return execute(*pair, int(swap["amount"]), 0)


def _those(is_chosen: Callable[[Vector], bool]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    chosen = [(pool, swap) for pool, swap, _ in SWAPS if is_chosen(swap)]
    ids = [f"{pool['id']}-{n}" for pool, swap, n in SWAPS if is_chosen(swap)]
    return each_of(("case", "swap"), chosen, ids)


@_those(lambda swap: "error" not in swap)
def test_walk_equals_the_vector(case: Vector, swap: Vector) -> None:
    walk = _pool(case).walk(swap["a_to_b"], int(swap["amount"]), swap["exact_in"])

    assert {
        "amount_in": str(walk.amount_in),
        "amount_out": str(walk.amount_out),
        "trade_fee": str(walk.fee),
    }.items() <= swap.items()


@_those(lambda swap: "error" not in swap)
def test_swap_equals_the_vector(case: Vector, swap: Vector) -> None:
    if swap["amount_out"] == "0":
        with pytest.raises(AmountTooSmall):
            _swap(case, swap)
    else:
        done = _swap(case, swap)
        assert (str(done.amount_in), str(done.amount_out)) == (swap["amount_in"], swap["amount_out"])


@_those(lambda swap: "error" in swap)
def test_swap_beyond_the_tick_arrays_is_refused(case: Vector, swap: Vector) -> None:
    with pytest.raises(InsufficientLiquidity):
        _swap(case, swap)


def test_liquidity_beyond_the_arrays_is_out_of_reach() -> None:
    wide = [(-88_000, 88_000, 10**12)]
    near, far = (whirlpool("pool", TOKENS, 0, wide, tick_spacing=1, arrays=arrays) for arrays in (0, 2))

    assert near.reach() == (0, 87)
    assert far.reach() == (-176, 263)
    with pytest.raises(InsufficientLiquidity):
        near.swap_exact_in(*TOKENS, 10**9, 0)
    assert near.curve(*TOKENS, 0).capacity == ()
    assert 0 < near.curve(*TOKENS[::-1], 0).pays(10**12) < far.curve(*TOKENS[::-1], 0).pays(10**12) / 2
    assert far.swap_exact_in(*TOKENS, 10**9, 0).amount_out == 10**12 * 997_000_000 // (10**12 + 997_000_000)


def test_pool_emptied_to_the_end_of_the_scale_is_still_one() -> None:
    pool = whirlpool("pool", TOKENS, -443_600, [(-443_636, -443_600, 10**9)], tick_spacing=1, arrays=1)
    whole = pool.walk(True, 10**30, True)

    emptied = pool.after(True, whole)

    assert (whole.sqrt_price, whole.tick) == (4_295_048_016, -443_637)
    assert WhirlpoolPool.from_state("pool", "orca", TOKENS, emptied.to_state()) == emptied


def test_amounts_beyond_64_bits_are_refused() -> None:
    pool = whirlpool("pool", TOKENS, 0, [(-88_000, 88_000, 10**30)])

    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_in(*TOKENS, 2**64, 0)
    assert pool.swap_exact_in(*TOKENS, 2**64 - 1, 0).amount_in == 2**64 - 1


@pytest.mark.parametrize(
    "change",
    [
        {"fee_ppm": -1},
        {"tick_spacing": 0},
        {"liquidity": "4"},
        {"tick": -443_638, "sqrt_price_x64": "4295048016"},
        {"ticks": [[-64, "6"], [64, "-6"]]},
        {"tick_array_starts": []},
        {"tick_array_starts": [0, 88]},
        {"tick_array_starts": [64, 5_696]},
    ],
)
def test_impossible_state_is_refused(change: Vector) -> None:
    state = whirlpool("pool", TOKENS, 0, [(-64, 64, 5)]).to_state()

    assert WhirlpoolPool.from_state("pool", "orca", TOKENS, state).liquidity == 5
    with pytest.raises(ValueError, match="pool: "):
        WhirlpoolPool.from_state("pool", "orca", TOKENS, state | change)
