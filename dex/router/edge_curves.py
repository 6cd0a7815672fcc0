"""One edge at a time, in plain numbers: what an amount sold pays, what an amount bought costs. All in atoms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from dex.router.compiled import CompiledMarket
from dex.router.forms import power_at, stable_at
from dex.router.pieces import CAPACITY, FIRST, HYPERBOLA, POWER, POWER_ROWS, STABLE_ROWS

_FIRST_FEW = 6  # pieces read before the rest: most swaps end within them


class Traded(NamedTuple):
    """Amounts sold and paid, the marginal price after them, and what did not fit (of the amount asked for)."""

    sold: float
    paid: float
    slope: float
    missing: float


def sell(market: CompiledMarket, edge: int, amount: float) -> Traded:
    """Sell `amount`, or as much as the edge can take."""
    first = int(market.first[edge])
    if market.form[first] != HYPERBOLA:
        column = market.table[:, first].tolist()
        part = min(amount, column[CAPACITY])
        paid, slope, _ = _curved(market, first)[0](*_curved(market, first)[1], part)
        return Traded(part, paid, slope, amount - part)
    paid = slope = 0.0
    left = amount
    for price, capacity, curvature in _pieces(market, edge):
        part = left if left < capacity else capacity
        grown = 1 + curvature * part
        paid += price * part / grown
        slope = price / (grown * grown)
        left -= part
        if left <= 0:
            return Traded(amount, paid, slope, 0.0)
    return Traded(amount - left, paid, slope, left)


def buy(market: CompiledMarket, edge: int, amount: float) -> Traded:
    """Buy `amount`, or as much as the edge can pay."""
    first = int(market.first[edge])
    if market.form[first] != HYPERBOLA:
        return _buy_curved(market, first, amount)
    sold = slope = 0.0
    left = amount
    for price, capacity, curvature in _pieces(market, edge):
        most = price / curvature if capacity == math.inf else price * capacity / (1 + curvature * capacity)
        if left < most:
            rest = price - curvature * left
            return Traded(sold + left / rest, amount, rest * rest / price, 0.0)
        if capacity == math.inf:  # never pays quite all it holds
            return Traded(math.inf, most, 0.0, left - most)
        sold += capacity
        slope = price / (1 + curvature * capacity) ** 2
        left -= most
    return Traded(sold, amount - left, slope, left)


def _pieces(market: CompiledMarket, edge: int) -> Iterator[tuple[float, float, float]]:
    first, count = int(market.first[edge]), int(market.count[edge])
    rows = market.table[: FIRST + 1]
    yield from zip(*rows[:, first : first + min(count, _FIRST_FEW)].tolist(), strict=True)
    if count > _FIRST_FEW:
        yield from zip(*rows[:, first + _FIRST_FEW : first + count].tolist(), strict=True)


def _curved(market: CompiledMarket, first: int):  # type: ignore[no-untyped-def]
    column = market.table[:, first].tolist()
    if market.form[first] == POWER:
        return power_at, column[POWER_ROWS]
    return stable_at, column[STABLE_ROWS]


def _buy_curved(market: CompiledMarket, first: int, amount: float) -> Traded:
    column = market.table[:, first].tolist()
    form, parameters = _curved(market, first)
    if market.form[first] == POWER:
        depth, reserve, exponent = parameters
        part = amount / reserve
        sold = depth * math.expm1(-math.log1p(-part) / exponent) if part < 1 else math.inf
    else:
        start, b, c, turn, rest, scale_in, scale_out = parameters
        before = rest / turn
        after = before - amount / scale_out
        sold = math.inf
        if after > 0:  # X^2 y + X (y^2 + b y) = c, and X grows as y falls
            half = (after * after + b * after) / 2
            root = math.sqrt(half * half + c * after)
            balance = (c / (half + root)) if half > 0 else (root - half) / after
            sold = max(0.0, balance - start) / scale_in
    sold = min(sold, column[CAPACITY])
    if sold == math.inf:
        return Traded(sold, 0.0, 0.0, amount)
    paid, slope, _ = form(*parameters, sold)
    missing = amount - paid
    return Traded(sold, paid, slope, missing if missing > 1e-12 * amount else 0.0)
