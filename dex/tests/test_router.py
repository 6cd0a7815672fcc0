"""The router against brute force, and the promises a quote makes."""

from dataclasses import replace
from itertools import pairwise, permutations, product

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dex.errors import (
    AmountTooSmall,
    DexError,
    InsufficientLiquidity,
    LimitNotMet,
    NoRoute,
    PriceImpactExceeded,
)
from dex.pools import Pool
from dex.router import Market, find_route
from dex.testing import NOW, TOKENS, cpmm_pool, cpmm_pools, dlmm_pool, markets, request, requests
from dex.types import PPM, Quote, Side, SwapRequest

MILLION = 10**6 * 10**9
SOL_USDC = ("SOL", "USDC")
OUT = Side.EXACT_OUT
# Most random markets fill, or do not join, what a test wants refused (or the other way round).
FEW_FIT = settings(suppress_health_check=[HealthCheck.filter_too_much])


def quote(pools: list[Pool], asked: SwapRequest) -> Quote:
    return find_route(Market(pools, NOW, 7), asked).quote


def quote_or_none(pools: list[Pool], asked: SwapRequest) -> Quote | None:
    try:
        return quote(pools, asked)
    except (NoRoute, InsufficientLiquidity):
        return None


def brute_force(pools: list[Pool], asked: SwapRequest) -> list[tuple[int, str, set[str]]]:
    """The free amount of every chain of up to three pools, by trying them all; with its pools and venues."""
    found = []
    for hops in range(1, 4):
        for chain in permutations(pools, hops):
            for middle in permutations(TOKENS, hops - 1):
                tokens = (asked.token_in, *middle, asked.token_out)
                if len(set(tokens)) < len(tokens):
                    continue
                if any(not {a, b} <= set(p.tokens) for p, a, b in zip(chain, tokens, tokens[1:], strict=False)):
                    continue
                amount = chained(chain, tokens, asked)
                if amount is not None:
                    found.append((amount, ",".join(p.pool_id for p in chain), {p.venue for p in chain}))
    return found


def chained(chain: tuple[Pool, ...], tokens: tuple[str, ...], asked: SwapRequest) -> int | None:
    amount = asked.amount
    steps = list(zip(chain, tokens, tokens[1:], strict=False))
    try:
        if asked.side is Side.EXACT_IN:
            for pool, token_in, token_out in steps:
                amount = pool.swap_exact_in(token_in, token_out, amount, NOW).amount_out
        else:
            for pool, token_in, token_out in reversed(steps):
                amount = pool.swap_exact_out(token_in, token_out, amount, NOW).amount_in
    except InsufficientLiquidity:
        return None
    return amount


def best_of(amounts: list[int], side: Side) -> int | None:
    return (max if side is Side.EXACT_IN else min)(amounts, default=None)


def free_amount(found: Quote) -> int:
    """The amount the router had to find: neither given nor a limit."""
    return found.amount_out if found.max_amount_in == found.amount_in else found.amount_in


@FEW_FIT
@given(pools=markets(), asked=requests())
def test_the_best_single_path_is_found(pools: list[Pool], asked: SwapRequest) -> None:
    best = best_of([amount for amount, _, _ in brute_force(pools, asked)], asked.side)

    found = quote_or_none(pools, replace(asked, max_slippage_ppm=0))

    is_exact_in = asked.side is Side.EXACT_IN
    assert (None if found is None else found.amount_out if is_exact_in else found.amount_in) == best
    if found is not None:
        assert (found.amount_in if is_exact_in else found.amount_out) == asked.amount


@FEW_FIT
@given(pools=markets(), asked=requests())
def test_every_venue_alone_is_quoted_at_its_best(pools: list[Pool], asked: SwapRequest) -> None:
    chains = brute_force(pools, asked)
    found = quote_or_none(pools, asked)
    assume(found is not None and chains)
    assert found is not None

    assert [quoted.venue for quoted in found.venue_quotes] == sorted({pool.venue for pool in pools})
    for quoted in found.venue_quotes:
        best = best_of([amount for amount, _, venues in chains if venues == {quoted.venue}], asked.side)
        amounts = (quoted.amount_in, quoted.amount_out)
        if best is None:
            assert amounts == (None, None)
            assert quoted.code in {"no_route", "insufficient_liquidity", "amount_too_small"}
        else:
            assert amounts == ((asked.amount, best) if asked.side is Side.EXACT_IN else (best, asked.amount))
            assert quoted.code is None


@FEW_FIT
@given(pools=markets(), asked=requests())
def test_hops_chain_and_carry_the_totals(pools: list[Pool], asked: SwapRequest) -> None:
    found = quote_or_none(pools, asked)
    assume(found is not None)
    assert found is not None

    hops = found.route.hops
    assert (hops[0].token_in, hops[-1].token_out) == (asked.token_in, asked.token_out)
    assert (found.route.amount_in, found.route.amount_out) == (found.amount_in, found.amount_out)
    for before, after in pairwise(hops):
        assert (before.token_out, before.amount_out) == (after.token_in, after.amount_in)


@FEW_FIT
@given(pools=markets(), asked=requests(), seed=st.randoms(use_true_random=False))
def test_the_order_of_pools_changes_nothing(pools: list[Pool], asked: SwapRequest, seed: st.DataObject) -> None:
    shuffled = list(pools)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]

    assert quote_or_none(shuffled, asked) == quote_or_none(pools, asked) == quote_or_none(pools, asked)


@FEW_FIT
@given(pools=markets(), asked=requests(), data=st.data())
def test_one_more_pool_never_makes_it_worse(pools: list[Pool], asked: SwapRequest, data: st.DataObject) -> None:
    before = quote_or_none(pools, asked)
    assume(before is not None)
    assert before is not None

    after = quote([*pools, data.draw(cpmm_pools("another", SOL_USDC))], asked)

    assert after.amount_out >= before.amount_out
    assert after.amount_in <= before.amount_in


@FEW_FIT
@given(
    reserves=st.lists(st.tuples(*[st.integers(10**15, 10**17)] * 2), min_size=3, max_size=3),
    amount=st.integers(10**11, 10**15),
    factor=st.integers(2, 50),
)
def test_a_larger_order_never_gets_a_better_price(reserves: list[tuple[int, int]], amount: int, factor: int) -> None:
    pairs = (SOL_USDC, ("SOL", "JUP"), ("JUP", "USDC"))
    pools: list[Pool] = [cpmm_pool(f"p{i}", pair, r) for i, (pair, r) in enumerate(zip(pairs, reserves, strict=True))]
    small, large = (quote_or_none(pools, request(*SOL_USDC, n)) for n in (amount, amount * factor))
    assume(small is not None and large is not None and small.amount_out > 10**8)
    assert small is not None
    assert large is not None

    # Rounding in the middle token may cost the small order an atom of its many.
    assert large.amount_out * small.amount_in <= small.amount_out * large.amount_in * (1 + 1e-7)


def test_equal_paths_go_to_fewer_hops_then_to_the_lower_pool_id() -> None:
    twins: list[Pool] = [cpmm_pool(name, SOL_USDC, (MILLION, MILLION)) for name in ("b", "a", "c")]

    assert quote(twins, request(*SOL_USDC, 10**9)).route.hops[0].pool_id == "a"
    assert quote(twins, request(*SOL_USDC, 10**9, OUT)).route.hops[0].pool_id == "a"


def test_a_deep_detour_beats_a_shallow_pool() -> None:
    pools: list[Pool] = [
        cpmm_pool("direct", SOL_USDC, (10**12, 10**12)),
        cpmm_pool("first", ("SOL", "JUP"), (MILLION, MILLION)),
        cpmm_pool("second", ("JUP", "USDC"), (MILLION, MILLION)),
    ]

    small, large = quote(pools, request(*SOL_USDC, 10**8)), quote(pools, request(*SOL_USDC, 10**12))

    assert [hop.pool_id for hop in small.route.hops] == ["direct"]
    assert [hop.pool_id for hop in large.route.hops] == ["first", "second"]


# Guards and limits


ONE_POOL: list[Pool] = [cpmm_pool("pool", SOL_USDC, (MILLION, MILLION))]


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
    with pytest.raises(NoRoute, match=r"no pools on any venue lead from SOL to BONK in 3 hops"):
        quote(ONE_POOL, request("SOL", "BONK", 1))
    with pytest.raises(NoRoute):
        quote(ONE_POOL, request("SOL", "SOL", 1))
    with pytest.raises(NoRoute):
        quote([], request(*SOL_USDC, 1))


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


@FEW_FIT
@given(pools=markets(), asked=requests())
def test_the_largest_amount_named_fills_and_a_millionth_more_does_not(pools: list[Pool], asked: SwapRequest) -> None:
    try:
        quote(pools, asked)
        refusal: DexError = NoRoute("routed")
    except DexError as error:
        refusal = error
    assume(isinstance(refusal, InsufficientLiquidity) and not isinstance(refusal, AmountTooSmall))
    largest = int(str(refusal.facts["largest_amount"]))

    assert largest < asked.amount
    if largest:
        assert quote(pools, replace(asked, amount=largest)).amount_out > 0
        assert quote_or_none(pools, replace(asked, amount=largest + max(1, largest // PPM + 1))) is None


def test_the_largest_amount_is_remembered_until_a_pool_changes() -> None:
    market = Market([dlmm_pool("bins", SOL_USDC, 0, (10**9, 10**9), reach=3)], NOW, 1)

    def largest(amount: int) -> int:
        with pytest.raises(InsufficientLiquidity) as caught:
            find_route(market, request(*SOL_USDC, amount, OUT))
        return int(str(caught.value.facts["largest_amount"]))

    first = largest(10**12)
    assert largest(10**15) == first == pytest.approx(4 * 10**9, rel=1e-6)
    assert market.largest_fills
    market.apply(find_route(market, request(*SOL_USDC, 10**9, OUT)).pools_after)
    assert not market.largest_fills
    assert largest(10**12) == pytest.approx(3 * 10**9, rel=1e-6)


@pytest.mark.parametrize(("side", "token"), [(Side.EXACT_IN, "SOL"), (OUT, "USDC")])
def test_insufficient_liquidity_names_token_and_figure(side: Side, token: str) -> None:
    bins = dlmm_pool("bins", SOL_USDC, 0, (10**9, 10**9), reach=3)

    with pytest.raises(InsufficientLiquidity) as caught:
        quote([bins], request(*SOL_USDC, 10**15, side))

    walked = bins.walk(True, 10**15, NOW)
    exact = walked.consumed_in if side is Side.EXACT_IN else walked.amount_out
    named = int(str(caught.value.facts["largest_amount"]))
    assert caught.value.facts["token"] == token
    assert exact - max(1, exact // PPM) <= named <= exact


def test_bounds_skip_only_what_cannot_win() -> None:
    """Many parallel pools whose order by price at zero size is the reverse of their order at size."""
    pools: list[Pool] = [
        cpmm_pool(f"{size:02}", SOL_USDC, (10**size, 10**size), fee_rate=fee)
        for size, fee in product(range(9, 19), (size * 300 for size in range(1, 11)))
    ]
    pools = [replace(pool, pool_id=str(n)) for n, pool in enumerate(pools)]  # type: ignore[type-var]

    for digits in range(6, 20):
        asked = request(*SOL_USDC, 10**digits)
        paid = [pool.swap_exact_in(*SOL_USDC, asked.amount, NOW).amount_out for pool in pools]
        assert quote(pools, asked).amount_out == max(paid)
