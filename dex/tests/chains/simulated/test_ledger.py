"""The simulated chain's rules, on the default market and without a database."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from dex import Engine, Hop, Quote, Route, Side, SwapRequest
from dex.chains.simulated.fees import TRANSACTION_FEE
from dex.chains.simulated.ledger import Executed, Ledger, Undone, executable, execute, trade
from dex.chains.simulated.noise import make_noise
from dex.chains.simulated.transaction import Transaction
from dex.testing import NOW, FakeChain
from dex.tests.chains.simulated.ledgers import (
    MARKET,
    POOLS,
    RICH,
    VALUES,
    WALLET,
    changed,
    charged,
    funded,
    same_but_for_nonce_and_fee,
    totals,
    touched,
    transaction,
)
from dex.tests.chains.simulated.random_routes import POOL_HOPS, good_plans

SOL_USDC = ("SOL", "USDC")
every_side = pytest.mark.parametrize("side", list(Side))
every_pool_and_way = pytest.mark.parametrize(
    "hop", POOL_HOPS, ids=[f"{hop.pool_id}-{hop.token_in}-{hop.token_out}" for hop in POOL_HOPS]
)


def quoted(ledger: Ledger, token_in: str, token_out: str, side: Side, amount: int) -> Quote:
    """The engine's answer, without slippage."""
    chain = FakeChain(tuple(ledger.pools.values()))
    [quote] = Engine(chain).route([SwapRequest(token_in, token_out, side, amount, 0)])
    assert isinstance(quote, Quote)
    return quote


def promised(quote: Quote, side: Side) -> Transaction:
    return transaction(side, quote.route, min_amount_out=quote.min_amount_out, max_amount_in=quote.max_amount_in)


def one(pool_id: str, token_in: str, token_out: str, amount_in: int, amount_out: int) -> Hop:
    return Hop(POOLS[pool_id].venue if pool_id in POOLS else "", pool_id, token_in, token_out, amount_in, amount_out)


def through(pool_id: str, token_in: str, token_out: str, amount_in: int) -> Hop:
    """A hop that is planned as its pool answers."""
    swap = POOLS[pool_id].swap_exact_in(token_in, token_out, amount_in, NOW)
    return one(pool_id, token_in, token_out, swap.amount_in, swap.amount_out)


# --- Quotes and what becomes of them ------------------------------------------------------------------------------


@pytest.mark.slow
def test_hundreds_of_quotes_are_kept_or_undone_while_others_trade() -> None:
    ledger, wishes = funded(), random.Random(1)
    supply, codes = totals(ledger), Counter[str | None]()
    for number in range(400):
        side = wishes.choice(list(Side))
        token_in, token_out = (token.symbol for token in wishes.sample(MARKET.tokens, 2))
        fixed = token_in if side is Side.EXACT_IN else token_out
        quote = quoted(ledger, token_in, token_out, side, int(10 ** wishes.uniform(1, 5) / VALUES[fixed]))
        make_noise(ledger, VALUES, wishes.choice((0, 20)), 7, number, NOW)
        before = ledger.copy()

        done = execute(ledger, promised(quote, side), NOW)

        codes[done.code] += 1
        assert totals(ledger) == supply
        if done.code is None:
            held = charged(before)
            assert held[WALLET, token_in] - ledger.balances[WALLET, token_in] == done.amount_in
            assert ledger.balances[WALLET, token_out] - held[WALLET, token_out] == done.amount_out
            assert done.amount_out >= quote.min_amount_out
            assert done.amount_in <= quote.max_amount_in
        else:
            assert (done.code, done.route) == ("slippage", None)
            assert same_but_for_nonce_and_fee(ledger, before)
    assert min(ledger.balances.values()) >= 0
    assert codes[None] > 200
    assert codes["slippage"] > 10  # quotes without slippage, and traders in between


@every_side
def test_a_promise_is_kept_to_the_atom_when_nobody_else_trades(side: Side) -> None:
    ledger = funded()
    quote = quoted(ledger, "JUP", "BTC", side, 10**7)

    done = execute(ledger, promised(quote, side), NOW)

    assert (done.code, done.amount_in, done.amount_out) == (None, quote.amount_in, quote.amount_out)
    assert done.route == quote.route


@every_side
def test_the_deadlines_own_second_is_in_time_and_the_next_is_not(side: Side) -> None:
    for plan, done in good_plans(4, 40, side):
        ledger = funded()

        late = execute(ledger, changed(plan, deadline=NOW - 1), NOW)

        assert late.code == "expired"
        assert same_but_for_nonce_and_fee(ledger, funded())
        assert execute(ledger, plan, NOW) == done


def test_an_order_that_sells_may_limit_its_input_too() -> None:
    for plan, done in good_plans(3, 40, Side.EXACT_IN):
        ledger = funded()

        undone = execute(ledger, changed(plan, max_amount_in=done.amount_in - 1), NOW)

        assert undone.code == "slippage"
        assert same_but_for_nonce_and_fee(ledger, funded())


# --- Routes that split and merge ----------------------------------------------------------------------------------


def split(amount: int) -> Route:
    """SOL to USDC over two pools at once, a third of it by way of USDT, merged again."""
    third = amount // 3
    to_usdt = through("raydium-sol-usdt", "SOL", "USDT", third)
    hops = (
        through("raydium-sol-usdc", *SOL_USDC, third),
        through("meteora-sol-usdc", *SOL_USDC, amount - 2 * third),
        to_usdt,
        through("meteora-usdc-usdt", "USDT", "USDC", to_usdt.amount_out),
    )
    return Route(*SOL_USDC, hops)


def test_a_split_route_executes_as_one_transaction_to_the_atom() -> None:
    ledger, route = funded(), split(10**11)
    supply = totals(ledger)

    done = execute(ledger, transaction(Side.EXACT_IN, route), NOW)

    assert done.code is None
    assert done.route == route
    assert done.amount_in == 10**11
    assert ledger.balances[WALLET, "USDC"] == RICH + done.amount_out
    assert totals(ledger) == supply


def test_a_split_route_that_buys_pays_exactly_the_amount() -> None:
    ledger, route = funded(), split(10**11)
    supply, wanted = totals(ledger), route.amount_out - 5

    done = execute(ledger, transaction(Side.EXACT_OUT, route, min_amount_out=wanted), NOW)

    assert done.code is None
    assert done.amount_out == wanted
    assert done.amount_in <= 10**11
    assert ledger.balances[WALLET, "USDC"] == RICH + wanted
    assert ledger.balances[WALLET, "USDT"] == RICH
    assert totals(ledger) == supply


@pytest.mark.parametrize(
    ("hop", "code"),
    [
        (one("nowhere", "USDT", "USDC", 1, 1), "reverted"),
        (one("raydium-bonk-sol", "USDT", "USDC", 1, 1), "reverted"),
        (one("meteora-usdc-usdt", "USDT", "USDT", 1, 1), "reverted"),
        (one("curve-dai-usdc-usdt", "USDT", "USDC", 0, 1), "reverted"),
        (one("curve-dai-usdc-usdt", "USDT", "USDC", 1, 0), "reverted"),
        (one("curve-dai-usdc-usdt", "USDT", "USDC", -1, 1), "reverted"),
        (one("curve-dai-usdc-usdt", "USDT", "USDC", 10**18, 1), "reverted"),  # more than there is
        (one("raydium-ray-usdc", "RAY", "USDC", 1, 1), "reverted"),  # none of which was bought
        (one("raydium-sol-usdt", "USDT", "SOL", 1, 1), "reverted"),  # back to where it came from
    ],
)
@every_side
def test_a_plan_with_a_hop_that_cannot_be_is_undone_as_a_whole(hop: Hop, code: str, side: Side) -> None:
    ledger, before = funded(), funded()
    route = Route(*SOL_USDC, (through("raydium-sol-usdt", "SOL", "USDT", 10**9), hop, *split(10**11).hops[:2]))

    done = execute(ledger, transaction(side, route), NOW)

    assert done == Executed("0x", code, done.detail, fee_paid=TRANSACTION_FEE)
    assert hop.pool_id in done.detail
    assert same_but_for_nonce_and_fee(ledger, before)


def test_a_hop_too_small_to_sell_undoes_a_sale_and_is_left_out_of_a_purchase() -> None:
    hop, ledger, before = one("raydium-btc-sol", "SOL", "BTC", 1, 1), funded(), funded()
    route = Route(*SOL_USDC, (through("raydium-sol-usdt", "SOL", "USDT", 10**9), hop, *split(10**11).hops[:2]))

    sold = execute(ledger, transaction(Side.EXACT_IN, route), NOW)
    assert (sold.code, same_but_for_nonce_and_fee(ledger, before)) == ("slippage", True)

    bought = execute(funded(), transaction(Side.EXACT_OUT, route, min_amount_out=route.amount_out - 5), NOW)
    assert bought.code is None
    assert bought.route is not None
    assert hop.pool_id not in {done.pool_id for done in bought.route.hops}


@every_side
def test_what_an_order_buys_is_not_sold_on(side: Side) -> None:
    """It would count as paid, and so pass a limit that the wallet does not get."""
    ledger = funded()
    hops = (through("raydium-sol-usdc", *SOL_USDC, 10**9), through("raydium-eth-usdc", "USDC", "ETH", 10**6))

    done = execute(ledger, transaction(side, Route(*SOL_USDC, hops)), NOW)

    assert done == Executed("0x", "reverted", done.detail, fee_paid=TRANSACTION_FEE)
    assert same_but_for_nonce_and_fee(ledger, funded())


@every_side
def test_hops_out_of_order_are_undone(side: Side) -> None:
    ledger, hops = funded(), split(10**11).hops

    done = execute(ledger, transaction(side, Route(*SOL_USDC, hops[::-1])), NOW)

    assert done.code == "reverted"
    assert same_but_for_nonce_and_fee(ledger, funded())


@every_side
@pytest.mark.parametrize(
    "hop",
    [
        one("meteora-sol-usdc", "SOL", "USDC", 10**18, 10**18),
        one("balancer-sol-eth-usdc", "SOL", "ETH", 10**18, 10**18),
    ],
)
def test_what_no_pool_can_do_is_undone(hop: Hop, side: Side) -> None:
    ledger = funded()

    done = execute(ledger, transaction(side, Route(hop.token_in, hop.token_out, (hop,))), NOW)

    assert done == Executed("0x", "slippage", done.detail, fee_paid=TRANSACTION_FEE)
    assert same_but_for_nonce_and_fee(ledger, funded())


def test_a_sale_that_pays_less_than_an_atom_is_undone() -> None:
    ledger, hop = funded(), one("curve-dai-usdc-usdt", "DAI", "USDT", 1, 1)

    done = execute(ledger, transaction(Side.EXACT_IN, Route("DAI", "USDT", (hop,))), NOW)

    assert done == Executed("0x", "slippage", done.detail, fee_paid=TRANSACTION_FEE)
    assert same_but_for_nonce_and_fee(ledger, funded())


# --- Trades of the chain's own addresses --------------------------------------------------------------------------


@every_pool_and_way
def test_an_address_of_the_chain_trades_what_the_pool_pays(hop: Hop) -> None:
    ledger = funded()
    supply, amount, before = totals(ledger), int(100 / VALUES[hop.token_in]), ledger.copy()

    received = trade(ledger, WALLET, replace(hop, amount_in=amount), NOW)

    assert received == POOLS[hop.pool_id].swap_exact_in(hop.token_in, hop.token_out, amount, NOW).amount_out
    assert ledger.balances[WALLET, hop.token_in] == RICH - amount
    assert ledger.balances[WALLET, hop.token_out] == RICH + received
    assert touched(ledger, before) == {hop.pool_id}
    assert totals(ledger) == supply


def test_an_address_cannot_trade_what_it_has_not() -> None:
    ledger = funded(SOL=10**9)
    before = ledger.copy()

    for hop in (
        one("raydium-sol-usdc", "SOL", "USDC", 10**9 + 1, 0),
        one("raydium-sol-usdc", "SOL", "USDC", 0, 0),
        one("raydium-sol-usdc", "SOL", "BONK", 1, 0),
        one("nowhere", "SOL", "USDC", 1, 0),
    ):
        with pytest.raises(Undone):
            trade(ledger, WALLET, hop, NOW)

    assert (ledger.pools, ledger.balances) == (before.pools, before.balances)


# --- Nonces -------------------------------------------------------------------------------------------------------


def numbered(wallet: str, nonce: int) -> Transaction:
    route = Route(*SOL_USDC, (through("raydium-sol-usdc", *SOL_USDC, 10**9),))
    return replace(transaction(Side.EXACT_IN, route, wallet=wallet, nonce=nonce), tx_hash=f"{wallet}/{nonce}")


def test_transactions_wait_for_their_nonces_turn() -> None:
    ledger = funded()
    ledger.nonces["a"] = 3
    pending = [numbered("a", nonce) for nonce in (7, 4, 2, 3, 5)] + [numbered("b", nonce) for nonce in (2, 0, 1)]
    random.Random(1).shuffle(pending)
    pending.append(numbered("c", 1))

    ready = executable(ledger, pending)

    assert [t.tx_hash for t in ready if t.intent.wallet == "a"] == ["a/3", "a/4", "a/5"]
    assert [t.tx_hash for t in ready if t.intent.wallet == "b"] == ["b/0", "b/1", "b/2"]
    assert len(ready) == 6
    assert ledger.nonces == {"a": 3}


def test_an_undone_transaction_lets_the_next_nonce_pass() -> None:
    ledger = funded()
    late = changed(numbered(WALLET, 0), deadline=NOW - 1)

    codes = [execute(ledger, item, NOW).code for item in executable(ledger, [numbered(WALLET, 1), late])]

    assert codes == ["expired", None]
    assert ledger.nonces == {WALLET: 2}
    assert executable(ledger, [numbered(WALLET, 1), late]) == []
