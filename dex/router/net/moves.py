"""Sets of edges near a route's own that may be better: without what does not pay, or with what would gain."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dex.router.convex.best_path import HOPS
from dex.router.convex.potentials import onward_prices
from dex.router.convex.reduced import trimmed
from dex.router.graph.segments import Floats, Ints
from dex.router.net.bounds import NetBound
from dex.router.net.problem import NetRoute, Problem
from dex.router.net.relaxation import Relaxation

Bools = NDArray[np.bool_]

_DROPS: Final = 6
_ADDITIONS: Final = 4
_TOGETHER: Final = 3


def drops(problem: Problem, route: NetRoute) -> list[Ints]:
    """The route's edges but one, and what falls away with it, where that may earn less than it costs.

    What edges earn at the route's prices is the least that their loss can cost.
    """
    edges, prices = route.edges, route.prices
    earned = {flow.edge: prices[flow.head] * flow.paid - prices[flow.tail] * flow.sold for flow in route.carried.flows}
    repeats = problem.costs.of_repeats(route.carried.flows)  # all of which may fall away
    found = []
    for edge in edges.tolist():
        kept = trimmed(problem.market, problem.query, edges[edges != edge])
        gone = set(edges.tolist()) - set(kept.tolist())
        saved = problem.costs.of(gone) + repeats
        lost = sum(earned[one] for one in gone)
        if len(kept) and lost < saved:
            found.append((lost - saved, edge, kept))
    return [kept for *_, kept in sorted(found, key=lambda move: move[:2])[:_DROPS]]


def prices_around(problem: Problem, route: NetRoute, relaxation: Relaxation) -> Floats:
    """The route's prices, and those of all other tokens by their best sale towards them."""
    tokens = np.array(sorted(route.prices), np.intp)
    known = np.array([route.prices[token] for token in tokens.tolist()])
    return onward_prices(problem.market, relaxation.drawn.pair_rates, problem.query.source, tokens, known)


def additions(
    problem: Problem,
    route: NetRoute,
    relaxation: Relaxation,
    prices: Floats,
    bound: NetBound,
    tries: int = _ADDITIONS,
) -> list[Ints]:
    """The route's edges and one that gains at the route's prices, with the best way on from it."""
    market = problem.market
    used = route.edges
    gains = bound.gains.copy()
    gains[np.isin(market.pool, market.pool[used])] = -np.inf  # a route uses a pool once
    is_on = np.zeros(market.token_count, bool)
    is_on[list(route.prices)] = True
    best = np.flatnonzero((gains > 0) & is_on[market.tail])
    best = best[np.argsort(-gains[best], kind="stable")[:tries]]
    sets = []
    for edge in best.tolist():
        way = _way_on(problem, relaxation.drawn.rates, int(market.head[edge]), prices, is_on)
        if way is not None:
            sets.append(np.union1d(used, [edge, *way]))
    if len(sets) > 1:
        sets.append(np.unique(np.concatenate(sets[:_TOGETHER])))
    return sets


def _way_on(problem: Problem, rates: Floats, token: int, prices: Floats, is_on: Bools) -> list[int] | None:
    """The best sale of a token, and of what that buys, down to a token of the route."""
    market = problem.market
    way: list[int] = []
    for _ in range(HOPS):
        if is_on[token]:
            return way
        out = market.tail_order[market.tail_start[token] : market.tail_start[token + 1]]
        brought = rates[out] * prices[market.head[out]]
        if not brought.max(initial=0.0) > 0:
            break
        way.append(int(out[brought.argmax()]))
        token = int(market.head[way[-1]])
    return None
