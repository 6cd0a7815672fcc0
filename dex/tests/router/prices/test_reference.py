"""Mid prices: without fees, the same both ways, and not set by small pools."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex.pools import Pool
from dex.router.graph.compiled import CompiledMarket
from dex.router.reference import mid_prices
from dex.testing import NOW, cpmm_pool, stable_pool, v3_pool
from dex.testing.fair_markets import fair_markets

_FAIR: Final = 0.003  # how far prices in fair markets are from powers of ten, at most


def _mids(pools: list[Pool]) -> dict[tuple[str, str], float]:
    market = CompiledMarket(pools, NOW)
    ends = {(a, b): (market.token_number[a], market.token_number[b]) for a, b in permutations(market.tokens, 2)}
    found = mid_prices(market, ends.values())
    return {pair: found[numbers] for pair, numbers in ends.items()}


def _aside(price: float) -> float:
    """By how much a price is off the next power of ten."""
    return abs(price / math.pow(10, round(math.log10(price))) - 1)


@given(pools=fair_markets())
def test_it_is_the_price_without_fees_both_ways(pools: list[Pool]) -> None:
    """Prices of both directions are their middle's: with fees of up to 1 % they would be that far off."""
    for (a, b), price in (mids := _mids(pools)).items():
        assert (price > 0) == (mids[b, a] > 0)
        if price > 0:
            assert _aside(price) < _FAIR
            assert price * mids[b, a] == pytest.approx(1, abs=2 * _FAIR)


@given(
    pools=fair_markets(),
    pair=st.permutations(["SOL", "USDC", "BONK"]),
    atoms=st.tuples(st.integers(1, 10**3), st.integers(1, 10**3)),
)
def test_dust_sets_no_price(pools: list[Pool], pair: list[str], atoms: tuple[int, int]) -> None:
    """A pool of a thousand atoms at most asks what it likes: prices that there were stay fair."""
    before = _mids(pools)
    dust = [cpmm_pool(f"dust-{number}", (pair[number], pair[number + 1]), atoms) for number in range(2)]
    after = _mids([*pools, *dust])
    for ends, price in before.items():
        if price > 0:
            assert _aside(after[ends]) < _FAIR


def test_it_takes_half_of_the_depth_to_set_it() -> None:
    """Three pools at 1, one at 2: it sets no price until it is as deep as they are together, either way."""
    fair = [cpmm_pool(f"fair-{number}", ("A", "B"), (10**9, 10**9)) for number in range(3)]
    assert _mids([*fair, cpmm_pool("odd", ("A", "B"), (2 * 10**9, 4 * 10**9))])["A", "B"] == pytest.approx(1)
    set_by = _mids([*fair, cpmm_pool("odd", ("A", "B"), (22 * 10**8, 44 * 10**8))])
    assert set_by["A", "B"] == pytest.approx(2)
    assert set_by["B", "A"] == pytest.approx(1 / 2)


def test_ways_through_another_token_count_by_their_shallower_half() -> None:
    """A direct pool is outvoted by a deep way round, and not by one of which half is shallow."""
    direct = cpmm_pool("direct", ("A", "B"), (10**9, 2 * 10**9))
    deep = [cpmm_pool("ac", ("A", "C"), (10**12, 10**12)), cpmm_pool("cb", ("C", "B"), (10**12, 10**12))]
    assert _mids([direct, *deep])["A", "B"] == pytest.approx(1)
    shallow = [deep[0], cpmm_pool("cb", ("C", "B"), (10**8, 10**8))]
    assert _mids([direct, *shallow])["A", "B"] == pytest.approx(2)


def test_only_what_is_near_the_price_counts_as_depth() -> None:
    """A range that begins far from the price makes a pool no deeper."""
    fair = stable_pool("fair", ("A", "B"), (10**9, 10**9), (9, 9))
    odd = v3_pool("odd", ("A", "B"), 6_931, [(6_600, 7_200, 10**6), (60_000, 66_000, 10**20)])
    assert _mids([fair, odd])["A", "B"] == pytest.approx(1, rel=1e-3)


def test_between_tokens_far_apart_it_is_that_of_the_deepest_of_the_shortest_paths() -> None:
    """Three hops by two ways: the deeper one, and no price where nothing leads."""
    path = [cpmm_pool(a + b, (a, b), (10**9, 10**9)) for a, b in ("AB", "BC", "CD")]
    other = [cpmm_pool(a + b, (a, b), (10**6, 2 * 10**6)) for a, b in ("AX", "XY", "YD")]
    apart = cpmm_pool("pq", ("P", "Q"), (10**9, 10**9))
    mids = _mids([*path, *other, apart])
    assert mids["A", "D"] == pytest.approx(1)
    assert mids["A", "P"] == 0
