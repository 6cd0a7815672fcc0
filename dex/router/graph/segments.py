"""Concave segments of pool curves as columns: value, slope, bend and inverse of many at once.

A table has one column per segment. Rows: slope at zero, capacity, then the parameters of its family: curvature of a
hyperbola price x / (1 + curvature x), or what `curve_families.py` says. Nothing here knows tokens or pools.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dex.router.graph.curve_families import power_at, power_inverses, powers_at, stable_at, stable_inverse, stables_at

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

HYPERBOLA, POWER, STABLE = 0, 1, 2
PRICE, CAPACITY, FIRST = 0, 1, 2
POWER_ROWS, STABLE_ROWS = slice(FIRST, FIRST + 3), slice(FIRST, FIRST + 7)
RESERVE, SCALE_IN, SCALE_OUT = FIRST + 1, FIRST + 5, FIRST + 6
ROWS: Final = 9

_MANY = 12  # curved segments from which whole arrays are faster than a loop; of stable ones, which have more to compute
_MANY_STABLES = 28


class SegmentTable:
    """Segments sorted by family, in the units of their owner. Arrays passed in and out follow that order."""

    __slots__ = ("_few", "_twice", "capacity", "curvature", "hyperbolas", "powers", "price", "size", "table")

    def __init__(self, table: Floats, hyperbolas: int, powers: int) -> None:
        """`table` holds `hyperbolas` columns of that family, then `powers`, then stable ones."""
        self.table = table
        self.size = table.shape[1]
        self.hyperbolas = hyperbolas
        self.powers = hyperbolas + powers  # where they end
        self.price = table[PRICE]
        self.capacity = table[CAPACITY]
        self.curvature = table[FIRST, :hyperbolas]
        self._twice = 2 * self.curvature
        self._few: list[tuple[Callable[[list[float], float], tuple[float, float, float]], list[float]]] = []

    def negated(self) -> SegmentTable:
        """The same segments with value, slope and bend of the other sign."""
        table = self.table.copy()
        table[PRICE] *= -1
        table[RESERVE, self.hyperbolas : self.powers] *= -1
        table[SCALE_OUT, self.powers :] *= -1
        return SegmentTable(table, self.hyperbolas, self.powers - self.hyperbolas)

    def evaluate(self, x: Floats, value: Floats, slope: Floats, bend: Floats) -> None:
        """Write f(x), f'(x) and -f''(x) into the arrays given."""
        n = self.hyperbolas
        if n == self.size:
            self._hyperbolas(self.price, x, value, slope, bend)
            return
        self._hyperbolas(self.price[:n], x[:n], value[:n], slope[:n], bend[:n])
        n = self._many(x, value, slope, bend) if self.size - n > _MANY else n
        if n == self.size:
            return
        if not self._few:
            self._few = [(power_at, column) for column in self.table[POWER_ROWS, n : self.powers].T.tolist()]
            self._few += [(stable_at, column) for column in self.table[STABLE_ROWS, self.powers :].T.tolist()]
        results = [curve(column, at) for (curve, column), at in zip(self._few, x[n:].tolist(), strict=True)]
        value[n:], slope[n:], bend[n:] = zip(*results, strict=True)

    def values(self, x: Floats) -> Floats:
        """f(x)."""
        value, slope, bend = np.empty((3, self.size))
        self.evaluate(x, value, slope, bend)
        return value

    def inverse(self, slope: Floats) -> Floats:
        """The x within capacity at which f' has come down to `slope` (> 0): 0 where it starts below."""
        n = self.hyperbolas
        x = np.empty(self.size)
        # A flat segment divides by zero: all of it above its price, nothing (or not a number) at or below.
        x[:n] = (np.sqrt(self.price[:n] / slope[:n]) - 1) / self.curvature
        if n < self.size:
            self.invert_curved(slope[n:], x[n:])
        np.fmax(x, 0.0, out=x)
        np.minimum(x, self.capacity, out=x)
        return x

    def invert_curved(self, slope: Floats, x: Floats) -> None:
        """Write the inverse of all but hyperbolas, at any capacity; negative where a segment starts below."""
        n, end, table = self.hyperbolas, self.powers, self.table
        powers = end - n
        if powers:
            ratio = self.price[n:end] / slope[:powers]
            x[:powers] = power_inverses(table[FIRST, n:end], table[FIRST + 2, n:end], ratio)
        if end < self.size:
            columns = zip(table[STABLE_ROWS, end:].T.tolist(), slope[powers:].tolist(), strict=True)
            x[powers:] = [stable_inverse(column, at) for column, at in columns]

    def _hyperbolas(self, price: Floats, x: Floats, value: Floats, slope: Floats, bend: Floats) -> None:
        np.multiply(self.curvature, x, out=bend)
        bend += 1
        np.divide(1, bend, out=bend)
        np.multiply(price, bend, out=slope)
        np.multiply(slope, x, out=value)
        slope *= bend
        bend *= slope
        bend *= self._twice

    def _many(self, x: Floats, value: Floats, slope: Floats, bend: Floats) -> int:
        """Write those of power segments, and of stable ones where there are many; how far that is."""
        parts = [(slice(self.hyperbolas, self.powers), powers_at, POWER_ROWS)]
        if self.size - self.powers > _MANY_STABLES:
            parts.append((slice(self.powers, self.size), stables_at, STABLE_ROWS))
        for part, curves, rows in parts:
            if part.start < part.stop:
                value[part], slope[part], bend[part] = curves(self.table[rows, part], x[part])
        return part.stop
