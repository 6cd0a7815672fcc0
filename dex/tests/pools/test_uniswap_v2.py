"""Uniswap V2 against transactions of the original contracts."""

from itertools import pairwise
from typing import Any

import pytest

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools import Swap
from dex.pools.kinds.uniswap_v2 import UniswapV2Pool
from dex.testing import v2_pool
from dex.tests.vector_files import load_vectors

CASES = load_vectors("uniswap_v2", "cases")
PATHS = load_vectors("uniswap_v2", "multi_hop")
TOO_SMALL = ("INSUFFICIENT_OUTPUT_AMOUNT", "INSUFFICIENT_INPUT_AMOUNT")


def _pool(case: dict[str, Any]) -> UniswapV2Pool:
    reserves = int(case["reserve_in"]), int(case["reserve_out"])
    if case["token0_in"]:
        return v2_pool("pool", ("IN", "OUT"), reserves)
    return v2_pool("pool", ("OUT", "IN"), reserves[::-1])


def _swap(pool: UniswapV2Pool, kind: str, amount: int) -> Swap:
    swap = pool.swap_exact_in if kind == "exact_in" else pool.swap_exact_out
    return swap("IN", "OUT", amount, 0)


def _path(case: dict[str, Any]) -> list[Swap]:
    """The swaps of a path in its order; exact-out is worked out from its end."""
    is_exact_in, amount = case["kind"] == "exact_in", int(case["amount"])
    swaps: list[Swap] = []
    for hop in case["hops"] if is_exact_in else case["hops"][::-1]:
        swaps.append(_swap(_pool(hop), case["kind"], amount))
        amount = swaps[-1].amount_out if is_exact_in else swaps[-1].amount_in
    return swaps if is_exact_in else swaps[::-1]


def _executed(cases: list[dict[str, Any]], executed: bool) -> pytest.MarkDecorator:
    chosen = [case for case in cases if case["executed"] is executed]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case["id"])


@_executed(CASES, True)
def test_swap_equals_the_vector(case: dict[str, Any]) -> None:
    swap = _swap(_pool(case), case["kind"], int(case["amount"]))

    after = swap.pool_after.balances()
    assert {
        "amount_in": str(swap.amount_in),
        "amount_out": str(swap.amount_out),
        "executed_amount_in": str(swap.amount_in),
        "executed_amount_out": str(swap.amount_out),
        "reserve_in_after": str(after["IN"]),
        "reserve_out_after": str(after["OUT"]),
    }.items() <= case.items()


@_executed(CASES, False)
def test_what_the_contracts_refuse_is_refused_for_the_same_reason(case: dict[str, Any]) -> None:
    pool = _pool(case)
    is_too_small = case["execute_error"].endswith(TOO_SMALL)

    with pytest.raises(InsufficientLiquidity) as refusal:
        _swap(pool, case["kind"], int(case["amount"]))

    assert isinstance(refusal.value, AmountTooSmall) is is_too_small


@_executed(PATHS, True)
def test_path_equals_the_vector(case: dict[str, Any]) -> None:
    swaps = _path(case)

    assert all(first.amount_out == second.amount_in for first, second in pairwise(swaps))
    assert [str(swaps[0].amount_in), *(str(swap.amount_out) for swap in swaps)] == case["amounts"]
    assert [str(swaps[0].amount_in), str(swaps[-1].amount_out)] == [
        case["executed_amount_in"],
        case["executed_amount_out"],
    ]
    after = [swap.pool_after.balances() for swap in swaps]
    assert [[str(balances["IN"]), str(balances["OUT"])] for balances in after] == case["reserves_after"]


@_executed(PATHS, False)
def test_path_that_the_contracts_refuse_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(InsufficientLiquidity):
        _path(case)


@pytest.mark.parametrize(
    "state",
    [
        {"reserves": ["0", "1"], "fee_ppm": 3_000},
        {"reserves": ["1", str(2**112)], "fee_ppm": 3_000},
        {"reserves": ["1", "1"], "fee_ppm": 1_000_000},
    ],
)
def test_impossible_state_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not the state"):
        UniswapV2Pool.from_state("pool", "uniswap_v2", ("IN", "OUT"), state)


def test_fee_is_a_setting() -> None:
    pool = v2_pool("pool", ("IN", "OUT"), (10**6, 10**6), fee_rate=2_500)

    swap = pool.swap_exact_in("IN", "OUT", 10_000, 0)

    assert swap.amount_out == 10_000 * 9_975 * 10**6 // (10**6 * 10_000 + 10_000 * 9_975) == 9_876
    assert (swap.fee, pool.fee_ppm("IN", 0)) == (25, 2_500)
