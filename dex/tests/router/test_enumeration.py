"""The enumeration of routes itself: it leaves out nothing that could be best."""

from __future__ import annotations

import math
from itertools import product
from typing import Final

import numpy as np
import pytest

from dex.costs import Costs
from dex.pools import Pool
from dex.router.constrained.limits import Limits
from dex.router.convex.best_path import query_of
from dex.router.convex.optimum import best_free
from dex.router.graph.compiled import CompiledMarket
from dex.router.split_values import SplitOrder
from dex.router.time_limit import UNLIMITED
from dex.testing import NOW, bins_pool, cpmm_pool, v2_pool
from dex.tests.router.cost_markets import SHAPES, example
from dex.tests.router.enumeration import best_net, by_kind, uniform
from dex.tests.router.splits import BOUND_ERROR, IN, OUT
from dex.types import Side

MILLION: Final = 10**15
SOL_USDC: Final = ("SOL", "USDC")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_that_is_left_out_is_better(shape: str, seed: int) -> None:
    made = example(seed, shape, most_pools=4)
    market = CompiledMarket(made.pools, NOW)
    free = best_net(market, made.order, uniform(market, 0.0))
    for share in (0.0, 1e-4, 1e-2):
        cost = share * abs(free.net) if free else 1.0
        ours, theirs = best_net(market, made.order, uniform(market, cost)), by_brute_force(market, made.order, cost)
        if ours is None:
            assert theirs == -math.inf
        else:
            assert ours.net == pytest.approx(theirs, rel=BOUND_ERROR)
            assert ours.bound >= theirs - BOUND_ERROR * abs(theirs)


def by_brute_force(market: CompiledMarket, order: SplitOrder, cost: float) -> float:
    """The best net value over every choice of an edge, or none, of each pool."""
    market = market.buying() if order.side is OUT else market
    query = query_of(market, order.token_in, order.token_out, float(order.amount), order.side is IN)
    best = -math.inf
    for choice in product(*[[None, *market.edges_of_pool[pool]] for pool in range(len(market.pools))]):
        edges = np.array(sorted(edge for edge in choice if edge is not None), np.intp)
        price = np.zeros(market.edge_count)
        price[edges] = query.price[edges]
        with np.errstate(all="ignore"):
            found = best_free(market, query._replace(price=price, pair_price=market.pair_prices(price)), UNLIMITED)
        if found is not None and found.is_filled:
            value = found.value if order.side is IN else -found.value
            best = max(best, value - cost * len(found.carried.flows))
    return best


def test_a_detour_is_worth_so_many_swaps() -> None:
    """What the second of two equal pools adds is known: 1/2 - 1/3 of all they hold, for an order of that size."""
    pools: list[Pool] = [v2_pool(name, SOL_USDC, (MILLION, MILLION), fee_rate=0) for name in "ab"]
    market, order = CompiledMarket(pools, NOW), SplitOrder(*SOL_USDC, Side.EXACT_IN, MILLION)
    gain = MILLION * (2 / 3 - 1 / 2)

    cheap, dear = (best_net(market, order, uniform(market, factor * gain)) for factor in (0.999, 1.001))

    assert cheap is not None
    assert dear is not None
    assert (cheap.swaps, dear.swaps) == (2, 1)
    assert cheap.net == pytest.approx(MILLION * 2 / 3 - 2 * 0.999 * gain)
    assert dear.net == pytest.approx(MILLION / 2 - 1.001 * gain)


def test_costs_go_by_kind() -> None:
    pools: list[Pool] = [v2_pool("a", SOL_USDC, (MILLION, MILLION)), cpmm_pool("b", SOL_USDC, (MILLION, MILLION))]
    market, order = CompiledMarket(pools, NOW), SplitOrder(*SOL_USDC, Side.EXACT_IN, MILLION // 1_000)
    dear = {"uniswap_v2": MILLION, "raydium_cpmm": 1}

    best = best_net(market, order, by_kind(market, Costs("USDC", per_swap=dear), order))
    other = best_net(
        market, order, by_kind(market, Costs("USDC", per_swap={"raydium_cpmm": MILLION}, other_swap=1), order)
    )

    assert best is not None
    assert other is not None
    assert [market.pools[market.pool[edge]].pool_id for edge in best.edges] == ["b"]
    assert [market.pools[market.pool[edge]].pool_id for edge in other.edges] == ["a"]


@pytest.mark.parametrize(("per_tick", "bins"), [(0, 4), (10**8, 4), (10**12, 1)])
def test_an_order_crosses_as_many_bins_as_pay(per_tick: int, bins: int) -> None:
    """Four bins take it, each 0.1 % cheaper than the one before; the pool beside them takes it at 1 % less."""
    depth = (10**12, 10**12)
    pools: list[Pool] = [
        bins_pool("bins", SOL_USDC, 0, depth, fee_rate=0),
        v2_pool("beside", SOL_USDC, (10**21, 10**21), fee_rate=10_000),
    ]
    market, order = CompiledMarket(pools, NOW), SplitOrder(*SOL_USDC, Side.EXACT_IN, 35 * 10**11)

    best = best_net(market, order, by_kind(market, Costs("USDC", per_tick={"bins": per_tick}), order))

    assert best is not None
    assert best.net == pytest.approx(best.gross - (bins - 1) * per_tick, abs=1)
    assert best.swaps == (1 if bins == 4 else 2)


def test_a_route_keeps_to_the_limits() -> None:
    pools: list[Pool] = [v2_pool(name, SOL_USDC, (MILLION, MILLION)) for name in "abc"]
    market, order = CompiledMarket(pools, NOW), SplitOrder(*SOL_USDC, Side.EXACT_IN, MILLION, max_swaps=2)

    best = best_net(market, order, uniform(market, 1.0))

    assert best is not None
    assert best.swaps == 2
    assert not Limits(max_swaps=2).excess([(0, 1)] * best.swaps)
