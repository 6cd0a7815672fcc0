"""The router against brute force, and the promises a quote makes."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dex.errors import (
    AmountTooSmall,
    InsufficientLiquidity,
    LimitNotMet,
    NoRoute,
    PriceImpactExceeded,
)
from dex.pools import Pool
from dex.router import Market, find_route
from dex.testing import NOW, cpmm_pool, dlmm_pool, markets, request, requests
from dex.testing.examples import examples
from dex.types import PPM, Quote, Side, SwapRequest

MILLION = 10**6 * 10**9
SOL_USDC = ("SOL", "USDC")
OUT = Side.EXACT_OUT
ONE_POOL: list[Pool] = [cpmm_pool("pool", SOL_USDC, (MILLION, MILLION))]
# Markets out of nowhere, profitable cycles and dust included: few of them show what is to be seen.
SHORT = settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def quote(pools: list[Pool], asked: SwapRequest) -> Quote:
    return find_route(Market(pools, NOW, 7), asked).quote


def quote_or_none(pools: list[Pool], asked: SwapRequest) -> Quote | None:
    try:
        return quote(pools, asked)
    except (NoRoute, InsufficientLiquidity):
        return None


@given(pools=markets(), asked=requests())
@SHORT
def test_no_venue_alone_does_better(pools: list[Pool], asked: SwapRequest) -> None:
    found = quote_or_none(pools, asked)
    assume(found is not None)
    assert found is not None

    assert [quoted.venue for quoted in found.venue_quotes] == sorted({pool.venue for pool in pools})
    for quoted in found.venue_quotes:
        alone = quote_or_none([pool for pool in pools if pool.venue == quoted.venue], asked)
        if quoted.amount_in is not None and quoted.amount_out is not None:
            assert alone is not None
            if asked.side is Side.EXACT_IN:
                assert found.amount_out >= quoted.amount_out
                assert alone.amount_out >= quoted.amount_out
            else:
                assert found.amount_in <= quoted.amount_in
                assert alone.amount_in <= quoted.amount_in


@given(pools=markets(), asked=requests())
@SHORT
def test_a_route_is_what_the_pools_pay(pools: list[Pool], asked: SwapRequest) -> None:
    """Each pool once, each token sold after all that buys it and no more than that, and every hop to the atom."""
    found = quote_or_none(pools, asked)
    assume(found is not None)
    assert found is not None

    by_id = {pool.pool_id: pool for pool in pools}
    made = Counter({asked.token_in: found.route.amount_in})
    for hop in found.route.hops:
        pool = by_id.pop(hop.pool_id)
        sell, buy = pool.swap_exact_in, pool.swap_exact_out
        swap = (
            sell(hop.token_in, hop.token_out, hop.amount_in, NOW)
            if asked.side is Side.EXACT_IN
            else buy(hop.token_in, hop.token_out, hop.amount_out, NOW)
        )
        assert swap.amount_out >= hop.amount_out
        assert swap.amount_in <= hop.amount_in
        made[hop.token_in] -= hop.amount_in
        assert made[hop.token_in] >= 0
        made[hop.token_out] += hop.amount_out
    assert (found.route.amount_in if asked.side is Side.EXACT_IN else found.amount_out) == asked.amount
    assert made[asked.token_out] >= found.amount_out


@given(pools=markets(), asked=requests(), seed=st.randoms(use_true_random=False))
@SHORT
def test_the_order_of_pools_changes_nothing(pools: list[Pool], asked: SwapRequest, seed: st.DataObject) -> None:
    shuffled = list(pools)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]

    assert quote_or_none(shuffled, asked) == quote_or_none(pools, asked)


def test_equal_pools_share_an_order_equally() -> None:
    twins: list[Pool] = [cpmm_pool(name, SOL_USDC, (MILLION, MILLION)) for name in "cab"]

    found = quote(twins, request(*SOL_USDC, 3 * 10**12))

    assert [hop.pool_id for hop in found.route.hops] == ["a", "b", "c"]
    assert all(abs(hop.amount_in - 10**12) < 10 for hop in found.route.hops)  # shares are floats
    assert found.amount_in == 3 * 10**12


def test_a_split_over_a_detour_beats_each_way_alone() -> None:
    direct = cpmm_pool("direct", SOL_USDC, (10**12, 10**12))
    first = cpmm_pool("first", ("SOL", "JUP"), (MILLION, MILLION))
    second = cpmm_pool("second", ("JUP", "USDC"), (MILLION, MILLION))

    small = quote([direct, first, second], request(*SOL_USDC, 10**6))
    large = quote([direct, first, second], request(*SOL_USDC, 10**12))

    assert {hop.pool_id for hop in small.route.hops} == {"direct"}
    assert {hop.pool_id for hop in large.route.hops} == {"direct", "first", "second"}
    assert large.amount_out > quote([first, second], request(*SOL_USDC, 10**12)).amount_out
    assert large.bound is not None
    assert large.gap_bps is not None
    assert large.amount_out <= large.bound
    assert large.gap_bps < 0.001


def test_slippage_is_rounded_in_the_owners_favour() -> None:
    sold = quote(ONE_POOL, request(*SOL_USDC, 1_000_003, max_slippage_ppm=5_000))
    bought = quote(ONE_POOL, request(*SOL_USDC, 1_000_003, OUT, max_slippage_ppm=5_000))

    assert sold.min_amount_out == -(-sold.amount_out * 995 // 1000)
    assert sold.max_amount_in == sold.amount_in
    assert bought.max_amount_in == bought.amount_in * 1005 // 1000
    assert bought.min_amount_out == bought.amount_out


def test_the_stricter_of_slippage_and_the_owners_limit_holds() -> None:
    paid = quote(ONE_POOL, request(*SOL_USDC, 10**9)).amount_out
    cost = quote(ONE_POOL, request(*SOL_USDC, 10**9, OUT)).amount_in

    assert quote(ONE_POOL, request(*SOL_USDC, 10**9, min_amount_out=paid - 1)).min_amount_out == paid - 1
    assert quote(ONE_POOL, request(*SOL_USDC, 10**9, min_amount_out=1)).min_amount_out == -(-paid * 995 // 1000)
    assert quote(ONE_POOL, request(*SOL_USDC, 10**9, OUT, max_amount_in=cost + 1)).max_amount_in == cost + 1
    assert quote(ONE_POOL, request(*SOL_USDC, 10**9, OUT, max_amount_in=cost * 2)).max_amount_in == cost * 1005 // 1000


@pytest.mark.parametrize("side", Side)
def test_the_owners_limit_holds_to_the_atom(side: Side) -> None:
    free = quote(ONE_POOL, request(*SOL_USDC, 10**9, side))
    if side is Side.EXACT_IN:
        at, beyond = {"min_amount_out": free.amount_out}, {"min_amount_out": free.amount_out + 1}
    else:
        at, beyond = {"max_amount_in": free.amount_in}, {"max_amount_in": free.amount_in - 1}

    assert quote(ONE_POOL, request(*SOL_USDC, 10**9, side, **at)).amount_out == free.amount_out
    with pytest.raises(LimitNotMet):
        quote(ONE_POOL, request(*SOL_USDC, 10**9, side, **beyond))


@pytest.mark.parametrize("side", Side)
def test_the_price_impact_guard_holds_to_the_ppm(side: Side) -> None:
    asked = request(*SOL_USDC, MILLION // 100, side)
    impact = quote(ONE_POOL, asked).price_impact_ppm

    assert quote(ONE_POOL, replace(asked, max_price_impact_ppm=impact)).price_impact_ppm == impact
    with pytest.raises(PriceImpactExceeded) as caught:
        quote(ONE_POOL, replace(asked, max_price_impact_ppm=impact - 1))
    assert caught.value.facts == {"price_impact_ppm": impact, "max_price_impact_ppm": impact - 1}


def test_price_impact_leaves_the_fee_out_and_the_mid_leaves_out_both() -> None:
    reserve, amount = MILLION, MILLION // 100
    pools: list[Pool] = [cpmm_pool("pool", SOL_USDC, (reserve, 2 * reserve), fee_rate=10_000)]

    found = quote(pools, request(*SOL_USDC, amount))

    net = amount * 99 // 100
    assert found.price_impact_ppm == round(PPM * (1 - reserve / (reserve + net)))
    assert found.mid_amount_out == pytest.approx(2 * amount, rel=1e-12)


def test_a_tiny_pool_at_a_better_price_spoils_no_guard() -> None:
    deep: list[Pool] = [cpmm_pool("deep", SOL_USDC, (10**12, 10**12), fee_rate=0)]
    tiny = cpmm_pool("tiny", SOL_USDC, (10**6, 2 * 10**6), fee_rate=0)
    asked = request(*SOL_USDC, 10**9, max_price_impact_ppm=10_000)

    alone, both = quote(deep, asked), quote([*deep, tiny], asked)

    assert both.amount_out > alone.amount_out
    assert both.mid_amount_out == pytest.approx(alone.mid_amount_out, rel=1e-3)


def test_price_impact_adds_up_over_hops() -> None:
    pools: list[Pool] = [
        cpmm_pool("first", ("SOL", "JUP"), (MILLION, MILLION), fee_rate=0),
        cpmm_pool("second", ("JUP", "USDC"), (MILLION, MILLION), fee_rate=0),
    ]

    found = quote(pools, request(*SOL_USDC, MILLION // 100))

    assert found.price_impact_ppm == round(PPM * (1 - 1 / 1.02))
    assert found.mid_amount_out == MILLION // 100


def test_an_improvement_is_never_a_failure() -> None:
    asked = request(*SOL_USDC, 10**9, max_slippage_ppm=0, max_price_impact_ppm=2_000)
    promised = quote(ONE_POOL, asked)
    better = [cpmm_pool("pool", SOL_USDC, (MILLION, 3 * MILLION))]

    paid = quote([*better], replace(asked, min_amount_out=promised.min_amount_out))

    assert paid.amount_out > promised.amount_out


# Refusals


def test_venues_are_allowed_and_denied() -> None:
    pools: list[Pool] = [
        cpmm_pool("good", SOL_USDC, (MILLION, MILLION)),
        dlmm_pool("better", SOL_USDC, 0, (MILLION, MILLION)),
    ]

    def venue_of(**terms: object) -> tuple[str, list[str]]:
        found = quote(pools, request(*SOL_USDC, 10**12, **terms))
        return found.route.hops[0].venue, [quoted.venue for quoted in found.venue_quotes]

    assert venue_of() == ("meteora", ["meteora", "raydium"])
    assert venue_of(deny_venues=frozenset({"meteora"})) == ("raydium", ["raydium"])
    assert venue_of(allow_venues=frozenset({"raydium"})) == ("raydium", ["raydium"])
    assert venue_of(allow_venues=frozenset({"raydium", "elsewhere"})) == ("raydium", ["raydium"])
    for terms in ({"allow": {"elsewhere"}, "deny": set()}, {"allow": {"raydium"}, "deny": {"raydium"}}):
        allow, deny = frozenset(terms["allow"]), frozenset(terms["deny"])
        with pytest.raises(NoRoute):
            venue_of(allow_venues=allow, deny_venues=deny)


def test_no_route_between_tokens_that_no_pools_join() -> None:
    with pytest.raises(NoRoute, match=r"no pools lead from SOL to BONK"):
        quote(ONE_POOL, request("SOL", "BONK", 1))
    with pytest.raises(NoRoute):
        quote(ONE_POOL, request("SOL", "SOL", 1))
    with pytest.raises(NoRoute):
        quote([], request(*SOL_USDC, 1))


def test_a_route_may_begin_and_end_in_tokens_that_are_denied() -> None:
    free = quote(ONE_POOL, request(*SOL_USDC, 10**9))

    for token in SOL_USDC:
        assert quote(ONE_POOL, request(*SOL_USDC, 10**9, deny_tokens=frozenset({token}))) == free


def test_hops_can_be_limited() -> None:
    pools: list[Pool] = [
        cpmm_pool("first", ("SOL", "JUP"), (MILLION, MILLION)),
        cpmm_pool("second", ("JUP", "USDC"), (MILLION, MILLION)),
    ]

    assert quote(pools, request(*SOL_USDC, 10**9, max_hops=2)).amount_out > 0
    with pytest.raises(NoRoute):
        quote(pools, request(*SOL_USDC, 10**9, max_hops=1))


@pytest.mark.parametrize("side", Side)
def test_too_small_an_amount_is_named_so(side: Side) -> None:
    pools: list[Pool] = [cpmm_pool("pool", SOL_USDC, (1, MILLION) if side is OUT else (MILLION, 1))]

    with pytest.raises(AmountTooSmall) as caught:
        quote(pools, request(*SOL_USDC, 5, side))
    assert caught.value.facts == {"token": "USDC" if side is OUT else "SOL"}


@pytest.mark.parametrize(("side", "token"), [(Side.EXACT_IN, "SOL"), (OUT, "USDC")])
def test_insufficient_liquidity_names_token_and_figure(side: Side, token: str) -> None:
    bins = dlmm_pool("bins", SOL_USDC, 0, (10**9, 10**9), reach=3)

    with pytest.raises(InsufficientLiquidity) as caught:
        quote([bins], request(*SOL_USDC, 10**15, side))

    walked = bins.walk(True, 10**15, NOW)
    exact = walked.amount_in if side is Side.EXACT_IN else walked.amount_out
    named = int(str(caught.value.facts["largest_amount"]))
    assert caught.value.facts["token"] == token
    assert exact - max(1, exact // PPM) <= named <= exact
