"""The best route net of costs within limits on its size, where the best one without limits is too large.

A limit on swaps acts as a toll that every swap pays beside its cost: the relaxation is solved at higher and higher
tolls, until what it uses fits. Sets of edges that are too large lose those that earn least, one after another.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from dex.router.constrained.limits import Limits
from dex.router.constrained.paths import paths_by_edge, paths_by_hops
from dex.router.convex.best_path import HOPS, Query
from dex.router.convex.candidates import Candidates
from dex.router.convex.flows import cycle
from dex.router.convex.reduced import DUST, trimmed
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Ints
from dex.router.net.bounds import NetBound
from dex.router.net.costs import EdgeCosts
from dex.router.net.counting import SWAPS, counted_bounds
from dex.router.net.moves import additions, drops, prices_around
from dex.router.net.paths import best_by_hops
from dex.router.net.problem import Problem, Start
from dex.router.net.relaxation import ROUNDS, Bools, Relaxation, solve_root
from dex.router.net.rounding import Rounded, carried, solve_sets
from dex.router.net.search import NetOptimum, prices_along
from dex.router.net.thinning import thinned
from dex.router.time_limit import TimeLimit

_CLOSE: Final = 5e-7  # of the gross value: a distance to the bound that is good enough (0.005 bp)
_MOST_HOPS: Final = 8  # of a single path
_PATHS: Final = 24  # over the best edges
_TOLLS: Final = 6
_DEARER: Final = 3.0  # each than the one before, at least
_LATER_ROUNDS: Final = 2  # of the relaxation, from the second toll on
_ROUNDS: Final = 12  # of thinning
_KEPT: Final = 3  # sets that are thinned in a round, and thinner ones of each
_TOO_MANY: Final = 3  # swaps or paths, from which edges are dropped without a look at what each drop does
_RUNS: Final = 4  # of moves
_ADDITIONS: Final = 24  # that are looked at; and of those and unions with paths, how many are solved
_FITTING: Final = 16
_LARGER: Final = 4


def best_limited(
    market: CompiledEdges, query: Query, costs: EdgeCosts, limits: Limits, whole: NetOptimum, time_limit: TimeLimit
) -> NetOptimum | None:
    """The best route within the limits, from the best one without; None where nothing is found."""
    hops = min(most for most in (limits.max_hops, limits.max_swaps, HOPS) if most is not None)
    path = best_by_hops(market, query, costs, hops)
    if path is None:
        return None
    start = Start(path, path.carried, prices_along(query, path.prices, path.carried))
    return _Search(Problem(market, query, costs, start), limits, whole, time_limit).run()


class _Search:
    def __init__(self, problem: Problem, limits: Limits, whole: NetOptimum, time_limit: TimeLimit) -> None:
        self.problem, self.limits, self.whole, self.time_limit = problem, limits, whole, time_limit
        self.most = min(limits.max_swaps or SWAPS, SWAPS)
        self.route, self.bound = problem.start, whole.bound
        self.is_cyclic = False
        self.single: list[Ints] = []
        self.tried: set[frozenset[int]] = set()

    def run(self) -> NetOptimum:
        """Prove the best path, or look for better."""
        if self.limits.max_swaps is not None:
            counted = counted_bounds(self.problem, self.route.net)
            self.bound = min(self.bound, float(counted.bounds[: self.most].max()))
            self.explore([np.array(sorted(counted.path), np.intp)])
        in_play = self.whole.in_play
        if not self.is_done:
            root = self.relaxed()
            in_play = np.flatnonzero(root.is_in)
            for _ in range(_RUNS):
                if self.is_done or not self.moved(root):
                    break
        self.route = thinned(self.problem, self.route)
        return NetOptimum(self.route, max(self.bound, self.route.net), "tolls", self.is_cyclic, in_play)

    @property
    def is_done(self) -> bool:
        """Whether the time is, or nothing better can be left that is worth looking for."""
        return self.time_limit.is_over() or self.bound <= self.route.net + _CLOSE * self.problem.gross

    def relaxed(self) -> Relaxation:
        """Solve the relaxation at tolls that rise until it fits, and round it; the first one."""
        toll, problem, prices = 0.0, self.problem, self.problem.path.prices
        first: Relaxation | None = None
        for number in range(_TOLLS):
            tolled = copy.copy(problem)
            tolled.costs = problem.costs.with_toll(toll)
            root = solve_root(tolled, prices, self.time_limit, _LATER_ROUNDS if number else ROUNDS)
            first, prices = first or root, root.prices
            self.bounded_at(root.at_prices, toll)
            sets = root.relaxed.rounded(problem.market)
            if not number:
                self.single = self.paths(root.is_in)
                sets = [self.whole.route.edges, *self.single, *sets]
            self.explore(sets)
            is_fitting = np.minimum(root.relaxed.shares, 1.0).sum() <= self.most
            if self.is_done or self.limits.max_swaps is None or is_fitting:
                break
            gains = np.sort(root.at_prices.gains)[::-1][self.most : self.most + 1]
            toll = max(_DEARER * toll, toll + float(gains.max(initial=0.0)), problem.costs.least)
        return first or root

    def paths(self, is_in: Bools) -> list[Ints]:
        """The best single paths of each number of hops over these edges, and over some of the best edges of all."""
        problem = self.problem
        market, query = problem.market, problem.query
        origin = np.flatnonzero(is_in)
        part, price = market.only(origin), query.price[origin]
        inner = query._replace(price=price, pair_price=part.pair_prices(price))
        amount = query.amount if query.is_exact_in else abs(problem.start.net)
        by_hops = paths_by_hops(part, inner, amount, self.limits.max_hops or _MOST_HOPS)
        notional = Candidates(market, query, problem.path).notional(1.0)
        by_edge = paths_by_edge(market, query, notional, _PATHS)
        return [*(origin[sorted(path)] for path in by_hops), *(np.array(sorted(path), np.intp) for path in by_edge)]

    def bounded_at(self, bound: NetBound, toll: float) -> None:
        """Take in the bound that prices give for routes that are not too large."""
        if self.limits.max_swaps is None:
            self.bound = min(self.bound, bound.value)
        elif self.limits.max_swaps <= SWAPS:
            by_swaps = bound.by_swaps(SWAPS + 1)[: self.most] + toll * np.arange(1, self.most + 1)
            self.bound = min(self.bound, float(by_swaps.max()), bound.value + toll * self.most)
        else:
            self.bound = min(self.bound, bound.value + toll * self.limits.max_swaps)

    def moved(self, root: Relaxation) -> bool:
        """Drop and add edges; whether that made the route better."""
        problem, before = self.problem, self.route
        prices = prices_around(problem, self.route, root)
        bound = problem.bound(prices)
        self.bounded_at(bound, 0.0)
        sets = additions(problem, self.route, root, prices, bound, _ADDITIONS)
        sets += [np.union1d(self.route.edges, path) for path in self.single]
        large = [self.excess(edges.tolist()) for edges in sets]
        fitting = [edges for edges, excess in zip(sets, large, strict=True) if not excess]
        others = [edges for edges, excess in zip(sets, large, strict=True) if excess]
        self.explore([*drops(problem, self.route), *fitting[:_FITTING], *others[:_LARGER]])
        return self.route is not before

    def explore(self, sets: Sequence[Ints]) -> None:
        """Solve the sets of edges that were not yet, and thin those that are too large until they fit."""
        for _ in range(_ROUNDS):
            large = []
            for solved in self.solved(sets):
                if self.excess(flow.edge for flow in solved.flows):
                    large.append(solved)
                else:
                    self.take(solved)
            large = [solved for solved in sorted(large, key=lambda one: -one.net) if solved.net > self.route.net]
            if not large or self.is_done:
                break
            sets = [edges for solved in large[:_KEPT] for edges in self.thinned(solved)]

    def solved(self, sets: Sequence[Ints]) -> list[Rounded]:
        """The routes over the sets that were not solved yet and use no pool twice."""
        problem, fresh = self.problem, []
        for edges in sets:
            kept = trimmed(problem.market, problem.query, edges)
            pools = problem.market.pool[kept]
            key = frozenset(kept.tolist())
            if key and key not in self.tried and len(set(pools.tolist())) == len(pools):
                self.tried.add(key)
                fresh.append(kept)
        if not fresh:
            return []
        answers = solve_sets(problem.market, problem.query, problem.units, problem.costs, fresh, problem.path.prices)
        return [answer for answer in answers if answer.missing <= DUST and answer.flows]

    def take(self, solved: Rounded) -> None:
        """Keep a route that is better."""
        problem, query = self.problem, self.problem.query
        if not solved.net > self.route.net:
            return
        self.is_cyclic |= bool(cycle(solved.flows, query.source, query.target))
        route = problem.route(carried(problem.plain, query, solved), solved.prices)
        if route.net > self.route.net and not route.carried.missing and not self.excess(route.edges.tolist()):
            self.route = route

    def thinned(self, solved: Rounded) -> list[Ints]:
        """Sets of its edges that are less too large: without one that earns little, and what hangs on that."""
        prices = solved.prices
        earned = {flow.edge: prices[flow.head] * flow.paid - prices[flow.tail] * flow.sold for flow in solved.flows}
        edges = np.array(sorted(earned), np.intp)
        ranked = self.without_one(edges, earned)
        while ranked and self.excess(ranked[0].tolist()) >= _TOO_MANY:
            ranked = self.without_one(ranked[0], earned)
        return ranked[:_KEPT]

    def without_one(self, edges: Ints, earned: dict[int, float]) -> list[Ints]:
        """The edges without each one of them; first where least is lost for what it brings nearer to the limits."""
        problem, excess = self.problem, self.excess(edges.tolist())
        ranked = []
        for edge in edges.tolist():
            kept = trimmed(problem.market, problem.query, edges[edges != edge])
            nearer = excess - self.excess(kept.tolist())
            if len(kept) and nearer > 0:
                gone = set(edges.tolist()) - set(kept.tolist())
                lost = max(earned[one] for one in gone) - problem.costs.of(gone)
                ranked.append((lost / nearer, edge, kept))
        return [kept for *_, kept in sorted(ranked, key=lambda one: one[:2])]

    def excess(self, edges: Iterable[int]) -> int:
        """By how much a set of edges is too large."""
        market = self.problem.market
        return self.limits.excess((market.tail.item(edge), market.head.item(edge)) for edge in edges)
