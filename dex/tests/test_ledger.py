"""The simulated chain's rules, on the default market and without a database."""

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from dex import Engine, Hop, Quote, Route, Side, SwapIntent, SwapRequest
from dex.chains.simulated.ledger import Executed, Ledger, executable, execute
from dex.chains.simulated.market import default_market
from dex.chains.simulated.noise import make_noise
from dex.chains.simulated.transaction import Transaction
from dex.testing import NOW, FakeChain

MARKET = default_market()
WALLET = "wallet"
RICH = 10**30
SOL_USDC = ("raydium-sol-usdc", "meteora-sol-usdc")
every_side = pytest.mark.parametrize("side", list(Side))


def funded() -> Ledger:
    ledger = MARKET.genesis()
    for token in MARKET.tokens:
        ledger.balances[WALLET, token.symbol] = RICH
    return ledger


def routed(ledger: Ledger, token_in: str, token_out: str, side: Side, amount: int) -> Quote | None:
    chain = FakeChain(tuple(ledger.pools.values()))
    [quote] = Engine(chain).route([SwapRequest(token_in, token_out, side, amount, 0)])
    return quote if isinstance(quote, Quote) else None


def transaction(quote: Quote, side: Side, nonce: int = 0, **terms: Any) -> Transaction:
    intent = SwapIntent(WALLET, nonce, side, quote.route, quote.min_amount_out, quote.max_amount_in, deadline=NOW)
    return Transaction(f"0x{nonce}", replace(intent, **terms))


def planned(side: Side, *hops: Hop, least: int = 0, most: int = RICH) -> Transaction:
    return Transaction("0x", SwapIntent(WALLET, 0, side, Route("SOL", "USDC", hops), least, most, deadline=NOW))


def totals(ledger: Ledger) -> Counter[str]:
    """Atoms of each token over all addresses and pools."""
    total: Counter[str] = Counter()
    for (_, token), atoms in ledger.balances.items():
        total[token] += atoms
    for pool in ledger.pools.values():
        total.update(pool.balances())
    return total


def same_but_for_the_nonce(after: Ledger, before: Ledger) -> bool:
    held = {key: atoms for key, atoms in after.balances.items() if atoms or key in before.balances}
    return (
        held == before.balances
        and all(pool is before.pools[pool_id] for pool_id, pool in after.pools.items())
        and after.nonces == {**before.nonces, WALLET: before.nonces.get(WALLET, 0) + 1}
    )


def test_hundreds_of_routes_and_other_trades_neither_make_nor_lose_an_atom() -> None:
    ledger, wishes = funded(), random.Random(1)
    supply, codes = totals(ledger), Counter[str | None]()
    for nonce in range(400):
        side = wishes.choice(list(Side))
        token_in, token_out = (token.symbol for token in wishes.sample(MARKET.tokens, 2))
        fixed = token_in if side is Side.EXACT_IN else token_out
        quote = routed(ledger, token_in, token_out, side, int(10 ** wishes.uniform(1, 5) / MARKET.values[fixed]))
        assert quote is not None
        make_noise(ledger, MARKET.values, wishes.choice((0, 2)), 7, nonce, NOW)
        before = ledger.copy()

        done = execute(ledger, transaction(quote, side, nonce), NOW)

        codes[done.code] += 1
        assert totals(ledger) == supply
        if done.code is None:
            assert before.balances[WALLET, token_in] - ledger.balances[WALLET, token_in] == done.amount_in
            assert ledger.balances[WALLET, token_out] - before.balances[WALLET, token_out] == done.amount_out
            assert done.amount_out >= quote.min_amount_out
            assert done.amount_in <= quote.max_amount_in
        else:
            assert (done.code, done.route) == ("slippage", None)
            assert same_but_for_the_nonce(ledger, before)
    assert min(ledger.balances.values()) >= 0
    assert codes[None] > 200
    assert codes["slippage"] > 10  # quotes without slippage, and traders in between


@every_side
def test_a_promise_is_kept_to_the_atom_when_nobody_else_trades(side: Side) -> None:
    ledger = funded()
    quote = routed(ledger, "JUP", "BTC", side, 10**7)
    assert quote is not None

    done = execute(ledger, transaction(quote, side), NOW)

    assert (done.code, done.amount_in, done.amount_out) == (None, quote.amount_in, quote.amount_out)
    assert done.route == quote.route


@every_side
def test_one_atom_beyond_the_limit_undoes_the_swap(side: Side) -> None:
    quote = routed(funded(), "SOL", "USDC", side, 10**9)
    assert quote is not None
    beyond = (
        {"min_amount_out": quote.amount_out + 1}
        if side is Side.EXACT_IN
        else {"max_amount_in": quote.amount_in - 1}
    )  # fmt: skip
    ledger = funded()

    done = execute(ledger, transaction(quote, side, **beyond), NOW)

    assert done.code == "slippage"
    assert same_but_for_the_nonce(ledger, funded_like(ledger))


def funded_like(ledger: Ledger) -> Ledger:
    """As it was before anything happened, with the same pool objects."""
    before = funded()
    before.pools = dict(MARKET.genesis().pools)
    assert all(pool is ledger.pools[pool_id] for pool_id, pool in before.pools.items())
    return before


def test_the_deadline_is_the_last_second_that_counts() -> None:
    quote = routed(funded(), "SOL", "USDC", Side.EXACT_IN, 10**9)
    assert quote is not None

    assert execute(funded(), transaction(quote, Side.EXACT_IN, deadline=NOW), NOW).code is None
    assert execute(funded(), transaction(quote, Side.EXACT_IN, deadline=NOW - 1), NOW).code == "expired"


def test_a_wallet_spends_its_last_atom_and_not_one_more() -> None:
    quote = routed(funded(), "SOL", "USDC", Side.EXACT_IN, 10**9)
    assert quote is not None
    for held, code in ((10**9, None), (10**9 - 1, "insufficient_funds")):
        ledger = funded()
        ledger.balances[WALLET, "SOL"] = held

        assert execute(ledger, transaction(quote, Side.EXACT_IN), NOW).code == code


def split(amount: int) -> tuple[Hop, ...]:
    """SOL to USDC over two pools at once, a third of it by way of USDT, merged again."""
    third = amount // 3
    raydium, meteora = SOL_USDC
    ledger = funded()
    usdt = ledger.pools["raydium-sol-usdt"].swap_exact_in("SOL", "USDT", third, NOW).amount_out
    return (
        Hop("raydium", raydium, "SOL", "USDC", third, quoted(ledger, raydium, "SOL", "USDC", third)),
        Hop("meteora", meteora, "SOL", "USDC", amount - 2 * third,
            quoted(ledger, meteora, "SOL", "USDC", amount - 2 * third)),
        Hop("raydium", "raydium-sol-usdt", "SOL", "USDT", third, usdt),
        Hop("meteora", "meteora-usdc-usdt", "USDT", "USDC", usdt,
            quoted(ledger, "meteora-usdc-usdt", "USDT", "USDC", usdt)),
    )  # fmt: skip


def quoted(ledger: Ledger, pool_id: str, token_in: str, token_out: str, amount: int) -> int:
    return ledger.pools[pool_id].swap_exact_in(token_in, token_out, amount, NOW).amount_out


def test_a_split_route_executes_as_one_transaction_to_the_atom() -> None:
    ledger, hops = funded(), split(10**11)
    supply = totals(ledger)

    done = execute(ledger, planned(Side.EXACT_IN, *hops), NOW)

    assert done.code is None
    assert done.route is not None
    assert done.route.hops == hops
    assert done.amount_in == 10**11
    assert ledger.balances[WALLET, "USDC"] == RICH + done.amount_out
    assert totals(ledger) == supply


def test_a_split_route_that_buys_pays_exactly_the_amount() -> None:
    ledger, hops = funded(), split(10**11)
    supply, wanted = totals(ledger), sum(hop.amount_out for hop in hops if hop.token_out == "USDC") - 5

    done = execute(ledger, planned(Side.EXACT_OUT, *hops, least=wanted), NOW)

    assert done.code is None
    assert done.amount_out == wanted
    assert done.amount_in <= 10**11
    assert ledger.balances[WALLET, "USDC"] == RICH + wanted
    assert ledger.balances[WALLET, "USDT"] == RICH
    assert totals(ledger) == supply


def test_one_undone_hop_undoes_the_whole_route() -> None:
    ledger, hops = funded(), list(split(10**11))
    hops[3] = replace(hops[3], pool_id="gone")

    done = execute(ledger, planned(Side.EXACT_IN, *hops), NOW)

    assert done == Executed("0x", "reverted", done.detail)
    assert same_but_for_the_nonce(ledger, funded_like(ledger))


def test_nonces_execute_in_turn_and_wait_for_the_one_before() -> None:
    quote = routed(funded(), "SOL", "USDC", Side.EXACT_IN, 10**9)
    assert quote is not None
    third, first, second = (transaction(quote, Side.EXACT_IN, nonce) for nonce in (3, 0, 1))

    assert executable(funded(), [third, second, first]) == [first, second]


@every_side
def test_the_slippage_scenario_undoes_the_order_at_the_rivals_cost(side: Side) -> None:
    ledger = funded()
    quote = routed(ledger, "SOL", "BONK", side, 10**9)
    assert quote is not None
    supply, before = totals(ledger), ledger.copy()

    done = execute(ledger, transaction(quote, side, scenario="slippage"), NOW)

    assert done.code == "slippage"
    assert totals(ledger) == supply
    assert ledger.balances[WALLET, "SOL"] == before.balances[WALLET, "SOL"]
    assert ledger.balances[WALLET, "BONK"] == before.balances[WALLET, "BONK"]
