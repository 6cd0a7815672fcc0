"""Pools compiled to arrays: what the search reads of them."""

import math

import numpy as np
import pytest

from dex.pools.curves import Segments
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.segments import CAPACITY
from dex.testing import NOW, bins_pool, v2_pool, v3_pool

ENDLESS = v2_pool("endless", ("A", "B"), (10**24, 10**6))
RANGES = v3_pool("ranges", ("A", "B"), 0, [(-600, 600, 10**20), (-60, 60, 10**21), (120, 240, 10**9)])
BINS = bins_pool("bins", ("B", "C"), 3, (10**6, 10**7))


def before_of(market: CompiledMarket, edge: int) -> list[float]:
    first, count = int(market.first[edge]), int(market.count[edge])
    return [float(taken) for taken in market.before[first : first + count]]


def taken_before(market: CompiledMarket, edge: int) -> list[float]:
    """The same from the pool's own curve."""
    curve = market.pools[market.edge_pools[edge]].curve(*market.edge_tokens[edge], NOW)
    capacity = curve.capacity if isinstance(curve, Segments) else (math.inf,)
    return [sum(capacity[:place]) for place in range(len(capacity))]


def test_segments_know_what_their_edge_takes_before_them() -> None:
    market = CompiledMarket([ENDLESS, RANGES, BINS], NOW)

    for edge in range(market.edge_count):
        assert before_of(market, edge) == pytest.approx(taken_before(market, edge), rel=1e-12)
    assert any(len(before_of(market, edge)) > 1 for edge in range(market.edge_count))


def test_segments_know_it_after_a_swap_too() -> None:
    market = CompiledMarket([ENDLESS, RANGES, BINS], NOW)
    twin = market.copy()
    swaps = [RANGES.swap_exact_in("A", "B", 10**18, NOW), BINS.swap_exact_in("C", "B", 3 * 10**7, NOW)]

    twin.apply(swap.pool_after for swap in swaps)

    for edge in range(twin.edge_count):
        assert before_of(twin, edge) == pytest.approx(taken_before(twin, edge), rel=1e-12)
        columns = slice(int(twin.first[edge]), int(twin.first[edge] + twin.count[edge]))
        assert np.array_equal(twin.before[columns][1:], np.cumsum(twin.table[CAPACITY, columns])[:-1])
    unchanged = CompiledMarket([ENDLESS, RANGES, BINS], NOW)
    assert all(before_of(market, edge) == before_of(unchanged, edge) for edge in range(market.edge_count))
