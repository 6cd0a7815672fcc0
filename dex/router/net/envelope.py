"""Concave envelopes of curves that charge a fixed cost for being used at all.

Of f(x) - C for x > 0, and 0 at 0, the envelope is a straight line from zero to where it touches the curve, and the
curve from there on. So it is one flat segment and what is left of the segments. Where the line would touch beyond the
whole order, or where the curve ends, only the line is kept. Amounts are in units: the whole order is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from dex.router.fast.envelope import BELOW, BEYOND, CLOSE, PLENTY, STEPS, draw_lines, lay_beyond
from dex.router.graph.curve_families import powers_at, stable_parameters, stables_at
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import (
    CAPACITY,
    FIRST,
    HYPERBOLA,
    POWER,
    POWER_ROWS,
    PRICE,
    RESERVE,
    ROWS,
    SCALE_IN,
    SCALE_OUT,
    STABLE,
    STABLE_ROWS,
    Floats,
    Ints,
    SegmentTable,
)
from dex.router.kernel import kernels_on


class Lines(NamedTuple):
    """The straight part of the envelopes of some edges, by edge.

    `touch` is where it ends, `rate` its slope, `room` what it can take. The curve goes on from there with segment
    `start` of the edge, of which `offset` is sold already; `start` is the number of segments where nothing is left.
    """

    touch: Floats
    rate: Floats
    room: Floats
    start: Ints
    offset: Floats

    def take(self, places: Ints) -> Lines:
        """The lines of some of the edges."""
        return Lines(self.touch[places], self.rate[places], self.room[places], self.start[places], self.offset[places])

    def put(self, places: Ints, others: Lines) -> Lines:
        """These lines with others in some places."""
        columns = [column.copy() for column in self]
        for column, values in zip(columns, others, strict=True):
            column[places] = values
        return Lines._make(columns)


def lines(market: CompiledEdges, edges: Ints, unit_in: Floats, unit_out: Floats, charge: Floats) -> Lines:
    """The lines of edges that charge `charge` units of their heads each. Call it with numpy's warnings off."""
    if kernels_on():
        curves = (market.table, market.family, market.before, market.first, market.count)
        return Lines(*draw_lines(*curves, edges, unit_in, unit_out, charge))
    n = len(edges)
    found = Lines(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, np.intp), np.zeros(n))
    family = market.family[market.first[edges]]
    for kind, find in ((HYPERBOLA, _of_hyperbolas), (POWER, _of_powers), (STABLE, _of_stables)):
        places = np.flatnonzero(family == kind)
        if len(places):
            part = find(market, edges[places], unit_in[places], unit_out[places], charge[places])
            for column, values in zip(found, part, strict=True):
                column[places] = values
    return found


def beyond(
    market: CompiledEdges, edges: Ints, counts: Ints, found: Lines, unit_in: Floats, unit_out: Floats
) -> tuple[SegmentTable, Ints]:
    """The lines and what follows them up to `counts` segments of each edge, sorted by family; whose each is."""
    if kernels_on():
        curves, (_, rate, room, start, offset) = (market.table, market.family, market.first[edges], counts), found
        laid, owner, count, power_count = lay_beyond(*curves, unit_in, unit_out, rate, room, start, offset)
        return SegmentTable(laid, count, power_count), owner
    left = np.maximum(counts - found.start, 0)
    columns, owner, place = market.columns_of(edges, left)
    columns += found.start.take(owner)
    rest, order = market.segments(columns, unit_in.take(owner), unit_out.take(owner))
    owner, is_first = owner[order], place[order] == 0
    table, hyperbolas, powers = rest.table, rest.hyperbolas, rest.powers
    cut = np.flatnonzero(is_first)
    offset = found.offset[owner[cut]]
    table[CAPACITY, cut] -= offset
    _cut_hyperbolas(table, cut[cut < hyperbolas], offset[cut < hyperbolas])
    is_power = (cut >= hyperbolas) & (cut < powers)
    _cut_powers(table, cut[is_power], offset[is_power])
    _cut_stables(table, cut[cut >= powers], offset[cut >= powers])
    straight = np.zeros((ROWS, len(edges)))
    straight[PRICE], straight[CAPACITY] = np.maximum(found.rate, 0.0), found.room
    whole = SegmentTable(np.concatenate((straight, table), axis=1), len(edges) + hyperbolas, powers - hyperbolas)
    return whole, np.concatenate((np.arange(len(edges)), owner))


def _cut_hyperbolas(table: Floats, at: Ints, offset: Floats) -> None:
    grown = 1 + table[FIRST, at] * offset
    table[PRICE, at] /= grown * grown
    table[FIRST, at] /= grown


def _cut_powers(table: Floats, at: Ints, offset: Floats) -> None:
    depth, exponent = table[FIRST, at], table[FIRST + 2, at]
    table[RESERVE, at] *= (1 + offset / depth) ** -exponent
    table[FIRST, at] += offset
    table[PRICE, at] = table[RESERVE, at] * exponent / table[FIRST, at]


def _cut_stables(table: Floats, at: Ints, offset: Floats) -> None:
    if not len(at):
        return
    table[FIRST, at] += offset * table[SCALE_IN, at]
    table[FIRST + 3 : FIRST + 5, at] = stable_parameters(*table[FIRST : FIRST + 3, at])
    table[PRICE, at] = stables_at(table[STABLE_ROWS, at], np.zeros(len(at)))[1]


def _of_hyperbolas(
    market: CompiledEdges, edges: Ints, unit_in: Floats, unit_out: Floats, charge: Floats
) -> tuple[Floats, Floats, Floats, Ints, Floats]:
    """By the first segment at whose end the line, or the order, has ended; in units, prices as parts of the first."""
    counts = market.count[edges]
    columns, owner, place = market.columns_of(edges, counts)
    scale = market.price[edges] * unit_in / unit_out
    charge = charge / scale
    rows = market.table[: FIRST + 1].take(columns, axis=1)
    in_of, sizes = unit_in.take(owner), market.price[edges].take(owner)
    price, curvature = rows[PRICE] / sizes, rows[FIRST] * in_of
    sold = market.before.take(columns) / in_of  # before each segment
    capacity = np.minimum(rows[CAPACITY] / in_of, PLENTY)
    grown = 1 + curvature * capacity
    paid = price * capacity / grown
    sums = paid.cumsum()
    starts = counts.cumsum() - counts
    sums -= paid  # before each segment, of all edges before as well
    sums -= sums[starts].take(owner)
    end = sold + capacity
    is_end = (sums + paid - end * price / (grown * grown) >= charge.take(owner)) | (end >= 1)
    is_end[starts + counts - 1] = True
    number = np.where(is_end, np.arange(len(columns)), len(columns))
    at = np.minimum.reduceat(number, starts)
    price, curvature, sold, paid, capacity = price[at], curvature[at], sold[at], sums[at], capacity[at]
    owed, used = (charge - paid) * curvature / price, curvature * sold
    grown = (1 + np.sqrt(np.maximum(owed + used - owed * used, 0.0))) / (1 - owed)
    offset = (grown - 1) / curvature
    offset[(owed >= 1) | ((curvature <= 0) & (charge > paid - sold * price))] = np.inf
    offset = np.fmax(offset, 0.0)
    offset[charge <= paid - sold * price] = 0.0  # it ends where the price jumps, between two segments
    most = np.minimum(capacity, np.maximum(1 - sold, 0.0))
    is_far = offset >= most
    offset = np.minimum(offset, most)
    touch = sold + offset
    grown = 1 + curvature * offset
    rate = (paid + price * offset / grown - charge) / touch
    is_inside = ~is_far & (offset > 0)
    rate[is_inside] = (price / (grown * grown))[is_inside]
    is_full = touch < 1  # a far line ends with the curve, or takes more than the order
    start = np.where(is_far, counts, place[at])
    return touch, rate * scale, np.where(is_far & ~is_full, BEYOND, touch), start, np.where(is_far, 0.0, offset)


def _of_powers(
    market: CompiledEdges, edges: Ints, unit_in: Floats, unit_out: Floats, charge: Floats
) -> tuple[Floats, Floats, Floats, Ints, Floats]:
    table = market.table[:, market.first[edges]]
    parameters = table[POWER_ROWS].copy()
    parameters[0] /= unit_in
    parameters[1] /= unit_out
    return _of_curves(lambda x: powers_at(parameters, x), table[CAPACITY] / unit_in, charge)


def _of_stables(
    market: CompiledEdges, edges: Ints, unit_in: Floats, unit_out: Floats, charge: Floats
) -> tuple[Floats, Floats, Floats, Ints, Floats]:
    table = market.table[:, market.first[edges]].copy()
    table[SCALE_IN] *= unit_in
    table[SCALE_OUT] /= unit_out
    parameters = table[STABLE_ROWS]
    return _of_curves(lambda x: stables_at(parameters, x), table[CAPACITY] / unit_in, charge)


def _of_curves(
    at: Callable[[Floats], tuple[Floats, Floats, Floats]], capacity: Floats, charge: Floats
) -> tuple[Floats, Floats, Floats, Ints, Floats]:
    """Where f(x) - x f'(x) = charge: Newton's method on its root, which is nearly straight, within a bracket."""
    most = np.minimum(capacity, 1.0)
    value, slope, _ = at(most)
    is_far = ~(value - most * slope > charge)
    low, high = np.zeros(len(most)), most
    x = np.sqrt(2 * charge / at(low)[2])
    goal = np.sqrt(charge)
    for _ in range(STEPS):
        x = np.where((x > low) & (x < high), x, (low + high) / 2)
        paid, slope, bend = at(x)
        root = np.sqrt(np.maximum(paid - x * slope, 0.0))
        low, high = np.where(root <= goal, x, low), np.where(root <= goal, high, x)
        step = (root - goal) * 2 * root / (x * bend)
        x = x - step
        if (is_far | (np.abs(step) <= CLOSE * x)).all():
            break
    touch = np.where(is_far, most, np.maximum(np.minimum(x, high) * BELOW, 0.0))
    rate = np.where(is_far, (value - charge) / most, at(touch)[1])
    room = np.where(is_far & (capacity >= 1), BEYOND, touch)
    return touch, rate, room, is_far.astype(np.intp), np.where(is_far, 0.0, touch)
