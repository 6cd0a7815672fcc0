"""What every edge would earn at given prices: the loops of `certificate.stakes`."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from dex.router.fast.curves import curve_at, curve_inverse
from dex.router.fast.kernel import Bools, Floats, Forms, Ints, Table, kernel, part
from dex.router.pieces import PRICE

# An edge above its price ratio by less than this earns nothing that could be told from rounding.
ROUNDING: Final = 1e-14
SPENT_ROUNDING: Final = 1e-15  # earnings are differences: what floats lose of them is given, so that bounds hold


@part
def _earned(table: Table, i: int, form: int, worth_in: float, worth_out: float, most: float) -> tuple[float, float]:
    """What a piece takes, of `most`, and what it earns with that."""
    x = min(curve_inverse(table, i, form, worth_in / worth_out), most)
    spent = worth_in * x
    spent *= 1 - SPENT_ROUNDING
    earned = worth_out * curve_at(table, i, form, x)[0] - spent
    return x, math.inf if earned != earned else earned  # an endless piece at a price that never falls


@kernel
def price_edges(
    table: Table,
    forms: Forms,
    first: Ints,
    count: Ints,
    tail: Ints,
    head: Ints,
    price: Floats,
    nu: Floats,
    most: Floats,
    known: Ints,
    is_settled: Bools,
) -> tuple[Ints, Ints, Floats, Floats]:
    """The fields of `Stakes`; an empty `most` is any amount."""
    edges = np.empty(len(price), np.intp)
    found = 0
    for edge in range(len(price)):
        if price[edge] * nu[head[edge]] > nu[tail[edge]] * (1 + ROUNDING):
            edges[found] = edge
            found += 1
    edges = edges[:found].copy()
    pieces = np.zeros(found, np.intp)
    stake, outside = np.zeros(found), np.zeros(found)
    for number in range(found):
        edge = edges[number]
        worth_in, worth_out = nu[tail[edge]], nu[head[edge]]
        known_pieces = known[edge] if is_settled[head[edge]] else 0
        left = most[tail[edge]] if len(most) else math.inf
        for place in range(count[edge]):
            i = first[edge] + place
            if table[PRICE, i] * worth_out > worth_in:
                x, earned = _earned(table, i, forms[i], worth_in, worth_out, left)
                left -= x
                pieces[number] += 1
                stake[number] += earned
                outside[number] += earned if place >= known_pieces else 0.0
    return edges, pieces, stake, outside
