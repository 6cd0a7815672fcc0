"""The best split without cost per swap: a reduced problem that grows until no edge outside it could earn."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from dex.router.convex.best_path import BestPath, Query, find_best_path, within
from dex.router.convex.candidates import Candidates
from dex.router.convex.certificate import EdgeSurplus, earned_by_pool, edge_surplus, most_reached
from dex.router.convex.flows import WASTE, Carried, Flow, Plan, carry_backward, carry_forward, cycle, plan, wasted
from dex.router.convex.parallel import solve_parallel
from dex.router.convex.reduced import DUST, LAST_RESORTS, Reduced, Solved
from dex.router.fast.central_path import TOLERANCE
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, Ints
from dex.router.time_limit import TimeLimit

GAP: Final = 5e-7  # relative distance to the bound that is good enough (0.005 bp)
OUTSIDE: Final = 1e-7  # what edges outside the problem may still earn, as a share of the bound
ROUNDS: Final = 16
FINE: Final = 1e-10  # complementarity of a route that is solved by itself, and where dust decides on a refusal
_CALM: Final = 0.01  # of a path's price: one that falls by less may be the best route, and is checked first
_FORWARD_STEPS: Final = 16
_PRECISE: Final = 1e-13


class Optimum(NamedTuple):
    """A route with its true float amounts, and its bound.

    `prices` are per atom of each token in atoms of the numeraire (the target for exact_in, the source for
    exact_out); `missing` is the share of the order that could not be filled. `in_play` are the edges looked at.
    `cycle` are edges that the route would use one after another in a cycle, if that were allowed.
    """

    carried: Carried
    bound: float
    prices: Floats
    missing: float
    iterations: int
    in_play: Ints
    cycle: tuple[int, ...] = ()

    @property
    def value(self) -> float:
        """What the target gets (exact_in) or the source gives (exact_out)."""
        return self.carried.value

    @property
    def is_filled(self) -> bool:
        """Whether the route takes the whole order."""
        return self.missing <= DUST and bool(self.carried.flows) and math.isfinite(self.value)


def best_free(market: CompiledEdges, query: Query, time_limit: TimeLimit) -> Optimum | None:
    """The optimum if each edge were a pool of its own and cycles allowed; None when nothing joins the two tokens.

    After the time limit the best so far, with a bound as good as that is.
    """
    if market.token_count == 2:
        return _best_parallel(market, query)
    best_path = find_best_path(market, query)
    if best_path is None:
        return None
    search = _Search(market, query, best_path)
    if best_path.fall < _CALM and not best_path.carried.missing:
        bound = search.certify(best_path.prices)[1]
        if is_close(query, best_path.carried.value, bound):
            return Optimum(best_path.carried, bound, best_path.prices, 0.0, 0, np.sort(best_path.path))
    if query.most is None and (query.is_exact_in or not best_path.carried.missing):
        sold = query.amount if query.is_exact_in else best_path.carried.value
        search = _Search(market, within(market, query, sold), best_path)
    search.candidates.begin(best_path)
    return search.run(best_path, time_limit)


def _best_parallel(market: CompiledEdges, query: Query) -> Optimum | None:
    solution = solve_parallel(market, query)
    if solution is None:
        return None
    solved, bound = solution
    carried = carry_solved(market, query, solved)
    return Optimum(carried, bound, solved.prices, solved.missing, solved.iterations, np.flatnonzero(query.price > 0))


def bound_of(market: CompiledEdges, query: Query, prices: Floats, found: EdgeSurplus) -> float:
    """The bound that these prices give."""
    earned = float(earned_by_pool(market, found)[1].sum())
    if query.is_exact_in:
        return float(prices[query.source]) * query.amount + earned
    return float(prices[query.target]) * query.amount - earned


def is_close(query: Query, value: float, bound: float, gap: float = GAP) -> bool:
    """Whether a value is within the relative gap of its bound."""
    return bound <= value * (1 + gap) if query.is_exact_in else value <= bound * (1 + gap)


class _Search:
    """Solves, prices all edges, grows; until nothing outside could earn."""

    def __init__(self, market: CompiledEdges, query: Query, best_path: BestPath) -> None:
        self.market, self.query, self.prices = market, query, best_path.prices
        self.candidates = Candidates(market, query, best_path)
        self.is_settled = np.zeros(market.token_count, bool)  # tokens whose price comes from a flow
        self.is_settled[[flow.tail for flow in best_path.carried.flows]] = True
        self.is_settled[query.target] = True
        self.bound = math.inf if query.is_exact_in else 0.0

    def certify(self, prices: Floats) -> tuple[EdgeSurplus, float]:
        """What all edges would earn at these prices, and the bound that follows; the best of all bounds is kept."""
        found = edge_surplus(self.market, self.query, prices, self.candidates.depth, self.is_settled)
        bound = bound_of(self.market, self.query, prices, found)
        self._bounded_by(bound)
        return found, bound

    def _bounded_by(self, bound: float) -> None:
        if math.isfinite(bound):
            self.bound = min(self.bound, bound) if self.query.is_exact_in else max(self.bound, bound)

    def run(self, best_path: BestPath, time_limit: TimeLimit) -> Optimum:
        """The optimum, or the best that was found when rounds or time run out."""
        market, query, candidates = self.market, self.query, self.candidates
        last_resort, iterations = LAST_RESORTS[0], 0
        for _ in range(ROUNDS):
            reduced = Reduced(market, query, candidates.units, candidates.depth, last_resort)
            solved = reduced.solve(self.prices, TOLERANCE if last_resort > LAST_RESORTS[-1] else FINE)
            iterations += solved.iterations + 1
            self.prices, self.is_settled = solved.prices, solved.is_settled
            found, bound = self.certify(self.prices)
            is_late = time_limit.is_over()
            if (
                found.outside.sum() > OUTSIDE * bound
                and not is_late
                and candidates.grow(found, self.prices, self.is_settled)
            ):
                continue
            if solved.missing > DUST and last_resort > LAST_RESORTS[-1] and not is_late:
                last_resort = LAST_RESORTS[-1]
                continue
            break
        carried, missing = carry_solved(market, query, solved), solved.missing
        is_sold = missing > DUST and query.is_exact_in and not carried.missing
        if is_sold and wasted(carried.flows, query.target) <= WASTE:
            missing = 0.0  # at prices below the last resort it finds its market after all
        if carried.flows and not is_close(query, carried.value, self.bound):
            carried = self._polished(carried, last_resort)
        if not best_path.carried.missing and _is_better(query, best_path.carried, carried):
            carried, missing = best_path.carried, 0.0
        gained: list[Flow] = []
        if not is_close(query, carried.value, self.bound):
            self._bound_otherwise(best_path)
            gained = cycle(solved.flows, query.source, query.target)
        in_play, edges = np.flatnonzero(candidates.depth), tuple(flow.edge for flow in gained)
        return Optimum(carried, self.bound, self.prices, missing, iterations, in_play, edges)

    def _bound_otherwise(self, best_path: BestPath) -> None:
        """Bounds that do not need the prices to be good."""
        self.certify(best_path.prices)
        if self.query.is_exact_in:
            self._bounded_by(most_reached(self.market, self.query))

    def _polished(self, carried: Carried, last_resort: float) -> Carried:
        """The route solved again by itself: where every atom counts, what was cut as dust leaves it off balance."""
        market, query = self.market, self.query
        depth = np.zeros_like(self.candidates.depth)
        edges = [flow.edge for flow in carried.flows]
        depth[edges] = self.candidates.depth[edges]
        solved = Reduced(market, query, self.candidates.units, depth, last_resort).solve(self.prices, FINE)
        if solved.missing > DUST:  # what it carries is not the whole order
            return carried
        again = carry_solved(market, query, solved)
        return again if _is_better(query, again, carried) else carried


def _is_better(query: Query, one: Carried, other: Carried) -> bool:
    return one.value > other.value if query.is_exact_in else one.value < other.value


def carry_solved(market: CompiledEdges, query: Query, solved: Solved) -> Carried:
    """The solution's flows with their true amounts; what they can take of an amount that is too large."""
    ways = plan(solved.flows, query.source, query.target)
    if ways and solved.missing > DUST:
        if query.is_exact_in:
            return carry_forward(market, ways, query.source, query.target, query.amount)
        return carry_backward(market, ways, query.source, query.target, query.amount)
    return carry(market, query, ways, float(solved.prices[query.target]))


def carry(market: CompiledEdges, query: Query, ways: Plan, price: float) -> Carried:
    """The plan with its true amounts; `price` is the marginal price of the target."""
    if not ways:
        return Carried(0.0 if query.is_exact_in else math.inf, [], [], query.amount)
    if query.is_exact_in:
        return carry_forward(market, ways, query.source, query.target, query.amount)
    carried = carry_backward(market, ways, query.source, query.target, query.amount)
    return _carry_until(market, ways, query, price) if carried.missing else carried


def _carry_until(market: CompiledEdges, ways: Plan, query: Query, price: float) -> Carried:
    """Sell as much of the source as brings the amount of the target, whose marginal price is `price`.

    For plans that use up a pool: the last digit of its output would decide whether a backward pass succeeds.
    """
    amount, raised, before = sum(flow.sold for flow in ways[0]), 0.0, 0.0
    for _ in range(_FORWARD_STEPS):
        carried = carry_forward(market, ways, query.source, query.target, amount)
        short = query.amount - carried.value
        if abs(short) <= _PRECISE * query.amount or carried.missing > DUST * amount:
            break
        if before > short > 0:  # some of what was added last was bought in vain: it will be again
            price = max(price, raised / (before - short))
        raised, before = short * price, short
        amount += raised
    missing = max(carried.missing, short if short > DUST * query.amount else 0.0)
    return Carried(math.inf if missing else amount, carried.flows, carried.slopes, missing)
