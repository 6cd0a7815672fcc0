"""The best route of a small market net of costs, by going through every set of edges that could be one.

The free solver, which certifies what it finds, divides the order over the edges of a set. Fewer edges never pay more:
that alone says which sets need not be looked at. No prices, surpluses or thresholds of the search for net routes enter.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from dex.costs import Costs
from dex.pools.curves import Segments
from dex.router.constrained.limits import Limits
from dex.router.convex.best_path import query_of
from dex.router.convex.flows import Flow
from dex.router.convex.optimum import best_free
from dex.router.graph.columns import summary
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import CAPACITY, FIRST, PRICE, Floats, Ints
from dex.router.split_values import SplitOrder
from dex.router.time_limit import UNLIMITED
from dex.types import Side

_BARELY: Final = 1e-6  # share of what an edge sells below which it has not begun a range


class Tariff(NamedTuple):
    """What each edge of a market costs in atoms of the side that is not fixed: once, and for each tick it crosses."""

    swap: Floats
    tick: Floats


class Best(NamedTuple):
    """The best route: `net` is what it pays less its costs, or minus what it takes and costs; so is `gross`, without.

    `bound` is what no route nets more than, by the proofs of the free optima.
    """

    net: float
    gross: float
    swaps: int
    edges: frozenset[int]
    bound: float


class _Relaxed(NamedTuple):
    """The optimum over some ranges of some edges, free of costs: value and bound (more is better).

    By edge: the ranges it uses (all there are where ticks cost nothing), and what it sells in the numeraire.
    """

    value: float
    bound: float
    used: Ints
    worth: Floats


def uniform(market: CompiledMarket, swap_cost: float) -> Tariff:
    """The same for every swap."""
    return Tariff(np.full(market.edge_count, swap_cost), np.zeros(market.edge_count))


def by_kind(market: CompiledMarket, costs: Costs, order: SplitOrder, rate: float = 1.0) -> Tariff:
    """What a network charges, where an atom of its token is worth `rate` of the side that is not fixed.

    Without what it charges for routes that go leg by leg.
    """
    kinds, ends = [market.pools[pool].kind for pool in market.pool.tolist()], (order.token_in, order.token_out)
    swap = [
        costs.of_swap(kind, is_next=costs.is_next(ends, swap))
        for kind, swap in zip(kinds, market.edge_tokens, strict=True)
    ]
    return Tariff(rate * np.array(swap), np.array([rate * costs.of_tick(kind) for kind in kinds]))


def best_net(market: CompiledMarket, order: SplitOrder, tariff: Tariff) -> Best | None:
    """The best route under the limits on size of the order, whose own costs do not count; None where there is none."""
    search = _Enumeration(market.buying() if order.side is Side.EXACT_OUT else market, order, tariff)
    with np.errstate(all="ignore"):
        search.visit(search.market.count.copy(), np.zeros(market.edge_count, np.intp))
    best = search.best
    return best and best._replace(bound=max(search.bound, best.net))


class _Enumeration:
    """A node says how many ranges of each edge may be used (`depth`) and how many are paid for in any case."""

    def __init__(self, market: CompiledMarket, order: SplitOrder, tariff: Tariff) -> None:
        self.market, self.order, self.tariff = market, order, tariff
        self.limits = Limits(order.max_swaps, order.max_hops, order.max_legs)
        self.query = query_of(market, order.token_in, order.token_out, float(order.amount), order.side is Side.EXACT_IN)
        self.best: Best | None = None
        self.bound = -math.inf  # of the nodes that ended with a route
        self.solved: dict[bytes, _Relaxed | None] = {}

    def visit(self, depth: Ints, paid: Ints) -> None:
        """Look at all routes of a node but those that cannot be better than the best one."""
        relaxed = self._relaxed(depth)
        if relaxed is None:
            return
        bound = relaxed.bound - self._cost(paid)
        if self.best is not None and bound <= self.best.net:
            return
        is_route = self._try(depth, relaxed)
        open_edges = np.flatnonzero(relaxed.used > paid)
        if not len(open_edges):  # a route that is too large stays so with more edges
            self.bound = max(self.bound, bound) if is_route else self.bound
            return
        edge = int(open_edges[np.argmax(relaxed.worth[open_edges])])
        without, also_paid, alone = depth.copy(), paid.copy(), depth.copy()
        without[edge] = paid[edge]
        also_paid[edge] = paid[edge] + 1 if self.tariff.tick[edge] > 0 else depth[edge]
        alone[(self.market.pool == self.market.pool[edge]) & (np.arange(len(depth)) != edge)] = 0
        self.visit(without, paid)
        if self.limits.max_swaps is None or np.count_nonzero(also_paid) <= self.limits.max_swaps:
            self.visit(alone, also_paid)

    def _try(self, depth: Ints, relaxed: _Relaxed) -> bool:
        """Take what the optimum uses as a route; whether it is one within the limits."""
        used = relaxed.used
        edges = np.flatnonzero(used)
        ends = list(zip(self.market.tail[edges].tolist(), self.market.head[edges].tolist(), strict=True))
        if self.limits.excess(ends) or len(set(self.market.pool[edges].tolist())) < len(edges):
            return False
        route = self._relaxed(used)
        if route is None:
            return True
        net = route.value - self._cost(used)
        if self.best is None or net > self.best.net:
            self.best = Best(net, route.value, len(edges), frozenset(edges.tolist()), math.inf)
        return True

    def _cost(self, used: Ints) -> float:
        swaps, ticks = self.tariff
        return float(swaps @ (used > 0) + ticks @ np.maximum(used - 1, 0))

    def _relaxed(self, depth: Ints) -> _Relaxed | None:
        key = depth.tobytes()
        if key not in self.solved:
            self.solved[key] = self._solve(depth)
        return self.solved[key]

    def _solve(self, depth: Ints) -> _Relaxed | None:
        edges = np.flatnonzero((depth > 0) & (self.query.price > 0))
        if not len(edges):
            return None
        part = self.market.only(edges)
        for place in np.flatnonzero(depth[edges] < part.count):
            _cut(part, int(place), int(depth[edges[place]]))
        price = self.query.price[edges]
        query = self.query._replace(price=price, pair_price=part.pair_prices(price))
        found = best_free(part, query, UNLIMITED)
        if found is None or not found.is_filled:
            return None
        sign = 1.0 if query.is_exact_in else -1.0
        used, worth = np.zeros(self.market.edge_count, np.intp), np.zeros(self.market.edge_count)
        for flow in found.carried.flows:
            edge = int(edges[flow.edge])
            used[edge] = _begun(part, flow) if self.tariff.tick[edge] > 0 else part.count[flow.edge]
            worth[edge] = flow.sold * found.prices[flow.tail]
        return _Relaxed(sign * found.value, sign * found.bound, used, worth)


def _begun(part: CompiledEdges, flow: Flow) -> int:
    """How many ranges of an edge a flow uses."""
    first = int(part.first[flow.edge])
    before = part.before[first : first + int(part.count[flow.edge])]
    return int((before < flow.sold * (1 - _BARELY)).sum())


def _cut(part: CompiledEdges, edge: int, depth: int) -> None:
    """Leave an edge this number of its ranges."""
    first = int(part.first[edge])
    rows = part.table[:, first : first + depth]
    ranges = Segments(tuple(rows[PRICE]), tuple(rows[FIRST]), tuple(rows[CAPACITY]))
    part.count[edge] = depth
    _, part.capacity[edge], part.steepness[edge] = summary(ranges)
