"""Curves to columns: one table for the pieces of many curves, and a one-piece summary of each curve."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dex.pools.curves import Curve, PowerCurve, Segments, StableCurve
from dex.router.forms import powers_at, stable_parameters, stables_at
from dex.router.pieces import (
    CAPACITY,
    FIRST,
    HYPERBOLA,
    POWER,
    POWER_ROWS,
    PRICE,
    ROWS,
    SCALE_IN,
    STABLE,
    STABLE_ROWS,
    Floats,
    Ints,
)

_NOTHING = Segments((0.0,), (0.0,), (0.0,))  # what a curve without pieces is stored as


class Columns(NamedTuple):
    """`table`, `form` and what a curve takes `before` each of its pieces, by piece.

    The others by curve: pieces, and price x / (1 + steepness x) up to capacity.
    """

    table: Floats
    form: NDArray[np.int8]
    before: Floats
    counts: Ints
    price: Floats
    capacity: Floats
    steepness: Floats


def compile_curves(curves: Sequence[Curve]) -> Columns:
    """One pass over the curves in Python, the rest by whole arrays."""
    price: list[float] = []
    capacity: list[float] = []
    curvature: list[float] = []
    before: list[float] = []
    count: list[int] = []
    powers: list[tuple[int, PowerCurve]] = []
    stables: list[tuple[int, StableCurve]] = []
    for curve in curves:
        if isinstance(curve, PowerCurve):
            powers.append((len(price), curve))
        elif isinstance(curve, StableCurve):
            stables.append((len(price), curve))
        pieces = curve if isinstance(curve, Segments) and curve.price else _NOTHING
        price += pieces.price
        capacity += pieces.capacity
        curvature += pieces.curvature
        before += accumulate(pieces.capacity[:-1], initial=0.0)
        count.append(len(pieces.price))
    table = np.zeros((ROWS, len(price)))
    table[PRICE], table[CAPACITY], table[FIRST] = price, capacity, curvature
    form = np.full(len(price), HYPERBOLA, np.int8)
    counts = np.array(count, np.intp)
    with np.errstate(all="ignore"):  # both branches of a choice are computed, and not both need be numbers
        _fill_powers(table, form, powers)
        _fill_stables(table, form, stables)
        return Columns(table, form, np.array(before), counts, *_summary(table, form, np.cumsum(counts) - counts))


def _fill_powers(table: Floats, form: NDArray[np.int8], powers: list[tuple[int, PowerCurve]]) -> None:
    if not powers:
        return
    at = np.array([column for column, _ in powers], np.intp)
    depth, reserve, exponent, capacity = np.array([curve for _, curve in powers]).T
    form[at] = POWER
    table[PRICE, at], table[CAPACITY, at] = reserve * exponent / depth, capacity
    table[FIRST, at], table[FIRST + 1, at], table[FIRST + 2, at] = depth, reserve, exponent


def _fill_stables(table: Floats, form: NDArray[np.int8], stables: list[tuple[int, StableCurve]]) -> None:
    if not stables:
        return
    at = np.array([column for column, _ in stables], np.intp)
    start, b, c, scale_in, scale_out, capacity = np.array([curve for _, curve in stables]).T
    rows = np.array([start, b, c, *stable_parameters(start, b, c), scale_in, scale_out])
    form[at] = STABLE
    table[STABLE_ROWS, at] = rows
    table[PRICE, at] = stables_at(rows, np.zeros(len(at)))[1]
    table[CAPACITY, at] = capacity


def _summary(table: Floats, form: NDArray[np.int8], starts: Ints) -> tuple[Floats, Floats, Floats]:
    """Slope at zero, capacity, and the steepness that is right at the end, or halfway down an endless curve."""
    x = table[CAPACITY].copy()
    endless = np.isinf(x)
    x = np.where(endless, np.where(form == HYPERBOLA, 1 / table[FIRST], table[FIRST]), x)
    x = np.where(endless & (form == STABLE), table[FIRST] / table[SCALE_IN], x)
    paid = table[PRICE] * x / (1 + table[FIRST] * x)
    for kind, value, rows in ((POWER, powers_at, POWER_ROWS), (STABLE, stables_at, STABLE_ROWS)):
        at = np.flatnonzero(form == kind)
        if len(at):
            paid[at] = value(table[rows, at], x[at])[0]
    price = table[PRICE, starts]
    x, paid = np.add.reduceat(x, starts), np.add.reduceat(paid, starts)
    steepness = np.nan_to_num(np.maximum(price / paid - 1 / x, 0.0))
    return price, np.add.reduceat(table[CAPACITY], starts), steepness
