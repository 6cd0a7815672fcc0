"""Curves to columns: one table for the segments of many curves, and a one-segment summary of each curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dex.pools.curves import Curve, PowerCurve, Segments, StableCurve
from dex.router.graph.curve_families import powers_at, stable_parameters, stables_at
from dex.router.graph.segments import (
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

_NOTHING = Segments((0.0,), (0.0,), (0.0,))  # what a curve without segments is stored as


class Columns(NamedTuple):
    """`table`, `family` and what a curve takes `before` each of its segments, by segment.

    The others by curve: segments, and price x / (1 + steepness x) up to capacity.
    """

    table: Floats
    family: NDArray[np.int8]
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
    sums: list[tuple[float, float, float]] = []
    powers: list[tuple[int, PowerCurve]] = []
    stables: list[tuple[int, StableCurve]] = []
    for curve in curves:
        if isinstance(curve, PowerCurve):
            powers.append((len(price), curve))
        elif isinstance(curve, StableCurve):
            stables.append((len(price), curve))
        segments = curve if isinstance(curve, Segments) and curve.price else _NOTHING
        price += segments.price
        capacity += segments.capacity
        curvature += segments.curvature
        before += accumulate(segments.capacity[:-1], initial=0.0)
        count.append(len(segments.price))
        sums.append(summary(segments))
    table = np.zeros((ROWS, len(price)))
    table[PRICE], table[CAPACITY], table[FIRST] = price, capacity, curvature
    family = np.full(len(price), HYPERBOLA, np.int8)
    counts = np.array(count, np.intp)
    columns = Columns(table, family, np.array(before), counts, *np.array(sums).reshape(-1, 3).T.copy())
    with np.errstate(all="ignore"):  # what is not a number is dealt with where it arises
        for kind, rows, curved, fill in (
            (POWER, POWER_ROWS, powers, _fill_powers),
            (STABLE, STABLE_ROWS, stables, _fill_stables),
        ):
            if curved:
                at = np.array([column for column, _ in curved], np.intp)
                fill(table, at, np.array([curve for _, curve in curved]).T)
                family[at] = kind
                _sum_up(columns, np.searchsorted(counts.cumsum(), at, side="right"), at, rows)
    return columns


def summary(segments: Segments) -> tuple[float, float, float]:
    """Slope at zero, capacity, and the steepness that is right at the end, or halfway down an endless curve."""
    if len(segments.price) == 1:
        return _of_one(segments.price[0], segments.curvature[0], segments.capacity[0])
    if not any(segments.curvature):
        return _of_flat(segments.price, segments.capacity)
    sold = paid = 0.0
    for price, curvature, capacity in zip(*segments, strict=True):
        if curvature:
            x = capacity if capacity < math.inf else 1 / curvature
            paid += price * x / (1 + curvature * x)
        else:
            x = capacity
            paid += price * x
        sold += x
    steepness = segments.price[0] / paid - 1 / sold if 0 < paid < math.inf and sold else 0.0
    return segments.price[0], sum(segments.capacity), max(steepness, 0.0)


def _of_one(price: float, curvature: float, capacity: float) -> tuple[float, float, float]:
    """The same of one segment."""
    sold = capacity
    if curvature:
        sold = capacity if capacity < math.inf else 1 / curvature
        paid = price * sold / (1 + curvature * sold)
    else:
        paid = price * sold
    steepness = price / paid - 1 / sold if 0 < paid < math.inf and sold else 0.0
    return price, capacity, max(steepness, 0.0)


def _of_flat(price: Sequence[float], capacity: Sequence[float]) -> tuple[float, float, float]:
    """The same of segments that do not curve."""
    sold, paid = float(sum(capacity)), float(sum(map(mul, price, capacity)))
    steepness = price[0] / paid - 1 / sold if 0 < paid < math.inf and sold else 0.0
    return price[0], sold, max(steepness, 0.0)


def _fill_powers(table: Floats, at: Ints, curves: Floats) -> None:
    depth, reserve, exponent, capacity, _ = curves
    table[PRICE, at], table[CAPACITY, at] = reserve * exponent / depth, capacity
    table[FIRST, at], table[FIRST + 1, at], table[FIRST + 2, at] = depth, reserve, exponent


def _fill_stables(table: Floats, at: Ints, curves: Floats) -> None:
    start, b, c, scale_in, scale_out, capacity = curves
    rows = np.array([start, b, c, *stable_parameters(start, b, c), scale_in, scale_out])
    table[STABLE_ROWS, at] = rows
    table[PRICE, at] = stables_at(rows, np.zeros(len(at)))[1]
    table[CAPACITY, at] = capacity


def _sum_up(columns: Columns, curve: Ints, at: Ints, rows: slice) -> None:
    """The summary of curves with one segment that is no hyperbola, its column in `at`."""
    table, price = columns.table, columns.table[PRICE, at]
    capacity = table[CAPACITY, at]
    scale = table[FIRST, at] if rows is POWER_ROWS else table[FIRST, at] / table[SCALE_IN, at]
    x = np.where(np.isinf(capacity), scale, capacity)
    paid = (powers_at if rows is POWER_ROWS else stables_at)(table[rows, at], x)[0]
    columns.price[curve], columns.capacity[curve] = price, capacity
    columns.steepness[curve] = np.nan_to_num(np.maximum(price / paid - 1 / x, 0.0))
