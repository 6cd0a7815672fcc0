"""Edges compiled to arrays: what the search for a split reads. An edge is one ordered token pair of a pool.

Edges are sorted by head, then tail, so those into a token, and those of one pair, are contiguous. The segments of an
edge's curve are consecutive columns of one table. Amounts are atoms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dex.router.graph.segments import (
    CAPACITY,
    FIRST,
    HYPERBOLA,
    POWER,
    PRICE,
    RESERVE,
    SCALE_IN,
    SCALE_OUT,
    Floats,
    Ints,
    SegmentTable,
)


class CompiledEdges:
    """Edges between `token_count` tokens.

    By edge: `tail`, `head` and `pool` numbers; `first` and `count` say which columns of `table` are its segments (and
    of `family` and `before`, what the edge takes before the segment); `price`, `capacity` and `steepness` sum it up as
    one segment price x / (1 + steepness x) for x up to `capacity`: exact at zero and at its end, a guide between.
    `has_multi_asset_pools` where a pool has more than two tokens: it may be used between one pair of them.
    """

    token_count: int
    edge_count: int
    has_multi_asset_pools: bool
    tail: Ints
    head: Ints
    pool: Ints
    table: Floats
    family: NDArray[np.int8]
    before: Floats
    first: Ints
    count: Ints
    price: Floats
    capacity: Floats
    steepness: Floats
    pair_price: Floats

    def only(self, edges: Ints) -> CompiledEdges:
        """Some of the edges, by their numbers in rising order; they get new numbers, tokens keep theirs."""
        part = CompiledEdges()
        part.token_count, part.has_multi_asset_pools = self.token_count, self.has_multi_asset_pools
        part.table, part.family, part.before = self.table, self.family, self.before
        for name in ("tail", "head", "pool", "first", "count", "price", "capacity", "steepness"):
            setattr(part, name, getattr(self, name)[edges])
        part.index()
        part.price_pairs()
        return part

    def index(self) -> None:
        """Find where the edges and pairs of each token start; by tail through an order."""
        tokens = np.arange(self.token_count + 1)
        self.edge_count = len(self.head)
        self.head_start = np.searchsorted(self.head, tokens)
        self.tail_order = np.argsort(self.tail, kind="stable")  # edges by tail
        self.tail_start = np.searchsorted(self.tail[self.tail_order], tokens)
        is_new = np.ones(self.edge_count, bool)
        is_new[1:] = (self.head[1:] != self.head[:-1]) | (self.tail[1:] != self.tail[:-1])
        self.pair_start = np.flatnonzero(is_new)
        self.pair_of_edge = np.cumsum(is_new) - 1
        self.pair_tail, self.pair_head = self.tail[self.pair_start], self.head[self.pair_start]
        self.pair_head_start = np.searchsorted(self.pair_head, tokens)
        self.pair_order = np.argsort(self.pair_tail, kind="stable")  # pairs by tail
        self.pair_tail_start = np.searchsorted(self.pair_tail[self.pair_order], tokens)
        self.pair_ends_by_tail = (self.pair_tail[self.pair_order], self.pair_head[self.pair_order])

    def pair_prices(self, price: Floats) -> Floats:
        """The best of the given slopes of each token pair, in the order of pairs: by head, then tail."""
        best: Floats = np.maximum.reduceat(price, self.pair_start)
        return best

    def price_pairs(self) -> None:
        """Keep the best slopes at zero."""
        self.pair_price = self.pair_prices(self.price)

    def _price_pair(self, edge: int) -> tuple[int, float]:
        """Find the best slope at zero of the edge's pair again."""
        pair = self.pair_of_edge.item(edge)
        first = self.pair_start.item(pair)
        after = self.pair_start.item(pair + 1) if pair + 1 < len(self.pair_start) else self.edge_count
        best: float = max(self.price[first:after].tolist())  # few: faster than numpy
        self.pair_price[pair] = best
        return pair, best

    def columns_of(self, edges: Ints, counts: Ints) -> tuple[Ints, Ints, Ints]:
        """The first `counts` columns of each edge, edge after edge; whose they are, and which of its segments."""
        before = counts.cumsum()
        before -= counts
        owner = np.arange(len(edges)).repeat(counts)
        place = np.arange(len(owner))
        place -= before.take(owner)
        return self.first[edges].take(owner) + place, owner, place

    def segments(
        self, columns: Ints, unit_in: Floats | None = None, unit_out: Floats | None = None
    ) -> tuple[SegmentTable, Ints]:
        """Those columns as segments, and the order that sorts them by family.

        Amounts are in units of `unit_in` and `unit_out` atoms.
        """
        family = self.family[columns]
        if family.any():
            order = family.argsort(kind="stable")
            hyperbolas, powers = int((family == HYPERBOLA).sum()), int((family == POWER).sum())
        else:
            order, hyperbolas, powers = np.arange(len(columns)), len(columns), 0
        table = self.table.take(columns[order], axis=1)
        if unit_in is not None and unit_out is not None:
            _measure(table, hyperbolas, hyperbolas + powers, unit_in[order], unit_out[order])
        return SegmentTable(table, hyperbolas, powers), order


def _measure(table: Floats, hyperbolas: int, powers: int, unit_in: Floats, unit_out: Floats) -> None:
    """Change the units of a table sorted by family; `powers` is where those end."""
    table[PRICE] *= unit_in / unit_out
    table[CAPACITY] /= unit_in
    table[FIRST, :hyperbolas] *= unit_in[:hyperbolas]
    if hyperbolas < powers:
        part = slice(hyperbolas, powers)
        table[FIRST, part] /= unit_in[part]
        table[RESERVE, part] /= unit_out[part]
    if powers < table.shape[1]:
        part = slice(powers, None)
        table[SCALE_IN, part] *= unit_in[part]
        table[SCALE_OUT, part] /= unit_out[part]
