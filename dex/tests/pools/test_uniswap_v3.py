"""Uniswap V3 against transactions of the original contracts."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools import Swap
from dex.pools.kinds.uniswap_v3 import UniswapV3Pool
from dex.pools.math.ticks import sqrt_price_x96
from dex.pools.tick_pool import TickWalk
from dex.testing import v3_pool, v3_pools
from dex.tests.vector_files import each_of, load_vectors

Vector = dict[str, Any]
TOKENS = ("AAA", "BBB")
POOLS = load_vectors("uniswap_v3", "pools")
SWAPS = [(pool, swap) for pool in POOLS for swap in pool["swaps"]]
WORD = 256


class WordByWord(UniswapV3Pool):
    """Goes to every edge of a word, liquidity or not."""

    def _stop_in_gap(self, tick: int, is_down: bool, limit: int) -> int:
        return self._stop(tick, is_down)


def _pool(case: Vector, kind: type[UniswapV3Pool] = UniswapV3Pool) -> UniswapV3Pool:
    names = ("tick_spacing", "sqrt_price_x96", "tick", "liquidity", "ticks")
    state = {name: case[name] for name in names} | {
        "fee_ppm": case["fee"],
        "balances": [case["balance0"], case["balance1"]],
    }
    return kind.from_state("pool", "uniswap_v3", TOKENS, state)


def _walk(pool: UniswapV3Pool, swap: Vector) -> TickWalk:
    limit = int(swap["sqrt_price_limit_x96"]) if "sqrt_price_limit_x96" in swap else None
    return pool.walk(swap["zero_for_one"], int(swap["amount_specified"]), swap["exact_in"], limit)


def _swap(pool: UniswapV3Pool, swap: Vector) -> Swap:
    pair = TOKENS if swap["zero_for_one"] else TOKENS[::-1]
    execute = pool.swap_exact_in if swap["exact_in"] else pool.swap_exact_out
    return execute(*pair, int(swap["amount_specified"]), 0)


def _outcome(walk: TickWalk) -> Vector:
    return {
        "amount_in": str(walk.amount_in),
        "amount_out": str(walk.amount_out),
        "sqrt_price_x96_after": str(walk.sqrt_price),
        "tick_after": walk.tick,
        "liquidity_after": str(walk.liquidity),
    }


def _those(is_chosen: Callable[[Vector], bool]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    chosen = [(pool, swap) for pool, swap in SWAPS if is_chosen(swap)]
    ids = [f"{pool['id']}-{swap['n']}" for pool, swap in chosen]
    return each_of(("case", "swap"), chosen, ids)


@_those(lambda swap: swap["executed"])
def test_walk_equals_the_vector(case: Vector, swap: Vector) -> None:
    assert _outcome(_walk(_pool(case), swap)).items() <= swap.items()


@pytest.mark.parametrize("case", POOLS, ids=lambda case: case["id"])
def test_swaps_one_after_another_equal_the_vector(case: Vector) -> None:
    pool = _pool(case)
    for swap in case["sequence"]:
        walk = _walk(pool, swap)
        pool = pool.after(swap["zero_for_one"], walk)

        assert _outcome(walk).items() <= swap.items()
        assert (pool.sqrt_price, pool.tick, pool.liquidity) == walk[3:]
        assert UniswapV3Pool.from_state("pool", "uniswap_v3", TOKENS, pool.to_state()) == pool


@_those(lambda swap: swap["executed"] and "sqrt_price_limit_x96" not in swap)
def test_swap_pays_what_the_vector_says_or_is_refused(case: Vector, swap: Vector) -> None:
    pool = _pool(case)
    if not swap["fully_filled"]:
        with pytest.raises(InsufficientLiquidity):
            _swap(pool, swap)
    elif swap["amount_out"] == "0":
        with pytest.raises(AmountTooSmall):
            _swap(pool, swap)
    else:
        done = _swap(pool, swap)
        assert (str(done.amount_in), str(done.amount_out)) == (swap["amount_in"], swap["amount_out"])


@_those(lambda swap: swap.get("execute_error") == "SPL")
def test_limit_on_the_wrong_side_is_refused(case: Vector, swap: Vector) -> None:
    with pytest.raises(ValueError, match="the other way"):
        _walk(_pool(case), swap)


@_those(lambda swap: swap.get("execute_error") == "0x" and "sqrt_price_limit_x96" not in swap)
def test_output_that_is_not_there_is_refused(case: Vector, swap: Vector) -> None:
    with pytest.raises(InsufficientLiquidity):
        _swap(_pool(case), swap)


@_those(lambda swap: swap.get("execute_error") == "0x" and "sqrt_price_limit_x96" in swap)
def test_limit_that_is_reached_before_any_liquidity_moves_nothing(case: Vector, swap: Vector) -> None:
    walk = _walk(_pool(case), swap)

    assert (walk.amount_in, walk.amount_out) == (0, 0)
    assert walk.sqrt_price == int(swap["sqrt_price_limit_x96"])


@given(
    pool=v3_pools("pool", TOKENS),
    is_down=st.booleans(),
    amount=st.integers(1, 10**20),
    word=st.integers(-40, 40),
    offset=st.integers(-1, 1),
)
def test_gaps_are_jumped_with_the_same_outcome(
    pool: UniswapV3Pool, is_down: bool, amount: int, word: int, offset: int
) -> None:
    """Given a limit at, above or below the edge of a word, or none at all."""
    stepping = WordByWord.from_state("pool", "uniswap_v3", TOKENS, pool.to_state())
    edge = sqrt_price_x96((pool.tick // pool.tick_spacing // WORD + word) * WORD * pool.tick_spacing) + offset
    limit = edge if word and (edge < pool.sqrt_price) is is_down else None

    assert pool.walk(is_down, amount, True, limit) == stepping.walk(is_down, amount, True, limit)
    assert pool.walk(is_down, amount, False, limit) == stepping.walk(is_down, amount, False, limit)


def test_steps_at_words_can_be_turned_off() -> None:
    stepping = v3_pool("pool", TOKENS, 0, [(-60_000, 60_000, 1_000_003)])
    sliding = v3_pool("pool", TOKENS, 0, [(-60_000, 60_000, 1_000_003)], steps_at_words=False)

    stepped, slid = (pool.swap_exact_in(*TOKENS, 5_000_000, 0) for pool in (stepping, sliding))

    assert slid.amount_out == 1_000_003 * 4_985_000 // (1_000_003 + 4_985_000)
    assert stepped.amount_out == slid.amount_out - 1


@pytest.mark.parametrize(
    "change",
    [
        {"fee_ppm": 1_000_000},
        {"liquidity": "6"},
        {"tick": 61},
        {"ticks": [[-60, "5"], [60, "-4"]]},
        {"ticks": [[-61, "5"], [60, "-5"]]},
        {"ticks": [[60, "-5"], [-60, "5"]]},
        {"ticks": [[-60, "5"], [60, "-9"], [120, "4"]]},
        {"balances": ["-1", "0"]},
    ],
)
def test_impossible_state_is_refused(change: Vector) -> None:
    state = v3_pool("pool", TOKENS, 0, [(-60, 60, 5)]).to_state()

    assert UniswapV3Pool.from_state("pool", "uniswap_v3", TOKENS, state).liquidity == 5
    with pytest.raises(ValueError, match="pool: "):
        UniswapV3Pool.from_state("pool", "uniswap_v3", TOKENS, state | change)
