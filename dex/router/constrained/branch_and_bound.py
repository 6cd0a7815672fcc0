"""Branch and bound on which edges a route may use: an upper bound for routes under a cost per swap or limits.

A node leaves some edges out and holds that others are paid for. Its bound: the optimum without those left out
earns, at its own prices, what each edge earns; an edge that earns less than a swap costs is better not used.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from dex.router.constrained.exclusions import best_split
from dex.router.constrained.limits import Limits
from dex.router.constrained.local_search import improve
from dex.router.constrained.routes import Found, Routes
from dex.router.convex.best_path import Query, without
from dex.router.convex.certificate import EdgeSurplus, earned_by_pool, edge_surplus
from dex.router.convex.flows import Flow
from dex.router.convex.optimum import Optimum
from dex.router.convex.potentials import onward_prices
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, Ints
from dex.router.net.bounds import shortest_path
from dex.router.net.costs import EdgeCosts

_TOLLS: Final = 12
_HOPELESS: Final = 1.0  # relative gap that no search will close: arbitrage cycles exist
_EFFORT: Final = 4  # of the exclusions in one node
_IMPROVED: Final = 8  # nodes from whose optima a better route is looked for: it is found early or not at all
CLOSED: Final = 1e-7  # relative distance at which a route counts as proven best


class Proof(NamedTuple):
    """The best route known, and the bound on its net value."""

    found: Found
    bound: float
    is_proven: bool


class Whole(NamedTuple):
    """The market that bounds hold for, and its costs; `origin` are its numbers of the edges that are searched."""

    market: CompiledEdges
    query: Query
    costs: EdgeCosts
    origin: Ints


class _Relaxed(NamedTuple):
    """The optimum without cost and without some edges: which edges it uses, by their numbers in the search.

    `prices` are its prices of all tokens, `earns` what all edges of the whole market earn at these. None is used
    where the edges that are searched cannot carry the order, only others can.
    """

    left_out: frozenset[int]
    used: frozenset[int]
    query: Query
    prices: Floats
    earns: EdgeSurplus


class _Node(NamedTuple):
    """Edges that are paid for, an optimum without those that are left out, and the bound that follows."""

    paid: frozenset[int]
    relaxed: _Relaxed
    bound: float


def prove(routes: Routes, whole: Whole, root: Optimum, found: Found, nodes: int) -> Proof:
    """Search from the optimum without cost, in the order of bounds, for `nodes` nodes or until the time limit."""
    relaxed = _relaxed(whole, whole.query, frozenset(), root.carried.flows, root.prices)
    first = _node(whole, routes.limits, relaxed, frozenset())
    if not first.bound - found.net <= _HOPELESS * abs(found.net):
        nodes = 0
    order, improved, queue = 0, 0, [(-first.bound, 0, first)]
    while queue:
        bound = -queue[0][0]
        if bound <= found.net + CLOSED * abs(found.net):
            return Proof(found, max(bound, found.net), True)
        edge = _branching(whole, queue[0][2], routes.limits)
        if nodes <= 0 or routes.is_late or edge is None:
            return Proof(found, bound, False)
        nodes -= 1
        node = heapq.heappop(queue)[2]
        for child in _children(routes, whole, node, edge):
            if child.bound <= found.net:
                continue
            if child.relaxed is not node.relaxed and improved < _IMPROVED:
                improved += 1
                found = _better(routes, found, child.relaxed.used)
            order += 1
            heapq.heappush(queue, (-min(child.bound, bound), order, child))
    return Proof(found, found.net, True)


def _children(routes: Routes, whole: Whole, node: _Node, edge: int) -> list[_Node]:
    """The edge paid for, and the edge left out."""
    children = []
    most = routes.limits.max_swaps
    if most is None or len(node.paid) < most:
        children.append(_node(whole, routes.limits, node.relaxed, node.paid | {edge}))
    relaxed = _relax(routes, whole, node.relaxed.left_out | {edge})
    if relaxed is not None:
        children.append(_node(whole, routes.limits, relaxed, node.paid))
    return children


def _relax(routes: Routes, whole: Whole, left_out: frozenset[int]) -> _Relaxed | None:
    """The optimum without some edges, also over edges that are not searched if need be; None where there is none."""
    query = without(whole.market, whole.query, whole.origin[np.array(list(left_out), np.intp)])
    solved = routes.relax(left_out)
    if solved is not None:
        return _relaxed(whole, query, left_out, solved.flows, solved.prices)
    optimum = best_split(whole.market, query, routes.time_limit, _EFFORT)
    if optimum is None or not optimum.is_filled:
        return None
    return _relaxed(whole, query, left_out, optimum.carried.flows, optimum.prices)._replace(used=frozenset())


def _relaxed(whole: Whole, query: Query, left_out: frozenset[int], flows: Sequence[Flow], prices: Floats) -> _Relaxed:
    """From an optimum: prices of the tokens it does not use follow from their best sales in the whole market."""
    market = whole.market
    tokens = np.array(sorted({token for flow in flows for token in (flow.tail, flow.head)}), np.intp)
    onward = onward_prices(market, query.pair_price, query.source, tokens, prices[tokens])
    nothing = np.zeros(market.edge_count, np.intp)
    earns = edge_surplus(market, query, onward, nothing, np.zeros(market.token_count, bool))
    return _Relaxed(left_out, frozenset(flow.edge for flow in flows), query, onward, earns)


def _node(whole: Whole, limits: Limits, relaxed: _Relaxed, paid: frozenset[int]) -> _Node:
    return _Node(paid, relaxed, _net_bound(whole, limits, relaxed, whole.origin[np.array(list(paid), np.intp)]))


def _net_bound(whole: Whole, limits: Limits, relaxed: _Relaxed, paid: Ints) -> float:
    """The bound on the net value of any route at these prices, if the edges `paid` cost a swap each in any case.

    Every edge it uses adds what it earns less a swap's cost, and those of one whole path are used in any case. A
    limit on swaps acts as a higher cost of all swaps that are left: any such cost gives a bound.
    """
    market, query, prices, found = whole.market, relaxed.query, relaxed.prices, relaxed.earns
    extra = -whole.costs.swap
    extra[found.edge] += found.surplus
    fixed = query.amount * float(prices[query.source] if query.is_exact_in else -prices[query.target])
    fixed += float(extra[paid].sum())
    extra[paid] = 0.0
    earned = extra[found.edge]
    if market.has_multi_asset_pools:
        earned = earned_by_pool(market, found._replace(surplus=np.maximum(earned, 0.0)))[1]
    if limits.max_swaps is None:
        return fixed + float(np.maximum(earned, 0.0).sum()) - _dearest_path(market, query, extra, 0.0, paid)
    room = max(0, limits.max_swaps - len(paid))
    tolls = np.unique(np.append(np.maximum(np.sort(earned)[::-1][:_TOLLS], 0.0), 0.0))
    best = min(
        float(np.maximum(earned - toll, 0.0).sum()) + toll * room - _dearest_path(market, query, extra, toll, paid)
        for toll in tolls.tolist()
    )
    return fixed + float(best)


def _dearest_path(market: CompiledEdges, query: Query, extra: Floats, toll: float, paid: Ints) -> float:
    """The least loss, over all paths, of the edges that do not earn their cost and a toll; paid edges lose nothing.

    Infinite where no path is left.
    """
    weight = np.maximum(toll - extra, 0.0)
    weight[paid] = 0.0
    weight[query.price <= 0] = np.inf
    return shortest_path(market, query, weight)


def _branching(whole: Whole, node: _Node, limits: Limits) -> int | None:
    """The open edge whose surplus is closest to the cost of a swap."""
    relaxed = node.relaxed
    if not relaxed.used:
        return None
    number = {edge: place for place, edge in enumerate(whole.origin.tolist())}
    earns = zip(relaxed.earns.edge.tolist(), relaxed.earns.surplus.tolist(), strict=True)
    surplus = {number[edge]: earned for edge, earned in earns if edge in number}
    unpaid = sorted(relaxed.used - node.paid) or sorted(surplus.keys() - node.paid)
    surplus_of = {edge: surplus.get(edge, 0.0) for edge in unpaid}
    cost = whole.costs.least
    if limits.max_swaps is not None and unpaid:
        ranked = sorted(surplus_of.values(), reverse=True)
        cost = max(cost, ranked[min(max(limits.max_swaps - len(node.paid), 0), len(ranked) - 1)])
    return min(unpaid, key=lambda edge: (abs(surplus_of[edge] - cost), edge), default=None)


def _better(routes: Routes, found: Found, edges: frozenset[int]) -> Found:
    """The best route that starts from an optimum's edges, if it is better than the one known."""
    other = routes.find(edges)
    if other is None:
        return found
    other = improve(routes, other)
    return other if other.beats(found) else found
