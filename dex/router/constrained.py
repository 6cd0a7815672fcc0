"""The best route when swaps cost something or a route may only be so large: several starts, one best, a proof."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from dex.router.branch import CLOSED, Proof, Whole, prove
from dex.router.candidates import Candidates
from dex.router.edges import CompiledEdges
from dex.router.flows import Carried
from dex.router.guess import HOPS, Guess, Query, best_path
from dex.router.limits import Limits
from dex.router.optimum import Optimum
from dex.router.paths import paths_by_edge, paths_by_hops
from dex.router.pieces import Ints
from dex.router.prune import exchange, improve
from dex.router.routes import Found, Routes

NODES: Final = 30  # of the proof, at most
_FEW_NODES: Final = 6  # where any route will do that keeps to the limits
_SHARES: Final = (0.03, 0.3, 1.0)  # of the order, at which edges are looked for: few swaps carry more each
_LARGE_EDGES: Final = 60
_PATHS: Final = 24
_BEST_PATHS: Final = 1


class Constrained(NamedTuple):
    """A route, what no route can beat of its net worth (input plus cost for exact_out), and its prices by token."""

    carried: Carried
    bound: float
    prices: dict[int, float]
    is_proven: bool


def best_constrained(
    market: CompiledEdges, query: Query, limits: Limits, optimum: Optimum, deadline: float, is_proof_wanted: bool = True
) -> Constrained | None:
    """Start from the optimum without cost and from single paths; None when no route keeps to the limits.

    The first route that does will do where no proof is wanted.
    """
    guess = best_path(market, query)
    if guess is None:
        return None
    origin = _in_play(market, query, guess, optimum)
    part = market.only(origin)
    price = query.price[origin]
    inner = query._replace(price=price, pair_price=part.pair_prices(price))
    routes = Routes(part, inner, guess.units, limits, deadline)
    number = {edge: place for place, edge in enumerate(origin.tolist())}
    root = _renumbered(optimum, number)
    best: Found | None = None
    for found in _starts(routes, root, guess):
        found = improve(routes, found)
        best = found if best is None or found.beats(best) else best
    if best is None:
        return None
    whole = Whole(market, query, origin)
    if not is_proof_wanted and not best.excess:
        return _result(Proof(best, math.inf, False), query, origin)
    proof = prove(routes, whole, root, best, NODES if is_proof_wanted else _FEW_NODES)
    if is_proof_wanted and not proof.is_proven:
        better = exchange(routes, proof.found)
        proof = proof._replace(found=better, is_proven=proof.bound <= better.net + CLOSED * abs(better.net))
    return _result(proof, query, origin) if not proof.found.excess else None


def _in_play(market: CompiledEdges, query: Query, guess: Guess, optimum: Optimum) -> Ints:
    candidates = Candidates(market, query, guess)
    used = np.array([flow.edge for flow in optimum.carried.flows], np.intp)
    large = [candidates.large(share, _LARGE_EDGES) for share in _SHARES]
    return np.unique(np.concatenate((optimum.in_play, used, guess.path, *large)).astype(np.intp))


def _starts(routes: Routes, root: Optimum, guess: Guess) -> list[Found]:
    """The optimum without cost, and the best single paths."""
    worth = Candidates(routes.market, routes.query, guess).worth(1.0)
    amount = routes.query.amount if routes.query.is_exact_in else root.value
    paths = [
        *paths_by_hops(routes.market, routes.query, amount, routes.limits.max_hops or HOPS),
        *paths_by_edge(routes.market, routes.query, worth, _PATHS),
    ]
    singles = {found.edges: found for path in paths if (found := routes.find(path)) is not None}
    ranked = sorted(singles.values(), key=lambda found: (found.excess, -found.net, sorted(found.edges)))
    whole = routes.find(frozenset(flow.edge for flow in root.carried.flows))
    return [*([] if whole is None else [whole]), *ranked[:_BEST_PATHS]]


def _renumbered(optimum: Optimum, number: dict[int, int]) -> Optimum:
    flows = [flow._replace(edge=number[flow.edge]) for flow in optimum.carried.flows]
    return optimum._replace(carried=optimum.carried._replace(flows=flows))


def _result(proof: Proof, query: Query, origin: Ints) -> Constrained:
    carried = proof.found.carried
    flows = [flow._replace(edge=int(origin[flow.edge])) for flow in carried.flows]
    bound = proof.bound if query.is_exact_in else -proof.bound
    return Constrained(carried._replace(flows=flows), bound, proof.found.prices, proof.is_proven)
