"""Costs by tick as a part of curves: segments that pay less, by what crossing into them costs at the least."""

from __future__ import annotations

import numpy as np

from dex.router.convex.best_path import Query
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import CAPACITY, FIRST, PRICE, Floats
from dex.router.net.costs import EdgeCosts


def charged(market: CompiledEdges, query: Query, costs: EdgeCosts, prices: Floats) -> CompiledEdges:
    """The market with the costs of ticks taken from what segments pay, never more than is due: bounds still hold.

    A tick is paid for with the first atom of its segment, here in proportion to what the segment pays, so that all of
    it is paid where the segment is used up. The share that is taken rises from segment to segment, which keeps curves
    concave. `prices` are those of tokens in the numeraire; `query.most` says how much of a segment can be used.
    """
    edges = np.flatnonzero((costs.tick > 0) & (query.price > 0) & (market.count > 1) & (prices[market.head] > 0))
    if not len(edges):
        return market
    counts = market.count[edges]
    columns, owner, place = market.columns_of(edges, counts)
    room = np.minimum(market.table[CAPACITY, columns], np.inf)
    if query.most is not None:
        room = np.minimum(room, np.maximum(query.most[market.tail[edges]].take(owner) - market.before[columns], 0.0))
    paid = market.table[PRICE, columns] * room / (1 + market.table[FIRST, columns] * room)
    due = costs.tick[edges].take(owner) / prices[market.head[edges]].take(owner)
    kept = np.where(place == 0, 1.0, np.fmax(1 - due / paid, 0.0))
    last = counts.cumsum() - 1
    for step in range(1, int(counts.max())):  # from the end of each edge to its start
        here = last - step
        is_here = step < counts
        kept[here[is_here]] = np.maximum(kept[here[is_here]], kept[here[is_here] + 1])
    twin: CompiledEdges = object.__new__(CompiledMarket if isinstance(market, CompiledMarket) else CompiledEdges)
    twin.__dict__.update(market.__dict__)
    twin.table = market.table.copy()
    twin.table[PRICE, columns] *= kept
    return twin
