"""Single paths for a whole order in a small market: where the search for routes of few swaps starts."""

from __future__ import annotations

import numpy as np

from dex.router.convex.best_path import HOPS, Query
from dex.router.convex.candidates import Notional
from dex.router.convex.linear import sums
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats


def paths_by_hops(market: CompiledEdges, query: Query, amount: float, hops: int) -> list[frozenset[int]]:
    """The paths of up to one hop, two hops and so on by which an amount of the source pays most, by true curves."""
    edges = np.flatnonzero(query.price > 0)
    tail, head = market.tail[edges], market.head[edges]
    columns, owner, _ = market.columns_of(edges, market.count[edges])
    segments, order = market.segments(columns)
    before = market.before.take(columns[order])
    owner = owner[order]
    amounts = np.zeros(market.token_count)
    amounts[query.source] = amount
    came: list[dict[int, int]] = []  # by hop: the edge over which each token got its best amount yet
    paths = []
    for _ in range(hops):
        sold = amounts.take(tail)
        part = np.clip(sold.take(owner) - before, 0.0, segments.capacity)
        paid = sums(owner, segments.values(part), len(edges))
        after = amounts.copy()
        np.maximum.at(after, head, paid)
        better = after > amounts
        is_best = better[head] & (paid == after[head])
        came.append(dict(zip(head[is_best].tolist(), edges[is_best].tolist(), strict=True)))
        amounts = after
        if better[query.target]:
            paths.append(_walk_back(market, query, came))
    return paths


def paths_by_edge(market: CompiledEdges, query: Query, notional: Notional, limit: int) -> list[frozenset[int]]:
    """The best path over each of the edges with the highest notional."""
    into, onto = notional.edge * notional.forward.take(market.tail), notional.edge * notional.backward.take(market.head)
    best = np.argsort(-notional.through, kind="stable")[:limit]
    found = []
    for edge in best[notional.through[best] > 0].tolist():
        before = _walk(market, into, edge, query.source, False)
        after = _walk(market, onto, edge, query.target, True)
        if before is not None and after is not None:
            found.append(frozenset((*before, edge, *after)))
    return list(dict.fromkeys(found))


def _walk(market: CompiledEdges, value: Floats, edge: int, goal: int, is_onward: bool) -> list[int] | None:
    """The edges from the head of an edge on to a token, or from its tail back to one, by the highest values."""
    path: list[int] = []
    ends = market.head if is_onward else market.tail
    for _ in range(HOPS):
        token = int(ends[edge])
        if token == goal:
            return path
        if is_onward:
            ways = market.tail_order[market.tail_start[token] : market.tail_start[token + 1]]
        else:
            ways = np.arange(market.head_start[token], market.head_start[token + 1])
        if not len(ways):
            return None
        edge = int(ways[value[ways].argmax()])
        path.append(edge)
    return None


def _walk_back(market: CompiledEdges, query: Query, came: list[dict[int, int]]) -> frozenset[int]:
    path = set()
    token = query.target
    for hop in reversed(came):
        if token in hop:
            path.add(hop[token])
            token = int(market.tail[hop[token]])
    return frozenset(path)
