"""Branch and bound on which edges a route may use: proves how good a route under cost or limits can be at most.

A node leaves some edges out and holds that others are paid for. Its bound: the optimum without those left out
earns, at its own prices, what each edge earns; an edge that earns less than a swap costs is better not used.
"""

from __future__ import annotations

import heapq
from typing import Final, NamedTuple

import numpy as np

from dex.router.certificate import Stakes, earned_by_pool, stakes
from dex.router.choices import best_split
from dex.router.edges import CompiledEdges
from dex.router.guess import Query, without
from dex.router.limits import Limits
from dex.router.optimum import Optimum
from dex.router.pieces import Floats, Ints
from dex.router.potentials import onward_prices
from dex.router.prune import improve
from dex.router.reduced import DUST
from dex.router.routes import Found, Routes

_TOLLS: Final = 12
_HOPELESS: Final = 1.0  # relative distance that no search will close: swaps in a circle gain
_EFFORT: Final = 4  # of the choices in one node
CLOSED: Final = 1e-7  # relative distance at which a route counts as proven best


class Proof(NamedTuple):
    """The best route known, and what none can beat of its net worth."""

    found: Found
    bound: float
    is_proven: bool


class Whole(NamedTuple):
    """The market that bounds hold for; `origin` are its numbers of the edges of the one that is searched."""

    market: CompiledEdges
    query: Query
    origin: Ints


class _Node(NamedTuple):
    """Edges that are paid for and edges left out, the optimum without those, and what each edge earns there."""

    paid: frozenset[int]
    left_out: frozenset[int]
    optimum: Optimum
    stake: dict[int, float]
    bound: float


def net_bound(market: CompiledEdges, query: Query, prices: Floats, limits: Limits, paid: Ints) -> float:
    """What no route can beat of net worth at these prices, if the edges `paid` cost a swap each in any case.

    Every edge it uses adds what it earns less a swap's cost, and those of one whole path are used in any case. A
    limit on swaps acts as a higher cost for all swaps that are left, whatever that is taken to be.
    """
    found = _stakes(market, query, prices)
    extra = np.full(market.edge_count, -float(limits.swap_cost))
    extra[found.edge] += found.stake
    fixed = query.amount * float(prices[query.source] if query.is_exact_in else -prices[query.target])
    fixed += float(extra[paid].sum())
    extra[paid] = 0.0
    earned = extra[found.edge]
    if market.has_wide_pools:
        earned = earned_by_pool(market, found._replace(stake=np.maximum(earned, 0.0)))[1]
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
    """What the edges of a path lose at least that do not earn their cost and a toll; paid edges lose nothing."""
    weight = np.maximum(toll - extra, 0.0)
    weight[paid] = 0.0
    weight[query.price <= 0] = np.inf
    lost = np.full(market.token_count, np.inf)
    lost[query.source] = 0.0
    for _ in range(market.token_count):
        after = lost.copy()
        np.minimum.at(after, market.head, lost.take(market.tail) + weight)
        if (after == lost).all():
            break
        lost = after
    worst = float(lost[query.target])
    return worst if worst < np.inf else 0.0


def prove(routes: Routes, whole: Whole, root: Optimum, found: Found, nodes: int) -> Proof:
    """Search from the optimum without cost, in the order of bounds, for so many nodes or until time is over."""
    first = _node(routes, whole, root, frozenset(), frozenset())
    if not first.bound - found.net <= _HOPELESS * abs(found.net):
        nodes = 0
    order, queue = 0, [(-first.bound, 0, first)]
    while queue:
        bound = -queue[0][0]
        if bound <= found.net + CLOSED * abs(found.net):
            return Proof(found, max(bound, found.net), True)
        edge = _branching(queue[0][2], routes.limits)
        if nodes <= 0 or routes.is_late or edge is None:
            return Proof(found, bound, False)
        nodes -= 1
        node = heapq.heappop(queue)[2]
        for child in _children(routes, whole, node, edge):
            found = _better(routes, found, child)
            order += 1
            heapq.heappush(queue, (-min(child.bound, bound), order, child))
    return Proof(found, found.net, True)


def _children(routes: Routes, whole: Whole, node: _Node, edge: int) -> list[_Node]:
    """The edge paid for, and the edge left out."""
    children = []
    most = routes.limits.max_swaps
    if most is None or len(node.paid) < most:
        children.append(_node(routes, whole, node.optimum, node.paid | {edge}, node.left_out))
    left_out = node.left_out | {edge}
    query = without(routes.market, routes.query, np.array(list(left_out)))
    optimum = best_split(routes.market, query, effort=_EFFORT)
    if optimum is not None and optimum.missing <= DUST:
        children.append(_node(routes, whole, optimum, node.paid, left_out))
    return children


def _node(routes: Routes, whole: Whole, optimum: Optimum, paid: frozenset[int], left_out: frozenset[int]) -> _Node:
    market, query, limits = routes.market, routes.query, routes.limits
    found = _stakes(market, without(market, query, np.array(list(left_out), np.intp)), optimum.prices)
    stake = dict(zip(found.edge.tolist(), found.stake.tolist(), strict=True))
    all_paid, all_left_out = (whole.origin[np.array(list(edges), np.intp)] for edges in (paid, left_out))
    all_query = without(whole.market, whole.query, all_left_out)
    tokens = np.array(sorted({token for flow in optimum.carried.flows for token in (flow.tail, flow.head)}), np.intp)
    prices = onward_prices(whole.market, all_query.pair_price, query.source, tokens, optimum.prices[tokens])
    bound = net_bound(whole.market, all_query, prices, limits, all_paid)
    return _Node(paid, left_out, optimum, stake, bound)


def _branching(node: _Node, limits: Limits) -> int | None:
    """The open edge of which it is least clear whether it pays."""
    used = {flow.edge for flow in node.optimum.carried.flows}
    unpaid = sorted(used - node.paid) or sorted(node.stake.keys() - node.paid)
    stake = {edge: node.stake.get(edge, 0.0) for edge in unpaid}
    cost = limits.swap_cost
    if limits.max_swaps is not None and unpaid:
        ranked = sorted(stake.values(), reverse=True)
        cost = max(cost, ranked[min(max(limits.max_swaps - len(node.paid), 0), len(ranked) - 1)])
    return min(unpaid, key=lambda edge: (abs(stake[edge] - cost), edge), default=None)


def _better(routes: Routes, found: Found, node: _Node) -> Found:
    other = routes.find(frozenset(flow.edge for flow in node.optimum.carried.flows))
    if other is None:
        return found
    other = improve(routes, other)
    return other if other.beats(found) else found


def _stakes(market: CompiledEdges, query: Query, prices: Floats) -> Stakes:
    nothing = np.zeros(market.edge_count, np.intp)
    return stakes(market, query, prices, nothing, np.zeros(market.token_count, bool))
