"""Amounts and prices spread over the whole graph, hop by hop: one reduction over all edges a hop."""

from __future__ import annotations

import numpy as np

from dex.router.compiled import CompiledMarket
from dex.router.pieces import Floats, Ints


def amounts_reached(
    market: CompiledMarket, price: Floats, source: int, target: int, amount: float, hops: int
) -> list[Floats]:
    """The most of each token that `amount` of `source` buys along one path of up to k hops, for k = 0, 1, ...

    By the summary curves of edges, whose slopes are in `price` (0 for an edge that may not be used). Stops when
    nothing changes any more, after `hops` hops at the latest.
    """
    amounts = np.zeros(len(market.tokens))
    amounts[source] = amount
    levels = [amounts]
    for _ in range(hops):
        amounts = levels[-1].copy()
        amounts[target] = 0.0  # nothing leaves the target
        sold = np.minimum(amounts.take(market.tail), market.capacity)
        paid = price * sold
        sold *= market.steepness
        sold += 1
        paid /= sold
        after = np.maximum(levels[-1], np.maximum.reduceat(paid, market.head_start[:-1]))
        after[source] = amount
        if (after == levels[-1]).all():
            break
        levels.append(after)
    return levels


def amounts_needed(
    market: CompiledMarket, price: Floats, source: int, target: int, amount: float, hops: int
) -> list[Floats]:
    """The least of each token that buys `amount` of `target` along one path of up to k hops, for k = 0, 1, ...

    Infinite where no single path can pay so much; see `amounts_reached`.
    """
    order = market.tail_order
    head, price = market.head[order], price[order]
    capacity, steepness = market.capacity[order], market.steepness[order]
    amounts = np.full(len(market.tokens), np.inf)
    amounts[target] = amount
    levels = [amounts]
    for _ in range(hops):
        amounts = levels[-1].copy()
        amounts[source] = np.inf  # nothing is sold for the source
        wanted = amounts.take(head)
        slope = price - steepness * wanted
        sold = wanted / slope
        sold[~((slope > 0) & (sold <= capacity))] = np.inf
        after = np.minimum(levels[-1], np.minimum.reduceat(sold, market.tail_start[:-1]))
        after[target] = amount
        if (after == levels[-1]).all():
            break
        levels.append(after)
    return levels


def path_forward(market: CompiledMarket, price: Floats, levels: list[Floats], target: int) -> list[int]:
    """The edges, in order, of the path that `amounts_reached` its amount of `target` by."""
    path: list[int] = []
    token = target
    for level in range(len(levels) - 1, 0, -1):
        if levels[level - 1][token] == levels[level][token]:
            continue
        into = slice(market.head_start[token], market.head_start[token + 1])
        sold = np.minimum(levels[level - 1][market.tail[into]], market.capacity[into])
        sold[market.tail[into] == target] = 0.0
        paid = price[into] * sold / (1 + market.steepness[into] * sold)
        edge = int(market.head_start[token] + paid.argmax())
        path.append(edge)
        token = int(market.tail[edge])
    return path[::-1]


def path_backward(market: CompiledMarket, price: Floats, levels: list[Floats], source: int) -> list[int]:
    """The edges, in order, of the path by which `source` pays the amount in `amounts_needed`."""
    path: list[int] = []
    token = source
    for level in range(len(levels) - 1, 0, -1):
        if levels[level - 1][token] == levels[level][token]:
            continue
        out = market.tail_order[market.tail_start[token] : market.tail_start[token + 1]]
        wanted = levels[level - 1][market.head[out]].copy()
        wanted[market.head[out] == source] = np.inf
        slope = price[out] - market.steepness[out] * wanted
        sold = wanted / slope
        sold[~((slope > 0) & (sold <= market.capacity[out]))] = np.inf
        edge = int(out[sold.argmin()])
        path.append(edge)
        token = int(market.head[edge])
    return path


def onward_prices(
    market: CompiledMarket, pair_price: Floats, source: int, known: Ints, prices: Floats, sweeps: int = 32
) -> Floats:
    """Price of every token: as given for those `known`, else what its best sale towards them brings at once.

    Nothing is sold for `source`, which no route returns to.
    """
    nu = np.zeros(len(market.tokens))
    nu[known] = prices
    worth = nu[source]
    nu[source] = 0.0
    for _ in range(sweeps):
        after = np.maximum.reduceat(pair_price * nu.take(market.pair_head), market.pair_tail_start)
        after[known] = prices
        after[source] = 0.0
        if (after == nu).all():
            break
        nu = after
    nu[source] = worth
    return nu


def products_forward(market: CompiledMarket, pair: Floats, source: int, target: int, hops: int) -> Floats:
    """The best product of pair prices from the source to each token."""
    best = np.zeros(len(market.tokens))
    best[source] = 1.0
    for _ in range(hops):
        reached = best[target]
        best[target] = 0.0
        after = np.maximum.reduceat(pair * best.take(market.pair_tail), market.pair_head_start)
        best[target] = reached
        np.maximum(after, best, out=after)
        after[source] = 1.0
        if (after == best).all():
            break
        best = after
    return best


def products_backward(market: CompiledMarket, pair: Floats, source: int, target: int, hops: int) -> Floats:
    """The best product of pair prices from each token to the target."""
    best = np.zeros(len(market.tokens))
    best[target] = 1.0
    pair = pair[market.pair_order]
    for _ in range(hops):
        reached = best[source]
        best[source] = 0.0
        after = np.maximum.reduceat(pair * best.take(market.pair_head), market.pair_tail_start)
        best[source] = reached
        np.maximum(after, best, out=after)
        after[target] = 1.0
        if (after == best).all():
            break
        best = after
    return best
