"""Small orders: one swap that no other route can beat, proven in a few steps of plain Python.

The proof is that of counting.py: a route of several swaps pays no more than the best price before any swap, and two
swaps or more cost more than one. Where that leaves no other route, the best single swap is the answer, and its bound
what the best of all single swaps pays. Where it does not, nothing is lost but these steps.
"""

from __future__ import annotations

import math
from operator import attrgetter
from typing import Final, NamedTuple

from dex.router.convex.best_path import LEAST_SLOPE, Query
from dex.router.convex.flows import Carried, Flow
from dex.router.convex.last_hops import last_hops, last_hops_at_most
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.edge_curves import Traded, buy, sell
from dex.router.net.costs import EdgeCosts
from dex.router.net.paths import ROUNDED, net_of
from dex.router.net.problem import NetRoute, tolerance_of

_ALIKE: Final = 1 - 1e-12  # products of the same prices in another order
_MARGIN: Final = 1e-9  # of the gross value, by which other routes must be worse: floats are far more exact


class Proven(NamedTuple):
    """The best route, of one swap, and the bound on any route's net value."""

    route: NetRoute
    bound: float


def best_swap(market: CompiledMarket, query: Query, costs: EdgeCosts) -> Proven | None:
    """The best route where that is one swap; None where this cannot tell."""
    edges = market.edges_between(query.source, query.target)
    prices: list[float] = query.price[edges.start : edges.stop].tolist()
    first = _first(market, query, edges, prices)
    if first is None:
        return None
    traded = _traded(market, query, first)
    route = _route(market, query, costs, first, traded)
    if route is None or (query.is_exact_in and route.net <= 0):
        return None
    gross, top = route.carried.value, _worth(query, max(prices)) - costs.entry
    enough = route.net - _MARGIN * gross  # what no route of several swaps may come to
    if top - 2 * costs.least >= enough:
        return None
    if not _are_worse(market, query, costs.entry + 2 * costs.least, enough):
        return None
    bound = route.net
    if top - costs.least > bound:
        ways = [(edge, traded if edge == first else None, price) for edge, price in zip(edges, prices, strict=True)]
        bound, best = _single(market, query, costs, ways, route.net)
        if best is not None and best != first:
            other = _route(market, query, costs, best, _traded(market, query, best))
            if other is None:
                return None
            route = max(route, other, key=attrgetter("net"))
    return Proven(route, max(bound, route.net)) if bound <= route.net + tolerance_of(gross, costs) else None


def _are_worse(market: CompiledMarket, query: Query, least: float, enough: float) -> bool:
    """Whether several swaps, which cost `least`, come to less than `enough` by the best prices before any of them."""
    source, target = query.source, query.target
    if query.pair_price is market.pair_price:
        hops = last_hops_at_most(market, source, target)
        if hops is not None and _worth(query, hops.of_several) - least < enough:
            return True
    hops = last_hops(market, query.pair_price, source, target)
    return hops is not None and _worth(query, hops.of_several) - least < enough


def _worth(query: Query, price: float) -> float:
    """What the order is worth at one price throughout, as the objective."""
    if query.is_exact_in:
        return query.amount * price
    return -query.amount / price if price > 0 else -math.inf


def _first(market: CompiledMarket, query: Query, edges: range, prices: list[float]) -> int | None:
    """The edge that is best by its summary; None where none can carry the order."""
    wanted, is_exact_in = query.amount, query.is_exact_in
    best, best_amount = None, 0.0 if is_exact_in else math.inf
    steepnesses: list[float] = market.steepness[edges.start : edges.stop].tolist()
    capacities: list[float] = market.capacity[edges.start : edges.stop].tolist()
    for edge, price, steepness, capacity in zip(edges, prices, steepnesses, capacities, strict=True):
        if is_exact_in:
            sold = wanted if wanted < capacity else capacity
            amount = price * sold / (1 + steepness * sold)
            is_better = amount > best_amount
        else:
            slope = price - steepness * wanted
            amount = wanted / slope if slope > 0 else math.inf
            is_better = amount < best_amount and amount <= capacity
        if is_better:
            best, best_amount = edge, amount
    return best


def _route(market: CompiledMarket, query: Query, costs: EdgeCosts, edge: int, traded: Traded) -> NetRoute | None:
    """The order as a swap over one edge; None where it is not carried in full."""
    sold, paid, slope, missing = traded
    if missing or not slope > LEAST_SLOPE * query.price.item(edge):
        return None
    source, target, is_exact_in = query.source, query.target, query.is_exact_in
    value, flows = paid if is_exact_in else sold, [Flow(edge, source, target, sold, paid)]
    prices = {target: 1.0, source: slope} if is_exact_in else {target: 1.0 / slope, source: 1.0}
    net = net_of(query, value, costs.of_flows(market, flows))
    return NetRoute(Carried(value, flows, [slope], 0.0), prices, net)


def _traded(market: CompiledMarket, query: Query, edge: int) -> Traded:
    return (sell if query.is_exact_in else buy)(market, edge, query.amount)


def _single(
    market: CompiledMarket, query: Query, costs: EdgeCosts, ways: list[tuple[int, Traded | None, float]], net: float
) -> tuple[float, int | None]:
    """A bound on the net value of any one swap, each at the least cost, and the best of those that might beat `net`.

    `ways` are edges, each with its trade where that is known, and its price.
    """
    needed = net + costs.entry + costs.least
    if not query.is_exact_in and needed >= 0:
        return net, None
    least = max(needed, 0.0) / query.amount if query.is_exact_in else query.amount / -needed
    best, best_value = None, -math.inf
    for edge, traded, price in ways:
        if not price > least * _ALIKE:
            continue
        if traded is None:
            traded = _traded(market, query, edge)
        if query.is_exact_in:
            value = traded.paid - (costs.swap.item(edge) - costs.least)
        elif traded.missing <= ROUNDED * query.amount:
            value = -traded.sold
        else:
            continue
        if value > best_value:
            best, best_value = edge, value
    bound = (best_value if query.is_exact_in else best_value - costs.entry) - costs.least
    return max(net, bound), best
