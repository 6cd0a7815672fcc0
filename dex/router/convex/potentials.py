"""Amounts and prices spread over the whole graph, hop by hop, from the tokens that changed in the hop before."""

from __future__ import annotations

from typing import Final

import numpy as np

from dex.router.fast.spread import levels_needed, levels_reached, spread
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, Ints
from dex.router.kernel import kernels_on

_SWEEPS: Final = 64  # of prices, which settle after as many hops as the longest best path has
_RISES: Final = 8  # of these may raise a price there is
_DENSE: Final = 0.4  # share of all edges from which handling them all is faster than picking those that matter
_ALL: Final = slice(None)
_NONE: Final = np.zeros(0, np.intp)
_SMALL: Final = 5000  # edges of a graph in which picking never pays


def amounts_reached(
    market: CompiledEdges, price: Floats, source: int, target: int, amount: float, hops: int
) -> list[Floats]:
    """The most of each token that `amount` of `source` buys along one path of up to k hops, for k = 0, 1, ...

    By the summary curves of edges, whose slopes are in `price` (0 for an edge that may not be used, such as any
    out of the target). Stops when nothing changes any more, after `hops` hops at the latest.
    """
    if kernels_on():
        curves = (price, market.capacity, market.steepness)
        ends = (market.tail_start, market.tail_order, market.head)
        return list(levels_reached(*ends, *curves, source, target, amount, hops))
    amounts = np.zeros(market.token_count)
    amounts[source] = amount
    levels = [amounts]
    changed = np.array([source])
    for _ in range(hops):
        edges = _items(market.tail_start, changed, market.tail_order)
        sold = amounts.take(market.tail[edges])
        np.minimum(sold, market.capacity[edges], out=sold)
        paid = price[edges] * sold
        sold *= market.steepness[edges]
        sold += 1
        paid /= sold
        amounts = amounts.copy()
        np.maximum.at(amounts, market.head[edges], paid)
        amounts[source] = amount
        changed = np.flatnonzero(amounts > levels[-1])
        if not len(changed):
            break
        levels.append(amounts)
        changed = changed[changed != target]
    return levels


def amounts_needed(
    market: CompiledEdges, price: Floats, source: int, target: int, amount: float, hops: int
) -> list[Floats]:
    """The least of each token that buys `amount` of `target` along one path of up to k hops, for k = 0, 1, ...

    Infinite where no single path can pay the amount; see `amounts_reached`.
    """
    if kernels_on():
        curves = (price, market.capacity, market.steepness)
        return list(levels_needed(market.head_start, market.tail, *curves, source, target, amount, hops))
    amounts = np.full(market.token_count, np.inf)
    amounts[target] = amount
    levels = [amounts]
    changed = np.array([target])
    for _ in range(hops):
        edges = _items(market.head_start, changed, None)
        wanted = amounts.take(market.head[edges])
        slope = price[edges] - market.steepness[edges] * wanted
        sold = wanted / slope
        sold[~((slope > 0) & (sold <= market.capacity[edges]))] = np.inf
        amounts = amounts.copy()
        np.minimum.at(amounts, market.tail[edges], sold)
        amounts[target] = amount
        changed = np.flatnonzero(amounts < levels[-1])
        if not len(changed):
            break
        levels.append(amounts)
        changed = changed[changed != source]
    return levels


def path_forward(market: CompiledEdges, price: Floats, levels: list[Floats], target: int) -> list[int]:
    """The edges, in order, of the path that `amounts_reached` its amount of `target` by."""
    path: list[int] = []
    token = target
    for level in range(len(levels) - 1, 0, -1):
        if levels[level - 1][token] == levels[level][token]:
            continue
        into = slice(market.head_start[token], market.head_start[token + 1])
        sold = np.minimum(levels[level - 1][market.tail[into]], market.capacity[into])
        paid = price[into] * sold / (1 + market.steepness[into] * sold)
        edge = int(market.head_start[token] + paid.argmax())
        path.append(edge)
        token = int(market.tail[edge])
    return path[::-1]


def path_backward(market: CompiledEdges, price: Floats, levels: list[Floats], source: int) -> list[int]:
    """The edges, in order, of the path by which `source` pays the amount in `amounts_needed`."""
    path: list[int] = []
    token = source
    for level in range(len(levels) - 1, 0, -1):
        if levels[level - 1][token] == levels[level][token]:
            continue
        out = market.tail_order[market.tail_start[token] : market.tail_start[token + 1]]
        wanted = levels[level - 1][market.head[out]]
        slope = price[out] - market.steepness[out] * wanted
        sold = wanted / slope
        sold[~((slope > 0) & (sold <= market.capacity[out]))] = np.inf
        edge = int(out[sold.argmin()])
        path.append(edge)
        token = int(market.head[edge])
    return path


def products_forward(market: CompiledEdges, pairs: Floats, source: int, hops: int) -> Floats:
    """The best product of pair prices (in the order of heads) from the source to each token."""
    best = np.zeros(market.token_count)
    best[source] = 1.0
    by_tail, start = pairs[market.pair_order], market.pair_tail_start
    return _spread(best, np.array([source]), _NONE, by_tail, market.pair_ends_by_tail, start, hops)


def products_backward(market: CompiledEdges, pairs: Floats, target: int, hops: int) -> Floats:
    """The best product of pair prices (in the order of heads) from each token to the target."""
    best = np.zeros(market.token_count)
    best[target] = 1.0
    ends = (market.pair_head, market.pair_tail)
    return _spread(best, np.array([target]), _NONE, pairs, ends, market.pair_head_start, hops)


def onward_prices(market: CompiledEdges, pairs: Floats, source: int, known: Ints, prices: Floats) -> Floats:
    """Price of every token: as given for those `known`, else what its best sale towards them brings at once.

    `pairs` are the best slopes of pairs, in the order of heads. Nothing is sold for `source`, which no route
    returns to. After some sweeps only tokens without a price get one: round cycles that gain, prices rise without end.
    """
    best = np.zeros(market.token_count)
    best[known] = prices
    source_price = best[source]
    best[source] = 0.0
    ends, fixed = (market.pair_head, market.pair_tail), np.append(known, source)
    best = _spread(best, known[known != source], fixed, pairs, ends, market.pair_head_start, _SWEEPS, _RISES)
    best[source] = source_price
    return best


def _spread(
    best: Floats,
    changed: Ints,
    fixed: Ints,
    weights: Floats,
    ends: tuple[Ints, Ints],
    start: Ints,
    hops: int,
    rises: int | None = None,
) -> Floats:
    """Raise tokens to the best of weight times the price of the pair's other end, until nothing changes.

    `ends` of a pair are the token it is sorted by (see `start`) and the one that is raised. `fixed` tokens stay as
    they are; after `rises` of the hops, if that is given, only tokens without a price are raised.
    """
    origin, reached = ends
    rises = hops if rises is None else rises
    if kernels_on():
        is_fixed = np.zeros(len(best), bool)
        is_fixed[fixed] = True
        return spread(best, changed, is_fixed, weights, reached, start, hops, rises)
    values = best[fixed]
    for hop in range(hops):
        pairs = _items(start, changed, None)
        after = best.copy()
        np.maximum.at(after, reached[pairs], weights[pairs] * best.take(origin[pairs]))
        if hop >= rises:
            np.copyto(after, best, where=best > 0)
        after[fixed] = values
        changed = np.flatnonzero(after > best)
        best = after
        if not len(changed):
            break
    return best


def _items(start: Ints, tokens: Ints, order: Ints | None) -> Ints | slice:
    """Numbers of the edges or pairs that belong to these tokens; all of them where most do.

    They are sorted by those tokens, or `order` sorts them so.
    """
    total = int(start[-1])
    if total < _SMALL:
        return _ALL
    first = start[tokens]
    count = start[tokens + 1] - first
    ends = count.cumsum()
    if len(ends) and ends[-1] > _DENSE * total:
        return _ALL
    first -= ends
    first += count
    items = first.repeat(count)
    items += np.arange(len(items))
    return items if order is None else order[items]
