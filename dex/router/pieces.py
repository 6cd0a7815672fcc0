"""Concave pieces of pool curves as columns: value, slope, bend and inverse of many at once.

A table has one column per piece. Rows: slope at zero, capacity, then the parameters of its form (see `ROWS`).
Nothing here knows tokens or pools.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

HYPERBOLA, POWER, STABLE = 0, 1, 2

# Rows of a table. Hyperbola: curvature. Power: depth, reserve, exponent. Stable: start, b, c, scale_in, scale_out.
PRICE, CAPACITY, FIRST = 0, 1, 2
ROWS: Final = 7

MANY: Final = 32  # curved pieces from which whole arrays are faster than a loop

_STABLE_STEPS = 60
_STABLE_TOLERANCE = 1e-14


class Pieces:
    """Pieces sorted by form, in the units of their owner. Arrays passed in and out follow that order."""

    __slots__ = ("capacity", "curvature", "few", "hyperbolas", "powers", "price", "size", "table", "twice")

    def __init__(self, table: Floats, hyperbolas: int, powers: int) -> None:
        """`table` holds `hyperbolas` columns of that form, then `powers`, then stable ones."""
        self.table = table
        self.size = table.shape[1]
        self.hyperbolas = hyperbolas
        self.powers = hyperbolas + powers
        self.price = table[PRICE]
        self.capacity = table[CAPACITY]
        self.curvature = table[FIRST, :hyperbolas]
        self.twice = 2 * self.curvature
        self.few: list[tuple[Callable[..., tuple[float, float, float]], tuple[float, ...]]] | None = None

    def evaluate(self, x: Floats, value: Floats, slope: Floats, bend: Floats) -> None:
        """Write f(x), f'(x) and -f''(x) into the arrays given."""
        n = self.hyperbolas
        if n == self.size:
            _hyperbola(self.price, self.curvature, self.twice, x, value, slope, bend)
            return
        _hyperbola(self.price[:n], self.curvature, self.twice, x[:n], value[:n], slope[:n], bend[:n])
        if self.size - n > MANY:
            self._evaluate_many(x, value, slope, bend)
            return
        if self.few is None:
            self.few = [
                (power_at, tuple(column)) for column in self.table[FIRST : FIRST + 3, n : self.powers].T.tolist()
            ]
            self.few += [(stable_at, tuple(column)) for column in self.table[FIRST:, self.powers :].T.tolist()]
        results = [form(*column, at) for (form, column), at in zip(self.few, x[n:].tolist(), strict=True)]
        value[n:], slope[n:], bend[n:] = zip(*results, strict=True)

    def _evaluate_many(self, x: Floats, value: Floats, slope: Floats, bend: Floats) -> None:
        for part, form in ((slice(self.hyperbolas, self.powers), power), (slice(self.powers, self.size), stable)):
            value[part], slope[part], bend[part] = form(self.table[:, part], x[part])

    def values(self, x: Floats) -> Floats:
        """f(x)."""
        n = self.hyperbolas
        value = np.empty(self.size)
        value[:n] = self.price[:n] * x[:n] / (1 + self.curvature * x[:n])
        if n < self.powers:
            value[n : self.powers] = power(self.table[:, n : self.powers], x[n : self.powers])[0]
        if self.powers < self.size:
            value[self.powers :] = stable(self.table[:, self.powers :], x[self.powers :])[0]
        return value

    def inverse(self, slope: Floats) -> Floats:
        """The x within capacity at which f' has come down to `slope` (> 0): 0 where it starts below."""
        n = self.hyperbolas
        x = np.empty(self.size)
        ratio = self.price / slope
        # A flat piece divides by zero: all of it above its price, nothing (or not a number) at or below.
        x[:n] = (np.sqrt(ratio[:n]) - 1) / self.curvature
        if n < self.powers:
            depth, _, exponent = self.table[FIRST : FIRST + 3, n : self.powers]
            x[n : self.powers] = depth * np.expm1(np.log(ratio[n : self.powers]) / (exponent + 1))
        if self.powers < self.size:
            x[self.powers :] = _stable_inverse(self.table[:, self.powers :], slope[self.powers :])
        return np.minimum(np.fmax(x, 0.0), self.capacity)


def _hyperbola(
    price: Floats, curvature: Floats, twice: Floats, x: Floats, value: Floats, slope: Floats, bend: Floats
) -> None:
    np.multiply(curvature, x, out=bend)
    bend += 1
    np.divide(1, bend, out=bend)
    np.multiply(price, bend, out=slope)
    np.multiply(slope, x, out=value)
    slope *= bend
    bend *= slope
    bend *= twice


def power_at(depth: float, reserve: float, exponent: float, x: float) -> tuple[float, float, float]:
    """`power` of one piece."""
    part = x / depth
    log = math.log1p(part)
    slope = reserve * exponent / depth * math.exp(-(exponent + 1) * log)
    return -reserve * math.expm1(-exponent * log), slope, (exponent + 1) * slope / (depth * (1 + part))


def stable_at(
    start: float, b: float, c: float, scale_in: float, scale_out: float, x: float
) -> tuple[float, float, float]:
    """`stable` of one piece."""
    added = x * scale_in
    balance = start + added
    before = _balance_at(b, c, start)
    after = _balance_at(b, c, balance)
    value = added * (after + c / (start * balance)) / (before + after + b + start) * scale_out
    width = 2 * after + b + balance
    inverse_square = c / (balance * balance)
    fall = (after + inverse_square) / width
    scale = scale_in * scale_out
    return value, scale * fall, (2 * inverse_square / balance + 2 * fall * (1 - fall)) / width * (scale_in * scale)


def _balance_at(b: float, c: float, balance: float) -> float:
    half, product = (b + balance) / 2, c / balance
    larger = math.sqrt(half * half + product) + abs(half)
    return product / larger if half > 0 else larger


def power(table: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """f, f', -f'' of reserve (1 - (1 + x / depth)^-exponent)."""
    price = table[PRICE]
    depth, reserve, exponent = table[FIRST : FIRST + 3]
    part = x / depth
    log = np.log1p(part)
    value = -reserve * np.expm1(-exponent * log)
    slope = price * np.exp(-(exponent + 1) * log)
    return value, slope, (exponent + 1) * slope / (depth * (1 + part))


def stable(table: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """f, f', -f'' of StableSwap; the value from the difference of both roots, so that nothing cancels."""
    start, b, c, scale_in, scale_out = table[FIRST:]
    added = x * scale_in
    balance = start + added
    before, after = stable_balance(b, c, start), stable_balance(b, c, balance)
    value = added * (after + c / (start * balance)) / (before + after + b + start) * scale_out
    width = 2 * after + b + balance
    inverse_square = c / (balance * balance)
    fall = (after + inverse_square) / width  # -dy/dX
    slope = scale_in * scale_out * fall
    bend = (2 * inverse_square / balance + 2 * fall * (1 - fall)) / width * (scale_in * scale_in * scale_out)
    return value, slope, bend


def stable_balance(b: Floats, c: Floats, balance: Floats) -> Floats:
    """Y at the balance X of the coin sold: the positive root of y^2 + (b + X) y = c / X."""
    half = (b + balance) / 2
    product = c / balance
    larger = np.sqrt(half * half + product) + np.abs(half)
    return np.where(half > 0, product / larger, larger)


def _stable_inverse(table: Floats, slope: Floats) -> Floats:
    """Newton on 1 / sqrt(f'), which is nearly straight, kept inside a bracket that only shrinks. Few at a time."""
    return np.array(
        [_one_stable_inverse(*column) for column in zip(*table[FIRST:].tolist(), slope.tolist(), strict=True)]
    )


def _one_stable_inverse(start: float, b: float, c: float, scale_in: float, scale_out: float, slope: float) -> float:
    target = slope / (scale_in * scale_out)  # of -dy/dX
    low, high, balance = start, math.inf, start
    for _ in range(_STABLE_STEPS):
        y = _balance_at(b, c, balance)
        width, inverse_square = 2 * y + b + balance, c / (balance * balance)
        fall = (y + inverse_square) / width
        bend = (2 * inverse_square / balance + 2 * fall * (1 - fall)) / width
        low, high = (balance, high) if fall >= target else (low, balance)
        after = balance + (math.sqrt(fall / target) - 1) * 2 * fall / bend
        if not low < after < high:
            after = 2 * low if high == math.inf else (low + high) / 2
        if abs(after - balance) <= _STABLE_TOLERANCE * balance:
            return (after - start) / scale_in
        balance = after
    return (balance - start) / scale_in
