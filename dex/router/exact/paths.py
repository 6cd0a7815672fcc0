"""Single paths in whole atoms, through the pools' own arithmetic: for amounts so small that rounding decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from dex.pools import Swap
from dex.router.convex.best_path import Query
from dex.router.convex.flows import WASTE
from dex.router.exact.replay import Replayed, swap_most
from dex.router.graph.compiled import CompiledMarket

_KEPT: Final = 3  # ways to a token: the best one may have used up what comes after it
_ALL_OF: Final = 32  # edges, of which all ways are tried: a better one may be too much for what comes after it


class _Way(NamedTuple):
    """Swaps from the fixed end to a token, the amount there (counted negative where less is better)."""

    score: int
    token: int
    passed: frozenset[int]
    swaps: tuple[tuple[int, Swap], ...]


def exact_paths(market: CompiledMarket, query: Query, amount: int, edges: list[int], hops: int) -> Iterator[Replayed]:
    """The best paths over these edges of up to one hop, two hops and so on, as far as more hops are better.

    They pass no token twice. Exact where no cycle of swaps gains, and nearly so elsewhere.
    """
    ends, start, goal = market.head.tolist(), query.source, query.target
    origins, sign = market.tail.tolist(), 1
    if not query.is_exact_in:
        ends, origins, start, goal, sign = origins, ends, goal, start, -1
    onward = defaultdict(list)
    room = defaultdict[int, float](float)  # the most of a token that one swap takes, where it is sold on
    for edge in edges:
        onward[origins[edge]].append(edge)
        if query.is_exact_in:
            room[origins[edge]] = max(room[origins[edge]], market.capacity.item(edge))
    kept: defaultdict[int, list[_Way]] = defaultdict(list)
    latest = [_Way(sign * amount, start, frozenset((start,)), ())]
    for _ in range(hops):
        found = [
            way
            for before in latest
            for edge in onward[before.token]
            if ends[edge] not in before.passed
            and (way := _longer(market, query, before, edge, ends[edge]))
            # One that ends where nothing takes its amount would hide those that lead on.
            and (not query.is_exact_in or way.token == goal or (1 - WASTE) * way.score <= room[way.token])
        ]
        best = kept[goal][:1]
        latest = [way for way in found if _keep(kept[way.token], way, is_all=len(edges) <= _ALL_OF)]
        latest = [way for way in latest if way.token != goal and way in kept[way.token]]
        if kept[goal][:1] != best:
            yield _replayed(query, amount, kept[goal][0])


def _longer(market: CompiledMarket, query: Query, before: _Way, edge: int, token: int) -> _Way | None:
    pools = market.edge_pools
    if any(pools[done] == pools[edge] for done, _ in before.swaps):
        return None
    amount = abs(before.score)
    swap, rest, _ = swap_most(market, edge, amount, query.is_exact_in)
    may_be_left = WASTE * amount if query.is_exact_in and before.swaps else 0
    if swap is None or rest > may_be_left:
        return None
    score = swap.amount_out if query.is_exact_in else -swap.amount_in
    return _Way(score, token, before.passed | {token}, (*before.swaps, (edge, swap)))


def _keep(ways: list[_Way], way: _Way, *, is_all: bool) -> bool:
    """Put a way among the best to its token, unless another is no worse and leaves more open."""
    if not is_all and any(other.score >= way.score and other.passed <= way.passed for other in ways):
        return False
    ways.append(way)
    ways.sort(key=lambda other: -other.score)
    if not is_all:
        del ways[_KEPT:]
    return True


def _replayed(query: Query, amount: int, way: _Way) -> Replayed:
    if query.is_exact_in:
        return Replayed(list(way.swaps), amount, way.score)
    return Replayed(list(way.swaps[::-1]), -way.score, amount)
