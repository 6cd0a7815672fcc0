"""Which pieces of which edges the reduced problem holds: a first set around the best path, then what earns more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dex.router.certificate import Stakes
from dex.router.compiled import CompiledMarket
from dex.router.guess import HOPS, Guess, Query
from dex.router.pieces import CAPACITY, PRICE, Floats, Ints
from dex.router.potentials import products_backward, products_forward

Bools = NDArray[np.bool_]

FIRST_EDGES = 90
MORE_EDGES = 32
SHARE = 0.03  # of the order, at whose average price edges are ranked at first
FIT = 1.0
MORE_FIT = 1.0
SLACK = 1e-4
NEAR = 0.02


class Candidates:
    """`depth` counts the pieces of each edge that are in play, always the first ones."""

    def __init__(self, market: CompiledMarket, query: Query, guess: Guess) -> None:
        self.market, self.query = market, query
        self.depth = np.zeros(market.edge_count, np.intp)
        self.units = guess.units

    def begin(self, guess: Guess) -> None:
        """Take in the path, and the edges over which a share of the order would still do better than at its end."""
        market, query, depth = self.market, self.query, self.depth
        asked = self.units.take(market.tail)
        asked *= SHARE
        sold = np.minimum(asked, market.capacity)
        value = market.steepness * sold
        value += 1
        np.divide(sold, value, out=value)
        value *= query.price
        value /= asked
        value[~(asked > 0)] = 0.0
        pairs = np.maximum.reduceat(value, market.pair_start)
        forward = products_forward(market, pairs, query.source, HOPS)
        backward = products_backward(market, pairs, query.target, HOPS)
        value *= forward.take(market.tail)
        value *= backward.take(market.head)
        worst = backward[query.source] * (1 - guess.fall)
        edges = np.flatnonzero(value >= worst)
        edges = edges[self.units[market.head[edges]] > 0]
        if len(edges) > FIRST_EDGES:
            edges = edges[np.argpartition(-value[edges], FIRST_EDGES)[:FIRST_EDGES]]
        edges = np.unique(np.append(edges, guess.path))
        floor = worst / (forward[market.tail[edges]] * backward[market.head[edges]])
        depth[edges] = self._pieces_within(edges, FIT, floor)

    def grow(self, found: Stakes, prices: Floats, is_settled: Bools) -> None:
        """Take in the edges that would earn most, and the ways on from tokens that nothing flows through yet."""
        market, _units, depth = self.market, self.units, self.depth
        good = np.flatnonzero(found.outside > 0)
        if len(good) > MORE_EDGES:
            good = good[np.argpartition(-found.outside[good], MORE_EDGES)[:MORE_EDGES]]
        edges = found.edge[good]
        onward = [self._ways_on(market.head[edges], prices, is_settled)]
        ways = onward[0]
        self._measure_units(np.concatenate((market.tail[edges], market.head[edges], market.head[ways])), prices)
        floor = prices[market.tail[edges]] / prices[market.head[edges]]
        fitting = np.maximum(self._pieces_within(edges, MORE_FIT, floor), 2 * depth[edges])
        depth[edges] = np.minimum(np.minimum(fitting, found.pieces[good]) + 1, market.count[edges])
        if len(ways):
            floor = prices[market.tail[ways]] / prices[market.head[ways]] * (1 - NEAR)
            depth[ways] = np.maximum(depth[ways], self._pieces_within(ways, MORE_FIT, floor))

    def _ways_on(self, tokens: Ints, prices: Floats, is_settled: Bools) -> Ints:
        """The edges that sell these tokens, and those they buy, for the best price or nearly, down to settled ones."""
        market, price = self.market, self.query.price
        is_seen = is_settled.copy()
        ways = []
        for _ in range(HOPS):
            tokens = np.unique(tokens[~is_seen[tokens]])
            if not len(tokens):
                break
            is_seen[tokens] = True
            start = market.tail_start[tokens]
            count = market.tail_start[tokens + 1] - start
            ends = count.cumsum()
            edges = market.tail_order[np.arange(int(ends[-1])) + np.repeat(start - ends + count, count)]
            worth = price[edges] * prices[market.head[edges]]
            edges = edges[worth >= prices[market.tail[edges]] * (1 - SLACK)]
            ways.append(edges)
            tokens = market.head[edges]
        return np.concatenate(ways) if ways else np.zeros(0, np.intp)

    def _measure_units(self, tokens: Ints, prices: Floats) -> None:
        """Give tokens out of the first path's reach a unit: as much as the order is worth."""
        tokens = tokens[(self.units[tokens] <= 0) & (prices[tokens] > 0)]
        if len(tokens):
            query = self.query
            fixed = query.source if query.is_exact_in else query.target
            self.units[tokens] = query.amount * prices[fixed] / prices[tokens]

    def _pieces_within(self, edges: Ints, share: float, floor: Floats) -> Ints:
        """Pieces of each edge that start at a slope of `floor` or more, and before a share of the order is sold."""
        market = self.market
        count = market.count[edges]
        columns, owner, _ = market.columns_of(edges, count)
        first = count.cumsum()
        first -= count
        before = np.minimum(market.table[CAPACITY].take(columns), 1e300)
        before = before.cumsum() - before
        before -= before.take(first).take(owner)
        is_in = before <= (share * self.units[market.tail[edges]]).take(owner)
        is_in &= market.table[PRICE].take(columns) >= floor.take(owner)
        is_in[first] = True
        return np.bincount(owner, is_in, len(edges)).astype(np.intp)
