"""Segments side by side filled to one price: the loops of `waterfill.py`, which says how and why."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from dex.router.fast.curves import curve_at, curve_inverse, family_of
from dex.router.graph.segments import CAPACITY, FIRST, PRICE
from dex.router.kernel import Floats, Table, kernel, part

STEPS: Final = 60  # of Newton's method; hyperbolas alone need two
PRECISION: Final = 1e-13  # of the amount, relative
CLOSE: Final = 1e-10  # of the amount, where no price comes closer
ROUNDING: Final = 4e-15  # of z: deep pools make more than the precision of it
SAME: Final = 1e-12  # relative distance of prices that count as one
LOWEST: Final = 1e-12  # of prices, as a share of the best one


class _Pools(NamedTuple):
    """Segments, and what each trades at the last price tried: what it sells (exact_in) or pays (exact_out).

    `most` is the most it can trade. `start`, `end`, `root` and `jump` are its line along z; that of a curve is the
    one which touches it at the last price.
    """

    table: Table
    hyperbolas: int
    powers: int
    is_exact_in: bool
    traded: Floats
    most: Floats
    start: Floats
    end: Floats
    root: Floats
    jump: Floats


@part
def _z(price: float, is_exact_in: bool) -> float:
    return 1 / math.sqrt(price) if is_exact_in else -math.sqrt(price)


@part
def _price(z: float, is_exact_in: bool) -> float:
    return 1 / (z * z) if is_exact_in else z * z


@part
def _is_flat(pools: _Pools, i: int) -> bool:
    return i < pools.hyperbolas and pools.table[FIRST, i] == 0


@part
def _lines(table: Table, hyperbolas: int, powers: int, is_exact_in: bool) -> _Pools:
    traded, most, start, end, root, jump = np.zeros((6, table.shape[1]))
    pools = _Pools(table, hyperbolas, powers, is_exact_in, traded, most, start, end, root, jump)
    for i in range(len(most)):
        price, capacity, curvature = table[PRICE, i], table[CAPACITY, i], table[FIRST, i]
        most[i] = capacity
        if not is_exact_in:
            value = curve_at(table, i, family_of(i, hyperbolas, powers), capacity)[0]
            most[i] = math.inf if value != value else value
        if i < hyperbolas:
            start[i] = _z(price, is_exact_in)
            if curvature == 0:
                end[i], jump[i] = start[i], capacity if is_exact_in else price * capacity
            else:
                shrunk = 1 + curvature * capacity
                end[i], root[i] = _z(price / (shrunk * shrunk), is_exact_in), math.sqrt(price) / curvature
    return pools


@part
def _touch(pools: _Pools, i: int, slope: float, bend: float) -> None:
    """Make a curve's line the hyperbola that touches it where it has this slope and bend."""
    root = 2 * slope * math.sqrt(slope) / bend
    root = root if math.isfinite(root) else 0.0
    at = _z(slope, pools.is_exact_in)
    pools.root[i] = root
    pools.start[i], pools.end[i] = at - pools.traded[i] / root, at + (pools.most[i] - pools.traded[i]) / root


@part
def _sell(pools: _Pools, price: float, flow: Floats) -> None:
    """Sell to every segment until it has come down to a price, to flat ones above it."""
    table = pools.table
    for i in range(len(flow)):
        if _is_flat(pools, i):
            flow[i] = table[CAPACITY, i] if table[PRICE, i] > price * (1 + SAME) else 0.0
        elif i < pools.hyperbolas:
            x = pools.root[i] / math.sqrt(price) - 1 / table[FIRST, i]
            flow[i] = min(max(x, 0.0), table[CAPACITY, i])
        else:
            flow[i] = curve_inverse(table, i, family_of(i, pools.hyperbolas, pools.powers), price)


@part
def _trade(pools: _Pools, flow: Floats) -> float:
    """What all segments trade by these flows."""
    total = 0.0
    for i in range(len(flow)):
        family = family_of(i, pools.hyperbolas, pools.powers)
        value, slope, bend = curve_at(pools.table, i, family, flow[i])
        pools.traded[i] = flow[i] if pools.is_exact_in else value
        total += pools.traded[i]
        if i >= pools.hyperbolas:
            _touch(pools, i, slope, bend)
    return total


@part
def _fill_flats(pools: _Pools, flow: Floats, price: float, rest: float) -> float:
    """Give the rest to the flat segments of just this price; what is left then."""
    for i in range(pools.hyperbolas):
        if _is_flat(pools, i) and abs(pools.table[PRICE, i] - price) <= SAME * price:
            part_of = max(0.0, min(rest if pools.is_exact_in else rest / price, pools.table[CAPACITY, i]))
            flow[i] = part_of
            rest -= part_of if pools.is_exact_in else part_of * price
    return rest


@part
def _reach(pools: _Pools, z: float, amount: float, sign: float) -> float:
    """Where, beyond z, all together have traded `amount` more; infinite where they never do. Backwards: sign -1."""
    size = len(pools.root)
    begin, finish = (pools.start, pools.end) if sign > 0 else (pools.end, pools.start)
    corners, changes, jumps = np.zeros((3, 2 * size))
    slope, count = 0.0, 0
    for i in range(size):
        is_begun = not sign * begin[i] > z + SAME * abs(z)
        is_ended = not sign * finish[i] > z + SAME * abs(z)
        if not is_begun:
            corners[count], changes[count], jumps[count] = sign * begin[i], pools.root[i], pools.jump[i]
            count += 1
        if not is_ended:
            corners[count], changes[count] = sign * finish[i], -pools.root[i]
            count += 1
            slope += pools.root[i] if is_begun else 0.0
    traded = 0.0
    for i in np.argsort(corners[:count], kind="mergesort"):
        more = slope * (corners[i] - z) + jumps[i]
        if traded + more >= amount:
            return min(z + (amount - traded) / slope, float(corners[i])) if slope > 0 else float(corners[i])
        traded += more
        slope += changes[i]
        z = corners[i]
    return math.inf


@part
def _next(pools: _Pools, z: float, rest: float, lowest: float) -> float:
    """Where the rest is traded, or given back, if the curves are the hyperbolas that touch them here."""
    return min(_reach(pools, z, rest, 1.0), lowest) if rest > 0 else -_reach(pools, -z, -rest, -1.0)


@part
def _mix(pools: _Pools, z: float, amount: float) -> Floats:
    """Part of what segments take just before z and just after it: no price tells those apart."""
    less, more = np.empty((2, len(pools.most)))
    step, is_exact_in = 2 * ROUNDING * abs(z), pools.is_exact_in
    _sell(pools, _price(z - step, is_exact_in), less)
    _sell(pools, _price(z + step, is_exact_in), more)
    _fill_flats(pools, more, _price(z, is_exact_in), math.inf)
    done = _trade(pools, less)
    most = _trade(pools, more)
    share = (amount - done) / (most - done) if most > done else 0.0
    return less + min(max(share, 0.0), 1.0) * (more - less)


@part
def _best(prices: Floats) -> float:
    best = 0.0
    for price in prices:
        best = max(best, price)
    return best


@kernel
def fill_segments(
    table: Table, hyperbolas: int, powers: int, amount: float, is_exact_in: bool
) -> tuple[Floats, float, float]:
    """The fields of `Filled`."""
    pools, flow = _lines(table, hyperbolas, powers, is_exact_in), np.zeros(table.shape[1])
    best = _best(table[PRICE])
    if best <= 0:
        return flow, 0.0, amount
    low, high, lowest = _z(best, is_exact_in), math.inf, _z(best * LOWEST, is_exact_in)
    z, price = low, best
    for _ in range(STEPS):
        price = _price(z, is_exact_in)
        _sell(pools, price, flow)
        rest = amount - _trade(pools, flow)
        if rest < 0:
            high = z
        else:
            low, rest = z, _fill_flats(pools, flow, price, rest)
            if z == lowest and rest > 0:
                return flow, price, rest
        if abs(rest) <= PRECISION * amount:
            break
        before, z = z, _next(pools, z, rest, lowest)
        if abs(z - before) <= ROUNDING * abs(before):
            return _mix(pools, z, amount) if abs(rest) > CLOSE * amount else flow, price, 0.0
        if not low < z < high:
            z = (low + min(high, lowest)) / 2
    return flow, price, 0.0
