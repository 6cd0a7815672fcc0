"""Pools compiled to arrays: what the split search reads. Changes only by `apply`, which bumps the version.

An edge is one ordered token pair of a pool. Edges are sorted by head, then tail, so those into a token, and
those of one pair, are contiguous. The pieces of an edge's curve are consecutive columns of one table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import permutations

import numpy as np

from dex.pools import Pool
from dex.router.columns import Columns, compile_curves
from dex.router.pieces import (
    CAPACITY,
    FIRST,
    HYPERBOLA,
    POWER,
    PRICE,
    RESERVE,
    ROWS,
    SCALE_IN,
    SCALE_OUT,
    Floats,
    Ints,
    Pieces,
)

GROWTH = 1.25  # room for pieces of edges that outgrow their columns, as a factor of what is in use


class CompiledMarket:
    """Edges with their tails, heads and curves; `now` is the chain time (unix seconds) the curves hold for.

    `price`, `capacity` and `steepness` summarise each edge as one piece price x / (1 + steepness x) for x up to
    `capacity`: exact at zero and at its end, a guide between. All in atoms.
    """

    def __init__(self, pools: Sequence[Pool], now: int, version: int = 0) -> None:
        self.now = now
        self.version = version
        self.pools = list(pools)
        self.position = {pool.pool_id: number for number, pool in enumerate(self.pools)}
        self.tokens = tuple(sorted({token for pool in self.pools for token in pool.tokens}))
        self.token_number = {token: number for number, token in enumerate(self.tokens)}
        self.venues = tuple(sorted({pool.venue for pool in self.pools}))
        self._connect()
        self._write(compile_curves(self._curves(range(self.edge_count))))

    def copy(self) -> CompiledMarket:
        """A market that `apply` moves on without touching this one."""
        twin = object.__new__(CompiledMarket)
        twin.__dict__.update(self.__dict__)
        twin.pools = list(self.pools)
        for name in ("table", "form", "first", "count", "room", "price", "capacity", "steepness", "pair_price"):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    def apply(self, pools_after: Iterable[Pool]) -> None:
        """Put pools, as a route leaves them, in place of their earlier states."""
        touched: list[int] = []
        for pool in pools_after:
            number = self.position[pool.pool_id]
            self.pools[number] = pool
            touched += self.edges_of_pool[number]
        edges = np.array(touched, np.intp)
        if touched:
            self._rewrite(edges, compile_curves(self._curves(touched)))
        self.version += 1

    def columns_of(self, edges: Ints, counts: Ints) -> tuple[Ints, Ints, Ints]:
        """The first `counts` columns of each edge, edge after edge; whose they are, and which of its pieces."""
        before = counts.cumsum()
        before -= counts
        owner = np.arange(len(edges)).repeat(counts)
        place = np.arange(len(owner))
        place -= before.take(owner)
        return self.first[edges].take(owner) + place, owner, place

    def pieces(
        self, columns: Ints, unit_in: Floats | None = None, unit_out: Floats | None = None
    ) -> tuple[Pieces, Ints]:
        """Those columns as pieces, with amounts in units of so many atoms; and the order that sorts them by form."""
        form = self.form[columns]
        if form.any():
            order = form.argsort(kind="stable")
            hyperbolas, powers = int((form == HYPERBOLA).sum()), int((form == POWER).sum())
        else:
            order, hyperbolas, powers = np.arange(len(columns)), len(columns), 0
        table = self.table.take(columns[order], axis=1)
        if unit_in is None or unit_out is None:
            return Pieces(table, hyperbolas, powers), order
        unit_in, unit_out = unit_in[order], unit_out[order]
        table[PRICE] *= unit_in / unit_out
        table[CAPACITY] /= unit_in
        table[FIRST, :hyperbolas] *= unit_in[:hyperbolas]
        if powers:
            part = slice(hyperbolas, hyperbolas + powers)
            table[FIRST, part] /= unit_in[part]
            table[RESERVE, part] /= unit_out[part]
        if hyperbolas + powers < len(columns):
            part = slice(hyperbolas + powers, len(columns))
            table[SCALE_IN, part] *= unit_in[part]
            table[SCALE_OUT, part] /= unit_out[part]
        return Pieces(table, hyperbolas, powers), order

    def _connect(self) -> None:
        """Number the edges; everything here stays as long as the market does."""
        numbers = self.token_number
        rows = [
            (numbers[b], numbers[a], pool, a, b)
            for pool, of_pool in enumerate(self.pools)
            for a, b in permutations(of_pool.tokens, 2)
        ]
        rows.sort(key=lambda row: row[:3])
        self.edge_count = len(rows)
        self.edge_tokens = [row[3:] for row in rows]
        ends = np.array([row[:3] for row in rows], np.intp).reshape(-1, 3)
        self.head, self.tail, self.pool = np.ascontiguousarray(ends.T)
        self.edges_of_pool: defaultdict[int, list[int]] = defaultdict(list)
        for edge, pool in enumerate(self.pool.tolist()):
            self.edges_of_pool[pool].append(edge)
        venue_number = {venue: number for number, venue in enumerate(self.venues)}
        venue_of_pool = np.array([venue_number[pool.venue] for pool in self.pools], np.intp)
        self.venue = venue_of_pool[self.pool]
        tokens = np.arange(len(self.tokens) + 1)
        self.head_start = np.searchsorted(self.head, tokens)
        self.tail_order = np.argsort(self.tail, kind="stable")  # edges by tail
        self.tail_start = np.searchsorted(self.tail[self.tail_order], tokens)
        is_new = np.ones(self.edge_count, bool)
        is_new[1:] = (self.head[1:] != self.head[:-1]) | (self.tail[1:] != self.tail[:-1])
        self.pair_start = np.flatnonzero(is_new)
        self.pair_tail, self.pair_head = self.tail[self.pair_start], self.head[self.pair_start]
        self.pair_head_start = np.searchsorted(self.pair_head, tokens)
        self.pair_order = np.argsort(self.pair_tail, kind="stable")  # pairs by tail
        self.pair_tail_start = np.searchsorted(self.pair_tail[self.pair_order], tokens)
        self.pair_ends_by_tail = (self.pair_tail[self.pair_order], self.pair_head[self.pair_order])

    def _curves(self, edges: Iterable[int]) -> list[object]:
        pools, pool, tokens, now = self.pools, self.pool.tolist(), self.edge_tokens, self.now
        return [pools[pool[edge]].curve(*tokens[edge], now) for edge in edges]

    def _write(self, columns: Columns) -> None:
        self.used = columns.table.shape[1]
        self.table = np.zeros((ROWS, int(self.used * GROWTH) + 64))
        self.form = np.zeros(self.table.shape[1], np.int8)
        self.table[:, : self.used], self.form[: self.used] = columns.table, columns.form
        self.count = columns.count
        self.room = columns.count.copy()
        self.first = np.cumsum(columns.count) - columns.count
        self.price, self.capacity, self.steepness = columns.price, columns.capacity, columns.steepness
        self._price_pairs()

    def _rewrite(self, edges: Ints, columns: Columns) -> None:
        """Put new curves in place: in their old columns where they fit, else at the end of the table."""
        outgrown = columns.count > self.room[edges]
        if outgrown.any():
            counts = columns.count[outgrown]
            needed = int(counts.sum())
            if self.used + needed > self.table.shape[1]:
                self._write(compile_curves(self._curves(range(self.edge_count))))
                return
            self.first[edges[outgrown]] = self.used + np.cumsum(counts) - counts
            self.room[edges[outgrown]] = counts
            self.used += needed
        self.count[edges] = columns.count
        target = self.columns_of(edges, columns.count)[0]
        self.table[:, target], self.form[target] = columns.table, columns.form
        self.price[edges], self.capacity[edges] = columns.price, columns.capacity
        self.steepness[edges] = columns.steepness
        self._price_pairs()

    def pair_prices(self, price: Floats) -> Floats:
        """The best of the given slopes of each token pair, in the order of pairs: by head, then tail."""
        best: Floats = np.maximum.reduceat(price, self.pair_start)
        return best

    def _price_pairs(self) -> None:
        self.pair_price = self.pair_prices(self.price)
