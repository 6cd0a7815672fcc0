"""Curves segment by segment; `SegmentTable` does the same for many at once, and says what the rows of a table are."""

from __future__ import annotations

import math

from dex.router.graph.curve_families import Triple, power_at, stable_at, stable_inverse
from dex.router.graph.segments import CAPACITY, FIRST, HYPERBOLA, POWER, PRICE, STABLE
from dex.router.kernel import Table, part

Seven = tuple[float, float, float, float, float, float, float]


@part
def power_column(table: Table, i: int) -> Triple:
    """The parameters of a power segment."""
    return table[FIRST, i], table[FIRST + 1, i], table[FIRST + 2, i]


@part
def stable_column(table: Table, i: int) -> Seven:
    """The parameters of a stable segment."""
    start, b, c, turn = table[FIRST, i], table[FIRST + 1, i], table[FIRST + 2, i], table[FIRST + 3, i]
    return start, b, c, turn, table[FIRST + 4, i], table[FIRST + 5, i], table[FIRST + 6, i]


@part
def family_of(i: int, hyperbolas: int, powers: int) -> int:
    """The family of a segment where they are sorted: `powers` is where those end."""
    return HYPERBOLA if i < hyperbolas else POWER if i < powers else STABLE


@part
def curve_at(table: Table, i: int, family: int, x: float) -> Triple:
    """f(x), f'(x) and -f''(x)."""
    if family == POWER:
        return power_at(power_column(table, i), x)
    if family == STABLE:
        return stable_at(stable_column(table, i), x)
    curvature = table[FIRST, i]
    shrunk = 1 / (1 + curvature * x)
    slope = table[PRICE, i] * shrunk
    value = slope * x
    slope *= shrunk
    return value, slope, 2 * curvature * (shrunk * slope)


@part
def curve_inverse(table: Table, i: int, family: int, slope: float) -> float:
    """The x within capacity at which f' has come down to `slope` (> 0): 0 where it starts below."""
    if family == POWER:
        x = table[FIRST, i] * math.expm1(math.log(table[PRICE, i] / slope) / (table[FIRST + 2, i] + 1))
    elif family == STABLE:
        x = stable_inverse(stable_column(table, i), slope)
    else:  # a flat segment divides by zero: all of it above its price, nothing (or not a number) at or below
        x = (math.sqrt(table[PRICE, i] / slope) - 1) / table[FIRST, i]
    return min(x, table[CAPACITY, i]) if x > 0 else 0.0
