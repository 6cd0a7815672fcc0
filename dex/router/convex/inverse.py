"""A fixed output by fixed inputs: the input at which the optimum pays it, by Newton's method.

What the optimum pays is concave in the input, and its slope is the price of the source: every solution for an input
bounds the input that the output needs.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from dex.router.convex.best_path import Query
from dex.router.convex.certificate import edge_surplus
from dex.router.convex.optimum import Optimum, best_free, bound_of
from dex.router.graph.edges import CompiledEdges
from dex.router.time_limit import TimeLimit

_STEPS: Final = 8
_PRECISE: Final = 1e-12
_LEAST_WORTH: Final = 1e-7  # of the input at the margin, as a share of the output: below, rounding decides the steps


def inverted(market: CompiledEdges, query: Query, start: Optimum, time_limit: TimeLimit) -> Optimum:
    """The best route for a fixed output, sought among inputs from one that pays it; at worst the route of that."""
    best, amount, nothing = start, start.value, np.zeros(market.edge_count, np.intp)
    for _ in range(_STEPS):
        sale = query._replace(amount=amount, is_exact_in=True, most=None)
        found = best_free(market, sale, time_limit)
        price = float(found.prices[query.source]) if found is not None else 0.0
        if found is None or not found.is_filled or not price * amount > _LEAST_WORTH * query.amount:
            break
        earned = bound_of(market, sale, found.prices, edge_surplus(market, sale, found.prices, nothing, nothing > 0))
        bound = max(best.bound, amount - (earned - query.amount) / price)
        short = query.amount - found.value
        if abs(short) <= _PRECISE * query.amount and amount <= best.value:
            carried = found.carried._replace(value=amount)
            return found._replace(carried=carried, bound=bound, prices=found.prices / price)
        best = best._replace(bound=bound)
        amount += short / price
        if not 0 < amount < math.inf:
            break
    return best
