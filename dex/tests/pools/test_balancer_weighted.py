"""Balancer weighted pools against results of the real contracts."""

from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.kinds.balancer_weighted.fixed_point import ONE
from dex.pools.kinds.balancer_weighted.log_exp import power
from dex.pools.kinds.balancer_weighted.pool import WeightedPool
from dex.testing import weighted_pool
from dex.tests.vector_files import load_vectors

POOLS = load_vectors("balancer_weighted", "pools")
SWAPS = [(pool, swap) for pool in POOLS for swap in pool["swaps"]]
PAID = [(pool, swap) for pool, swap in SWAPS if swap["executed"] and swap["amount_out"] != "0"]
TOKENS = ("AAA", "BBB", "CCC", "DDD")
MARGIN = Decimal("1.2e-14")  # the contract's own, and what the power may be off itself


def _pool(case: dict[str, Any], has_ratio_limits: bool = True) -> WeightedPool:
    return WeightedPool(
        "pool",
        "balancer",
        TOKENS[: case["n_coins"]],
        tuple(case["decimals"]),
        tuple(map(int, case["weights"])),
        int(case["swap_fee"]),
        tuple(map(int, case["balances"])),
        has_ratio_limits,
    )


def _swap(pool: WeightedPool, swap: dict[str, Any]) -> Any:
    act = pool.swap_exact_in if swap["kind"] == "exact_in" else pool.swap_exact_out
    return act(TOKENS[swap["i"]], TOKENS[swap["j"]], int(swap["amount"]), 0)


def _true_amount_out(pool: WeightedPool, net_in: int) -> Decimal:
    with localcontext(prec=80):
        ratio = Decimal(pool.reserves[0]) / (pool.reserves[0] + net_in)
        return pool.reserves[1] * (1 - ratio ** (Decimal(pool.weights[0]) / pool.weights[1]))


def _ids(cases: list[tuple[dict[str, Any], dict[str, Any]]]) -> list[str]:
    return [f"{pool['id']}-{swap['kind']}-{swap['amount']}" for pool, swap in cases]


@pytest.mark.parametrize(("case", "swap"), PAID, ids=_ids(PAID))
@pytest.mark.parametrize("has_ratio_limits", [True, False])
def test_swap_equals_the_vector(case: dict[str, Any], swap: dict[str, Any], has_ratio_limits: bool) -> None:
    pool = _pool(case, has_ratio_limits)

    done = _swap(pool, swap)

    assert (str(done.amount_in), str(done.amount_out)) == (swap["amount_in"], swap["amount_out"])
    before, after = pool.balances(), done.pool_after.balances()
    moved = {TOKENS[swap["i"]]: done.amount_in, TOKENS[swap["j"]]: -done.amount_out}
    assert {token: after[token] - before[token] for token in before if after[token] != before[token]} == moved


def test_what_the_contract_pays_nothing_for_is_refused() -> None:
    unpaid = [(pool, swap) for pool, swap in SWAPS if swap["executed"] and swap["amount_out"] == "0"]
    assert unpaid

    for case, swap in unpaid:
        with pytest.raises(AmountTooSmall):
            _swap(_pool(case), swap)


@pytest.mark.parametrize(("kind", "code"), [("exact_in", "BAL#304"), ("exact_out", "BAL#305")])
def test_more_than_thirty_percent_at_once_is_refused_by_pools_with_limits(kind: str, code: str) -> None:
    beyond = [(pool, swap) for pool, swap in SWAPS if not swap["executed"] and swap["kind"] == kind]
    assert beyond

    for case, swap in beyond:
        assert swap["execute_error"].endswith(code)
        with pytest.raises(InsufficientLiquidity) as refusal:
            _swap(_pool(case), swap)
        assert refusal.type is InsufficientLiquidity
        assert _swap(_pool(case, has_ratio_limits=False), swap).amount_out > 0


@given(
    reserves=st.tuples(st.integers(10**18, 10**26), st.integers(10**18, 10**26)),
    percent=st.integers(2, 98),
    share=st.floats(1e-9, 0.29),
)
def test_sale_is_short_of_the_true_one_by_the_contract_margin(
    reserves: tuple[int, int], percent: int, share: float
) -> None:
    pool = weighted_pool("pool", ("AAA", "BBB"), reserves, (percent, 100 - percent), decimals=(18, 18), swap_fee=0)
    amount_in = int(reserves[0] * share)

    paid = pool.swap_exact_in("AAA", "BBB", amount_in, 0).amount_out

    true = _true_amount_out(pool, amount_in)
    assert true - reserves[1] * MARGIN - reserves[1] // ONE * (percent + 2) - 2 < paid < true


@given(
    reserves=st.tuples(st.integers(10**18, 10**26), st.integers(10**18, 10**26)),
    percent=st.integers(2, 98),
    share=st.floats(1e-9, 0.29),
)
def test_purchase_costs_more_than_the_true_one(reserves: tuple[int, int], percent: int, share: float) -> None:
    pool = weighted_pool("pool", ("AAA", "BBB"), reserves, (percent, 100 - percent), decimals=(18, 18), swap_fee=0)
    amount_out = int(reserves[1] * share)

    bought = pool.swap_exact_out("AAA", "BBB", amount_out, 0)

    assert _true_amount_out(pool, bought.amount_in) > amount_out


@given(base=st.integers(10**15, 10**21), exponent=st.integers(ONE // 50, 5 * ONE))
def test_power_is_near_the_true_one(base: int, exponent: int) -> None:
    with localcontext(prec=60):
        true = (Decimal(base) / ONE) ** (Decimal(exponent) / ONE) * ONE

    assert abs(power(base, exponent) - true) <= true * Decimal("1e-16") + 2


def test_power_out_of_the_range_of_the_contract_is_an_overflow() -> None:
    with pytest.raises(OverflowError):
        power(10**40, 20 * ONE)
    with pytest.raises(OverflowError):
        power(1, ONE)


def test_sale_beyond_the_range_of_the_power_is_refused() -> None:
    pool = weighted_pool("pool", ("AAA", "BBB"), (1_000, 1_000), (50, 50), has_ratio_limits=False)

    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_in("AAA", "BBB", 10**25, 0)


def test_curve_pays_what_swaps_pay_up_to_thirty_percent() -> None:
    pool = weighted_pool("pool", ("AAA", "BBB"), (7 * 10**12, 4 * 10**13), (80, 20))
    curve = pool.curve("AAA", "BBB", 0)

    for amount_in in (10**6, 10**9, 2 * 10**12):
        paid = pool.swap_exact_in("AAA", "BBB", amount_in, 0).amount_out
        assert paid <= curve.pays(amount_in) < paid + 2
    assert pool.swap_exact_in("AAA", "BBB", int(curve.capacity), 0)
    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_in("AAA", "BBB", int(curve.capacity) + 10, 0)
    most = int(curve.pays(curve.capacity_to_buy))
    assert pool.swap_exact_out("AAA", "BBB", most - 1, 0)
    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_out("AAA", "BBB", most + 10, 0)
    assert replace(pool, has_ratio_limits=False).curve("AAA", "BBB", 0).capacity == float("inf")


@pytest.mark.parametrize(
    "spoiled",
    [
        {"reserves": ["0", "5"]},
        {"reserves": ["5"]},
        {"weights": ["0", "1"]},
        {"decimals": [9, 19]},
        {"swap_fee": str(ONE)},
    ],
)
def test_state_that_can_be_no_weighted_pool_is_refused(spoiled: dict[str, Any]) -> None:
    state = weighted_pool("pool", ("AAA", "BBB"), (5, 5), (50, 50)).to_state()

    with pytest.raises(ValueError, match="pool: not the state of a balancer_weighted pool"):
        WeightedPool.from_state("pool", "balancer", ("AAA", "BBB"), state | spoiled)
