"""From a route in floats to one in whole atoms; simpler routes are tried where rounding costs too much."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from dex.errors import InsufficientLiquidity
from dex.router.constrained.best_route import FloatRoute
from dex.router.convex.best_path import HOPS, Query
from dex.router.convex.flows import Carried, Flow, Plan, plan
from dex.router.convex.optimum import carry
from dex.router.exact.paths import exact_paths
from dex.router.exact.replay import Replayed, replay_exact_in, replay_exact_out, replay_one, replay_until
from dex.router.graph.compiled import CompiledMarket

_LOSS: Final = 1e-5  # by rounding, relative, from which other routes are tried
_ATOMS: Final = 2  # lost by each swap in any case
_FEW: Final = (100.0, 10_000.0)  # atoms: smaller flows are left out of simpler routes
_FEW_EDGES: Final = 400  # of a market, all of which are tried


class Finished(NamedTuple):
    """A route in whole atoms, and what its swaps would do without rounding."""

    replayed: Replayed
    carried: Carried


def finish(market: CompiledMarket, query: Query, amount: int, route: FloatRoute) -> Finished:
    """The route in whole atoms, or a simpler one that rounds better.

    Raises: InsufficientLiquidity or AmountTooSmall, as the route itself met it, when nothing fills the order.
    """
    own: Replayed | None = None
    refusal = InsufficientLiquidity("there is no route")
    if not route.missing:
        try:
            own = _replay(market, query, amount, _plan(query, route.carried.flows), route)
        except InsufficientLiquidity as error:
            refusal = error
    best = own
    if best is None or _lost(query, route, best) > 0 or route.is_open(market, query.is_exact_in):
        for other in _simpler(market, query, amount, route):
            if best is None or _net(market, query, route, other) > _net(market, query, route, best):
                best = other
    if best is None:
        raise refusal
    if best is own and len(best.swaps) == len(route.carried.flows):
        return Finished(best, route.carried)
    return Finished(best, _carried(market, query, route, best))


def _plan(query: Query, flows: list[Flow]) -> Plan:
    return plan(flows, query.source, query.target)


def _replay(market: CompiledMarket, query: Query, amount: int, ways: Plan, route: FloatRoute) -> Replayed:
    source, target = query.source, query.target
    only = ways[0][0] if len(ways) == 1 and len(ways[0]) == 1 else None
    if query.is_exact_in:
        if only is not None:
            return replay_one(market, only, amount, True)
        return replay_exact_in(market, ways, source, target, amount)
    try:
        if only is not None:
            return replay_one(market, only, amount, False)
        return replay_exact_out(market, ways, source, target, amount)
    except InsufficientLiquidity:
        flows = [flow for group in ways for flow in group]
        first = sum(flow.sold for flow in flows if flow.tail == source)
        price = max(route.prices.get(target, 0.0), first / query.amount)
        return replay_until(market, ways, source, target, amount, (first, price))


def _carried(market: CompiledMarket, query: Query, route: FloatRoute, replayed: Replayed) -> Carried:
    """The float amounts of just the swaps that are made."""
    carried = carry(market, query, _plan(query, _flows(market, replayed)), route.prices.get(query.target, 0.0))
    if carried.missing or not math.isfinite(carried.value):  # below the precision of floats
        whole = replayed.amount_out if query.is_exact_in else replayed.amount_in
        return carried._replace(value=float(whole), missing=0.0)
    return carried


def _flows(market: CompiledMarket, replayed: Replayed) -> list[Flow]:
    tail, head = market.tail, market.head
    return [
        Flow(edge, int(tail[edge]), int(head[edge]), float(swap.amount_in), float(swap.amount_out))
        for edge, swap in replayed.swaps
    ]


def _net(market: CompiledMarket, query: Query, route: FloatRoute, replayed: Replayed) -> float:
    gross = replayed.amount_out if query.is_exact_in else -replayed.amount_in
    return gross - (0.0 if route.costs is None else route.costs.of_flows(market, _flows(market, replayed)))


def _lost(query: Query, route: FloatRoute, replayed: Replayed) -> float:
    """What rounding took of the route's value beyond the tolerance."""
    value, swaps = route.carried.value, len(replayed.swaps)
    lost = value - replayed.amount_out if query.is_exact_in else replayed.amount_in - value
    return lost - _LOSS * value - _ATOMS * swaps


def _simpler(market: CompiledMarket, query: Query, amount: int, route: FloatRoute) -> Iterator[Replayed]:
    """The route without its smallest flows, and single paths."""
    flows = route.carried.flows
    for least in _FEW:
        kept = [flow for flow in flows if min(flow.sold, flow.paid) >= least]
        is_fitting = not route.limits.excess((flow.tail, flow.head) for flow in kept)
        if is_fitting and 0 < len(kept) < len(flows):
            try:
                yield _replay(market, query, amount, _plan(query, kept), route)
            except InsufficientLiquidity:
                continue
    edges = np.flatnonzero(query.price > 0)
    if len(edges) > _FEW_EDGES:
        edges = route.in_play[query.price[route.in_play] > 0]
    hops = min(most for most in (route.limits.max_hops, route.limits.max_swaps, HOPS) if most is not None)
    yield from exact_paths(market, query, amount, edges.tolist(), hops)
