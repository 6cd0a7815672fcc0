"""The surplus of every edge at given token prices: the loops of `certificate.edge_surplus`."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from dex.router.fast.curves import curve_at, curve_inverse
from dex.router.graph.segments import PRICE
from dex.router.kernel import Bools, Families, Floats, Ints, Table, kernel, part

# An edge above its price ratio by less than this earns nothing that is more than rounding.
ROUNDING: Final = 1e-14
SPENT_ROUNDING: Final = 1e-15  # earnings are differences: what floats lose of them is given, so that bounds hold


@part
def _earned(table: Table, i: int, family: int, price_in: float, price_out: float, most: float) -> tuple[float, float]:
    """What a segment takes, of `most`, and what it earns with that."""
    x = min(curve_inverse(table, i, family, price_in / price_out), most)
    spent = price_in * x
    spent *= 1 - SPENT_ROUNDING
    earned = price_out * curve_at(table, i, family, x)[0] - spent
    return x, math.inf if earned != earned else earned  # an endless segment at a price that never falls


@kernel
def price_edges(
    table: Table,
    families: Families,
    first: Ints,
    count: Ints,
    tail: Ints,
    head: Ints,
    price: Floats,
    token_prices: Floats,
    most: Floats,
    known: Ints,
    is_settled: Bools,
) -> tuple[Ints, Ints, Floats, Floats]:
    """The fields of `EdgeSurplus`; an empty `most` is any amount."""
    edges = np.empty(len(price), np.intp)
    found = 0
    for edge in range(len(price)):
        if price[edge] * token_prices[head[edge]] > token_prices[tail[edge]] * (1 + ROUNDING):
            edges[found] = edge
            found += 1
    edges = edges[:found].copy()
    segments = np.zeros(found, np.intp)
    surplus, outside = np.zeros(found), np.zeros(found)
    for number in range(found):
        edge = edges[number]
        price_in, price_out = token_prices[tail[edge]], token_prices[head[edge]]
        known_segments = known[edge] if is_settled[head[edge]] else 0
        left = most[tail[edge]] if len(most) else math.inf
        for place in range(count[edge]):
            i = first[edge] + place
            if table[PRICE, i] * price_out > price_in:
                x, earned = _earned(table, i, families[i], price_in, price_out, left)
                left -= x
                segments[number] += 1
                surplus[number] += earned
                outside[number] += earned if place >= known_segments else 0.0
    return edges, segments, surplus, outside
