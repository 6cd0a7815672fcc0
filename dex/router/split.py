"""The best route for one order over a graph of pools: split, merged and certified, in whole atoms."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.ma  # `numpy.unique` would load it in the middle of the first order, which takes 60 ms

from dex.costs import NetworkFee
from dex.errors import AmountTooSmall, InsufficientLiquidity, NoRoute
from dex.router.constrained.best_route import FloatRoute, best_route
from dex.router.convex.best_path import Query, near, query_of
from dex.router.convex.flows import Carried
from dex.router.convex.optimum import GAP
from dex.router.exact.finish import Finished, finish
from dex.router.exact.replay import Replayed
from dex.router.graph.compiled import CompiledMarket
from dex.router.marginal import MOST_HOPS
from dex.router.net.fees import FeeTable
from dex.router.refusal import too_large, too_small
from dex.router.split_values import Split, SplitOrder
from dex.types import Hop, Side

_BASIS_POINTS: Final = 10_000


def find_split(market: CompiledMarket, order: SplitOrder) -> Split:
    """The best route over all pools the order permits.

    Raises: NoRoute; InsufficientLiquidity with the fact `largest_amount` (atoms of the fixed side that can be
    filled) if any was found in half as long again; AmountTooSmall when rounding leaves nothing.
    """
    if order.side is Side.EXACT_OUT:
        market = market.buying()
    query = _query(market, order)
    with np.errstate(all="ignore"):  # infinite and undefined values are dealt with where they arise
        route = best_route(market, order, query, order.time_limit)
        try:
            finished = finish(market, query, order.amount, route)
        except AmountTooSmall:
            raise too_small(order) from None
        except InsufficientLiquidity:
            raise too_large(market, order, query, route) from None
    if not finished.replayed.amount_out or not finished.replayed.amount_in:
        raise too_small(order)
    return _split(market, order, query, route, finished)


def check_joined(market: CompiledMarket, order: SplitOrder) -> None:
    """Whether any path that the order permits joins its tokens, at any price. Raises: NoRoute."""
    query = _query(market, order)
    joined = near(market, query, min(market.token_count - 1, order.max_hops or MOST_HOPS, order.max_swaps or MOST_HOPS))
    if not (joined.price > 0).any():
        raise NoRoute(f"no permitted pools lead from {order.token_in} to {order.token_out}")


def _query(market: CompiledMarket, order: SplitOrder) -> Query:
    numbers = market.token_number
    if order.token_in not in numbers or order.token_out not in numbers or order.token_in == order.token_out:
        raise NoRoute(f"no pools lead from {order.token_in} to {order.token_out}")
    if order.amount <= 0:
        raise AmountTooSmall(f"there is no swapping {order.amount} atoms")
    allowed = None
    if order.allow_venues or order.deny_venues or order.deny_tokens:
        venues = [
            venue not in order.deny_venues and (not order.allow_venues or venue in order.allow_venues)
            for venue in market.venues
        ]
        denied = order.deny_tokens - {
            order.token_in,
            order.token_out,
        }  # what a route begins with or ends in it may hold
        tokens = np.array([token not in denied for token in market.tokens])
        allowed = np.array(venues)[market.venue] & tokens[market.tail] & tokens[market.head]
    amount, is_exact_in = float(order.amount), order.side is Side.EXACT_IN
    query = query_of(market, order.token_in, order.token_out, amount, is_exact_in, allowed)
    return query if order.max_hops is None else near(market, query, order.max_hops)


def _split(market: CompiledMarket, order: SplitOrder, query: Query, route: FloatRoute, finished: Finished) -> Split:
    replayed, value = finished.replayed, finished.carried.value
    cost = 0.0 if route.costs is None else route.costs.of_flows(market, finished.carried.flows) + route.costs.fixed
    net = value - cost if query.is_exact_in else value + cost
    gap = (route.bound - net if query.is_exact_in else net - route.bound) / max(abs(value), math.ulp(0.0))
    is_same = finished.carried is route.carried
    prices = _prices(route, finished.carried)
    target_price = prices[query.target] or 1.0
    swaps = []
    for edge, swap in replayed.swaps:
        pool = swap.pool_after
        swaps.append(Hop(pool.venue, pool.pool_id, *market.edge_tokens[edge], swap.amount_in, swap.amount_out))
    return Split(
        swaps=tuple(swaps),
        amount_in=replayed.amount_in,
        amount_out=replayed.amount_out,
        float_amount=value,
        cost=cost,
        bound=route.bound,
        gap_bps=_BASIS_POINTS * gap,
        is_proven=gap <= GAP or (route.is_proven and is_same),
        step=route.step,
        network_fee=_network_fee(market, order, route, replayed),
        prices={market.tokens[token]: price / target_price for token, price in sorted(prices.items())},
        pools_after=tuple([swap.pool_after for _, swap in replayed.swaps]),
    )


def _network_fee(market: CompiledMarket, order: SplitOrder, route: FloatRoute, replayed: Replayed) -> NetworkFee | None:
    if order.costs is None:
        return None
    table = FeeTable(order.costs, None if route.costs is None else route.costs.native)
    return table.of(market, replayed.swaps)


def _prices(route: FloatRoute, carried: Carried) -> dict[int, float]:
    """Marginal prices by token; of those that only the simpler route in whole atoms passes, by their best sale."""
    if carried is route.carried:
        return route.prices
    prices = dict(route.prices)
    for flow, slope in zip(reversed(carried.flows), reversed(carried.slopes), strict=True):
        if flow.tail not in route.prices:
            prices[flow.tail] = max(prices.get(flow.tail, 0.0), slope * prices[flow.head])
    return prices
