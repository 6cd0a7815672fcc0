"""An upper bound from token prices (the dual problem), valid for every route.

For token prices that are none below zero, any flow pays at most the notional of the order plus, for every edge, the
most that its own curve can earn at these prices: its surplus. Only edges that start above their price ratio have one.
Source: T. Diamandis, G. Angeris, Convex Network Flows (2024); G. Angeris et al., Optimal Routing for Constant
Function Market Makers (2022).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dex.router.convex.best_path import HOPS, Query
from dex.router.convex.linear import sums
from dex.router.fast.surplus import ROUNDING, SPENT_ROUNDING, price_edges
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import PRICE, Floats, Ints
from dex.router.kernel import kernels_on

Bools = NDArray[np.bool_]

_ENDLESS = 1e250  # stands for infinite amounts, of which there may be many
_ANY_AMOUNT = np.zeros(0)


class EdgeSurplus(NamedTuple):
    """Edges that start above their price ratio, by number: how many of their segments do, and their surplus.

    `surplus` is what the whole edge earns at the prices, `outside` the part of it beyond the segments already known.
    """

    edge: Ints
    segments: Ints
    surplus: Floats
    outside: Floats


def edge_surplus(
    market: CompiledEdges, query: Query, token_prices: Floats, known: Ints, is_settled: Bools
) -> EdgeSurplus:
    """Price all edges, for as much as a route can sell to them.

    `known` counts segments of each edge; those of an edge to a token that is not settled are not known, since the
    price of that token comes from edges that may not have been looked at.
    """
    if kernels_on():
        curves, ends = (market.table, market.family, market.first, market.count), (market.tail, market.head)
        limits = _ANY_AMOUNT if query.most is None else query.most
        return EdgeSurplus(*price_edges(*curves, *ends, query.price, token_prices, limits, known, is_settled))
    floor = token_prices.take(market.tail)
    floor *= 1 + ROUNDING
    top = token_prices.take(market.head)
    top *= query.price
    edge = np.flatnonzero(top > floor)
    if not len(edge):
        nothing = np.zeros(0)
        return EdgeSurplus(edge, edge, nothing, nothing)
    tail_price, head_price = token_prices[market.tail[edge]], token_prices[market.head[edge]]
    columns, all_owner, place = market.columns_of(edge, market.count[edge])
    above = np.flatnonzero(market.table[PRICE, columns] * head_price[all_owner] > tail_price[all_owner])
    segments, order = market.segments(columns[above])
    above = above[order]
    owner, place = all_owner[above], place[above]
    price_in, price_out = tail_price[owner], head_price[owner]
    x = segments.inverse(price_in / price_out)
    n = len(edge)
    most = None if query.most is None else query.most[market.tail[edge]]
    if most is not None and (sums(owner, x, n) > most).any():
        x = np.minimum(x, np.maximum(most[owner] - market.before.take(columns[above]), 0.0))
    spent = price_in * x
    spent *= 1 - SPENT_ROUNDING
    earned = price_out * segments.values(x) - spent
    earned[np.isnan(earned)] = np.inf  # an endless segment at a price that never falls
    beyond = earned * (place >= (known[edge] * is_settled[market.head[edge]])[owner])
    return EdgeSurplus(edge, np.bincount(owner, minlength=n), sums(owner, earned, n), sums(owner, beyond, n))


def earned_by_pool(market: CompiledEdges, found: EdgeSurplus) -> tuple[Ints, Floats]:
    """Pools that can earn, and the most each can: it is used once, between one pair of its tokens."""
    pool = market.pool[found.edge]
    if not market.has_multi_asset_pools:  # no more than one of two directions is above its price ratio
        return pool, found.surplus
    order = np.lexsort((found.surplus, pool))
    is_last = np.ones(len(pool), bool)
    is_last[:-1] = pool[order[1:]] != pool[order[:-1]]
    best = order[is_last]
    return pool[best], found.surplus[best]


def most_reached(market: CompiledEdges, query: Query) -> float:
    """The most of the target that pools can pay for what they can be sold of their other tokens.

    A bound that prices do not enter, for markets in which no prices give one. A few sweeps over all edges, each from
    the most of every token in the one before.
    """
    edges = np.flatnonzero(query.price > 0)
    tail, head = market.tail[edges], market.head[edges]
    columns, owner, _ = market.columns_of(edges, market.count[edges])
    segments, order = market.segments(columns)
    before, owner = market.before.take(columns[order]), owner[order]
    most = np.full(market.token_count, _ENDLESS)
    for _ in range(HOPS):
        most[query.source] = query.amount
        part = np.minimum(np.maximum(most.take(tail).take(owner) - before, 0.0), segments.capacity)
        paid = np.nan_to_num(segments.values(part), nan=_ENDLESS, posinf=_ENDLESS)
        most = np.minimum(sums(head.take(owner), paid, market.token_count), _ENDLESS)
    reached = float(most[query.target])
    return reached if reached < _ENDLESS else math.inf
