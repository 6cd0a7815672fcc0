"""Bounds on the net value of any route, from token prices, and on how much of each token a route may hold.

A route's net value is what its swaps earn at any token prices, each less its cost, and the notional of the order. So
edges that earn less than they cost are better not used. Two things sharpen this: a token that is bought is sold on, so
an edge out of it is paid for; and one whole path from source to target is used in any case.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router.convex.best_path import Query
from dex.router.convex.certificate import EdgeSurplus
from dex.router.convex.linear import sums
from dex.router.convex.potentials import products_forward
from dex.router.fast.net_bound import value_net
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats
from dex.router.kernel import kernels_on
from dex.router.net.costs import EdgeCosts

_ROUNDING: Final = 1e-9  # of products of prices


class NetBound(NamedTuple):
    """No route has a higher net value than `value`; `gains` are what each edge earns less its cost, at the prices.

    Values are those of the objective: the output less cost, or minus the input and the cost. `notional` is the value
    of the order itself at the prices. Edges that no route may use gain minus infinity.
    """

    value: float
    gains: Floats
    notional: float

    def by_swaps(self, most: int) -> Floats:
        """Bounds on routes of one swap, two and so on; the last is for `most` or any more.

        A route of k swaps gains no more than the k edges that gain most.
        """
        sums = np.sort(self.gains)[::-1].cumsum()
        bounds = np.full(most, -np.inf)  # of more swaps than there are edges
        bounds[: len(sums)] = sums[:most]
        bounds[-1] = sums[most - 1 :].max(initial=-np.inf)
        bounds += self.notional
        return bounds


def net_bound(market: CompiledEdges, query: Query, costs: EdgeCosts, prices: Floats, found: EdgeSurplus) -> NetBound:
    """The bound that follows from token prices and what edges earn at them; the fixed cost is left out."""
    fixed = query.amount * float(prices[query.source] if query.is_exact_in else -prices[query.target])
    if kernels_on():
        graph = (market.tail, market.head, market.head_start, market.pool)
        earnings = (query.price, costs.swap, found.edge, found.surplus)
        value, gains = value_net(*graph, *earnings, query.source, query.target)
        return NetBound(fixed + value, gains, fixed)
    gains = np.where(query.price > 0, -costs.swap, -np.inf)
    gains[found.edge] += found.surplus
    earned = _earned_by_token(market, gains)
    dearest = np.full(market.token_count, -np.inf)
    np.maximum.at(dearest, market.tail, gains)
    kept = np.maximum(earned + np.minimum(dearest, 0.0), 0.0)
    kept[query.target] = earned[query.target]
    kept[query.source] = 0.0
    # No weight is below zero but by rounding, and then the search for the shortest path would not end by itself.
    weights = np.maximum(-np.minimum(gains, 0.0) - (earned - kept)[market.tail], 0.0)
    return NetBound(fixed + float(kept.sum()) - shortest_path(market, query, weights), gains, fixed)


def _earned_by_token(market: CompiledEdges, gains: Floats) -> Floats:
    """What the edges into each token gain, those that gain. A pool pays a token from one of the others only."""
    positive = np.maximum(gains, 0.0)
    if not market.has_multi_asset_pools:
        return sums(market.head, positive, market.token_count)
    edges = np.flatnonzero(positive)
    order = edges[np.lexsort((positive[edges], market.pool[edges], market.head[edges]))]
    is_last = np.ones(len(order), bool)
    is_last[:-1] = (market.pool[order[1:]] != market.pool[order[:-1]]) | (
        market.head[order[1:]] != market.head[order[:-1]]
    )
    best = order[is_last]
    return sums(market.head[best], positive[best], market.token_count)


def shortest_path(market: CompiledEdges, query: Query, weights: Floats) -> float:
    """The least sum of weights, none below zero, along any path; infinite where there is none."""
    by_pair = np.minimum.reduceat(weights, market.pair_start)
    lengths = np.full(market.token_count, np.inf)
    lengths[query.source] = 0.0
    for _ in range(market.token_count):
        after = lengths.copy()
        np.minimum.at(after, market.pair_head, lengths.take(market.pair_tail) + by_pair)
        if (after == lengths).all():
            break
        lengths = after
    return float(lengths[query.target])


def usable_pairs(market: CompiledEdges, query: Query) -> Floats:
    """The best slopes at zero of all pairs that a route may use, in the order of pairs."""
    pairs: Floats = query.pair_price * (market.pair_tail != query.target)
    pairs[market.pair_head_start[query.source] : market.pair_head_start[query.source + 1]] = 0.0
    return pairs


def best_prices(market: CompiledEdges, query: Query, pairs: Floats) -> Floats:
    """The most of each token that an atom of the source buys, before any swap, over any number of hops."""
    return np.asarray(products_forward(market, pairs, query.source, market.token_count) * (1 + _ROUNDING), float)
