"""Which segments of which edges the reduced problem holds: a first set around the best path, then what earns more."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dex.router.convex.best_path import HOPS, BestPath, Query
from dex.router.convex.certificate import EdgeSurplus
from dex.router.convex.potentials import products_backward, products_forward
from dex.router.fast.ranks import average_prices, count_segments
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import PRICE, Floats, Ints
from dex.router.kernel import kernels_on

Bools = NDArray[np.bool_]

FIRST_EDGES = 90  # fewer need more rounds, more cost more in each
MORE_EDGES = 32  # in each later round
SHARE = 0.03  # of the order, at whose average price edges are ranked at first
FIT = 1.0  # of the order: segments of an edge that start after this share was sold are left out
MORE_FIT = 1.0  # the same in later rounds
SLACK = 1e-4  # relative distance to the best price at which a way on still counts as one of the best
NEAR = 0.02  # the same for the segments of such a way


class Notional(NamedTuple):
    """Value that a share of the order keeps, at average prices: over each edge alone, and with the best ways around it.

    `forward` are the best products of prices from the source to each token, `backward` from each to the target.
    """

    edge: Floats
    through: Floats
    forward: Floats
    backward: Floats


class Candidates:
    """`depth` counts the segments of each edge that are in play, always the first ones."""

    def __init__(self, market: CompiledEdges, query: Query, best_path: BestPath) -> None:
        self.market, self.query = market, query
        self.depth = np.zeros(market.edge_count, np.intp)
        self.units = best_path.units

    def begin(self, best_path: BestPath) -> None:
        """Take in the path, and the edges over which a share of the order would do best.

        Of each the segments that still do better than the end of the path, and at least the first one.
        """
        market, depth = self.market, self.depth
        notional = self.notional(SHARE)
        worst = float(notional.backward[self.query.source]) * (1 - best_path.fall)
        edges = self._best(notional, FIRST_EDGES)
        is_in = np.zeros(market.edge_count, bool)
        is_in[edges] = is_in[best_path.path] = True
        edges = np.flatnonzero(is_in)
        floor = worst / (notional.forward[market.tail[edges]] * notional.backward[market.head[edges]])
        depth[edges] = segments_within(market, self.units, edges, FIT, floor)

    def large(self, share: float, limit: int) -> Ints:
        """The edges over which that share of the order would do best."""
        return self._best(self.notional(share), limit)

    def _best(self, notional: Notional, limit: int) -> Ints:
        through = notional.through
        edges = np.flatnonzero(through > 0)
        if len(edges) > limit:
            edges = edges[np.argpartition(-through[edges], limit)[:limit]]
        return edges[self.units[self.market.head[edges]] > 0]

    def notional(self, share: float) -> Notional:
        """Rank all edges for a share of the order."""
        market, query = self.market, self.query
        value = self._average(share)
        pairs = market.pair_prices(value)
        forward = products_forward(market, pairs, query.source, HOPS)
        backward = products_backward(market, pairs, query.target, HOPS)
        through = value * forward.take(market.tail)
        through *= backward.take(market.head)
        return Notional(value, through, forward, backward)

    def _average(self, share: float) -> Floats:
        """What that share of the order gets over each edge, for each atom of it."""
        market, query = self.market, self.query
        if kernels_on():
            return average_prices(self.units, share, market.tail, query.price, market.capacity, market.steepness)
        asked = self.units.take(market.tail)
        asked *= share
        sold = np.minimum(asked, market.capacity)
        value = market.steepness * sold
        value += 1
        np.divide(sold, value, out=value)
        value *= query.price
        value /= asked
        value[~(asked > 0)] = 0.0
        return value

    def grow(self, found: EdgeSurplus, prices: Floats, is_settled: Bools) -> bool:
        """Take in the edges that would earn most, and the ways on from tokens that nothing flows through yet.

        False: there was nothing new.
        """
        market, units, depth = self.market, self.units, self.depth
        before = depth.copy()
        good = np.flatnonzero(found.outside > 0)
        if len(good) > MORE_EDGES:
            good = good[np.argpartition(-found.outside[good], MORE_EDGES)[:MORE_EDGES]]
        edges = found.edge[good]
        ways = ways_on(market, self.query.price, market.head[edges], prices, is_settled)
        self._measure_units(np.concatenate((market.tail[edges], market.head[edges], market.head[ways])), prices)
        floor = prices[market.tail[edges]] / prices[market.head[edges]]
        fitting = np.maximum(segments_within(market, units, edges, MORE_FIT, floor), 2 * depth[edges])
        depth[edges] = np.minimum(np.minimum(fitting, found.segments[good]) + 1, market.count[edges])
        if len(ways):
            floor = prices[market.tail[ways]] / prices[market.head[ways]] * (1 - NEAR)
            depth[ways] = np.maximum(depth[ways], segments_within(market, units, ways, MORE_FIT, floor))
        return not np.array_equal(depth, before)

    def _measure_units(self, tokens: Ints, prices: Floats) -> None:
        """Give tokens out of the first path's reach a unit: as much as has the notional of the order."""
        tokens = tokens[(self.units[tokens] <= 0) & (prices[tokens] > 0)]
        if len(tokens):
            query = self.query
            fixed = query.source if query.is_exact_in else query.target
            self.units[tokens] = query.amount * prices[fixed] / prices[tokens]


def ways_on(market: CompiledEdges, slopes: Floats, tokens: Ints, prices: Floats, is_settled: Bools) -> Ints:
    """The edges that sell these tokens, and those they buy, for the best price or nearly, down to settled ones.

    `slopes` are what an atom sold to each edge pays.
    """
    is_seen = is_settled.copy()
    ways = []
    for _ in range(HOPS):
        is_next = np.zeros(len(is_seen), bool)
        is_next[tokens] = True
        is_next &= ~is_seen
        tokens = np.flatnonzero(is_next)
        if not len(tokens):
            break
        is_seen |= is_next
        start = market.tail_start[tokens]
        count = market.tail_start[tokens + 1] - start
        ends = count.cumsum()
        edges = market.tail_order[np.arange(int(ends[-1])) + np.repeat(start - ends + count, count)]
        brought = slopes[edges] * prices[market.head[edges]]
        edges = edges[(brought > 0) & (brought >= prices[market.tail[edges]] * (1 - SLACK))]
        ways.append(edges)
        tokens = market.head[edges]
    return np.concatenate(ways) if ways else np.zeros(0, np.intp)


def segments_within(market: CompiledEdges, units: Floats, edges: Ints, share: float, floor: Floats) -> Ints:
    """Segments of each edge that start at a slope of `floor` or more, and before a share of the order is sold."""
    limit = share * units[market.tail[edges]]
    if kernels_on():
        return count_segments(market.table, market.before, market.first, market.count, edges, limit, floor)
    columns, owner, place = market.columns_of(edges, market.count[edges])
    is_in = market.before.take(columns) <= limit.take(owner)
    is_in &= market.table[PRICE].take(columns) >= floor.take(owner)
    is_in |= place == 0
    return np.bincount(owner, is_in, len(edges)).astype(np.intp)
