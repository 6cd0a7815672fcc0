"""The best route net of costs: proofs that need no solve, then the relaxation, rounding, moves and branching.

Every step leaves a valid route and a valid bound, so any of them may be the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from dex.router.convex.best_path import Query, find_best_path
from dex.router.convex.flows import Carried, cycle
from dex.router.convex.optimum import best_free
from dex.router.convex.reduced import DUST, trimmed
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.segments import Floats, Ints
from dex.router.net.bounds import NetBound
from dex.router.net.costs import EdgeCosts
from dex.router.net.counting import SWAPS, counted_bounds
from dex.router.net.exchanges import exchanges
from dex.router.net.moves import additions, drops, prices_around
from dex.router.net.one_swap import best_swap
from dex.router.net.paths import along, best_by_hops, is_simple
from dex.router.net.problem import NetRoute, Problem, Start, edges_of, tolerance_of
from dex.router.net.relaxation import Node, Relaxation, solve_nodes, solve_root
from dex.router.net.rounding import carried, solve_sets
from dex.router.net.thinning import thinned
from dex.router.time_limit import UNLIMITED, TimeLimit

_MOVED_FROM: Final = 1e-5  # of the gross value: the distance from which moves are tried (0.1 bp)
_BRANCHED_FROM: Final = 2e-5
_STEEP: Final = 1_000.0  # costs of a swap that a path's price impact is worth, beyond which its prices prove nothing
_SMALL: Final = 1e-6  # of the gross value: a cost below which the optimum without costs is looked at first
_OPEN: Final = 1e-4  # of the gross value: a bound that is worth more tries
_BETWEEN: Final = (0.25, 0.5, 0.75)
_RUNS: Final = 3  # of moves
_NODES: Final = 6
STEPS: Final = ("count", "prices", "free", "relaxation", "moves", "branching")
_QUICK: Final = "count"  # the step after which the next one is taken however late it is
_ROUNDED: Final = "relaxation"  # the step after which a route says whether it is too large


class NetOptimum(NamedTuple):
    """The best route found and the bound on any route's net value, both as the objective without fixed costs.

    `step` is the last one: "count" and "prices" are proofs without a solve. `is_cyclic`: swaps in a circle gain, and
    neither route nor bound are good. `in_play` are the edges looked at.
    """

    route: NetRoute
    bound: float
    step: str
    is_cyclic: bool
    in_play: Ints


def best_net(
    market: CompiledMarket,
    query: Query,
    costs: EdgeCosts,
    time_limit: TimeLimit = UNLIMITED,
    is_too_large: Callable[[Carried], bool] = lambda carried: False,
) -> NetOptimum | None:
    """The best route for an order; None where nothing is found to carry it.

    After the time limit the best so far; a first one where that `is_too_large`.
    """
    small = best_swap(market, query, costs)
    if small is not None:
        return NetOptimum(small.route, small.bound, STEPS[0], False, small.route.edges)
    path = best_by_hops(market, query, costs)
    if path is not None:
        start = Start(path, path.carried, prices_along(query, path.prices, path.carried))
        return _Search(Problem(market, query, costs, start), time_limit).run(is_too_large)
    path = find_best_path(market, query)
    free = None if path is None else best_free(market, query, time_limit)
    if path is None or free is None or not free.is_filled or free.cycle:
        return None
    start = Start(path, free.carried, prices_along(query, free.prices, free.carried))
    search = _Search(Problem(market, query, costs, start), time_limit)
    if search.reuses(edges_of(free.carried)):
        return None
    search.bounded_by((1 if query.is_exact_in else -1) * free.bound - costs.least)
    return search.run(is_too_large, is_from_optimum=True)


def prices_along(query: Query, prices: Floats, carried: Carried) -> dict[int, float]:
    """The prices of a route's tokens."""
    return {token: prices.item(token) for token in (query.target, *(flow.tail for flow in carried.flows))}


class _Search:
    def __init__(self, problem: Problem, time_limit: TimeLimit) -> None:
        self.problem, self.time_limit = problem, time_limit
        self.route = problem.start
        self.best_once = -math.inf
        self.take(problem.start)
        self.roots: list[Relaxation] = []
        self.bound = math.inf
        self.is_cyclic = False
        self.by_swaps = np.full(SWAPS, np.inf)
        self.tolerance = tolerance_of(problem.gross, problem.costs)
        self.tried: set[frozenset[int]] = set()
        self.settled: NetRoute | None = None  # the route that no move makes better

    def run(self, is_too_large: Callable[[Carried], bool], is_from_optimum: bool = False) -> NetOptimum:
        """All steps, until the gap is closed or the time is over. From an optimum, those that a path has first."""
        takes = (self.count, self.prices, self.free, self.relaxation, self.moves, self.branching)
        first = STEPS.index(_ROUNDED) if is_from_optimum else 0
        step = ""
        for step, take in list(zip(STEPS, takes, strict=True))[first:]:
            take()
            if self.is_closed or (self.is_late and step != _QUICK):
                break
            if step == _ROUNDED and is_too_large(self.route.carried):
                break
        if self.route is not self.settled:
            self.route = thinned(self.problem, self.route)
        in_play = np.flatnonzero(self.roots[0].is_in) if self.roots else self.route.edges
        return NetOptimum(self.route, max(self.bound, self.route.net), step, self.is_cyclic, in_play)

    @property
    def is_late(self) -> bool:
        return self.time_limit.is_over()

    @property
    def is_closed(self) -> bool:
        """Whether nothing better can be left that is worth looking for."""
        return self.bound <= self.route.net + self.tolerance

    def is_within(self, gap: float) -> bool:
        return self.bound <= self.route.net + gap * self.problem.gross

    @property
    def is_tight(self) -> bool:
        """Whether no branch can lower the bound: a route that is valued like it, each pool swapped once, is as good."""
        return self.bound <= self.best_once + _BRANCHED_FROM * self.problem.gross

    def bounded_by(self, bound: float) -> None:
        if bound < self.bound:
            self.bound = bound

    def price(self, prices: Floats) -> NetBound:
        """Take in the bounds that these prices give: on all routes, and on those of any number of swaps."""
        bound = self.problem.bound(prices)
        self.bounded_at(bound)
        return bound

    def bounded_at(self, bound: NetBound) -> None:
        self.bounded_by(bound.value)
        self.by_swaps = np.fmin(self.by_swaps, bound.by_swaps(len(self.by_swaps)))
        self.bounded_by(float(self.by_swaps.max()))

    def take(self, route: NetRoute) -> bool:
        """Keep a route that is better; whether it is."""
        if not route.carried.missing:
            once = route.net + self.problem.costs.of_repeats(route.carried.flows)
            self.best_once = max(self.best_once, once)
        if not route.net > self.route.net or route.carried.missing:
            return False
        self.route = route
        return True

    def count(self) -> None:
        """Prove a single path best by how many swaps routes make."""
        problem = self.problem
        counted = counted_bounds(problem, self.route.net)
        self.by_swaps = counted.bounds
        self.bounded_by(float(self.by_swaps.max()))
        path = counted.path
        if path and path != problem.path.path and is_simple(problem.market, path):
            other = along(problem.plain, problem.query, path, problem.path.units)
            if other is not None:
                self.take(problem.route(other.carried, prices_along(problem.query, other.prices, other.carried)))

    def prices(self) -> None:
        """Prove the path best by its own prices."""
        problem = self.problem
        if problem.path.fall * problem.gross <= _STEEP * problem.costs.least:
            self.price(problem.path.prices)

    def free(self) -> None:
        """Where costs hardly matter: the optimum without them."""
        problem = self.problem
        if problem.costs.ticks or problem.costs.most > _SMALL * problem.gross:
            return
        query = problem.query
        free = best_free(problem.plain, query._replace(most=None), self.time_limit)
        if free is None or not free.is_filled or free.cycle:
            return
        self.bounded_by((1 if query.is_exact_in else -1) * free.bound - problem.costs.least)
        if not self.reuses(edges_of(free.carried)):
            self.take(problem.route(free.carried, prices_along(query, free.prices, free.carried)))

    def relaxation(self) -> None:
        """Solve the relaxation, and round it."""
        problem = self.problem
        root = solve_root(problem, problem.path.prices, self.time_limit)
        self.bounded_by(root.bound)
        self.bounded_at(root.at_prices)
        self.roots = [root]
        self.compare(root.relaxed.rounded(problem.market))

    def moves(self) -> None:
        """Drop, add and exchange edges as long as the route gets better."""
        for run in range(_RUNS):
            if self.is_within(_MOVED_FROM) or self.is_late:
                return
            problem, route, root = self.problem, self.route, self.roots[0]
            prices = prices_around(problem, route, root)
            bound = self.price(prices)
            if not run:
                self.bound_between(root.prices, prices)
            if self.time_limit.is_over():
                return
            near = [*drops(problem, route), *additions(problem, route, root, prices, bound)]
            if not self.compare([*near, *exchanges(problem, route, prices)]):
                self.settled = route
                return

    def bound_between(self, one: Floats, other: Floats) -> None:
        """Bounds at prices between those of the relaxation and of a route, where neither gives a good one."""
        if self.is_within(_OPEN):
            return
        is_priced = (one > 0) & (other > 0)
        for share in _BETWEEN:
            prices = one.copy()
            prices[is_priced] *= (other[is_priced] / one[is_priced]) ** share
            self.price(prices)

    def branching(self) -> None:
        """Solve the relaxation again with an edge paid for and with it left out, where the bound is highest."""
        leaves, sets, solved = [self.roots[0]], list[Ints](), 0
        while leaves and solved < _NODES and not self.is_late and not self.is_tight:
            leaves.sort(key=lambda leaf: leaf.bound)
            parent = leaves.pop()
            nodes = self.children(parent)
            if not nodes:
                break  # nothing is open there, so its bound stays
            children = solve_nodes(self.problem, nodes, parent)
            solved += len(children)
            sets += [edges for child in children for edges in child.relaxed.rounded(self.problem.market)]
            leaves += [child for child in children if child.bound > self.route.net]
            self.bounded_by(max((leaf.bound for leaf in leaves), default=self.route.net))
        if self.compare(sets):
            self.moves()

    def children(self, parent: Relaxation) -> list[Node]:
        """The most doubtful edge left out; and paid for, with all other edges of its pool left out."""
        node, relaxed, pool = parent.node, parent.relaxed, self.problem.market.pool
        doubtful = [edge for edge in relaxed.doubtful().tolist() if edge not in node.paid]
        if self.problem.market.has_multi_asset_pools:
            doubtful = [*relaxed.used_again(pool).tolist(), *doubtful]
        if not doubtful:
            return []
        edge = doubtful[0]
        siblings = set(np.flatnonzero(pool == pool[edge]).tolist()) - {edge}
        return [Node(node.left_out | {edge}, node.paid), Node(node.left_out | siblings, node.paid | {edge})]

    def compare(self, sets: Sequence[Ints]) -> bool:
        """Solve the sets of edges that were not yet; whether one gives a better route."""
        problem, fresh = self.problem, []
        for edges in sets:
            kept = trimmed(problem.market, problem.query, edges)
            key = frozenset(kept.tolist())
            if key and key not in self.tried and not self.reuses(kept):
                self.tried.add(key)
                fresh.append(kept)
        if not fresh:
            return False
        prices = self.roots[0].prices
        blocks = solve_sets(problem.market, problem.query, problem.units, problem.costs, fresh, prices)
        blocks = [block for block in blocks if block.missing <= DUST and block.flows]
        blocks.sort(key=lambda block: -block.net)
        is_better = False
        for block in blocks if problem.costs.repeats else blocks[:1]:  # the best first, unless it goes leg by leg
            if block.net > self.route.net:
                self.is_cyclic |= bool(cycle(block.flows, problem.query.source, problem.query.target))
                is_better |= self.take(problem.route(carried(problem.plain, problem.query, block), block.prices))
        return is_better

    def reuses(self, edges: Ints) -> bool:
        """Whether some pool is used between two pairs."""
        pools = self.problem.market.pool[edges]
        return len(set(pools.tolist())) < len(pools)
