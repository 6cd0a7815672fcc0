"""Routes under a cost per swap or limits on their size: drop what does not pay, add what does, from several starts.

What an edge earns at a route's prices is the least that its loss can cost, and the most that an edge outside can
bring: so most moves need not be tried. Nothing here is a proof; `branch_and_bound.py` gives one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

import numpy as np

from dex.router.constrained.routes import Found, Routes
from dex.router.convex.best_path import HOPS
from dex.router.convex.certificate import edge_surplus
from dex.router.convex.potentials import onward_prices

_TRIES: Final = 4  # moves of each kind that are solved, the most promising ones


def improve(routes: Routes, found: Found) -> Found:
    """Drop and add edges as long as the route improves."""
    found = _thinned(routes, found)
    while not routes.is_late:
        best = found
        for edges in _moves(routes, found):
            other = routes.find(edges)
            if other is not None and other.beats(best):
                best = other
        if best is found:
            break
        found = best
    return found


def _thinned(routes: Routes, found: Found) -> Found:
    """Drop the first edge whose removal improves the route, as long as there is one: fast, not optimal."""
    helped = True
    while helped and not routes.is_late:
        helped = False
        for edges in _removals(routes, found):
            other = routes.find(edges)
            if other is not None and other.beats(found):
                found, helped = other, True
                break
    return found


def exchange(routes: Routes, found: Found) -> Found:
    """Drop one edge and improve what is left, or add one too many and drop others; as long as it helps."""
    helped = True
    while helped and not routes.is_late:
        helped = False
        for other in chain(_one_more(routes, found), _one_less(routes, found)):
            if other.beats(found):
                found, helped = other, True
                break
    return found


def _one_more(routes: Routes, found: Found) -> Iterator[Found]:
    """Improved routes from this one and an edge, with its way on, that pays once another edge is dropped."""
    for added in _additions(routes, found, spare=1, tries=2 * _TRIES):
        other = None if routes.is_late else routes.find(found.edges | added)
        if other is not None:
            yield improve(routes, other)


def _one_less(routes: Routes, found: Found) -> Iterator[Found]:
    """Improved routes from this one without one of its edges and without adding just that again."""
    for edge in sorted(found.edges, key=lambda edge: (found.surplus[edge], edge)):
        rest = None if routes.is_late else routes.find(found.edges - {edge})
        if rest is not None:
            yield improve(routes, _without(routes, rest, edge))


def _without(routes: Routes, found: Found, edge: int) -> Found:
    """The route with what pays added, but for one edge."""
    for added in _additions(routes, found):
        if edge in added or routes.is_late:
            continue
        other = routes.find(found.edges | added)
        if other is not None and other.beats(found):
            found = other
    return found


def _moves(routes: Routes, found: Found) -> Iterator[frozenset[int]]:
    yield from _removals(routes, found)
    if not found.excess:
        for added in _additions(routes, found):
            yield found.edges | added


def _removals(routes: Routes, found: Found) -> list[frozenset[int]]:
    """The route without an edge and what depends on it, where that might pay; the least loss first."""
    ranked = {}
    for edge in found.edges:
        rest = routes.connected(found.edges - {edge})
        dropped = found.edges - rest
        loss = max(found.surplus[lost] for lost in dropped) - routes.costs.of(dropped)
        if rest and (loss < 0 or found.excess):
            ranked[rest] = (loss / len(dropped) if found.excess else loss, edge)
    return sorted(ranked, key=lambda rest: ranked[rest])[:_TRIES]


def _additions(routes: Routes, found: Found, spare: int = 0, tries: int = _TRIES) -> list[frozenset[int]]:
    """Edges outside with the way on from their heads, where that might pay; the highest gain first.

    They might once `spare` other edges are dropped for them.
    """
    market, query = routes.market, routes.query
    known = np.array(sorted(found.prices), np.intp)
    prices = onward_prices(
        market, query.pair_price, query.source, known, np.array([found.prices[token] for token in known.tolist()])
    )
    nothing = np.zeros(market.edge_count, np.intp)
    priced = edge_surplus(market, query, prices, nothing, np.zeros(market.token_count, bool))
    ranked = {}
    for edge, surplus in zip(priced.edge.tolist(), priced.surplus.tolist(), strict=True):
        if edge in found.edges:
            continue
        added = _with_way_on(routes, found, edge, prices.tolist())
        gain = surplus - routes.costs.of(added) + spare * routes.costs.most
        if added and gain > 0 and (spare or _fits(routes, found, len(added))):
            ranked[added] = (-gain, edge)
    return sorted(ranked, key=lambda added: ranked[added])[:tries]


def _fits(routes: Routes, found: Found, more: int) -> bool:
    most = routes.limits.max_swaps
    return most is None or len(found.edges) + more <= most


def _with_way_on(routes: Routes, found: Found, edge: int, prices: list[float]) -> frozenset[int]:
    """The edge and the best sales from its head on, down to a token of the route; empty where there is none."""
    market, price = routes.market, routes.query.price
    added = {edge}
    for _ in range(HOPS):
        token = routes.ends[edge][1]
        if token in found.prices:
            return frozenset(added)
        out = market.tail_order[market.tail_start[token] : market.tail_start[token + 1]]
        values = [float(price[way]) * prices[routes.ends[way][1]] for way in out.tolist()]
        if not values or max(values) <= 0:
            break
        edge = int(out[values.index(max(values))])
        added.add(edge)
    return frozenset()
