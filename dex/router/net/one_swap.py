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
from dex.router.convex.last_hops import last_hops
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
    first = _first(market, query, edges)
    route = None if first is None else _route(market, query, costs, first)
    if route is None or (query.is_exact_in and route.net <= 0):
        return None
    gross, top = route.carried.value, _worth(query, max(query.price[edges.start : edges.stop].tolist())) - costs.entry
    enough = route.net - _MARGIN * gross  # what no route of several swaps may come to
    if top - 2 * costs.least >= enough:
        return None
    hops = last_hops(market, query.pair_price, query.source, query.target)
    if hops is None or _worth(query, hops.of_several) - costs.entry - 2 * costs.least >= enough:
        return None
    bound = route.net
    if top - costs.least > bound:
        bound, best = _single(market, query, costs, edges, route.net)
        other = route if best in (None, first) else _route(market, query, costs, best)
        if other is None:
            return None
        route = max(route, other, key=attrgetter("net"))
    return Proven(route, max(bound, route.net)) if bound <= route.net + tolerance_of(gross, costs) else None


def _worth(query: Query, price: float) -> float:
    """What the order is worth at one price throughout, as the objective."""
    if query.is_exact_in:
        return query.amount * price
    return -query.amount / price if price > 0 else -math.inf


def _first(market: CompiledMarket, query: Query, edges: range) -> int | None:
    """The edge that is best by its summary; None where none can carry the order."""
    best, best_amount = None, 0.0 if query.is_exact_in else math.inf
    columns = (array[edges.start : edges.stop].tolist() for array in (query.price, market.steepness, market.capacity))
    for edge, price, steepness, capacity in zip(edges, *columns, strict=True):
        if query.is_exact_in:
            sold = min(query.amount, capacity)
            amount = price * sold / (1 + steepness * sold)
            is_better = amount > best_amount
        else:
            slope = price - steepness * query.amount
            amount = query.amount / slope if slope > 0 else math.inf
            is_better = amount < best_amount and amount <= capacity
        if is_better:
            best, best_amount = edge, amount
    return best


def _route(market: CompiledMarket, query: Query, costs: EdgeCosts, edge: int) -> NetRoute | None:
    """The order as a swap over one edge; None where it is not carried in full."""
    traded = _traded(market, query, edge)
    if traded.missing or not traded.slope > LEAST_SLOPE * query.price.item(edge):
        return None
    flow = Flow(edge, query.source, query.target, traded.sold, traded.paid)
    value = traded.paid if query.is_exact_in else traded.sold
    carried = Carried(value, [flow], [traded.slope], 0.0)
    ends = (1.0, traded.slope) if query.is_exact_in else (1.0 / traded.slope, 1.0)
    net = net_of(query, value, costs.of_flows(market, carried.flows))
    return NetRoute(carried, dict(zip((query.target, query.source), ends, strict=True)), net)


def _traded(market: CompiledMarket, query: Query, edge: int) -> Traded:
    return (sell if query.is_exact_in else buy)(market, edge, query.amount)


def _single(
    market: CompiledMarket, query: Query, costs: EdgeCosts, edges: range, net: float
) -> tuple[float, int | None]:
    """A bound on the net value of any one swap, each at the least cost, and the best of those that might beat `net`."""
    needed = net + costs.entry + costs.least
    if not query.is_exact_in and needed >= 0:
        return net, None
    least = max(needed, 0.0) / query.amount if query.is_exact_in else query.amount / -needed
    best, best_value = None, -math.inf
    for edge in edges:
        if not query.price.item(edge) > least * _ALIKE:
            continue
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
