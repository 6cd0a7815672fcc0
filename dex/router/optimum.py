"""The best split without cost per swap: a reduced problem that grows until no edge outside it could earn."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router.candidates import Candidates
from dex.router.certificate import Stakes, earned_by_pool, stakes
from dex.router.compiled import CompiledMarket
from dex.router.flows import Carried, Plan, carry_backward, carry_forward, plan
from dex.router.guess import Guess, Query, best_path
from dex.router.parallel import solve_parallel
from dex.router.pieces import Floats
from dex.router.reduced import DUST, LAST_RESORTS, Reduced, Solved

GAP: Final = 5e-7  # relative distance to the bound that is good enough (0.005 bp)
OUTSIDE: Final = 1e-7  # what edges outside the problem may still earn, as a share of the bound
ROUNDS: Final = 16
FINE: Final = 1e-10  # complementarity of a route that is solved by itself
_CALM: Final = 0.01  # a path whose own price falls by less may well be the best route: worth a proof
_FORWARD_STEPS: Final = 8


class Optimum(NamedTuple):
    """A route with its true float amounts, and what no route can beat.

    `prices` are per atom of each token in atoms of the numeraire (the target for exact_in, the source for
    exact_out); `missing` is the share of the order that could not be filled.
    """

    carried: Carried
    bound: float
    prices: Floats
    missing: float
    iterations: int

    @property
    def value(self) -> float:
        """What the target gets (exact_in) or the source gives (exact_out)."""
        return self.carried.value


def best_split(market: CompiledMarket, query: Query) -> Optimum | None:
    """The optimum over all edges; None when nothing joins the two tokens."""
    if len(market.tokens) == 2:
        return _best_parallel(market, query)
    guess = best_path(market, query)
    if guess is None:
        return None
    search = _Search(market, query, guess)
    if guess.fall < _CALM and not guess.carried.missing:
        _found, bound = search.certify(guess.prices)
        if is_close(query, guess.carried.value, bound):
            return Optimum(guess.carried, bound, guess.prices, 0.0, 0)
    search.candidates.begin(guess)
    return search.run()


def _best_parallel(market: CompiledMarket, query: Query) -> Optimum | None:
    solution = solve_parallel(market, query)
    if solution is None:
        return None
    solved, bound = solution
    carried = _carry(market, query, solved)
    return Optimum(carried, bound, solved.prices, solved.missing, solved.iterations)


def bound_of(market: CompiledMarket, query: Query, prices: Floats, found: Stakes) -> float:
    """What no route can beat at these prices."""
    earned = float(earned_by_pool(market, found)[1].sum())
    if query.is_exact_in:
        return float(prices[query.source]) * query.amount + earned
    return float(prices[query.target]) * query.amount - earned


def is_close(query: Query, value: float, bound: float, gap: float = GAP) -> bool:
    """Whether a value is within the relative gap of its bound."""
    return bound <= value * (1 + gap) if query.is_exact_in else value <= bound * (1 + gap)


class _Search:
    """Solves, prices all edges, grows; until nothing outside could earn."""

    def __init__(self, market: CompiledMarket, query: Query, guess: Guess) -> None:
        self.market, self.query, self.prices = market, query, guess.prices
        self.candidates = Candidates(market, query, guess)
        self.is_settled = np.zeros(len(market.tokens), bool)  # tokens whose price comes from a flow
        self.is_settled[[flow.tail for flow in guess.carried.flows]] = True
        self.is_settled[query.target] = True

    def certify(self, prices: Floats) -> tuple[Stakes, float]:
        """What all edges would earn at these prices, and the bound that follows."""
        found = stakes(self.market, self.query.price, prices, self.candidates.depth, self.is_settled)
        return found, bound_of(self.market, self.query, prices, found)

    def run(self) -> Optimum:
        """The optimum, or the best that was found when rounds run out."""
        market, query, candidates = self.market, self.query, self.candidates
        last_resort, iterations = LAST_RESORTS[0], 0
        for _ in range(ROUNDS):
            reduced = Reduced(market, query, candidates.units, candidates.depth, last_resort)
            solved = reduced.solve(self.prices)
            iterations += solved.iterations
            self.prices, self.is_settled = solved.prices, solved.is_settled
            found, bound = self.certify(self.prices)
            if found.outside.sum() > OUTSIDE * bound:
                candidates.grow(found, self.prices, self.is_settled)
            elif solved.missing > DUST and last_resort > LAST_RESORTS[-1]:
                last_resort = LAST_RESORTS[-1]
            else:
                break
        carried = _carry(market, query, solved)
        if not is_close(query, carried.value, bound):
            carried = self._polished(carried, last_resort)
        return Optimum(carried, bound, self.prices, solved.missing, iterations)

    def _polished(self, carried: Carried, last_resort: float) -> Carried:
        """The route solved again by itself: where every atom counts, what was cut as dust leaves it off balance."""
        market, query = self.market, self.query
        depth = np.zeros_like(self.candidates.depth)
        edges = [flow.edge for flow in carried.flows]
        depth[edges] = self.candidates.depth[edges]
        solved = Reduced(market, query, self.candidates.units, depth, last_resort).solve(self.prices, FINE)
        again = _carry(market, query, solved)
        is_better = again.value > carried.value if query.is_exact_in else again.value < carried.value
        return again if is_better else carried


def _carry(market: CompiledMarket, query: Query, solved: Solved) -> Carried:
    """The solution's flows with their true amounts."""
    ways = plan(solved.flows, query.source, query.target)
    if query.is_exact_in or solved.missing > DUST:
        return carry_forward(market, ways, query.source, query.target, query.amount)
    carried = carry_backward(market, ways, query.source, query.target, query.amount)
    return _carry_until(market, ways, query, 1 / float(solved.prices[query.target])) if carried.missing else carried


def _carry_until(market: CompiledMarket, ways: Plan, query: Query, slope: float) -> Carried:
    """Sell as much of the source as brings the amount of the target; `slope` is what more of it pays.

    For plans that use up a pool: the last digit of its output would decide whether a backward pass succeeds.
    """
    amount = sum(flow.sold for flow in ways[0])
    for _ in range(_FORWARD_STEPS):
        carried = carry_forward(market, ways, query.source, query.target, amount)
        short = query.amount - carried.value
        if abs(short) <= 1e-13 * query.amount or carried.missing > DUST * amount:
            break
        amount += short / slope
    return Carried(amount, carried.flows, carried.slopes, carried.missing)
