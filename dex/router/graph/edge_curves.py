"""One edge at a time, in scalars: what an amount sold pays, what an amount bought costs. All in atoms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from dex.router.graph.curve_families import other_balance, power_at, stable_at
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import CAPACITY, FIRST, HYPERBOLA, POWER, POWER_ROWS, PRICE, STABLE_ROWS

_ROUNDING = 1e-12
_LARGEST_LOG = 700.0  # of a float, nearly
_FIRST_FEW = 6  # segments read before the rest: most swaps end within them


class Traded(NamedTuple):
    """Amounts sold and paid, the marginal price after them, and what did not fit (of the amount asked for)."""

    sold: float
    paid: float
    slope: float
    missing: float


def sell(market: CompiledEdges, edge: int, amount: float) -> Traded:
    """Sell `amount`, or as much as the edge can take."""
    if not 0 < amount < math.inf:
        return _untraded(amount)
    first = market.first.item(edge)
    family = market.family.item(first)
    if family != HYPERBOLA:
        column: list[float] = market.table[:, first].tolist()
        part = min(amount, column[CAPACITY])
        paid, slope, _ = power_at(column[POWER_ROWS], part) if family == POWER else stable_at(column[STABLE_ROWS], part)
        return Traded(part, paid, slope, amount - part)
    item = market.table.item
    if amount <= item(CAPACITY, first):  # most swaps end within their first segment
        price, grown = item(PRICE, first), 1 + item(FIRST, first) * amount
        return Traded(amount, price * amount / grown, price / (grown * grown), 0.0)
    paid = slope = 0.0
    left = amount
    for price, capacity, curvature in _segments(market, first, market.count.item(edge)):
        part = left if left < capacity else capacity
        grown = 1 + curvature * part
        paid += price * part / grown
        slope = price / (grown * grown)
        left -= part
        if left <= 0:
            return Traded(amount, paid, slope, 0.0)
    return Traded(amount - left, paid, slope, left)


def buy(market: CompiledEdges, edge: int, amount: float) -> Traded:
    """Buy `amount`, or as much as the edge can pay."""
    if not 0 < amount < math.inf:
        return _untraded(amount)
    first = market.first.item(edge)
    if market.family[first] != HYPERBOLA:
        return _buy_curved(market.family.item(first), market.table[:, first].tolist(), amount)
    sold = slope = 0.0
    left = amount
    for price, capacity, curvature in _segments(market, first, market.count.item(edge)):
        is_endless = capacity == math.inf
        if is_endless:
            most = price / curvature if curvature else math.inf
        else:
            most = price * capacity / (1 + curvature * capacity)
        rest = price - curvature * left
        if left < most and rest > 0:
            return Traded(sold + left / rest, amount, rest * rest / price, 0.0)
        if is_endless:  # never pays quite all it holds
            return Traded(math.inf, amount - left, 0.0, left)
        left -= most
        sold += capacity
        grown = 1 + curvature * capacity
        slope = price / (grown * grown)
    return Traded(sold, amount - left, slope, left)


def _untraded(amount: float) -> Traded:
    """Nothing asked for, or more than there can be."""
    return Traded(0.0, 0.0, 0.0, 0.0 if amount <= 0 else math.inf)


def _segments(market: CompiledEdges, first: int, count: int) -> Iterator[tuple[float, float, float]]:
    rows = market.table[: FIRST + 1]
    yield from zip(*rows[:, first : first + min(count, _FIRST_FEW)].tolist(), strict=True)
    if count > _FIRST_FEW:
        yield from zip(*rows[:, first + _FIRST_FEW : first + count].tolist(), strict=True)


def _buy_curved(family: int, column: list[float], amount: float) -> Traded:
    sold = math.inf
    if family == POWER:
        depth, reserve, exponent = column[POWER_ROWS]
        log = -math.log1p(-amount / reserve) / exponent if amount < reserve else math.inf
        if log < _LARGEST_LOG:
            sold = depth * math.expm1(log)
    else:
        start, b, c, turn, rest, scale_in, scale_out = column[STABLE_ROWS]
        after = rest / turn - amount / scale_out
        if after > 0:
            sold = max(0.0, other_balance(b, c, after) - start) / scale_in
    sold = min(sold, column[CAPACITY])
    if sold == math.inf:
        return Traded(sold, 0.0, 0.0, amount)
    paid, slope, _ = power_at(column[POWER_ROWS], sold) if family == POWER else stable_at(column[STABLE_ROWS], sold)
    missing = amount - paid
    return Traded(sold, paid, slope, missing if missing > _ROUNDING * amount else 0.0)
