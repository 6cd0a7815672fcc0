"""The best route under a cost per swap or limits on its size: local search from several starts, then a proof."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from dex.router.constrained.branch_and_bound import CLOSED, Proof, Whole, prove
from dex.router.constrained.limits import Limits
from dex.router.constrained.local_search import exchange, improve
from dex.router.constrained.paths import paths_by_edge, paths_by_hops
from dex.router.constrained.routes import Found, Routes
from dex.router.convex.best_path import HOPS, BestPath, Query, find_best_path
from dex.router.convex.candidates import Candidates
from dex.router.convex.flows import Carried
from dex.router.convex.optimum import Optimum
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Ints
from dex.router.net.costs import EdgeCosts
from dex.router.time_limit import TimeLimit

NODES: Final = 30  # of the proof, at most
_FEW_NODES: Final = 6  # where the first route within the limits is enough
_SHARES: Final = (0.03, 0.3, 1.0)  # of the order, at which edges are looked for: few swaps carry more each
_LARGE_EDGES: Final = 60
_PATHS: Final = 24
_BEST_PATHS: Final = 1


class Constrained(NamedTuple):
    """A route, the bound on its net value (input plus cost for exact_out), and its prices by token."""

    carried: Carried
    bound: float
    prices: dict[int, float]
    is_proven: bool


def best_constrained(
    market: CompiledEdges,
    query: Query,
    costs: EdgeCosts,
    limits: Limits,
    optimum: Optimum,
    time_limit: TimeLimit,
    is_proof_wanted: bool = True,
) -> Constrained | None:
    """Start from the optimum without cost and from single paths; None when no route keeps to the limits.

    Without a proof, the first route that does.
    """
    best_path = find_best_path(market, query)
    if best_path is None:
        return None
    origin = _in_play(market, query, best_path, optimum)
    part = market.only(origin)
    price = query.price[origin]
    inner = query._replace(price=price, pair_price=part.pair_prices(price))
    routes = Routes(part, inner, best_path.units, costs.only(origin), limits, time_limit)
    number = {edge: place for place, edge in enumerate(origin.tolist())}
    root = _renumbered(optimum, number)
    best: Found | None = None
    for found in _starts(routes, root, best_path):
        found = improve(routes, found)
        best = found if best is None or found.beats(best) else best
    if best is None:
        return None
    whole = Whole(market, query, costs, origin)
    if not is_proof_wanted and not best.excess:
        return _result(Proof(best, math.inf, False), query, origin)
    proof = prove(routes, whole, root, best, NODES if is_proof_wanted else _FEW_NODES)
    if is_proof_wanted and not proof.is_proven:
        better = exchange(routes, proof.found)
        proof = proof._replace(found=better, is_proven=proof.bound <= better.net + CLOSED * abs(better.net))
    return _result(proof, query, origin) if not proof.found.excess else None


def _in_play(market: CompiledEdges, query: Query, best_path: BestPath, optimum: Optimum) -> Ints:
    candidates = Candidates(market, query, best_path)
    used = np.array([flow.edge for flow in optimum.carried.flows], np.intp)
    large = [candidates.large(share, _LARGE_EDGES) for share in _SHARES]
    return np.unique(np.concatenate((optimum.in_play, used, best_path.path, *large)).astype(np.intp))


def _starts(routes: Routes, root: Optimum, best_path: BestPath) -> list[Found]:
    """The optimum without cost, and the best single paths."""
    notional = Candidates(routes.market, routes.query, best_path).notional(1.0)
    amount = routes.query.amount if routes.query.is_exact_in else root.value
    paths = [
        *paths_by_hops(routes.market, routes.query, amount, routes.limits.max_hops or HOPS),
        *paths_by_edge(routes.market, routes.query, notional, _PATHS),
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
