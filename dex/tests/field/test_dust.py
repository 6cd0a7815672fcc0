"""Dust: what rounding to whole atoms costs is an amount that is too small; price impact is that of the size alone."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dex.chains.simulated.market import default_market
from dex.errors import AmountTooSmall, DexError, InsufficientLiquidity, PriceImpactExceeded
from dex.pools import Pool
from dex.router import Market, find_route
from dex.testing import NOW, cpmm_pool, markets, request, requests, v2_pool
from dex.testing.examples import examples
from dex.types import PPM, Quote, Side, SwapRequest

GUARD = 10_000  # ppm: what orders have that name none
SOL_USDC = ("SOL", "USDC")
WHOLE = Market(default_market().pools, NOW, 1)


def _quote(market: Market, pair: tuple[str, str], amount: int, side: Side, guard: int | None) -> Quote | DexError:
    try:
        return find_route(market, request(*pair, amount, side, max_price_impact_ppm=guard)).quote
    except DexError as error:
        return error


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("pair", [SOL_USDC, SOL_USDC[::-1], ("BTC", "USDT"), ("BONK", "BTC"), ("ETH", "DAI")])
def test_no_dust_is_called_price_impact(pair: tuple[str, str], side: Side) -> None:
    for amount in range(1, 61):
        found = _quote(WHOLE, pair, amount, side, GUARD)
        if isinstance(found, DexError):
            assert (found.code, found.facts["token"]) == ("amount_too_small", pair[side is Side.EXACT_OUT]), amount
            continue
        # Nothing of the market is so shallow that sixty atoms move its price.
        assert found.price_impact_ppm == 0, amount


def test_the_refusal_says_how_much_rounding_takes() -> None:
    pools: list[Pool] = [v2_pool("pool", SOL_USDC, (10**15, 10**14), fee_rate=0)]

    found = _quote(Market(pools, NOW, 1), SOL_USDC, 19, Side.EXACT_IN, GUARD)

    assert isinstance(found, AmountTooSmall)
    share = 1 - Fraction(1) / (Fraction(19, 10))
    assert found.facts == {
        "token": "SOL", "price_impact_ppm": 0, "rounding_ppm": round(PPM * share), "max_price_impact_ppm": GUARD
    }  # fmt: skip
    assert "rounding to whole units takes 47.37 % of it" in found.detail
    assert "your limit on the price is 1.00 %" in found.detail


@pytest.mark.parametrize("side", Side)
def test_who_takes_any_price_gets_dust_filled(side: Side) -> None:
    pools: list[Pool] = [v2_pool("pool", SOL_USDC, (10**15, 10**14), fee_rate=0)]

    found = _quote(Market(pools, NOW, 1), SOL_USDC, 19 if side is Side.EXACT_IN else 1, side, None)

    assert isinstance(found, Quote)
    assert (found.amount_in, found.amount_out) == ((19, 1) if side is Side.EXACT_IN else (11, 1))
    assert found.price_impact_ppm == 0


def test_nothing_out_is_too_small_with_and_without_a_guard() -> None:
    pools: list[Pool] = [v2_pool("pool", SOL_USDC, (10**15, 10**14), fee_rate=0)]

    for guard in (None, 0, GUARD):
        assert isinstance(_quote(Market(pools, NOW, 1), SOL_USDC, 9, Side.EXACT_IN, guard), AmountTooSmall)


@given(
    held=st.tuples(st.integers(10**6, 10**18), st.integers(10**6, 10**18)),
    share=st.integers(1, 10**9),
    fee=st.sampled_from([0, 100, 2_500, 10_000]),
)
@settings(deadline=None)
def test_impact_is_that_of_the_amounts_before_rounding(held: tuple[int, int], share: int, fee: int) -> None:
    reserve_in = held[0]
    amount = max(reserve_in * share // 10**9, 1)
    market = Market([cpmm_pool("pool", SOL_USDC, held, fee_rate=fee)], NOW, 1)

    found = _quote(market, SOL_USDC, amount, Side.EXACT_IN, None)

    if isinstance(found, DexError):
        assert found.code == "amount_too_small"
        return
    net = amount * (1 - Fraction(fee, PPM))
    exact = PPM * (1 - Fraction(reserve_in) / (reserve_in + net))
    assert abs(found.price_impact_ppm - exact) <= 1


@pytest.mark.parametrize("side", Side)
def test_rounding_on_the_way_is_rounding_too(side: Side) -> None:
    """A token of few atoms between two of many: an atom of it is worth a million of the others."""
    pools: list[Pool] = [
        v2_pool("first", ("SOL", "GEM"), (10**18, 10**12), fee_rate=0),
        v2_pool("second", ("GEM", "USDC"), (10**12, 10**18), fee_rate=0),
    ]
    market = Market(pools, NOW, 1)

    amount = 1_999_999 if side is Side.EXACT_IN else 1_000_001
    found, free = (_quote(market, SOL_USDC, amount, side, guard) for guard in (GUARD, None))

    assert isinstance(found, AmountTooSmall)
    assert found.facts["price_impact_ppm"] == 0
    assert isinstance(free, Quote)
    # Nearly two atoms are one on the way; one and a little more are two.
    expected = (1_999_999, 999_999) if side is Side.EXACT_IN else (2_000_001, 1_000_001)
    assert (free.amount_in, free.amount_out, free.price_impact_ppm) == (*expected, 0)


def test_size_is_price_impact_also_where_rounding_costs_as_well() -> None:
    market = Market([v2_pool("pool", SOL_USDC, (1_000, 100), fee_rate=0)], NOW, 1)

    found = _quote(market, SOL_USDC, 105, Side.EXACT_IN, GUARD)

    assert isinstance(found, PriceImpactExceeded)
    assert found.facts["price_impact_ppm"] == round(PPM * (1 - Fraction(1_000, 1_105)))


@given(pools=markets(), asked=requests(), guard=st.integers(0, PPM))
@settings(max_examples=examples(15), deadline=None)
def test_the_guard_lets_no_more_through_than_before(pools: list[Pool], asked: SwapRequest, guard: int) -> None:
    """Either code refuses: together they hold the whole price, rounding included, to the guard."""
    market = Market(pools, NOW, 1)
    pair = asked.token_in, asked.token_out
    free, held = (_quote(market, pair, asked.amount, asked.side, most) for most in (None, guard))

    if isinstance(free, DexError):
        assert isinstance(held, (InsufficientLiquidity, type(free)))
        return
    if isinstance(held, PriceImpactExceeded):
        assert free.price_impact_ppm > guard
    elif isinstance(held, AmountTooSmall):
        assert free.price_impact_ppm <= guard
    else:
        assert isinstance(held, Quote)
        assert held == free
        assert free.price_impact_ppm <= guard
