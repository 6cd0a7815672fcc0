"""A slow search for the best route net of a cost per swap, to hold the router against: sets of edges, moved by hand.

Every set is solved by the free solver alone. Nothing of the search for net routes is used, so that a fault in that
shows; it is given as much time as it is worth, and starts from all routes that are known.
"""

import random
import time
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np

from dex.router.convex.best_path import HOPS, Query, query_of, without
from dex.router.convex.certificate import edge_surplus
from dex.router.convex.optimum import best_free
from dex.router.convex.potentials import onward_prices
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.edge_curves import buy, sell
from dex.router.graph.segments import Floats
from dex.router.split_values import SplitOrder
from dex.router.time_limit import UNLIMITED
from dex.types import Side

_THRESHOLDS: Final = (0.0, 0.25, 0.5, 1.0, 2.0)  # costs that an edge of the free optimum must earn to be a start
_ADDITIONS: Final = 40  # that are tried, the most promising ones
_SHAKEN: Final = (0, 3)  # edges that a restart leaves out
_SHARES: Final = (1.0, 0.3, 0.1, 0.03, 0.01)  # of the order, for which paths are looked for
_PATHS: Final = 12  # that are kept for each share and number of swaps: the best ones
_WAYS: Final = 3  # to a token that are kept on the way
_HOPS: Final = 5
_IDLE: Final = 60  # restarts in a row that lead to nothing new, after which the search ends

Edges = frozenset[int]
_Way = tuple[float, tuple[int, ...]]  # the amount at its end, and the edges to there


class Tried(NamedTuple):
    """A set of edges with its best division: what it pays, or minus what it takes, without costs; prices by token."""

    edges: Edges
    value: float
    prices: dict[int, float]


class DeepSearch:
    """Looks for the best set of edges of one order; what was solved serves at every cost."""

    def __init__(self, market: CompiledMarket, order: SplitOrder) -> None:
        self.is_exact_in = order.side is Side.EXACT_IN
        self.market = market if self.is_exact_in else market.buying()
        amount = float(order.amount)
        self.query: Query = query_of(self.market, order.token_in, order.token_out, amount, self.is_exact_in)
        self.cost = 0.0
        self.known: dict[Edges, Tried | None] = {}
        self._paths: tuple[Edges, ...] = ()
        self.pool: list[int] = self.market.pool.tolist()
        self.ends = list(zip(self.market.tail.tolist(), self.market.head.tolist(), strict=True))

    def net(self, tried: Tried) -> float:
        """More is better."""
        return tried.value - self.cost * len(tried.edges)

    def best(self, cost: float, starts: Iterable[Edges], seconds: float, seed: int = 1) -> Tried | None:
        """The best set at a cost per swap, in atoms of the side that is not fixed, found in `seconds` of CPU time.

        From these starts, from the free optimum and from single paths.
        """
        rng, end = random.Random(seed), time.process_time() + seconds
        self.cost, best = cost, None
        with np.errstate(all="ignore"):
            singles = sorted(filter(None, map(self.solve, self.paths())), key=self.net, reverse=True)
            for edges in dict.fromkeys((*starts, *self._free_starts(), *(tried.edges for tried in singles[:_WAYS]))):
                best = self._better(best, self._climbed(self.solve(edges), end))
            idle = 0
            while best is not None and singles and time.process_time() < end and idle < _IDLE:
                before = len(self.known)
                count = min(rng.randint(*_SHAKEN), len(best.edges))
                shaken = best.edges - frozenset(rng.sample(sorted(best.edges), count))
                added = rng.choice(singles).edges
                best = self._better(best, self._climbed(self._with(shaken, added), end))
                idle = idle + 1 if len(self.known) == before else 0
        return best

    def paths(self) -> tuple[Edges, ...]:
        """The best single paths for several shares of the order."""
        if not self._paths:
            found = (path for share in _SHARES for path in best_paths(self.market, self.query, share))
            self._paths = tuple(dict.fromkeys(found))
        return self._paths

    def solve(self, edges: Edges) -> Tried | None:
        """The best division over these edges; None where they cannot take the order."""
        if edges not in self.known:
            self.known[edges] = self._solve(edges)
        return self.known[edges]

    def _solve(self, edges: Edges) -> Tried | None:
        numbers = np.array(sorted(edges), np.intp)
        if not len(numbers):
            return None
        part = self.market.only(numbers)
        price = self.query.price[numbers]
        found = best_free(part, self.query._replace(price=price, pair_price=part.pair_prices(price)), UNLIMITED)
        if found is None or not found.is_filled or found.carried.missing:
            return None
        flows = found.carried.flows
        used = frozenset(int(numbers[flow.edge]) for flow in flows)
        if len({self.pool[edge] for edge in used}) < len(used):
            return None
        tokens = {self.query.source, self.query.target} | {flow.tail for flow in flows}
        sign = 1.0 if self.is_exact_in else -1.0
        prices = {token: float(found.prices[token]) for token in tokens}
        return Tried(used, sign * found.value, prices)

    def _free_starts(self) -> Iterator[Edges]:
        """The edges of the free optimum that earn some part of their cost, or more."""
        found = best_free(self.market, self.query, UNLIMITED)
        if found is None:
            return
        prices, flows = found.prices.tolist(), found.carried.flows
        earned = {flow.edge: prices[flow.head] * flow.paid - prices[flow.tail] * flow.sold for flow in flows}
        for least in _THRESHOLDS:
            yield frozenset(edge for edge, surplus in earned.items() if surplus >= least * self.cost)

    def _better(self, one: Tried | None, other: Tried | None) -> Tried | None:
        if one is None or other is None:
            return one or other
        return other if self.net(other) > self.net(one) else one

    def _climbed(self, tried: Tried | None, end: float) -> Tried | None:
        """Moves as long as they help: one less, one more, and one more with others dropped for it."""
        tried = self._thinned(tried)
        while tried is not None and time.process_time() < end:
            better = next((other for other in self._neighbours(tried, end) if self.net(other) > self.net(tried)), None)
            if better is None:
                break
            tried = better
        return tried

    def _neighbours(self, tried: Tried, end: float) -> Iterator[Tried]:
        for added in self._additions(tried):
            if time.process_time() > end:
                return
            other = self._thinned(self._with(tried.edges, added))
            if other is not None:
                yield other
        for edge in sorted(tried.edges):
            if time.process_time() > end:
                return
            rest = self.solve(tried.edges - {edge})
            for added in self._additions(rest) if rest is not None else ():
                other = None if edge in added else self.solve(rest.edges | added) if rest is not None else None
                if other is not None:
                    yield other

    def _thinned(self, tried: Tried | None) -> Tried | None:
        """Without edges whose loss saves more than it costs, the best one first."""
        while tried is not None:
            rest = [self.solve(tried.edges - {edge}) for edge in sorted(tried.edges)]
            best = max((other for other in rest if other is not None), key=self.net, default=None)
            if best is None or self.net(best) <= self.net(tried):
                break
            tried = best
        return tried

    def _with(self, edges: Edges, added: Edges) -> Tried | None:
        """Both, but for edges whose pools what is added uses otherwise."""
        pools = {self.pool[edge] for edge in added}
        return self.solve(frozenset(edge for edge in edges if self.pool[edge] not in pools) | added)

    def _additions(self, tried: Tried) -> list[Edges]:
        """Edges outside with the best way on from their heads, by what they might earn at the route's prices."""
        market, query = self.market, self.query
        used = np.isin(market.pool, [self.pool[edge] for edge in tried.edges])
        rest = without(market, query, np.flatnonzero(used))
        known = np.array(sorted(tried.prices), np.intp)
        prices = np.array([tried.prices[token] for token in known.tolist()])
        onward = onward_prices(market, rest.pair_price, query.source, known, prices)
        nothing = np.zeros(market.edge_count, np.intp)
        earned = edge_surplus(market, query, onward, nothing, np.zeros(market.token_count, bool))
        ranked: dict[Edges, float] = {}
        for edge, surplus in zip(earned.edge.tolist(), earned.surplus.tolist(), strict=True):
            if edge not in tried.edges and surplus > 0 and (added := self._with_way_on(edge, tried, rest, onward)):
                ranked[added] = max(ranked.get(added, 0.0), surplus - self.cost * (len(added) - 1))
        return sorted(ranked, key=lambda added: (-ranked[added], sorted(added)))[:_ADDITIONS]

    def _with_way_on(self, edge: int, tried: Tried, rest: Query, onward: Floats) -> Edges:
        """The edge and the best sales from its head, down to a token of the route; empty where there is none."""
        market, added = self.market, {edge}
        for _ in range(HOPS):
            token = self.ends[edge][1]
            if token in tried.prices:
                return frozenset(added)
            out = market.tail_order[market.tail_start[token] : market.tail_start[token + 1]]
            values = rest.price[out] * onward[market.head[out]]
            if not len(out) or not values.max() > 0:
                break
            edge = int(out[values.argmax()])
            added.add(edge)
        return frozenset()


def best_paths(market: CompiledMarket, query: Query, share: float) -> list[Edges]:
    """The best single paths for a share of the order by true curves, as a few ways to each token go on."""
    is_exact_in = query.is_exact_in
    start, goal = (query.source, query.target) if is_exact_in else (query.target, query.source)
    near, far = (market.tail, market.head) if is_exact_in else (market.head, market.tail)
    onward: dict[int, list[tuple[int, int]]] = {}
    for edge in np.flatnonzero(query.price > 0).tolist():
        onward.setdefault(int(near[edge]), []).append((edge, int(far[edge])))
    ways: dict[int, list[_Way]] = {start: [(share * query.amount, ())]}
    found: list[_Way] = []
    for _ in range(_HOPS):
        after: dict[int, list[_Way]] = {}
        for token, reached in ways.items():
            for edge, other in onward.get(token, []):
                for amount, path in reached:
                    way = _longer(market, is_exact_in, amount, path, edge)
                    if way is not None:
                        after.setdefault(other, []).append(way)
        for reached in after.values():
            reached.sort(key=lambda way: -way[0] if is_exact_in else way[0])
        found += after.pop(goal, [])[:_PATHS]  # with less swaps too: they cost less
        ways = {token: reached[:_WAYS] for token, reached in after.items()}
    return [frozenset(path) for _, path in found]


def _longer(market: CompiledMarket, is_exact_in: bool, amount: float, path: tuple[int, ...], edge: int) -> _Way | None:
    """The way with one more edge; None where it would use a pool twice, or cannot take the amount."""
    if any(market.edge_pools[before] == market.edge_pools[edge] for before in path):
        return None
    traded = (sell if is_exact_in else buy)(market, edge, amount)
    if traded.missing:
        return None
    return traded.paid if is_exact_in else traded.sold, (*path, edge)
