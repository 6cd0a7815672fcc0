"""Segments of edges laid out for the reduced problem, and its flows gathered by edge: the loops of `reduced.py`."""

from __future__ import annotations

import numpy as np

from dex.router.fast.curves import curve_at, family_of
from dex.router.graph.segments import CAPACITY, FIRST, HYPERBOLA, POWER, PRICE, RESERVE, SCALE_IN, SCALE_OUT
from dex.router.kernel import Bools, Families, Floats, Ints, Table, kernel, part


@part
def measure(table: Table, i: int, family: int, unit_in: float, unit_out: float) -> None:
    """Change the units of one segment."""
    table[PRICE, i] *= unit_in / unit_out
    table[CAPACITY, i] /= unit_in
    if family == HYPERBOLA:
        table[FIRST, i] *= unit_in
    elif family == POWER:
        table[FIRST, i] /= unit_in
        table[RESERVE, i] /= unit_out
    else:
        table[SCALE_IN, i] *= unit_in
        table[SCALE_OUT, i] /= unit_out


@kernel
def lay_out(
    table: Table,
    families: Families,
    first: Ints,
    counts: Ints,
    unit_in: Floats,
    unit_out: Floats,
    most: Floats,
    extra: int,
) -> tuple[Table, Ints, int, int]:
    """The first `counts` segments of each edge in its units, sorted by family, after `extra` empty columns.

    Each takes no more than the edge's `most`. With the columns, which edge each is of, counted from one; how many
    are hyperbolas, the extra ones with them, and how many are power segments.
    """
    after = np.array([extra, 0, 0])  # where the next segment of each family goes
    for edge in range(len(first)):
        for i in range(first[edge], first[edge] + counts[edge]):
            after[families[i]] += 1
    hyperbolas, powers, stables = after
    after[0], after[1], after[2] = extra, hyperbolas, hyperbolas + powers
    columns = np.zeros((len(table), hyperbolas + powers + stables))
    owner = np.zeros(columns.shape[1], np.intp)
    for edge in range(len(first)):
        for i in range(first[edge], first[edge] + counts[edge]):
            family = families[i]
            to = after[family]
            after[family] += 1
            owner[to] = edge + 1
            for row in range(len(table)):
                columns[row, to] = table[row, i]
            measure(columns, to, family, unit_in[edge], unit_out[edge])
            columns[CAPACITY, to] = min(columns[CAPACITY, to], most[edge])
    return columns, owner, hyperbolas, powers


@kernel
def gather(
    table: Table, hyperbolas: int, powers: int, owner: Ints, flow: Floats, edges: int
) -> tuple[Floats, Floats, Bools]:
    """What each edge sells and is paid, and whether any of its segments is more than half full; owners as above."""
    sold, paid = np.zeros(edges), np.zeros(edges)
    is_full = np.zeros(edges, np.bool_)
    for i in range(len(flow)):
        edge = owner[i] - 1
        if edge >= 0:
            sold[edge] += flow[i]
            paid[edge] += curve_at(table, i, family_of(i, hyperbolas, powers), flow[i])[0]
            is_full[edge] |= flow[i] > 0.5 * table[CAPACITY, i]
    return sold, paid, is_full
