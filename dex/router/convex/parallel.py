"""Orders in a market of one pair: the pools side by side are filled to one price, and that is the optimum."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from dex.router.convex.best_path import Query
from dex.router.convex.flows import Flow
from dex.router.convex.linear import sums
from dex.router.convex.reduced import DUST, Solved
from dex.router.convex.waterfill import Filled, fill
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, SegmentTable

_APART: Final = 1e-9


def solve_parallel(market: CompiledEdges, query: Query) -> tuple[Solved, float] | None:
    """The solution and its bound; None when no pool trades the pair. Exact: nothing outside could earn."""
    edges = np.flatnonzero(query.price > 0)
    if not len(edges):
        return None
    columns, owner, _ = market.columns_of(edges, market.count[edges])
    segments, order = market.segments(columns)
    owner = owner[order]
    filled = fill(segments, query.amount, query.is_exact_in)
    values = segments.values(filled.flow)
    sold, paid = (sums(owner, amounts, len(edges)) for amounts in (filled.flow, values))
    traded = sold if query.is_exact_in else paid
    is_full = sold > market.capacity[edges] / 2
    active = np.flatnonzero((traded > DUST * query.amount) | (is_full & (traded > 0)))
    rows = zip(edges[active].tolist(), sold[active].tolist(), paid[active].tolist(), strict=True)
    flows = [Flow(edge, query.source, query.target, *amounts) for edge, *amounts in rows]
    prices = _prices(market, query, filled.price)
    missing = filled.missing / query.amount
    return Solved(flows, prices, np.ones(market.token_count, bool), missing, 0), _bound(query, segments, filled, values)


def _bound(query: Query, segments: SegmentTable, filled: Filled, values: Floats) -> float:
    """The bound on any split, from the price of the last atom; of the first, where floats hardly tell those apart."""
    price, earned = filled.price, 0.0
    top = float(segments.price.max())
    if price < top * (1 - _APART):
        earned = float((values - price * filled.flow).sum())
    else:
        price = top
    if not price > 0:
        return math.inf if query.is_exact_in else 0.0
    return price * query.amount + earned if query.is_exact_in else (query.amount - earned) / price


def _prices(market: CompiledEdges, query: Query, price: float) -> Floats:
    prices = np.zeros(market.token_count)
    prices[query.source] = price if query.is_exact_in else 1.0
    prices[query.target] = 1.0 if query.is_exact_in else 1 / price
    return prices
