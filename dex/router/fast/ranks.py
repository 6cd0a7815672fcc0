"""What edges pay on average, and how many of their segments matter: the loops of `candidates.py`."""

from __future__ import annotations

import numpy as np

from dex.router.graph.segments import PRICE
from dex.router.kernel import Floats, Ints, Table, kernel


@kernel
def average_prices(
    units: Floats, share: float, tail: Ints, price: Floats, capacity: Floats, steepness: Floats
) -> Floats:
    """What a share of each edge's unit gets there, for each atom of it; nothing where there is no unit."""
    average = np.zeros(len(tail))
    for edge in range(len(tail)):
        asked = share * units[tail[edge]]
        if asked > 0 and price[edge] > 0:
            sold = min(asked, capacity[edge])
            average[edge] = sold / (1 + steepness[edge] * sold) * price[edge] / asked
    return average


@kernel
def count_segments(
    table: Table, before: Floats, first: Ints, count: Ints, edges: Ints, limit: Floats, floor: Floats
) -> Ints:
    """Segments of each edge that start at a slope of `floor` or more and before `limit` is sold; always the first."""
    within = np.zeros(len(edges), np.intp)
    for number in range(len(edges)):
        start = first[edges[number]]
        for i in range(start, start + count[edges[number]]):
            if i == start or (before[i] <= limit[number] and table[PRICE, i] >= floor[number]):
                within[number] += 1
    return within
