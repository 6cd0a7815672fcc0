"""What the real contracts pay is what the route promised, to the last atom, when no other trades."""

from collections.abc import Callable
from typing import Any

import pytest

from dex import (
    BroadcastRejected,
    DexError,
    Engine,
    FeeStrategy,
    PreparedSwap,
    Quote,
    Side,
    SignedTransaction,
    SwapRequest,
)
from dex.chains.evm.local.world import World
from dex.chains.evm.swaps.encode import ContractCall
from dex.chains.evm.transactions.transaction import read_envelope
from dex.legs import goes_leg_by_leg
from dex.router import Market, find_route
from dex.testing.known_market import knowing_chain
from dex.tests.chains.evm.evm_orders import ETH, OWNER, UNIT_6, UNIT_8, Trader, intent_of, quote_of, refusals, sign
from dex.tests.chains.evm.promises import FORK, V2, V3, check_as_promised, execute
from dex.types import PPM

pytestmark = pytest.mark.chain

CASES: dict[str, tuple[str, str, int, dict[str, object], Callable[[Quote], bool]]] = {
    "one V2 pair": ("WETH", "USDC", ETH, {"allow_venues": V2, "max_swaps": 1}, lambda q: len(q.route.hops) == 1),
    "one V3 pool": ("WETH", "USDC", ETH, {"allow_venues": V3, "max_swaps": 1}, lambda q: len(q.route.hops) == 1),
    "V3 over its ticks": (
        "USDC",
        "WETH",
        4_000_000 * UNIT_6,
        {"allow_venues": V3, "max_swaps": 1, "max_price_impact_ppm": None},
        lambda q: len(q.route.hops) == 1,
    ),
    "two V3 pools in a row": (
        "DAI",
        "USDT",
        500_000 * ETH,
        {"allow_venues": V3, "max_legs": 1},
        lambda q: len(q.route.hops) == 2,
    ),
    "two V2 pairs in a row": (
        "WBTC",
        "USDC",
        UNIT_8,
        {"allow_venues": V2, "max_legs": 1},
        lambda q: len(q.route.hops) == 2,
    ),
    "V3, then V2": (
        "WBTC",
        "DAI",
        UNIT_8 // 100,
        {"max_legs": 1},
        lambda q: len(q.route.hops) == 2,
    ),
    "split over pools of both kinds": (
        "WETH",
        "USDC",
        300 * ETH,
        {"max_hops": 1},
        lambda q: {hop.venue for hop in q.route.hops} == V2 | V3 | FORK and len(q.route.hops) == 4,
    ),
    "split, one leg through another token": ("WETH", "USDC", 300 * ETH, {}, lambda q: len(q.route.hops) > 3),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_sale_pays_what_the_route_promised(world: World, case: tuple) -> None:  # type: ignore[type-arg]
    token_in, token_out, amount, limits, is_as_meant = case
    engine = Engine(knowing_chain(world))
    quote = quote_of(engine, token_in, token_out, amount, Side.EXACT_IN, **limits)
    assert is_as_meant(quote), quote.route

    check_as_promised(world, engine, quote)


BUYS: dict[str, tuple[str, str, int, dict[str, object]]] = {
    "one V2 pair": ("WETH", "USDC", 3_000 * UNIT_6, {"allow_venues": V2, "max_swaps": 1}),
    "one V3 pool": ("WETH", "USDC", 3_000 * UNIT_6, {"allow_venues": V3, "max_swaps": 1}),
    "two V3 pools in a row": ("DAI", "USDT", 500_000 * UNIT_6, {"allow_venues": V3, "max_legs": 1}),
    "split over pools of both kinds": ("WETH", "USDC", 900_000 * UNIT_6, {"max_hops": 1}),
}


@pytest.mark.parametrize("case", BUYS.values(), ids=list(BUYS))
def test_a_purchase_costs_what_the_route_promised(world: World, case: tuple) -> None:  # type: ignore[type-arg]
    token_in, token_out, amount, limits = case
    engine = Engine(knowing_chain(world))

    check_as_promised(world, engine, quote_of(engine, token_in, token_out, amount, Side.EXACT_OUT, **limits))


def test_a_batch_of_orders_in_one_block_gets_what_each_was_promised(world: World) -> None:
    engine = Engine(knowing_chain(world))
    wallet = engine.chain.address_of(OWNER)
    nonce = engine.chain.next_nonce(wallet)
    asked = [SwapRequest("WETH", "USDC", Side.EXACT_IN, 20 * ETH, 5_000, max_hops=1)] * 5
    quotes = [quote for quote in engine.route(asked) if not isinstance(quote, DexError)]
    signed = [sign(engine, quote, wallet, nonce + i) for i, quote in enumerate(quotes)]

    assert engine.submit(signed) == [None] * 5
    world.anvil.mine()
    receipts = engine.receipts([item.tx_hash for item in signed])

    assert [receipt and receipt.amount_out for receipt in receipts] == [quote.amount_out for quote in quotes]
    assert len({quote.amount_out for quote in quotes}) == 5


def test_a_token_on_the_way_that_several_pools_buy_is_sold_leg_by_leg(world: World) -> None:
    engine = Engine(knowing_chain(world))
    quote = quote_of(engine, "WBTC", "DAI", 30 * UNIT_8, Side.EXACT_IN)
    sold = [hop.token_in for hop in quote.route.hops if hop.token_in != "WBTC"]
    assert len(sold) > len(set(sold)), quote.route

    receipt, gained = execute(world, engine, quote)

    assert receipt.is_success, receipt.detail
    assert gained["WBTC"] == -receipt.amount_in == -quote.amount_in
    assert gained["DAI"] == receipt.amount_out >= quote.min_amount_out
    # Pools that two legs share swap twice: that is all there is between the promise and what was paid.
    assert 0 <= quote.amount_out - receipt.amount_out < quote.amount_out // 10**5
    assert receipt.route is not None
    assert {hop.pool_id for hop in receipt.route.hops} == {hop.pool_id for hop in quote.route.hops}


def test_a_purchase_through_pools_of_both_kinds_pays_at_least_what_was_asked_for(world: World) -> None:
    engine = Engine(knowing_chain(world))
    asked = {"deny_tokens": frozenset({"USDC"}), "max_legs": 1}
    quote = quote_of(engine, "WBTC", "DAI", 900 * ETH, Side.EXACT_OUT, **asked)
    assert {hop.venue for hop in quote.route.hops} == V2 | V3, quote.route

    receipt, gained = execute(world, engine, quote)

    assert receipt.is_success, receipt.detail
    assert gained["WBTC"] == -quote.amount_in
    assert gained["DAI"] >= 900 * ETH


@pytest.mark.parametrize(
    ("token_in", "token_out", "amount"),
    [
        ("DAI", "WBTC", 2_121_147),
        ("USDC", "WBTC", 2_874_359),
        ("USDT", "WBTC", 84_680_203),
        ("WBTC", "USDT", 725_818 * UNIT_6),
        ("ETH", "WBTC", 18_596_884),
    ],
)
def test_a_purchase_that_goes_leg_by_leg_reaches_its_amount(
    world: World, token_in: str, token_out: str, amount: int
) -> None:
    engine = Engine(knowing_chain(world))
    snapshot = engine.chain.snapshot()
    free = Market(snapshot.pools, snapshot.time, snapshot.version)  # where swaps cost nothing, so that many are made
    quote = find_route(free, SwapRequest(token_in, token_out, Side.EXACT_OUT, amount, 5_000)).quote
    assert goes_leg_by_leg(quote.route), quote.route

    receipt, gained = execute(world, engine, quote)

    assert receipt.is_success, receipt.detail
    assert gained[token_out] == receipt.amount_out >= amount
    assert quote.amount_in <= receipt.amount_in <= min(quote.amount_in * (1 + 100 / PPM), quote.max_amount_in)


@pytest.mark.parametrize("bound", [50_000, 80_000, 100_000])
def test_where_the_bound_of_gas_is_too_low_the_nodes_estimate_takes_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch, bound: int
) -> None:
    trader = Trader.on(world)
    quote = trader.quote()
    monkeypatch.setattr("dex.chains.evm.swaps.encode.gas_for", lambda *_: bound)
    intent = intent_of(trader.engine, quote, trader.wallet, trader.nonce)

    (swap,) = trader.engine.simulate([intent])
    assert isinstance(swap, PreparedSwap)
    (signed,) = trader.engine.build([swap.at(trader.nonce, intent.fees)])

    assert isinstance(signed, SignedTransaction)
    limit = read_envelope(signed.raw).gas
    assert trader.send(signed) == [None]
    world.anvil.mine()
    used = int(world.anvil.ask("eth_getTransactionReceipt", signed.tx_hash)["gasUsed"], 16)
    assert bound < used < limit < 2 * used
    receipt = trader.receipt(signed)
    assert receipt is not None
    assert receipt.is_success


def test_what_is_signed_is_what_was_simulated_whatever_is_simulated_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trader, other = Trader.on(world), Trader.on(world, "account/rival")
    engine, fees = trader.engine, trader.engine.prepare()[FeeStrategy.NORMAL]
    ours = intent_of(engine, trader.quote(), trader.wallet, 0)
    theirs = intent_of(engine, trader.quote(2 * ETH), other.wallet, 0)
    monkeypatch.setattr("dex.chains.evm.swaps.encode.gas_for", lambda *_: 80_000)
    (swap,) = engine.simulate([ours])
    monkeypatch.setattr("dex.chains.evm.swaps.encode.gas_for", lambda *_: 900_000)
    # Another worker's batches, one of them with the very same swap.
    engine.simulate([theirs])
    (later,) = engine.simulate([ours])
    assert isinstance(swap, PreparedSwap)
    assert isinstance(later, PreparedSwap)

    first, second = engine.build([swap.at(trader.nonce, fees), later.at(trader.nonce + 1, fees)])

    assert isinstance(first, SignedTransaction)
    assert isinstance(second, SignedTransaction)
    signed, same = read_envelope(first.raw), read_envelope(second.raw)
    assert 80_000 < signed.gas < 900_000 == same.gas
    assert (signed.to, signed.data, signed.value) == (same.to, same.data, same.value)
    assert (signed.nonce, signed.fees) == (trader.nonce, fees)
    assert ContractCall(signed.to, signed.data, signed.value, signed.gas) == swap.call


def test_a_swap_that_another_chain_has_prepared_is_not_signed(world: World) -> None:
    trader = Trader.on(world)
    intent = intent_of(trader.engine, trader.quote(), trader.wallet, trader.nonce)

    (answer,) = trader.engine.build([PreparedSwap(intent)])

    assert isinstance(answer, BroadcastRejected)


def test_what_takes_more_gas_than_it_may_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trader = Trader.on(world)
    intent = intent_of(trader.engine, trader.quote(), trader.wallet, trader.nonce)
    monkeypatch.setattr("dex.chains.evm.swaps.encode.gas_for", lambda *_: 80_000)
    monkeypatch.setattr("dex.chains.evm.outcomes.simulation.MOST", 90_000)

    (refusal,) = refusals(trader.engine, [intent])

    assert isinstance(refusal, BroadcastRejected)


@pytest.mark.parametrize("deny", [frozenset[str](), FORK])
def test_a_route_that_fills_a_pool_to_its_end_leg_by_leg_is_refused_in_words(
    world: World, deny: frozenset[str]
) -> None:
    trader = Trader.on(world)
    sale: dict[str, Any] = {
        "amount": 30 * UNIT_8,
        "token_in": "WBTC",
        "token_out": "DAI",
        "max_hops": None,
        "deny_venues": deny,
    }
    trader.send(trader.signed(trader.quote(**sale)))
    world.anvil.mine()
    again, simpler = trader.quote(**sale), trader.quote(**sale | {"max_legs": 1})

    answers = refusals(trader.engine, [intent_of(trader.engine, quote, trader.wallet, 0) for quote in (again, simpler)])

    assert [answer and answer.code for answer in answers] == ["insufficient_liquidity", None]
    assert answers[0] is not None
    assert ("cannot take that much USDC" in answers[0].detail, "fewer legs" in answers[0].hint) == (True, True)
