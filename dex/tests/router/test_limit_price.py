"""Limit prices: all of an order at the limit or nothing, or the part that is worth it, net of the network fee."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import example as always
from hypothesis import strategies as st

from dex.costs import Costs, FeeStrategy, NetworkFee
from dex.errors import DexError, LimitNotMet, LimitPriceNotReached, NoRoute, PriceDeviation
from dex.legs import legs_of
from dex.pools import Pool
from dex.router import Market, find_route
from dex.router.graph.edge_curves import sell
from dex.router.marginal import marginal_prices
from dex.testing import NOW, cpmm_pool, request
from dex.tests.router.prices.limit_cases import LimitCase, limit_case, marginal_price
from dex.types import PPM, Quote, Side, SwapRequest

IN, OUT = Side
SEEDS = st.integers(0, 10**6)
SHAPES: Final = st.sampled_from(("any", "pair", "ticks"))
BP_TENTH: Final = 1e-5
NEXT: Final = 1e-5  # of an amount sold
STEEP: Final = 2e-4  # how far prices may be apart where that is worth nothing: curves of stable pools end steeply


def _case(seed: int, shape: str, *, is_charged: bool = False) -> LimitCase:
    case = limit_case(seed, shape, is_charged=is_charged)
    assume(case is not None)
    assert case is not None
    return case


def _net(quote: Quote) -> int:
    assert quote.net_amount is not None
    return quote.net_amount


def _gain(quote: Quote, limit: Fraction) -> Fraction:
    """By how much it is better than its limit, in atoms of the side that is not fixed."""
    return _net(quote) - quote.amount_in * limit if quote.side is IN else quote.amount_out / limit - _net(quote)


def _assert_true(asked: SwapRequest, quote: Quote, limit: Fraction) -> None:
    """In whole atoms: no part is lost, and no price is worse than the limit, as quoted and as the chain enforces it."""
    filled = quote.amount_in if asked.side is IN else quote.amount_out
    assert filled > 0 <= quote.unfilled
    assert filled + quote.unfilled == asked.amount
    assert _gain(quote, limit) >= 0
    assert quote.min_amount_out >= quote.max_amount_in * limit
    if asked.side is IN:
        assert quote.min_amount_out * PPM >= quote.amount_out * (PPM - asked.max_slippage_ppm)
    else:
        assert quote.max_amount_in * PPM <= quote.amount_in * (PPM + asked.max_slippage_ppm)


@given(seed=SEEDS, shape=SHAPES, is_charged=st.booleans())
def test_a_part_is_never_filled_worse_than_at_the_limit(seed: int, shape: str, is_charged: bool) -> None:
    """And one that is not filled has an error with the price from which on it may be."""
    market, asked, limit = _case(seed, shape, is_charged=is_charged)
    try:
        quote = find_route(market, replace(asked, limit_price=limit, allow_partial=True)).quote
    except LimitPriceNotReached as error:
        refusal = error
    else:
        _assert_true(asked, quote, limit)
        return
    assert is_charged
    assert refusal.worth_routing_from >= limit


@given(seed=SEEDS, shape=SHAPES)
@always(seed=210, shape="ticks")  # of the whole order the part is so little that it seems not worth it
def test_a_part_ends_where_the_market_meets_the_limit(seed: int, shape: str) -> None:
    """No path of the route has a marginal price worse than the limit, and no way on is better: in value, to 0.1 bp."""
    market, asked, limit = _case(seed, shape)
    routed = find_route(market, replace(asked, limit_price=limit, allow_partial=True))
    quote, compiled = routed.quote, market.compiled.copy()
    assume(min(quote.amount_in, quote.amount_out) > 10**6)
    slopes = {}  # of the last atoms sold; the next ones may be in another bin
    for hop in quote.route.hops:
        edges = compiled.edges_of_pool[compiled.position[hop.pool_id]]
        edge = next(edge for edge in edges if compiled.edge_tokens[edge] == (hop.token_in, hop.token_out))
        slopes[hop.pool_id] = sell(compiled, edge, hop.amount_in * (1 - NEXT)).slope
        after = sell(compiled, edge, hop.amount_in * (1 + NEXT))
        compiled.price[edge] = 0.0 if after.missing else after.slope
    for leg in legs_of(quote.route):
        if leg.amount_in > quote.amount_in * 1e-3:  # others are rounded, or flat to the end
            assert math.prod(slopes[hop.pool_id] for hop in leg.hops) >= limit * (1 - STEEP)
    if not compiled.has_multi_asset_pools:  # those serve one pair of their tokens, and bounds are looser
        assert quote.gap_bps is not None
        assert quote.gap_bps < 0.1
    compiled.price_pairs()
    ends = (compiled.token_number[asked.token_in], compiled.token_number[asked.token_out])
    if quote.unfilled and not compiled.has_multi_asset_pools:
        assert marginal_prices(compiled, [ends])[ends] <= limit * (1 + STEEP)


@settings(max_examples=25)
@given(seed=SEEDS, shape=SHAPES, is_charged=st.booleans())
def test_no_other_part_gains_more(seed: int, shape: str, is_charged: bool) -> None:
    """Against routes of more and of less, each by itself, net of fees."""
    market, asked, limit = _case(seed, shape, is_charged=is_charged)
    filled, best, gross = asked.amount, Fraction(0), 1
    try:
        quote = find_route(market, replace(asked, limit_price=limit, allow_partial=True)).quote
        filled = quote.amount_in if asked.side is IN else quote.amount_out
        best, gross = _gain(quote, limit), quote.amount_out if asked.side is IN else quote.amount_in
    except LimitPriceNotReached:
        pass
    for share in (0.01, 0.1, 0.5, 0.8, 0.95, 1.05, 1.2, 2.0, 10.0):
        amount = int(filled * share)
        if not 0 < amount <= asked.amount:
            continue
        try:
            other = find_route(market, replace(asked, amount=amount)).quote
        except DexError:
            continue
        size = max(gross, other.amount_out if asked.side is IN else other.amount_in)
        assert _gain(other, limit) <= best + Fraction(3 * BP_TENTH) * size + 2 * len(other.route.hops)


@settings(max_examples=25)
@given(seed=SEEDS, shape=SHAPES, legs=st.sampled_from([1, 2, None]), swaps=st.sampled_from([1, 2, None]))
def test_parts_keep_to_limits_on_the_route(seed: int, shape: str, legs: int | None, swaps: int | None) -> None:
    """What stays unfilled is no swap, and no path: one that is allowed is there for the market."""
    market, asked, limit = _case(seed, shape)
    asked = replace(asked, max_legs=legs, max_swaps=swaps, limit_price=limit, allow_partial=True)
    try:
        quote = find_route(market, asked).quote
    except (LimitPriceNotReached, NoRoute):  # the best price, or any, takes more swaps
        assert swaps is not None
        return
    _assert_true(asked, quote, limit)
    assert len(quote.route.hops) <= (swaps or 99)
    assert len(legs_of(quote.route)) <= (legs or 99)


def _pool(name: str = "pool", scale_in: float = 1, scale_out: float = 1) -> Pool:
    return cpmm_pool(name, ("SOL", "USDC"), (int(10**15 * scale_in), int(10**17 * scale_out)))


def _plain(market: Market, asked: SwapRequest) -> Quote:
    return find_route(market, replace(asked, limit_price=None)).quote


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("fee", [0, 10**6])
def test_a_whole_order_is_filled_from_the_very_price_on_that_it_gets(side: Side, fee: int) -> None:
    """To the atom: at its own net price it is filled, at one a little better it is not."""
    market, asked = Market([_pool()], NOW, 1), request("SOL", "USDC", 10**12 if side is IN else 10**14, side)
    market.costs = dict.fromkeys(FeeStrategy, Costs("SOL", per_transaction=fee))
    plain = _plain(market, asked)
    own = Fraction(_net(plain), asked.amount) if side is IN else Fraction(asked.amount, _net(plain))
    quote = find_route(market, replace(asked, limit_price=own)).quote
    assert (quote.route, quote.unfilled) == (plain.route, 0)
    assert quote.min_amount_out >= quote.max_amount_in * own
    better = own + Fraction(1, 10**14)
    with pytest.raises(LimitPriceNotReached) as caught:
        find_route(market, replace(asked, limit_price=better))
    facts, net = caught.value.facts, str(_net(plain))
    assert (facts["amount_in"], facts["amount_out"]) == (str(plain.amount_in), str(plain.amount_out))
    assert facts["net_amount_out" if side is IN else "net_amount_in"] == net
    limit = facts["min_net_amount_out"] if side is IN else facts["max_net_amount_in"]
    assert int(str(limit)) == int(net) + (1 if side is IN else -1)


@pytest.mark.parametrize("side", Side)
def test_from_the_price_it_names_on_the_whole_order_is_filled(side: Side) -> None:
    """All prices better by one factor, pools as deep as before: filled just above that price and not just below."""
    asked = replace(request("SOL", "USDC", 10**14 if side is IN else 10**16, side), limit_price=Fraction(120))
    with pytest.raises(LimitPriceNotReached) as caught:
        find_route(Market([_pool()], NOW, 1), asked)
    named = caught.value.worth_routing_from
    assert named > 120
    now = marginal_price(Market([_pool()], NOW, 1), asked)
    for aside, is_filled in ((1e-6, True), (-1e-6, False)):
        factor = float(named) / now * (1 + aside)
        pool = _pool(scale_out=factor) if side is IN else _pool(scale_in=1 / factor)
        market = Market([pool], NOW, 2)
        if is_filled:
            assert find_route(market, asked).quote.unfilled == 0
            continue
        with pytest.raises(LimitPriceNotReached):
            find_route(market, asked)


def test_dust_puts_no_order_to_sleep() -> None:
    """A pool of a few atoms at ten times the price moves the price to wait for by next to nothing."""
    asked = replace(request("SOL", "USDC", 10**13), limit_price=Fraction(120))
    named = []
    dust = cpmm_pool("dust", ("SOL", "USDC"), (10**6, 10**9))
    for pools in ([_pool()], [_pool(), dust]):
        with pytest.raises(LimitPriceNotReached) as caught:
            find_route(Market(pools, NOW, 1), asked)
        named.append(float(caught.value.worth_routing_from))
    assert named[1] == pytest.approx(named[0], rel=1e-4)


@pytest.mark.parametrize("side", Side)
def test_where_no_part_is_worth_it_the_price_to_wait_for_is_the_limit_and_the_least_fee(side: Side) -> None:
    """Below it not even the whole order at the marginal price would earn the fee."""
    market, asked = Market([_pool()], NOW, 1), request("SOL", "USDC", 10**9 if side is IN else 10**11, side)
    asked = replace(asked, limit_price=Fraction(120), allow_partial=True)
    with pytest.raises(LimitPriceNotReached) as caught:
        find_route(market, asked)
    assert caught.value.worth_routing_from == 120
    most = caught.value.facts["most_amount_out" if side is IN else "least_amount_in"]
    assert int(str(most)) == pytest.approx(10**9 * 99.75 if side is IN else 10**11 / 99.75)
    market.costs = dict.fromkeys(FeeStrategy, Costs("SOL", per_transaction=10**7, other_swap=10**7))
    with pytest.raises(LimitPriceNotReached) as caught:
        find_route(market, asked)
    assert float(caught.value.worth_routing_from) == pytest.approx(120 + 2 * 99.75 / 100 if side is IN else 120 * 1.024)


def test_a_fee_that_a_part_does_not_earn_leaves_all_of_it_unfilled() -> None:
    """The best part gains a thousandth: it is traded at a fee of less, and not at one of more."""
    market = Market([_pool()], NOW, 1)
    asked = replace(request("SOL", "USDC", 10**14), limit_price=Fraction(99), allow_partial=True)
    free = find_route(market, asked).quote
    gain = int(_gain(free, Fraction(99)))
    for share, is_filled in ((0.9, True), (1.1, False)):
        market.costs = dict.fromkeys(FeeStrategy, Costs("USDC", per_transaction=int(gain * share)))
        if is_filled:
            assert find_route(market, asked).quote.unfilled == pytest.approx(free.unfilled, rel=1e-6)
            continue
        with pytest.raises(LimitPriceNotReached):
            find_route(market, asked)


@pytest.mark.parametrize("side", Side)
def test_a_fee_that_pools_do_not_price_counts_for_nothing(side: Side) -> None:
    """It is stated all the same."""
    market = Market([_pool()], NOW, 1)
    asked = replace(request("SOL", "USDC", 10**16, side), limit_price=Fraction(95), allow_partial=True)
    free = find_route(market, asked).quote
    market.costs = dict.fromkeys(FeeStrategy, Costs("GAS", per_transaction=1_000, other_swap=5))
    quote = find_route(market, asked).quote
    assert quote.network_fee == NetworkFee("GAS", 1_005, None)
    assert replace(quote, network_fee=None, gap_bps=free.gap_bps, bound=free.bound) == free


def test_an_order_far_larger_than_the_market_is_filled_as_exactly_as_a_small_one() -> None:
    """A part of a billionth is no dust: it is what an order of its own size gets."""
    market = Market([_pool(), _pool("other", 2, 2)], NOW, 1)
    asked = replace(request("SOL", "USDC", 10**15), limit_price=Fraction(99), allow_partial=True)
    small = find_route(market, asked).quote
    large = find_route(market, replace(asked, amount=10**24)).quote
    assert large.amount_in == pytest.approx(small.amount_in, rel=1e-6)
    assert large.unfilled == 10**24 - large.amount_in


def test_prices_worse_than_the_reference_by_more_than_allowed_are_refused() -> None:
    """By the average price of what is traded, before the network fee."""
    market = Market([_pool()], NOW, 1)
    for side, amount in ((IN, 10**13), (OUT, 10**15)):
        asked = request("SOL", "USDC", amount, side)
        plain = _plain(market, asked)
        price = Fraction(plain.amount_out, plain.amount_in)
        reference = price * PPM / (PPM - 2_000)
        for most, is_filled in ((2_000, True), (1_999, False)):
            guarded = replace(asked, reference_price=reference, max_deviation_ppm=most)
            if is_filled:
                assert find_route(market, guarded).quote == plain
                continue
            with pytest.raises(PriceDeviation) as caught:
                find_route(market, guarded)
            assert caught.value.facts["deviation_ppm"] == 2_000
            assert caught.value.facts["max_deviation_ppm"] == 1_999
            assert caught.value.facts["amount_out"] == str(plain.amount_out)


def test_better_than_the_reference_is_no_deviation() -> None:
    """Only a worse price is refused."""
    asked = replace(request("SOL", "USDC", 10**9), reference_price=Fraction(1), max_deviation_ppm=0)
    assert find_route(Market([_pool()], NOW, 1), asked).quote.amount_in == 10**9


@pytest.mark.parametrize(
    "limits",
    [{"deny_venues": frozenset({"raydium"})}, {"max_hops": 1}, {"max_swaps": 1}, {"deny_tokens": frozenset({"JUP"})}],
)
def test_an_order_that_no_permitted_path_can_fill_does_not_wait(limits: dict[str, Any]) -> None:
    """There are pools, but not for this order: that is no matter of its price."""
    way: list[Pool] = [
        cpmm_pool("a", ("SOL", "JUP"), (10**12, 10**12)),
        cpmm_pool("b", ("JUP", "USDC"), (10**12, 10**12)),
    ]
    asked = replace(request("SOL", "USDC", 10**9), limit_price=Fraction(1, 2), allow_partial=True)
    assert find_route(Market(way, NOW, 1), asked).quote.unfilled == 0
    with pytest.raises(NoRoute):
        find_route(Market(way, NOW, 1), replace(asked, **limits))


def test_limits_on_a_whole_amount_hold_in_proportion_for_a_part() -> None:
    """As a price would."""
    market = Market([_pool()], NOW, 1)
    asked = replace(request("SOL", "USDC", 10**14), limit_price=Fraction(95), allow_partial=True)
    least = 10**14 * 97
    quote = find_route(market, replace(asked, min_amount_out=least)).quote
    assert quote.unfilled > 0
    assert quote.min_amount_out >= -(-least * quote.amount_in // 10**14)
    assert np.isclose(quote.amount_in, find_route(market, asked).quote.amount_in)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    "guards",
    [
        {"max_price_impact_ppm": 3_000},
        {"max_deviation_ppm": 8_000, "reference_price": Fraction(100)},
        {"min_amount_out": 10**16 * 99, "max_amount_in": int(10**16 / 99)},
    ],
    ids=["impact", "deviation", "amount"],
)
def test_of_a_part_that_a_guard_refuses_a_smaller_one_is_traded(side: Side, guards: dict[str, Any]) -> None:
    """Down to the limit all of them would be refused: what is traded is within the guard, and not far from it."""
    market = Market([_pool()], NOW, 1)
    asked = replace(request("SOL", "USDC", 10**16, side), limit_price=Fraction(95), allow_partial=True)
    free = find_route(market, asked).quote
    other = "max_amount_in" if side is IN else "min_amount_out"
    stated = {name: value for name, value in guards.items() if name != other}

    quote = find_route(market, replace(asked, **stated)).quote

    filled, most = asked.amount - quote.unfilled, asked.amount - free.unfilled
    assert most / 100 < filled < most
    assert quote.amount_out >= 95 * quote.amount_in
    if "max_price_impact_ppm" in guards:
        assert 2_400 < quote.price_impact_ppm <= 3_000
    elif "max_deviation_ppm" in guards:
        assert quote.amount_out * 1_000 >= quote.amount_in * 100 * 992
    else:
        assert quote.amount_out >= 99 * quote.amount_in


def test_where_no_part_would_pass_a_guard_its_refusal_is_the_answer() -> None:
    """The price before the order is already too far from the reference."""
    asked = replace(request("SOL", "USDC", 10**16), limit_price=Fraction(95), allow_partial=True)
    for guards, refused in (
        ({"max_deviation_ppm": 1_000, "reference_price": Fraction(101)}, PriceDeviation),
        ({"min_amount_out": 10**16 * 101}, LimitNotMet),
    ):
        with pytest.raises(refused):
            find_route(Market([_pool()], NOW, 1), replace(asked, **guards))
