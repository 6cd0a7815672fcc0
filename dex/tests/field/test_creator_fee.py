"""The creator's fee of Raydium CPMM: one fee rounded up over both rates, then split, as the program does it."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dex.errors import InsufficientLiquidity
from dex.pools.kinds.raydium_cpmm import CpmmFees, CpmmPool, CreatorFeeOn
from dex.router import Market, find_route
from dex.testing import NOW, request
from dex.testing.examples import examples
from dex.types import PPM, Side

TOKENS = ("AAA", "BBB")
PAIRS = [TOKENS, TOKENS[::-1]]
fee_sides = st.sampled_from(["input", "token0", "token1"])
rates = st.integers(0, 400_000)
amounts = st.integers(0, 18).flatmap(lambda digits: st.integers(1, 10**digits))
reserves = st.integers(1, 10**20)


def _pool(trade: int, creator: int, side: CreatorFeeOn, held: tuple[int, int], pool_id: str = "pool") -> CpmmPool:
    return CpmmPool(pool_id, "raydium", TOKENS, CpmmFees(trade, creator, side), held)


def _paid_by_the_program(pool: CpmmPool, token_in: str, amount_in: int) -> int:
    """Source: raydium-cp-swap at 609780f, curve/calculator.rs (swap_base_input)."""
    i, fees = TOKENS.index(token_in), pool.fees
    is_on_input = fees.creator_fee_on in ("input", f"token{i}")
    rate = fees.trade_rate + (fees.creator_rate if is_on_input else 0)
    net_in = amount_in - (amount_in * rate + PPM - 1) // PPM
    out = net_in * pool.reserves[1 - i] // (pool.reserves[i] + net_in)
    return out if is_on_input else out - (out * fees.creator_rate + PPM - 1) // PPM


@pytest.mark.parametrize(
    ("amount", "net_in", "trade_fee", "creator_fee"), [(100, 98, 1, 1), (101, 98, 2, 1), (1, 0, 1, 0)]
)
def test_one_fee_is_rounded_up_and_split(amount: int, net_in: int, trade_fee: int, creator_fee: int) -> None:
    pool = _pool(10_000, 10_000, "input", (10**6, 10**15))

    if not net_in:
        with pytest.raises(InsufficientLiquidity):
            pool.quote_exact_in(0, amount)
        return
    quote = pool.quote_exact_in(0, amount)
    assert (quote.net_in, quote.trade_fee, quote.creator_fee) == (net_in, trade_fee, creator_fee)
    assert quote.amount_out == net_in * 10**15 // (10**6 + net_in)


@pytest.mark.parametrize("pair", PAIRS)
@given(trade=rates, creator=rates, side=fee_sides, held=st.tuples(reserves, reserves), amount=amounts)
def test_every_rate_side_and_direction_pays_what_the_program_pays(
    pair: tuple[str, str], trade: int, creator: int, side: CreatorFeeOn, held: tuple[int, int], amount: int
) -> None:
    pool = _pool(trade, creator, side, held)
    expected = _paid_by_the_program(pool, pair[0], amount)

    if expected <= 0:
        with pytest.raises(InsufficientLiquidity):
            pool.swap_exact_in(*pair, amount, NOW)
    else:
        assert pool.swap_exact_in(*pair, amount, NOW).amount_out == expected


@pytest.mark.parametrize("pair", PAIRS)
@given(trade=rates, creator=rates, side=fee_sides, held=st.tuples(reserves, reserves), amount=amounts)
def test_exact_out_asks_for_the_least_input_that_pays_it(
    pair: tuple[str, str], trade: int, creator: int, side: CreatorFeeOn, held: tuple[int, int], amount: int
) -> None:
    pool = _pool(trade, creator, side, held)
    try:
        bought = pool.swap_exact_out(*pair, amount, NOW)
    except InsufficientLiquidity:
        assume(False)
        raise

    assert _paid_by_the_program(pool, pair[0], bought.amount_in) >= amount
    assert _paid_by_the_program(pool, pair[0], bought.amount_in - 1) < amount


@given(
    fees=st.lists(st.tuples(rates, rates, fee_sides), min_size=1, max_size=4),
    sizes=st.integers(10**3, 10**15),
    amount=amounts,
    pair=st.sampled_from(PAIRS),
)
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_the_router_promises_what_the_program_pays_and_stays_below_its_bound(
    fees: list[tuple[int, int, CreatorFeeOn]], sizes: int, amount: int, pair: tuple[str, str]
) -> None:
    pools = [
        _pool(trade, creator, side, (sizes * (k + 1), sizes * (k + 2)), f"p{k}")
        for k, (trade, creator, side) in enumerate(fees)
    ]
    try:
        quote = find_route(Market(pools, NOW, 1), request(*pair, amount)).quote
    except InsufficientLiquidity:
        assume(False)
        raise

    by_id = {pool.pool_id: pool for pool in pools}
    paid = sum(_paid_by_the_program(by_id[hop.pool_id], hop.token_in, hop.amount_in) for hop in quote.route.hops)
    assert (quote.side, quote.amount_out) == (Side.EXACT_IN, paid)
    assert quote.bound is not None
    assert quote.bound >= paid - 2
