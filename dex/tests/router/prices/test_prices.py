"""Prices of pairs as the engine gives them: exact values, at one block, after what has changed since the one before."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dex.engine import Engine
from dex.prices import MarketPrices, PairPrice
from dex.testing import NOW, FakeChain, cpmm_pool

POOLS = (
    cpmm_pool("sol-usdc", ("SOL", "USDC"), (10**12, 15 * 10**13), fee_rate=2_500),
    cpmm_pool("usdc-jup", ("USDC", "JUP"), (10**12, 2 * 10**12), fee_rate=10_000),
    cpmm_pool("aside", ("PYTH", "RAY"), (10**9, 10**9)),
)
PAIRS = [("SOL", "USDC"), ("USDC", "SOL"), ("SOL", "JUP")]


def _floats(prices: MarketPrices) -> list[tuple[float, float]]:
    return [(float(found.marginal or 0), float(found.mid or 0)) for found in prices.by_pair.values()]


def test_prices_are_after_fees_and_without_them() -> None:
    """Marginal prices are after the fees of all swaps, mid prices before them; both are exact rationals."""
    prices = Engine(FakeChain(POOLS, version=7)).prices(PAIRS)
    assert (prices.version, prices.time, list(prices.by_pair)) == (7, NOW, PAIRS)
    marginal, mid = zip(*_floats(prices), strict=True)
    assert marginal == pytest.approx((150 * 0.9975, 0.9975 / 150, 300 * 0.9975 * 0.99))
    assert mid == pytest.approx((150, 1 / 150, 300))
    assert all(type(found.marginal) is Fraction and type(found.mid) is Fraction for found in prices.by_pair.values())


def test_what_no_pools_join_has_no_price() -> None:
    """Nor has a token that is not traded, or one in itself."""
    pairs = [("SOL", "RAY"), ("SOL", "NONE"), ("SOL", "SOL")]
    engine = Engine(FakeChain(POOLS))
    assert engine.prices(pairs).by_pair == dict.fromkeys(pairs, PairPrice(None, None))
    assert engine.prices([]).by_pair == {}
    assert Engine(FakeChain(())).prices(PAIRS).by_pair == dict.fromkeys(PAIRS, PairPrice(None, None))


def test_prices_follow_the_blocks() -> None:
    """A market that is kept between blocks gives the prices of one that is made of the new pools."""
    chain = FakeChain(POOLS)
    engine = Engine(chain)
    before = engine.prices(PAIRS)
    moved = POOLS[0].swap_exact_in("SOL", "USDC", 10**11, NOW).pool_after
    chain.pools, chain.version = (moved, *POOLS[1:]), 2
    after = engine.prices(PAIRS)
    assert after == Engine(FakeChain(chain.pools, version=2)).prices(PAIRS)
    assert _floats(after)[0] < _floats(before)[0]
