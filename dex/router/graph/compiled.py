"""Pools compiled for the search. Changes only by `apply`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise, permutations
from typing import Any, Final

import numpy as np

from dex.errors import InsufficientLiquidity
from dex.pools import Pool, Swap
from dex.pools.curves import Curve, PowerCurve, Segments
from dex.router.graph.ceilings import Ceilings
from dex.router.graph.columns import Columns, compile_curves, summary
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import CAPACITY, FIRST, HYPERBOLA, PRICE, ROWS, Ints

_GROWTH: Final = 1.25  # room for segments of edges that outgrow their columns, as a factor of what is in use
_SPARE: Final = 64
_OF_HYPERBOLAS: Final = slice(PRICE, FIRST + 1)  # rows of the table: price, capacity, curvature
_NO_EDGES: Final = range(0)
_KEPT_SWAPS: Final = 32  # of a pool's state, beyond which they are forgotten
_CHANGING = ("table", "family", "before", "first", "count", "room", "price", "capacity", "steepness", "pair_price")


# Of one state of a pool, by edge, amount and whether that is the input: orders ask for the same ones again and again.
KnownSwaps = dict[tuple[int, int, bool], "Swap | InsufficientLiquidity"]


class CompiledMarket(CompiledEdges):
    """The edges of all pools; `now` is the chain time (unix seconds) their curves hold for.

    A market moved on by `apply` gives the same routes as one made of the pools as they are then.
    """

    def __init__(self, pools: Sequence[Pool], now: int) -> None:
        self.now = now
        self.pools = list(pools)
        self.position = {pool.pool_id: number for number, pool in enumerate(self.pools)}
        self.tokens = tuple(sorted({token for pool in self.pools for token in pool.tokens}))
        self.token_number = {token: number for number, token in enumerate(self.tokens)}
        self.venues = tuple(sorted({pool.venue for pool in self.pools}))
        self._connect()
        self._to_buy: dict[int, float] = {}
        self._buying: CompiledMarket | None = None
        self._swaps: list[KnownSwaps] = [{} for _ in self.pools]
        self._of_venues: dict[str, dict[Any, Any]] = {}
        self._write(compile_curves(self._curves(range(self.edge_count))))

    def copy(self) -> CompiledMarket:
        """A market that `apply` moves on without touching this one."""
        twin = object.__new__(CompiledMarket)
        twin.__dict__.update(self.__dict__)
        twin.pools, twin._to_buy, twin._buying = list(self.pools), dict(self._to_buy), None
        twin._swaps, twin._of_venues = (
            list(self._swaps),
            dict(self._of_venues),
        )  # what is known of a state is so in both
        for name in _CHANGING:
            setattr(twin, name, getattr(self, name).copy())
        twin.ceilings = self.ceilings.copy()
        return twin

    def set_time(self, now: int) -> None:
        """Let time pass; pools whose fee has moved with it must be put in place again."""
        if now != self.now:
            self._swaps = [{} for _ in self.pools]  # some pools keep the time of their last swap
        self.now, self._buying = now, None

    def apply(self, pools_after: Iterable[Pool]) -> None:
        """Put pools, as a route leaves them, in place of their earlier states. Costs what their edges cost."""
        touched: list[int] = []
        self._buying = None
        for pool in pools_after:
            number = self.position[pool.pool_id]
            self.pools[number], self._swaps[number] = pool, {}
            self._of_venues.pop(pool.venue, None)
            touched += self.edges_of_pool[number]
        others = [
            (edge, curve)
            for edge, curve in zip(touched, self._curves(touched), strict=True)
            if not (isinstance(curve, Segments) and self._put(edge, curve))
        ]
        if others:
            edges, curves = zip(*others, strict=True)
            self._rewrite(np.array(edges, np.intp), compile_curves(curves))
        for edge in touched:
            self.ceilings.raised(*self._price_pair(edge))

    def price_pairs(self) -> None:
        """See `CompiledEdges`."""
        super().price_pairs()
        self.ceilings = Ceilings(self.pair_price.tolist())

    def with_one_way(self, pool: Pool) -> CompiledMarket:
        """The market with one more pool, which is sold the first of its tokens for the second and not the other way.

        Edges get new numbers. Raises: KeyError where a token is not traded.
        """
        tokens = (pool.tokens[0], pool.tokens[1])
        tail, head = (self.token_number[token] for token in tokens)
        columns, number, used = compile_curves([pool.curve(*tokens, self.now)]), len(self.pools), self.used
        place = int((self.head * self.token_count + self.tail).searchsorted(head * self.token_count + tail, "right"))
        twin = object.__new__(CompiledMarket)
        twin.__dict__.update(self.__dict__)
        twin.pools, twin.position = [*self.pools, pool], self.position | {pool.pool_id: number}
        twin.venues, twin.kinds = (*self.venues, pool.venue), (*self.kinds, pool.kind)
        twin._swaps, twin._of_venues, twin._buying, twin.kept = [*self._swaps, {}], {}, None, {}
        twin._to_buy = {edge + (edge >= place): most for edge, most in self._to_buy.items()}
        of_edge = {"tail": tail, "head": head, "pool": number, "venue": len(self.venues), "edge_kind": len(self.kinds)}
        summary = {name: getattr(columns, name)[0] for name in ("price", "capacity", "steepness")}
        for name, value in (of_edge | summary | {"first": used, "count": 1, "room": 1}).items():
            setattr(twin, name, np.insert(getattr(self, name), place, value))
        for name in ("table", "family", "before"):
            both = getattr(self, name)[..., :used], getattr(columns, name)
            setattr(twin, name, np.concatenate(both, axis=-1))
        twin.used, twin.edge_tokens = used + 1, self.edge_tokens.copy()
        twin.edge_tokens.insert(place, tokens)
        twin._number()
        twin.price_pairs()
        return twin

    def edges_between(self, tail: int, head: int) -> range:
        """The edges from one token to another, by number."""
        return self._between.get((tail, head), _NO_EDGES)

    def of_venue(self, venue: str) -> dict[Any, Any]:
        """What others have found out of the venue's pools as they are now, and may ask for again."""
        found = self._of_venues.get(venue)
        if found is None:
            found = self._of_venues[venue] = {}
        return found

    def swap(self, edge: int, amount: int, is_exact_in: bool) -> Swap | InsufficientLiquidity:
        """What the edge's pool does with an amount, of the input or of the output, or why it does not."""
        known, key = self._swaps[self.edge_pools[edge]], (edge, amount, is_exact_in)
        found = known.get(key)
        if found is None:
            pool = self.pools[self.edge_pools[edge]]
            try:
                swap = pool.swap_exact_in if is_exact_in else pool.swap_exact_out
                found = swap(*self.edge_tokens[edge], amount, self.now)
            except InsufficientLiquidity as error:
                found = error.with_traceback(None)  # which would keep all that was going on
            if len(known) >= _KEPT_SWAPS:
                known.clear()
            known[key] = found
        return found

    def buying(self) -> CompiledMarket:
        """The market for orders with a fixed output, for which some pools have narrower limits."""
        if not self._to_buy:
            return self
        if self._buying is None:
            twin = self._buying = object.__new__(CompiledMarket)
            twin.__dict__.update(self.__dict__)
            twin._to_buy, edges = {}, list(self._to_buy)
            twin.table, twin.capacity = self.table.copy(), self.capacity.copy()
            twin.table[CAPACITY, self.first[edges]] = twin.capacity[edges] = list(self._to_buy.values())
        return self._buying

    def _connect(self) -> None:
        """Number the edges; everything here stays as long as the market does."""
        numbers = self.token_number
        rows = [
            (numbers[b], numbers[a], pool, a, b)
            for pool, of_pool in enumerate(self.pools)
            for a, b in permutations(of_pool.tokens, 2)
        ]
        rows.sort(key=lambda row: row[:3])
        self.edge_tokens = [row[3:] for row in rows]
        ends = np.array([row[:3] for row in rows], np.intp).reshape(-1, 3)
        self.head, self.tail, self.pool = np.ascontiguousarray(ends.T)
        self.token_count = len(self.tokens)
        self.has_multi_asset_pools = any(len(pool.tokens) > 2 for pool in self.pools)
        self._number()
        venue_number = {venue: number for number, venue in enumerate(self.venues)}
        self.venue = np.array([venue_number[pool.venue] for pool in self.pools], np.intp)[self.pool]
        self.kinds = tuple(sorted({pool.kind for pool in self.pools}))
        kind_number = {kind: number for number, kind in enumerate(self.kinds)}
        self.kept: dict[str, dict[Any, Any]] = {}  # what others found out of all this, and may ask for again
        self.edge_kind = np.array([kind_number[pool.kind] for pool in self.pools], np.intp)[self.pool]

    def _number(self) -> None:
        """Find edges by their tokens and pools."""
        self.index()
        self.pair_ends = list(zip(self.pair_tail.tolist(), self.pair_head.tolist(), strict=True))
        starts = [*self.pair_start.tolist(), self.edge_count]
        self._between = {ends: range(*between) for ends, between in zip(self.pair_ends, pairwise(starts), strict=True)}
        self.edges_of_pool: defaultdict[int, list[int]] = defaultdict(list)
        self.edge_pools: list[int] = self.pool.tolist()
        for edge, pool in enumerate(self.edge_pools):
            self.edges_of_pool[pool].append(edge)

    def _curves(self, edges: Iterable[int]) -> list[Curve]:
        pools, pool, tokens, now = self.pools, self.edge_pools, self.edge_tokens, self.now
        curves = []
        for edge in edges:
            curve = pools[pool[edge]].curve(*tokens[edge], now)
            if isinstance(curve, PowerCurve) and curve.capacity_to_buy < curve.capacity:
                self._to_buy[edge] = curve.capacity_to_buy
            curves.append(curve)
        return curves

    def _write(self, columns: Columns) -> None:
        self.used = columns.table.shape[1]
        self.table = np.zeros((ROWS, int(self.used * _GROWTH) + _SPARE))
        self.family = np.zeros(self.table.shape[1], np.int8)
        self.before = np.zeros(self.table.shape[1])
        used = slice(self.used)
        self.table[:, used], self.family[used], self.before[used] = columns.table, columns.family, columns.before
        self.count = columns.counts
        self.room = columns.counts.copy()
        self.first = np.cumsum(columns.counts) - columns.counts
        self.price, self.capacity, self.steepness = columns.price, columns.capacity, columns.steepness
        self.price_pairs()

    def _put(self, edge: int, curve: Segments) -> bool:
        """Put one curve of hyperbolas in the place of another; False where it does not fit."""
        count = len(curve.price)
        if not 0 < count <= self.room.item(edge):
            return False
        first = self.first.item(edge)
        if count == 1:
            table = self.table
            table[PRICE, first], table[CAPACITY, first] = curve.price[0], curve.capacity[0]
            table[FIRST, first] = curve.curvature[0]
            self.family[first], self.before[first] = HYPERBOLA, 0.0
        else:
            place = slice(first, first + count)
            self.table[_OF_HYPERBOLAS, place] = (curve.price, curve.capacity, curve.curvature)
            self.family[place] = HYPERBOLA
            self.before[place] = list(accumulate(curve.capacity[:-1], initial=0.0))
        self.count[edge] = count
        self.price[edge], self.capacity[edge], self.steepness[edge] = summary(curve)
        return True

    def _rewrite(self, edges: Ints, columns: Columns) -> None:
        """Put new curves in place: in their old columns where they fit, else at the end of the table."""
        outgrown = columns.counts > self.room[edges]
        if outgrown.any():
            counts = columns.counts[outgrown]
            needed = int(counts.sum())
            if self.used + needed > self.table.shape[1]:
                self._write(compile_curves(self._curves(range(self.edge_count))))
                return
            self.first[edges[outgrown]] = self.used + np.cumsum(counts) - counts
            self.room[edges[outgrown]] = counts
            self.used += needed
        self.count[edges] = columns.counts
        target = self.columns_of(edges, columns.counts)[0]
        self.table[:, target], self.family[target], self.before[target] = columns.table, columns.family, columns.before
        self.price[edges], self.capacity[edges] = columns.price, columns.capacity
        self.steepness[edges] = columns.steepness
