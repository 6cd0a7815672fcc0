"""Lines of envelopes edge by edge, and what follows them: the loops of `net/envelope.py`, which says how and why."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from dex.router.fast.curves import curve_at, stable_column
from dex.router.fast.layout import measure
from dex.router.graph.curve_families import other_balance, stable_at
from dex.router.graph.segments import CAPACITY, FIRST, HYPERBOLA, POWER, PRICE, RESERVE, SCALE_IN
from dex.router.kernel import Families, Floats, Ints, Table, kernel, part

BEYOND: Final = 1.5  # units that a line takes that touches beyond the order
PLENTY: Final = 4.0  # units beyond which it does not matter where a segment ends
STEPS: Final = 40  # of Newton's method for curved families, at most
CLOSE: Final = 1e-7  # relative step at which it has settled
BELOW: Final = 1 - 2e-7  # a line must not be too low: its end is taken from below

Line = tuple[float, float, float, int, float]


@part
def _not_below(x: float) -> float:
    """At least zero; what is not a number stays so."""
    return 0.0 if x < 0 else x


@part
def _line_of_hyperbolas(table: Table, before: Floats, first: int, count: int, unit_in: float, charge: float) -> Line:
    """The line of a chain of hyperbolas, all prices as parts of the first."""
    scale = table[PRICE, first]
    price = curvature = sold = capacity = paid = 0.0  # `sold` and `paid` before the segment
    place = 0
    for place in range(count):
        i = first + place
        price, curvature = table[PRICE, i] / scale, table[FIRST, i] * unit_in
        sold, capacity = before[i] / unit_in, min(table[CAPACITY, i] / unit_in, PLENTY)
        grown, end = 1 + curvature * capacity, sold + capacity
        paid_here = price * capacity / grown
        if paid + paid_here - end * price / (grown * grown) >= charge or end >= 1 or place == count - 1:
            break
        paid += paid_here
    offset = _touch(price, curvature, sold, paid, charge)
    most = min(capacity, max(1 - sold, 0.0))
    if offset >= most:
        touch = sold + most
        rate = (paid + price * most / (1 + curvature * most) - charge) / touch
        return touch, rate, touch if touch < 1 else BEYOND, count, 0.0
    grown, touch = 1 + curvature * offset, sold + offset
    rate = price / (grown * grown) if offset > 0 else (paid - charge) / touch
    return touch, rate, touch, place, offset


@part
def _touch(price: float, curvature: float, sold: float, paid: float, charge: float) -> float:
    """How far into a segment a line goes that touches it: infinite where it never does."""
    drawn = paid - sold * price
    if charge <= drawn:
        return 0.0  # it ends where the price jumps, between two segments
    owed, used = (charge - paid) * curvature / price, curvature * sold
    if owed >= 1 or (curvature <= 0 and charge > drawn):
        return math.inf
    offset = ((1 + math.sqrt(_not_below(owed + used - owed * used))) / (1 - owed) - 1) / curvature
    return offset if offset > 0 else 0.0


@part
def _line_of_curve(column: Table, family: int, charge: float) -> Line:
    """The line of one curve, by Newton's method on the root within a bracket."""
    capacity = column[CAPACITY, 0]
    high = min(capacity, 1.0)
    value, slope, _ = curve_at(column, 0, family, high)
    if not value - high * slope > charge:
        return high, (value - charge) / high, BEYOND if capacity >= 1 else high, 1, 0.0
    low, goal = 0.0, math.sqrt(charge)
    x = math.sqrt(2 * charge / curve_at(column, 0, family, 0.0)[2])
    for _ in range(STEPS):
        x = x if low < x < high else (low + high) / 2
        paid, slope, bend = curve_at(column, 0, family, x)
        root = math.sqrt(_not_below(paid - x * slope))
        if root <= goal:
            low = x
        else:
            high = x
        step = (root - goal) * 2 * root / (x * bend)
        x -= step
        if abs(step) <= CLOSE * x:
            break
    touch = max(min(x, high) * BELOW, 0.0)
    return touch, curve_at(column, 0, family, touch)[1], touch, 0, touch


@kernel
def draw_lines(
    table: Table,
    families: Families,
    before: Floats,
    first: Ints,
    count: Ints,
    edges: Ints,
    unit_in: Floats,
    unit_out: Floats,
    charge: Floats,
) -> tuple[Floats, Floats, Floats, Ints, Floats]:
    """The fields of `Lines`."""
    n = len(edges)
    touch, rate, room, offset = np.empty((4, n))
    start = np.empty(n, np.intp)
    column = np.empty((len(table), 1))
    for k in range(n):
        i = first[edges[k]]
        if families[i] == HYPERBOLA:
            scale = table[PRICE, i] * unit_in[k] / unit_out[k]
            line = _line_of_hyperbolas(table, before, i, count[edges[k]], unit_in[k], charge[k] / scale)
            touch[k], rate[k], room[k], start[k], offset[k] = line
            rate[k] *= scale
        else:
            column[:, 0] = table[:, i]
            measure(column, 0, families[i], unit_in[k], unit_out[k])
            touch[k], rate[k], room[k], start[k], offset[k] = _line_of_curve(column, families[i], charge[k])
    return touch, rate, room, start, offset


@part
def _cut(table: Table, i: int, family: int, offset: float) -> None:
    """Take away the first `offset` of a segment."""
    table[CAPACITY, i] -= offset
    if family == HYPERBOLA:
        grown = 1 + table[FIRST, i] * offset
        table[PRICE, i] /= grown * grown
        table[FIRST, i] /= grown
    elif family == POWER:
        depth, exponent = table[FIRST, i], table[FIRST + 2, i]
        table[RESERVE, i] *= (1 + offset / depth) ** -exponent
        table[FIRST, i] += offset
        table[PRICE, i] = table[RESERVE, i] * exponent / table[FIRST, i]
    else:
        table[FIRST, i] += offset * table[SCALE_IN, i]
        start, b, c = table[FIRST, i], table[FIRST + 1, i], table[FIRST + 2, i]
        product = c / start
        table[FIRST + 3, i], table[FIRST + 4, i] = product / other_balance(b, c, start), product
        table[PRICE, i] = stable_at(stable_column(table, i), 0.0)[1]


@kernel
def lay_beyond(
    table: Table,
    families: Families,
    first: Ints,
    counts: Ints,
    unit_in: Floats,
    unit_out: Floats,
    rate: Floats,
    room: Floats,
    start: Ints,
    offset: Floats,
) -> tuple[Table, Ints, int, int]:
    """Lines, then what follows them of each edge's first `counts` segments, in units and sorted by family.

    With the columns, which edge each is of; how many are hyperbolas, and how many power segments.
    """
    n = len(first)
    after = np.array([n, 0, 0])  # where the next segment of each family goes
    for edge in range(n):
        for i in range(first[edge] + start[edge], first[edge] + counts[edge]):
            after[families[i]] += 1
    hyperbolas, powers, stables = after
    after[0], after[1], after[2] = n, hyperbolas, hyperbolas + powers
    columns = np.zeros((len(table), hyperbolas + powers + stables))
    owner = np.empty(columns.shape[1], np.intp)
    for edge in range(n):
        columns[PRICE, edge], columns[CAPACITY, edge] = max(rate[edge], 0.0), room[edge]
        owner[edge] = edge
        for i in range(first[edge] + start[edge], first[edge] + counts[edge]):
            family = families[i]
            to = after[family]
            after[family] += 1
            owner[to] = edge
            columns[:, to] = table[:, i]
            measure(columns, to, family, unit_in[edge], unit_out[edge])
            if i == first[edge] + start[edge]:
                _cut(columns, to, family, offset[edge])
    return columns, owner, hyperbolas, powers
