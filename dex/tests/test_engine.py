"""The four verbs, on a chain in memory."""

import math
from dataclasses import replace
from fractions import Fraction
from threading import current_thread, main_thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex import (
    ChainUnavailable,
    Costs,
    DexError,
    Engine,
    Fees,
    FeeStrategy,
    LimitPriceNotReached,
    Pool,
    Quote,
    Side,
    SwapIntent,
    SwapRequest,
    Venue,
)
from dex.deadline import left_s, within
from dex.pools.kinds.meteora_dlmm.pool import DlmmPool
from dex.pools.kinds.raydium_cpmm import CpmmPool
from dex.testing import NOW, FakeChain, cpmm_pool, dlmm_pool, markets, request, requests

MILLION = 10**6 * 10**9
SOL_USDC = ("SOL", "USDC")
POOLS: tuple[Pool, ...] = (
    cpmm_pool("raydium-sol-usdc", SOL_USDC, (MILLION, MILLION)),
    dlmm_pool("meteora-usdc-bonk", ("USDC", "BONK"), 0, (MILLION, MILLION)),
)


def quotes(engine: Engine, asked: list[SwapRequest], *, is_sequential: bool = True) -> list[Quote]:
    answers = engine.route(asked, is_sequential=is_sequential)
    assert all(isinstance(answer, Quote) for answer in answers)
    return [answer for answer in answers if isinstance(answer, Quote)]


def test_each_order_of_a_batch_sees_what_the_ones_before_leave() -> None:
    engine = Engine(FakeChain(POOLS))
    twice = [request(*SOL_USDC, MILLION // 50)] * 2

    first, second = quotes(engine, twice)
    alone, again = quotes(engine, twice, is_sequential=False)

    assert second.amount_out < first.amount_out == alone.amount_out == again.amount_out
    assert quotes(engine, twice[:1])[0] == first


def test_an_order_of_a_batch_finds_what_the_one_before_has_left_at_its_limit() -> None:
    """The first takes all that there is at the limit; alone, the second would have."""
    engine = Engine(FakeChain(POOLS))
    wish = replace(request(*SOL_USDC, MILLION // 10), limit_price=Fraction(98, 100), allow_partial=True)
    lower = replace(wish, limit_price=Fraction(97, 100))

    alone, again = quotes(engine, [wish, wish], is_sequential=False)
    assert alone.unfilled == again.unfilled > 0
    first, second, third = engine.route([wish, wish, lower])
    assert first == alone
    assert isinstance(second, LimitPriceNotReached)
    assert isinstance(third, Quote)
    (whole,) = quotes(engine, [lower])
    assert first.amount_in + third.amount_in == pytest.approx(whole.amount_in, rel=1e-3)


def test_an_order_that_waits_for_lower_fees_moves_no_price() -> None:
    """Its quote is not executed: the next order of the batch gets what it would get alone."""
    chain = FakeChain(POOLS)
    chain.costs = {FeeStrategy.NORMAL: Costs("SOL", per_transaction=5_000)}
    engine, wish = Engine(chain), request(*SOL_USDC, MILLION // 50)
    at_limit, above = (replace(wish, max_network_fee=most) for most in (5_000, 4_999))

    (alone,) = quotes(engine, [wish])
    waiting, after_waiting = quotes(engine, [above, wish])
    made, after_made = quotes(engine, [at_limit, wish])

    assert waiting == alone == after_waiting == made
    assert after_made.amount_out < alone.amount_out


@given(pools=markets(), asked=st.lists(requests(), max_size=8))
def test_a_batch_pays_what_its_orders_would_pay_one_by_one(pools: list[Pool], asked: list[SwapRequest]) -> None:
    by_id = {pool.pool_id: pool for pool in pools}
    answers = Engine(FakeChain(tuple(pools))).route(asked)

    assert len(answers) == len(asked)
    for answer, one in zip(answers, asked, strict=True):
        if isinstance(answer, DexError):
            continue
        for hop in answer.route.hops:
            pool, pair = by_id[hop.pool_id], (hop.token_in, hop.token_out)
            if one.side is Side.EXACT_IN:
                swap = pool.swap_exact_in(*pair, hop.amount_in, NOW)
            else:
                swap = pool.swap_exact_out(*pair, hop.amount_out, NOW)
            assert (swap.amount_in, swap.amount_out) == (hop.amount_in, hop.amount_out)
            by_id[hop.pool_id] = swap.pool_after


def test_one_bad_request_spoils_nobody_elses() -> None:
    asked = [
        request("SOL", "JUP", 1),
        request(*SOL_USDC, 10**9),
        request(*SOL_USDC, 10**9, min_amount_out=10**10),
        request(*SOL_USDC, 10**9, max_price_impact_ppm=-1),
        request("BONK", "USDC", 10**30),
        request(*SOL_USDC, 1),
        request("SOL", "BONK", 10**9),
    ]

    answers = Engine(FakeChain(POOLS)).route(asked)

    codes = [answer.code if isinstance(answer, DexError) else "ok" for answer in answers]
    assert codes == [
        "no_route",
        "ok",
        "slippage",
        "price_impact",
        "insufficient_liquidity",
        "amount_too_small",
        "ok",
    ]


def test_a_refused_order_leaves_the_market_alone() -> None:
    engine = Engine(FakeChain(POOLS))
    whale = request(*SOL_USDC, MILLION, max_price_impact_ppm=1)
    small = request(*SOL_USDC, 10**9)

    _, after_refusal = engine.route([whale, small])

    assert after_refusal == engine.route([small])[0]


def test_routing_never_touches_the_snapshot() -> None:
    chain = FakeChain(POOLS)
    before = [pool.to_state() for pool in chain.pools]

    Engine(chain).route([request("SOL", "BONK", 10**12)] * 5)

    assert [pool.to_state() for pool in chain.pools] == before


def test_quotes_name_the_snapshot_they_were_made_on() -> None:
    (found,) = quotes(Engine(FakeChain(POOLS, version=42)), [request(*SOL_USDC, 10**9)])

    assert found.snapshot_version == 42


def test_only_pools_of_registered_venues_are_routed_through() -> None:
    stray = cpmm_pool("stray", SOL_USDC, (MILLION, 9 * MILLION), venue="elsewhere")
    disguised = cpmm_pool("disguised", SOL_USDC, (MILLION, 9 * MILLION), venue="meteora")
    chain = FakeChain((*POOLS, stray, disguised))
    elsewhere = Venue("elsewhere", "Elsewhere", CpmmPool.kind, "")

    (known,) = quotes(Engine(chain), [request(*SOL_USDC, 10**9)])
    (other,) = quotes(Engine(chain, [elsewhere]), [request(*SOL_USDC, 10**9)])

    assert known.route.hops[0].pool_id == "raydium-sol-usdc"
    assert other.route.hops[0].pool_id == "stray"
    assert disguised.kind != DlmmPool.kind


def test_an_order_goes_from_quote_to_receipt() -> None:
    chain = FakeChain(POOLS)
    engine = Engine(chain)
    (found,) = quotes(engine, [request(*SOL_USDC, 10**9)])
    intent = SwapIntent(
        "wallet", 0, Side.EXACT_IN, found.route, found.min_amount_out, found.max_amount_in, deadline=NOW + 60
    )

    engine.prepare()
    signed, other = engine.build([intent, replace(intent, nonce=1)])
    assert not isinstance(signed, DexError)
    assert not isinstance(other, DexError)

    assert engine.receipts([signed.tx_hash]) == [None]
    assert engine.submit([signed, signed]) == [None, None]
    receipts = engine.receipts([signed.tx_hash, other.tx_hash])

    assert [receipt and receipt.tx_hash for receipt in receipts] == [signed.tx_hash, None]
    assert engine.chain is chain


def test_fees_are_asked_for_in_another_thread_under_the_limit_of_time_of_the_caller() -> None:
    seen: list[tuple[bool, bool]] = []

    class Watched(FakeChain):
        def prepare(self) -> dict[FeeStrategy, Fees]:
            seen.append((current_thread() is main_thread(), math.isfinite(left_s())))
            return super().prepare()

    engine = Engine(Watched(POOLS))
    with within(60.0):
        limited = engine.prepare_ahead()

    assert limited.result() == engine.prepare()
    assert seen == [(False, True), (True, False)]


@pytest.mark.parametrize(("at_once_s", "is_in_thread"), [(0.0, True), (math.inf, False)])
def test_where_the_last_answer_came_at_once_no_thread_asks_for_the_next(
    monkeypatch: pytest.MonkeyPatch, at_once_s: float, is_in_thread: bool
) -> None:
    threads: list[bool] = []

    class Watched(FakeChain):
        def prepare(self) -> dict[FeeStrategy, Fees]:
            threads.append(current_thread() is not main_thread())
            return super().prepare()

    engine = Engine(Watched(POOLS))
    assert engine.prepare_ahead().result()
    monkeypatch.setattr("dex.asking.AT_ONCE_S", at_once_s)

    assert engine.prepare_ahead().result() == engine.prepare()
    assert threads == [True, is_in_thread, False]


def test_fees_that_could_not_be_asked_for_are_an_error_where_they_are_needed() -> None:
    class Away(FakeChain):
        def prepare(self) -> dict[FeeStrategy, Fees]:
            raise ChainUnavailable("the node does not answer")

    offers = Engine(Away(POOLS)).prepare_ahead()

    with pytest.raises(ChainUnavailable, match="the node does not answer"):
        offers.result()


def test_empty_batches_are_answered_empty() -> None:
    engine = Engine(FakeChain(POOLS))

    answers: list[object] = [engine.route([]), engine.build([]), engine.submit([]), engine.receipts([])]
    assert answers == [[], [], [], []]
