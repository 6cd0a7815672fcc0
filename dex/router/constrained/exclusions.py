"""Exclusions: a route uses a pool between one pair of its tokens only, and forms no cycle, even where both would pay.

Each gives a few exclusions (edges to leave out) of which every route obeys one: so the best of their optima is the
optimum, and the weakest of their bounds holds for all routes.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np

from dex.router.convex.best_path import Query, without
from dex.router.convex.inverse import inverted
from dex.router.convex.optimum import Optimum, best_free, is_close
from dex.router.convex.reduced import DUST
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Ints
from dex.router.time_limit import UNLIMITED, TimeLimit

EFFORT: Final = 24


def best_split(
    market: CompiledEdges, query: Query, time_limit: TimeLimit = UNLIMITED, effort: int = EFFORT
) -> Optimum | None:
    """The optimum over all edges; None when nothing joins the two tokens.

    After `effort` optima, exclusions are no longer compared. After the time limit the best so far, with the bound that
    holds for it.
    """
    return _ExclusionSearch(market, time_limit, effort).best(query)


class _ExclusionSearch:
    def __init__(self, market: CompiledEdges, time_limit: TimeLimit, effort: int) -> None:
        self.market, self.time_limit, self.effort = market, time_limit, effort

    def best(self, query: Query) -> Optimum | None:
        self.effort -= 1
        optimum = best_free(self.market, query, self.time_limit)
        if optimum is None:
            return None
        is_open = optimum.is_filled and not is_close(query, optimum.value, optimum.bound)
        if is_open and not query.is_exact_in and not optimum.cycle and not self._is_late():
            optimum = inverted(self.market, query, optimum, self.time_limit)
        twice = _used_twice(self.market, optimum) if self.market.has_multi_asset_pools else []
        if twice:
            if self._is_late():
                return self._uncompared(query, optimum, twice[0])
            return self._best_of(query, optimum, self._but_one(twice[0]), None)
        if not optimum.cycle or not optimum.is_filled or self._is_late():
            return optimum
        return self._best_of(query, optimum, self._one_way(query, optimum.cycle), optimum)

    def _is_late(self) -> bool:
        return self.effort <= 0 or self.time_limit.is_over()

    def _uncompared(self, query: Query, optimum: Optimum, twice: list[int]) -> Optimum | None:
        """The route that uses the pool only between the pair with most flow. No other is tried, so the bound stays."""
        whole = np.flatnonzero(self.market.pool == self.market.pool[twice[0]])
        paid = {flow.edge: flow.paid * float(optimum.prices[flow.head]) for flow in optimum.carried.flows}
        kept = max(twice, key=lambda edge: paid[edge])
        child = self.best(without(self.market, query, whole[whole != kept]))
        return child and child._replace(bound=optimum.bound, iterations=optimum.iterations + child.iterations)

    def _but_one(self, twice: list[int]) -> list[Ints]:
        """Exclusions that leave a pool one of the pairs that it was used between, or none of them."""
        whole = np.flatnonzero(self.market.pool == self.market.pool[twice[0]])
        return [*(whole[whole != edge] for edge in twice), np.array(twice)]

    def _one_way(self, query: Query, cycle: tuple[int, ...]) -> list[Ints]:
        """Exclusions that break a cycle: no swaps from one of its tokens to the next."""
        tail, head = self.market.tail, self.market.head
        return [np.flatnonzero((tail == tail[edge]) & (head == head[edge]) & (query.price > 0)) for edge in cycle]

    def _best_of(self, query: Query, parent: Optimum, ways: list[Ints], other: Optimum | None) -> Optimum | None:
        """The best route under any of the exclusions, or the other route; a larger filled share comes first."""
        children: list[Optimum] = []
        are_all_tried = True
        for left_out in ways:
            if (children or other) and self.time_limit.is_over():
                are_all_tried = False
                break
            if child := self.best(without(self.market, query, left_out)):
                children.append(child)
        routes = children if other is None else [*children, other]
        if not routes:
            return None
        sign = 1 if query.is_exact_in else -1
        best = max(routes, key=lambda route: (-route.missing if route.missing > DUST else 0.0, sign * route.value))
        bound = sign * parent.bound
        if are_all_tried:
            bound = min(bound, max((sign * child.bound for child in children), default=sign * best.value))
        in_play = np.unique(np.concatenate([route.in_play for route in routes]))
        iterations = parent.iterations + sum(child.iterations for child in children)
        return best._replace(bound=sign * bound, in_play=in_play, iterations=iterations)


def _used_twice(market: CompiledEdges, optimum: Optimum) -> list[list[int]]:
    """The edges of each pool that is used between several pairs."""
    edges = sorted(flow.edge for flow in optimum.carried.flows)
    by_pool = defaultdict(list)
    for edge in edges:
        by_pool[int(market.pool[edge])].append(edge)
    return [by_pool[pool] for pool in sorted(by_pool) if len(by_pool[pool]) > 1]
