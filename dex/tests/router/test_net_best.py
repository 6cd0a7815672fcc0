"""Routes net of a cost per swap, against enumeration: no bound is beaten, and the best route is found."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import example as always
from hypothesis import strategies as st

from dex.errors import InsufficientLiquidity, NoRoute
from dex.router.constrained.exclusions import best_split
from dex.router.constrained.limits import Limits
from dex.router.convex.best_path import query_of
from dex.router.graph.compiled import CompiledMarket
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.router.time_limit import TimeLimit
from dex.testing import NOW, cpmm_pool
from dex.testing.examples import examples
from dex.tests.router.cost_markets import MOST_POOLS, SHAPES, Example, example
from dex.tests.router.enumeration import Best, best_net, uniform
from dex.tests.router.splits import ATOMS, BASIS_POINTS, BOUND_ERROR, CLOSE, IN, OUT, assert_true
from dex.types import Side

FEW = settings(max_examples=examples(5))
MORE = settings(FEW, max_examples=examples(6))
SHARES: Final = (-6.0, -1.5)  # powers of ten: what a swap costs, as a share of the order
SMALL_SHARES: Final = (-7.5, -4.0)  # where swaps that earn less hardly matter
EACH: Final = 12  # examples of each shape among which the best routes are counted
FOUND: Final = 0.99  # share of them that the search finds within 0.1 bp
SHARPLY: Final = 1e-5  # basis points
NO_LIMITS = Limits()
FEW_POOLS: Final = 6  # where a limit, or three tokens a pool, leaves more routes to go through
SEEDS = st.integers(0, 10**6)


class Case(NamedTuple):
    """A market, an order at a cost, and what the order gets (exact_out: takes) where swaps are free."""

    example: Example
    market: CompiledMarket
    order: SplitOrder
    value: float


def case_of(
    seed: int, shape: str = "any", limits: Limits = NO_LIMITS, shares: tuple[float, float] = SHARES
) -> Case | None:
    """An order at a cost per swap, of any share of it; None where the market refuses the order within its limits."""
    made = example(seed, shape, MOST_POOLS if limits.is_free and shape != "wide" else FEW_POOLS)
    market, (max_swaps, max_hops, max_legs) = CompiledMarket(made.pools, NOW), limits
    order = replace(made.order, max_swaps=max_swaps, max_hops=max_hops, max_legs=max_legs)
    try:
        free = find_split(market, order)
    except (NoRoute, InsufficientLiquidity):
        return None
    worth = free.float_amount if order.side is IN else order.amount
    share = 10 ** random.Random(seed).uniform(*shares)
    return Case(made, market, replace(order, swap_cost=share * worth), free.float_amount)


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


def best_of(case: Case, split: Split) -> Best:
    """The best route by enumeration, at what a swap of the route costs."""
    best = best_net(case.market, case.order, uniform(case.market, split.cost / len(split.swaps)))
    assert best is not None
    return best


def assert_bounded(case: Case, split: Split, best: Best) -> None:
    """The bound is not below any route, and what was found not above all of them."""
    slack = BOUND_ERROR * abs(case.value) + ATOMS
    bound = split.bound if case.order.side is IN else -split.bound
    assert bound >= best.net - slack
    assert net_of(case.order, split) <= best.bound + slack


@pytest.mark.parametrize("shape", SHAPES)
@MORE
@given(seed=SEEDS)
def test_no_route_is_better_than_the_bound(shape: str, seed: int) -> None:
    case = drawn(case_of(seed, shape))
    split = solved(case)

    assert_bounded(case, split, best_of(case, split))


def test_what_a_curve_loses_of_its_digits_is_no_lack_of_room() -> None:
    """The best path buys from a deep stable pool, whose inverse falls short of the output by 1e-11 of it."""
    case = case_of(219, "apart")
    assert case is not None
    split = solved(case)

    assert_bounded(case, split, best_of(case, split))
    assert split.gap_bps < SHARPLY


@pytest.mark.parametrize("side", Side)
def test_a_path_that_moves_its_prices_far_is_proven_by_the_count_of_its_swaps(side: Side) -> None:
    """Its swaps cost the same at the start of the curves and at their end."""
    tokens = ("SOL", "USDC", "ETH", "BTC")
    pools = [cpmm_pool(f"pool-{ends[0]}", ends, (10**15, 10**15)) for ends in pairwise(tokens)]

    split = find_split(CompiledMarket(pools, NOW), SplitOrder("SOL", "BTC", side, 10**13, swap_cost=5e11))

    assert (split.step, len(split.swaps)) == ("count", 3)
    assert split.gap_bps < SHARPLY


@pytest.mark.slow
def test_best_routes_are_found() -> None:
    losses = []
    for shape in SHAPES:
        for seed in range(EACH):
            case = case_of(seed, shape)
            if case is None:
                continue
            split = solved(case)
            best = best_of(case, split)
            assert_bounded(case, split, best)
            losses.append((BASIS_POINTS * (best.net - net_of(case.order, split)) / case.value, shape, seed))

    missed = [loss for loss in losses if loss[0] > BASIS_POINTS * CLOSE]
    assert len(losses) > len(SHAPES) * EACH / 2
    assert len(missed) <= (1 - FOUND) * len(losses), missed


@pytest.mark.parametrize("shape", SHAPES)
@FEW
@given(seed=SEEDS)
@always(seed=69)
@always(seed=106)
def test_no_swap_earns_less_than_it_costs(shape: str, seed: int) -> None:
    """The best route over the pools of all others never nets more."""
    case = drawn(case_of(seed, shape, shares=SMALL_SHARES))
    split = solved(case)
    used = {swap.pool_id for swap in split.swaps}
    for gone in used:
        rest = CompiledMarket([pool for pool in case.example.pools if pool.pool_id in used - {gone}], NOW)
        if {case.order.token_in, case.order.token_out} <= set(rest.tokens):
            other = best_net(rest, case.order, uniform(rest, split.cost / len(split.swaps)))
            assert other is None or other.net <= net_of(case.order, split) + BOUND_ERROR * case.value + ATOMS


@pytest.mark.parametrize("shape", SHAPES)
@FEW
@given(seed=SEEDS)
def test_without_cost_the_route_is_the_free_one(shape: str, seed: int) -> None:
    case = drawn(case_of(seed, shape))
    free = replace(case.order, swap_cost=0.0)
    market = case.market.buying() if free.side is OUT else case.market
    query = query_of(market, free.token_in, free.token_out, float(free.amount), free.side is IN)
    with np.errstate(all="ignore"):
        optimum = best_split(market, query)
    assert optimum is not None

    split = find_split(case.market, free)

    assert split.cost == 0
    assert split.bound == optimum.bound
    if len(split.swaps) == len(optimum.carried.flows):  # not a simpler one that rounds better
        assert split.float_amount == optimum.value


@FEW
@given(seed=SEEDS)
def test_a_cost_of_next_to_nothing_costs_no_more_than_its_swaps(seed: int) -> None:
    case = drawn(case_of(seed))
    free = find_split(case.market, replace(case.order, swap_cost=0.0))

    split = solved(case._replace(order=replace(case.order, swap_cost=case.order.swap_cost * 1e-9)))

    unit = split.cost / len(split.swaps)
    assert net_of(case.order, split) >= net_of(case.order, free) - unit * len(free.swaps) - CLOSE * case.value


@FEW
@given(seed=SEEDS)
def test_at_a_higher_cost_the_best_route_nets_less_over_no_more_swaps(seed: int) -> None:
    case = drawn(case_of(seed))
    before, best_before = None, None
    for factor in (1, 4, 16):
        order = replace(case.order, swap_cost=factor * case.order.swap_cost)
        split = solved(case._replace(order=order))
        best = best_of(case._replace(order=order), split)
        slack = BOUND_ERROR * case.value
        if before is not None and best_before is not None:
            assert best.net < best_before.net + slack
            assert best.swaps <= best_before.swaps
            assert net_of(order, split) <= (before.bound if order.side is IN else -before.bound) + slack + ATOMS
        before, best_before = split, best


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_swaps=1),
        Limits(max_swaps=2),
        Limits(max_swaps=3),
        Limits(max_hops=1),
        Limits(max_hops=2),
        Limits(max_legs=2),
        Limits(max_swaps=4, max_hops=2, max_legs=2),
    ],
)
@FEW
@given(seed=SEEDS)
def test_limits_hold_at_a_cost(limits: Limits, seed: int) -> None:
    case = drawn(case_of(seed, limits=limits))
    split = solved(case)

    assert_bounded(case, split, best_of(case, split))


@pytest.mark.parametrize("deadline_ms", [0.0, 0.3, 2.0])
@FEW
@given(seed=SEEDS)
def test_any_step_may_be_the_last(deadline_ms: float, seed: int) -> None:
    case = drawn(case_of(seed))
    split = solved(case._replace(order=replace(case.order, time_limit=TimeLimit.of_ms(deadline_ms))))

    assert math.isfinite(split.gap_bps)
    assert_bounded(case, split, best_of(case, split))
