"""Routes net of what a chain charges, by pool kind and by tick, against enumeration."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Final, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dex.costs import Costs
from dex.errors import InsufficientLiquidity, NoRoute
from dex.legs import repeats_of, without_wrapping
from dex.pools import POOL_KINDS
from dex.router.graph.compiled import CompiledMarket
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.router.time_limit import TimeLimit
from dex.testing import NOW, TOKENS
from dex.testing.examples import examples
from dex.tests.router.cost_markets import SHAPES, Example, example
from dex.tests.router.enumeration import Best, best_net, by_kind
from dex.tests.router.splits import ATOMS, BASIS_POINTS, BOUND_ERROR, CLOSE, IN, assert_true
from dex.types import Hop, Route

FEW = settings(max_examples=examples(5))
SEEDS = st.integers(0, 10**6)
TICKS: Final = ("uniswap_v3", "orca_whirlpool", "meteora_dlmm", "bins")  # kinds that charge for them
SHARES: Final = (-6.0, -2.5)  # powers of ten: what a usual swap costs, as a share of the order
FEW_POOLS: Final = 5  # every tick that is crossed is a choice to go through
EACH: Final = 8  # examples of each shape among which the best routes are counted
# Whether ticks cost, and the share of these that is found within 0.1 bp.
FOUND: Final = [(False, 0.99), (True, 0.97)]


class Case(NamedTuple):
    """A market, an order with a chain's costs, and what the order gets (exact_out: takes) where nothing costs."""

    example: Example
    market: CompiledMarket
    order: SplitOrder
    free: Split


def case_of(seed: int, shape: str = "any", has_ticks: bool = False, has_repeats: bool = False) -> Case | None:
    """An order where a chain charges in the token that is not fixed; None where the market refuses it."""
    made = example(seed, shape, FEW_POOLS)
    market, order, rng = CompiledMarket(made.pools, NOW), made.order, random.Random(seed)
    try:
        free = find_split(market, order)
    except (NoRoute, InsufficientLiquidity):
        return None
    usual = max(1, int(free.float_amount * 10 ** rng.uniform(*SHARES)))
    costs = Costs(
        order.token_out if order.side is IN else order.token_in,
        per_transaction=usual // 3,
        per_swap={kind: int(usual * rng.uniform(0.5, 2)) for kind in sorted(POOL_KINDS) if rng.random() < 0.8},
        other_swap=usual,
        per_tick=dict.fromkeys(TICKS, usual // 4) if has_ticks else {},
        per_next={kind: int(usual * rng.uniform(0.1, 1)) for kind in sorted(POOL_KINDS) if rng.random() < 0.5},
        per_repeat={kind: int(usual * rng.uniform(0.1, 1)) for kind in sorted(POOL_KINDS)} if has_repeats else {},
        wrapped=rng.choice(["", *TOKENS]),
    )
    return Case(made, market, replace(order, costs=costs), free)


def drawn(case: Case | None) -> Case:
    """A case that is not refused; other examples are of no use."""
    assume(case is not None)
    assert case is not None
    return case


def solved(case: Case) -> Split:
    """The route, held against all that is true of every route."""
    split = find_split(case.market, case.order)
    assert_true(case.example.pools, case.order, split)
    return split


def net_of(order: SplitOrder, split: Split) -> float:
    """More is better: output less cost, or minus what is given and paid. Without rounding."""
    return split.float_amount - split.cost if order.side is IN else -split.float_amount - split.cost


def best_of(case: Case, rate: float = 1.0) -> Best:
    """The best route by enumeration, less what the transaction costs."""
    costs = case.order.costs
    assert costs is not None
    best = best_net(case.market, case.order, by_kind(case.market, costs, case.order, rate))
    assert best is not None
    fixed = rate * costs.per_transaction
    return best._replace(net=best.net - fixed, bound=best.bound - fixed)


def assert_bounded(case: Case, split: Split, best: Best) -> None:
    """The bound is not below any route, and what was found not above all of them."""
    slack = BOUND_ERROR * case.free.float_amount + ATOMS
    assert (split.bound if case.order.side is IN else -split.bound) >= best.net - slack
    assert net_of(case.order, split) <= best.bound + slack


@pytest.mark.parametrize("has_ticks", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@FEW
@given(seed=SEEDS)
def test_no_route_is_better_than_the_bound(shape: str, has_ticks: bool, seed: int) -> None:
    case = drawn(case_of(seed, shape, has_ticks, has_repeats=True))

    assert_bounded(case, solved(case), best_of(case))


@pytest.mark.slow
@pytest.mark.parametrize(("has_ticks", "share"), FOUND)
def test_best_routes_are_found(has_ticks: bool, share: float) -> None:
    cases = [case for shape in SHAPES for seed in range(EACH) if (case := case_of(seed, shape, has_ticks)) is not None]
    assert len(cases) > len(SHAPES) * EACH / 2
    losses = []
    for number, case in enumerate(cases):
        lost = best_of(case).net - net_of(case.order, solved(case))
        losses.append((BASIS_POINTS * lost / case.free.float_amount, number))

    missed = [loss for loss in losses if loss[0] > BASIS_POINTS * CLOSE]

    assert len(missed) <= (1 - share) * len(cases), missed


@pytest.mark.parametrize("shape", SHAPES)
@FEW
@given(seed=SEEDS)
def test_costs_of_nothing_change_nothing(shape: str, seed: int) -> None:
    case = drawn(case_of(seed, shape))
    nothing = Costs("SOL", per_swap=dict.fromkeys(POOL_KINDS, 0), per_tick=dict.fromkeys(TICKS, 0))

    split = find_split(case.market, replace(case.order, costs=nothing))

    assert replace(split, network_fee=None) == case.free
    assert split.network_fee is not None
    assert split.network_fee.amount == 0


@FEW
@given(seed=SEEDS)
def test_a_transaction_costs_every_route_the_same(seed: int) -> None:
    case = drawn(case_of(seed))
    assert case.order.costs is not None
    dearer = replace(case.order.costs, per_transaction=7 * case.order.costs.per_transaction)

    cheap, dear = solved(case), solved(case._replace(order=replace(case.order, costs=dearer)))

    assert dear.swaps == cheap.swaps
    assert dear.cost - cheap.cost == pytest.approx(6 * case.order.costs.per_transaction)
    assert abs(dear.bound - cheap.bound) == pytest.approx(6 * case.order.costs.per_transaction, abs=1e-6 * cheap.bound)


@pytest.mark.parametrize("has_ticks", [False, True])
@FEW
@given(seed=SEEDS)
def test_the_fee_is_that_of_the_swaps(has_ticks: bool, seed: int) -> None:
    case = drawn(case_of(seed, "ticks", has_ticks, has_repeats=True))
    split, costs = solved(case), case.order.costs
    assert costs is not None
    kinds = {pool.pool_id: pool.kind for pool in case.example.pools}
    ends = (case.order.token_in, case.order.token_out)
    hops = tuple(Hop("", swap.pool_id, *_ends(swap), swap.amount_in, swap.amount_out) for swap in split.swaps)
    again = repeats_of(without_wrapping(Route(*ends, hops), costs.token, costs.wrapped))
    without_ticks = costs.per_transaction + sum(
        costs.of_swap(kinds[swap.pool_id], is_next=costs.is_next(ends, _ends(swap)))
        + costs.of_repeat(kinds[swap.pool_id]) * again[swap.pool_id]
        for swap in split.swaps
    )

    fee = split.network_fee

    assert fee is not None
    assert (fee.token, fee.value) == (costs.token, fee.amount)  # it is charged in the token that is not fixed
    assert fee.amount == pytest.approx(split.cost, rel=BOUND_ERROR)
    assert fee.amount >= without_ticks
    assert has_ticks or fee.amount == without_ticks


def _ends(swap: Hop) -> tuple[str, str]:
    return swap.token_in, swap.token_out


@FEW
@given(seed=SEEDS, token=st.sampled_from(TOKENS))
def test_another_native_token_is_worth_what_pools_give_for_it(seed: int, token: str) -> None:
    case = drawn(case_of(seed))
    assert case.order.costs is not None
    case = case._replace(order=replace(case.order, costs=replace(case.order.costs, token=token)))
    split = solved(case)
    fee = split.network_fee
    assert fee is not None
    assume(fee.value is not None)

    rate = split.cost / fee.amount

    assert_bounded(case, split, best_of(case, rate))
    assert fee.value == pytest.approx(split.cost, abs=1)


def test_costs_that_no_chain_can_count_have_no_price() -> None:
    case = case_of(1)
    assert case is not None
    token = case.order.token_out if case.order.side is IN else case.order.token_in
    split = find_split(case.market, replace(case.order, costs=Costs(token, other_swap=10**320)))

    assert split.network_fee is not None
    assert (split.network_fee.value, split.cost, split.bound) == (None, 0.0, case.free.bound)


@pytest.mark.parametrize("deadline_ms", [0.0, 1.0])
@FEW
@given(seed=SEEDS)
def test_any_step_may_be_the_last(deadline_ms: float, seed: int) -> None:
    case = drawn(case_of(seed, "ticks", True))
    late = case._replace(order=replace(case.order, time_limit=TimeLimit.of_ms(deadline_ms)))

    assert_bounded(case, solved(late), best_of(case))
