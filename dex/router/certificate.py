"""What no route can beat: a bound from token prices, valid for every route however it splits.

For prices nu >= 0 any flow pays at most what the order's amount is worth plus, for every edge, the most its own
curve can earn at these prices. Only edges that start above their price ratio earn anything.
Source: T. Diamandis, G. Angeris, Convex Network Flows (2024); G. Angeris et al., Optimal Routing for Constant
Function Market Makers (2022).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dex.router.edges import CompiledEdges
from dex.router.fast.kernel import kernels_on
from dex.router.fast.stakes import ROUNDING, SPENT_ROUNDING, price_edges
from dex.router.guess import HOPS, Query
from dex.router.linear import sums
from dex.router.pieces import PRICE, Floats, Ints

Bools = NDArray[np.bool_]

_ENDLESS = 1e250  # stands for infinite amounts, of which there may be many
_ANY_AMOUNT = np.zeros(0)


class Stakes(NamedTuple):
    """Edges that start above their price ratio, by number: how many of their pieces do, and what they earn.

    `stake` is what the whole edge earns at the prices, `outside` the part of it beyond the pieces already known.
    """

    edge: Ints
    pieces: Ints
    stake: Floats
    outside: Floats


def stakes(market: CompiledEdges, query: Query, nu: Floats, known: Ints, is_settled: Bools) -> Stakes:
    """Price all edges, for as much as a route can sell to them.

    `known` counts pieces of each edge; those of an edge to a token that is not settled are not known, since
    what that token is worth came from edges which nobody may have looked at.
    """
    if kernels_on():
        curves, ends = (market.table, market.form, market.first, market.count), (market.tail, market.head)
        limits = _ANY_AMOUNT if query.most is None else query.most
        return Stakes(*price_edges(*curves, *ends, query.price, nu, limits, known, is_settled))
    floor = nu.take(market.tail)
    floor *= 1 + ROUNDING
    top = nu.take(market.head)
    top *= query.price
    edge = np.flatnonzero(top > floor)
    if not len(edge):
        nothing = np.zeros(0)
        return Stakes(edge, edge, nothing, nothing)
    nu_in, nu_out = nu[market.tail[edge]], nu[market.head[edge]]
    columns, all_owner, place = market.columns_of(edge, market.count[edge])
    above = np.flatnonzero(market.table[PRICE, columns] * nu_out[all_owner] > nu_in[all_owner])
    pieces, order = market.pieces(columns[above])
    above = above[order]
    owner, place = all_owner[above], place[above]
    worth_in, worth_out = nu_in[owner], nu_out[owner]
    x = pieces.inverse(worth_in / worth_out)
    n = len(edge)
    most = None if query.most is None else query.most[market.tail[edge]]
    if most is not None and (sums(owner, x, n) > most).any():
        x = np.minimum(x, np.maximum(most[owner] - market.before.take(columns[above]), 0.0))
    spent = worth_in * x
    spent *= 1 - SPENT_ROUNDING
    earned = worth_out * pieces.values(x) - spent
    earned[np.isnan(earned)] = np.inf  # an endless piece at a price that never falls
    beyond = earned * (place >= (known[edge] * is_settled[market.head[edge]])[owner])
    return Stakes(edge, np.bincount(owner, minlength=n), sums(owner, earned, n), sums(owner, beyond, n))


def earned_by_pool(market: CompiledEdges, found: Stakes) -> tuple[Ints, Floats]:
    """Pools that can earn, and the most each can: it is used once, between one pair of its tokens."""
    pool = market.pool[found.edge]
    if not market.has_wide_pools:  # no more than one of two directions is above its price ratio
        return pool, found.stake
    order = np.lexsort((found.stake, pool))
    is_last = np.ones(len(pool), bool)
    is_last[:-1] = pool[order[1:]] != pool[order[:-1]]
    best = order[is_last]
    return pool[best], found.stake[best]


def most_reached(market: CompiledEdges, query: Query) -> float:
    """The most of the target that pools can pay for what of their other tokens can be had at all.

    A bound that prices do not enter, for markets in which no prices give one. A few sweeps over all edges, each from
    the most of every token in the one before.
    """
    edges = np.flatnonzero(query.price > 0)
    tail, head = market.tail[edges], market.head[edges]
    columns, owner, _ = market.columns_of(edges, market.count[edges])
    pieces, order = market.pieces(columns)
    before, owner = market.before.take(columns[order]), owner[order]
    most = np.full(market.token_count, _ENDLESS)
    for _ in range(HOPS):
        most[query.source] = query.amount
        part = np.minimum(np.maximum(most.take(tail).take(owner) - before, 0.0), pieces.capacity)
        paid = np.nan_to_num(pieces.values(part), nan=_ENDLESS, posinf=_ENDLESS)
        most = np.minimum(sums(head.take(owner), paid, market.token_count), _ENDLESS)
    reached = float(most[query.target])
    return reached if reached < _ENDLESS else math.inf
