"""The mid price of pairs of tokens: a reference that a small pool cannot set, at any price of its own.

A pool's mid price is the geometric middle of its prices in both directions, where its fees cancel. Its depth is what it
trades until its price has moved by one percent, the lesser of both directions, as the geometric middle of what that is
in either token: that capital is really there, and a pool that values a token wrongly seems no deeper by it.

A pair's mid price is the median, by depth, over the pools of the pair and the ways round through each token that the
first one trades against: by the median of the pools there, and on by the deepest path. To move it, pools must hold half
of all that depth, or those that do must be traded away from where they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from dex.router.convex.linear import sums
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.segments import PRICE, Floats, Ints

_REACH: Final = 0.99  # of the price before, down to which the depth is counted
_HOPS: Final = 4  # of the way on from another token
_HALF: Final = 1e-9  # of all depth, within which two halves are equal

Ends = tuple[int, int]


def mid_prices(market: CompiledMarket, pairs: Iterable[Ends]) -> dict[Ends, float]:
    """Atoms of the second token per atom of the first, for each pair of token numbers; 0 where nothing leads there."""
    pairs = list(pairs)
    if not pairs:
        return {}
    with np.errstate(all="ignore"):
        edges = _of_edges(market)
        mids = _of_pairs(market, edges)
        targets = np.array(sorted({target for _, target in pairs}), np.intp)
        ways = _deepest(market, mids, targets)
        column = {target: number for number, target in enumerate(targets.tolist())}
        return {ends: _between(market, edges, mids, ways, ends, column[ends[1]]) for ends in pairs}


class _Votes(NamedTuple):
    """Prices, and how deep each is: of an edge in the root of atoms of both tokens, else in those of the one bought."""

    price: Floats
    depth: Floats


class _Ways(NamedTuple):
    """The deepest path from each token (by row) to each target (by column), and the token that it comes to next."""

    price: Floats
    depth: Floats
    after: Ints


def _of_edges(market: CompiledMarket) -> _Votes:
    """The mid price and the depth of each edge's pool."""
    back = _reversed(market)
    sold, paid = _traded(market)
    price = np.sqrt(market.price / market.price[back])
    depth = np.sqrt(np.minimum(paid, sold[back]) * np.minimum(sold, paid[back]))
    is_usable = np.isfinite(price) & (price > 0) & np.isfinite(depth) & (depth > 0)
    return _Votes(np.where(is_usable, price, 0.0), np.where(is_usable, depth, 0.0))


def _reversed(market: CompiledMarket) -> Ints:
    """The edge of the same pool in the other direction, of each edge; kept with the market."""
    kept = market.kept.setdefault("reversed", {})
    if not kept:
        forth = np.lexsort((market.head, market.tail, market.pool))
        back = np.lexsort((market.tail, market.head, market.pool))
        kept["edges"] = np.empty_like(forth)
        kept["edges"][forth] = back
    edges: Ints = kept["edges"]
    return edges


def _traded(market: CompiledMarket) -> tuple[Floats, Floats]:
    """Atoms that each edge is sold, and pays, until its price has come down by a percent."""
    columns, owner, _ = market.columns_of(np.arange(market.edge_count), market.count)
    end = _REACH * market.price
    near = np.flatnonzero(market.table[PRICE].take(columns) > end.take(owner))
    columns, owner = columns[near], owner[near]
    segments, order = market.segments(columns)
    owner = owner[order]
    x = segments.inverse(end.take(owner))
    return sums(owner, x, market.edge_count), sums(owner, segments.values(x), market.edge_count)


def _of_pairs(market: CompiledMarket, edges: _Votes) -> _Votes:
    """The median price of each pair's own pools, and the depth of all of them."""
    pair, start = market.pair_of_edge, market.pair_start
    order = np.lexsort((edges.price, pair))
    price = edges.price[order]
    total = np.add.reduceat(edges.depth, start)
    share = np.nan_to_num(edges.depth[order] / total[pair])  # units of depth are far apart between pairs
    reached = share.cumsum()
    reached -= (reached[start] - share[start])[pair]
    low = np.maximum.reduceat(np.where(reached - share < 1 / 2 - _HALF, price, 0.0), start)
    high = np.minimum.reduceat(np.where(reached > 1 / 2 + _HALF, price, np.inf), start)
    middle = np.where(total > 0, np.sqrt(low * high), 0.0)
    return _Votes(middle, total * np.sqrt(middle))


def _deepest(market: CompiledMarket, mids: _Votes, targets: Ints) -> _Ways:
    """A path is as deep as the shallowest of its pairs, in atoms of the target."""
    start, tail = market.pair_tail_start[:-1], market.pair_ends_by_tail[0]
    head = market.pair_ends_by_tail[1]
    pair_price, pair_depth = mids.price[market.pair_order][:, None], mids.depth[market.pair_order][:, None]
    columns, numbers = np.arange(len(targets)), np.arange(len(head))[:, None]
    price, depth = np.zeros((2, market.token_count, len(targets)))
    price[targets, columns], depth[targets, columns] = 1.0, np.inf
    after = np.full(price.shape, -1)
    for _ in range(_HOPS):
        onward = price[head]
        deep = np.minimum(depth[head], pair_depth * onward)
        best = np.maximum.reduceat(deep, start)
        way = np.minimum.reduceat(np.where(deep == best[tail], numbers, len(head)), start)
        is_better = best > depth
        if not is_better.any():
            break
        depth = np.where(is_better, best, depth)
        price = np.where(is_better, pair_price[way, 0] * price[head[way], columns], price)
        after = np.where(is_better, head[way], after)
    return _Ways(price, depth, after)


def _between(market: CompiledMarket, edges: _Votes, mids: _Votes, ways: _Ways, ends: Ends, column: int) -> float:
    """The median of the pools of a pair and of the ways round."""
    source, target = ends
    direct = market.edges_between(source, target)
    own = slice(direct.start, direct.stop)
    first = market.pair_order[market.pair_tail_start[source] : market.pair_tail_start[source + 1]]
    first = first[market.pair_head[first] != target]
    via = market.pair_head[first]
    onward, room = ways.price[via, column], ways.depth[via, column]
    token, comes_back = via, np.zeros(len(via), bool)
    for _ in range(_HOPS):
        token = np.where(token < 0, token, ways.after[token, column])
        comes_back |= token == source
    depth = np.where(comes_back, 0.0, np.minimum(mids.depth[first] * onward, room))
    # Those of the pair by one price for all: its median.
    scale = 0.0 if not len(direct) else np.sqrt(mids.price.item(market.pair_of_edge.item(direct.start)))
    price = np.concatenate((edges.price[own], mids.price[first] * onward))
    return _median(price, np.concatenate((edges.depth[own] * scale, depth)))


def _median(price: Floats, depth: Floats) -> float:
    """The price at half of all depth; the geometric middle of two where the half ends just between them."""
    order = np.argsort(price)
    price, depth = price[order], depth[order]
    reached = depth.cumsum()
    if not len(reached) or not reached[-1] > 0:
        return 0.0
    half = reached[-1] / 2
    low = int(reached.searchsorted(half * (1 - _HALF)))
    high = int(reached.searchsorted(half * (1 + _HALF), side="right"))
    return float(np.sqrt(price[low] * price[min(high, len(price) - 1)]))
