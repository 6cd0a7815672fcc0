"""Routes through the routers of two V2 factories, in one transaction that a wallet sends itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dex import Engine, Fees, FeeStrategy, Quote, Side, SigningRefused, SwapRequest
from dex.chains.evm.abi import contracts
from dex.chains.evm.config.deployments import BATCH_ACCOUNT
from dex.chains.evm.local.world import World, development_signer
from dex.chains.evm.swaps.batch import BatchCall, swap_batch
from dex.chains.evm.swaps.batch_effects import calls_of, pair_of
from dex.chains.evm.swaps.wrapping import native_of
from dex.chains.evm.transactions.delegation import Delegation
from dex.chains.evm.transactions.transaction import Envelope
from dex.errors import BroadcastRejected, DexError
from dex.router import Market, find_route
from dex.testing.known_market import knowing_chain
from dex.tests.chains.evm.evm_orders import ETH, UNIT_6, UNIT_8, Trader, intent_of, quote_of, refusals
from dex.tests.chains.evm.promises import FORK, V2, V3, check_as_promised
from dex.types import SwapIntent

pytestmark = pytest.mark.chain

WRAP = frozenset({"wrapping"})
WBTC_WETH, WETH_DAI = frozenset({"WBTC", "WETH"}), frozenset({"WETH", "DAI"})
WETH_USDC, DAI_USDC = frozenset({"WETH", "USDC"}), frozenset({"DAI", "USDC"})
ROUTES: dict[str, tuple[str, str, int, dict[str, Any], list[str]]] = {
    "one pair of a fork": ("WETH", "USDC", ETH, {"allow_venues": FORK}, ["sushiswap_v2"]),
    "two in a row": ("DAI", "USDC", 10**4 * ETH, {"allow_venues": FORK}, ["sushiswap_v2"] * 2),
    "native in": ("ETH", "USDC", ETH, {"allow_venues": FORK | WRAP}, ["wrapping", "sushiswap_v2"]),
    "native out": ("USDC", "ETH", 3_000 * UNIT_6, {"allow_venues": FORK | WRAP}, ["sushiswap_v2", "wrapping"]),
    "native in, split": ("ETH", "USDC", 300 * ETH, {"max_swaps": 5, "max_hops": 2}, []),
    "native out, split": ("USDC", "ETH", 900_000 * UNIT_6, {"max_swaps": 5, "max_hops": 2}, []),
}
# Venues by pair of tokens: a market in which routes must go where these cases want them.
ONLY: dict[str, tuple[str, str, int, dict[frozenset[str], frozenset[str]]]] = {
    "V3 into a fork": ("WBTC", "DAI", UNIT_8, {WBTC_WETH: V3, WETH_DAI: FORK}),
    "V2 into a fork": ("WBTC", "DAI", UNIT_8, {WBTC_WETH: V2, WETH_DAI: FORK}),
    "both into a fork": ("WBTC", "DAI", 3 * UNIT_8, {WBTC_WETH: V2 | V3, WETH_DAI: FORK}),
    "a fork into V3": ("DAI", "WBTC", 10**4 * ETH, {WBTC_WETH: V3, WETH_DAI: FORK}),
    "a fork into V2": ("DAI", "WBTC", 10**4 * ETH, {WBTC_WETH: V2, WETH_DAI: FORK}),
    "all into V3": ("DAI", "WBTC", 10**5 * ETH, {WBTC_WETH: V3, WETH_DAI: FORK | V2 | V3}),
    "a fork, split from V3": ("WETH", "USDC", 300 * ETH, {WETH_USDC: V3 | FORK}),
    "a fork between": ("WBTC", "USDC", UNIT_8, {WBTC_WETH: V3, WETH_DAI: FORK, DAI_USDC: V3}),
    "in and out of a fork": ("DAI", "USDC", 10**4 * ETH, {WETH_DAI: V2, WETH_USDC: FORK}),
}


def quote_in(trader: Trader, case: tuple[str, str, int, dict[frozenset[str], frozenset[str]]]) -> Quote:
    """A quote in the narrowed market."""
    token_in, token_out, amount, only = case
    snapshot = trader.engine.chain.snapshot()
    pools = [pool for pool in snapshot.pools if pool.venue in only.get(frozenset(pool.tokens), frozenset())]
    request = SwapRequest(token_in, token_out, Side.EXACT_IN, amount, 5_000)
    return find_route(Market(pools, snapshot.time, 1), request).quote


def venues_of(quote: Quote) -> list[str]:
    return [hop.venue for hop in quote.route.hops]


@pytest.mark.parametrize("case", ROUTES.values(), ids=list(ROUTES))
def test_a_sale_through_a_fork_pays_what_the_route_promised(world: World, case: tuple) -> None:  # type: ignore[type-arg]
    token_in, token_out, amount, limits, venues = case
    trader = Trader.on(world)
    quote = trader.quote(amount, token_in, token_out, **{"max_hops": None} | limits)
    assert venues in ([], venues_of(quote))

    check_exact(world, trader, quote)


@pytest.mark.parametrize("case", ONLY.values(), ids=list(ONLY))
def test_what_one_router_pays_the_next_one_sells_to_the_last_atom(world: World, case: tuple) -> None:  # type: ignore[type-arg]
    trader = Trader.on(world)
    quote = quote_in(trader, case)
    assert set(venues_of(quote)) == frozenset.union(*case[3].values())

    check_exact(world, trader, quote)


def check_exact(world: World, trader: Trader, quote: Quote) -> None:
    """Executed as promised, by a batch, and no contract keeps anything."""
    assert "sushiswap_v2" in venues_of(quote)
    before = trader.engine.chain.balances(trader.wallet)
    signed = trader.signed(quote)
    assert trader.send(signed) == [None]
    world.anvil.mine()

    receipt = trader.receipt(signed)

    assert receipt is not None
    assert receipt.is_success, receipt.detail
    assert (receipt.amount_in, receipt.amount_out) == (quote.amount_in, quote.amount_out)
    assert receipt.route is not None
    assert sorted(receipt.route.hops, key=str) == sorted(quote.route.hops, key=str)
    after = trader.engine.chain.balances(trader.wallet)
    gained = {token: after[token] - before[token] for token in after if token != "ETH"}
    wanted = {quote.route.token_in: -quote.amount_in, quote.route.token_out: quote.amount_out}
    assert gained == {token: wanted.get(token, 0) for token in gained}
    sent = world.anvil.ask("eth_getTransactionByHash", signed.tx_hash)
    assert (sent["to"], sent["value"]) == (trader.wallet, "0x0")
    nothing_is_left(world)


def nothing_is_left(world: World) -> None:
    """The routers keep nothing of anybody."""
    for router in world.deployment.routers:
        assert world.anvil.ask("eth_getBalance", router, "latest") == "0x0"
        for token in world.tokens:
            call = {"to": token.address, "data": "0x" + contracts.BALANCE_OF.call(router).hex()}
            assert int(world.anvil.ask("eth_call", call, "latest"), 16) == 0


def test_a_purchase_through_a_fork_pays_what_was_asked_for(world: World) -> None:
    engine = Engine(knowing_chain(world))
    quote = quote_of(engine, "WETH", "USDC", 900_000 * UNIT_6, Side.EXACT_OUT, max_hops=1)
    assert "sushiswap_v2" in venues_of(quote)

    check_as_promised(world, engine, quote)


def moved(world: World) -> tuple[Trader, Any]:
    """A split over all pools, in which another swap comes before it."""
    trader, rival = Trader.on(world), Trader.on(world, "account/rival")
    signed = trader.signed(trader.quote(300 * ETH))
    dear = Fees(50 * 10**9, 2 * 10**9)
    rival.send(rival.signed(rival.quote(1_500 * ETH), fees=dear))
    trader.send(signed)
    return trader, signed


def test_one_call_that_is_undone_undoes_all_and_says_why(world: World) -> None:
    trader, signed = moved(world)
    before = trader.engine.chain.balances(trader.wallet)
    world.anvil.mine()

    receipt = trader.receipt(signed)

    assert receipt is not None
    assert (receipt.is_success, receipt.code, receipt.amount_out) == (False, "slippage", 0)
    assert "of the batch" in receipt.detail
    after = trader.engine.chain.balances(trader.wallet)
    assert {token for token in after if after[token] != before[token]} == {"ETH"}
    nothing_is_left(world)


@pytest.mark.parametrize("limits", [{"allow_venues": FORK}, {}], ids=["a fork alone", "split"])
def test_the_deadline_holds_in_every_call(world: World, limits: dict[str, Any]) -> None:
    trader = Trader.on(world)
    signed = trader.signed(trader.quote(300 * ETH, **limits, max_price_impact_ppm=None))
    trader.send(signed)
    world.anvil.ask("evm_increaseTime", 3_600)
    world.anvil.mine()

    receipt = trader.receipt(signed)

    assert receipt is not None
    assert receipt.code == "expired"
    assert signed.deadline > 0


def test_too_little_money_is_found_out_before_signing(world: World) -> None:
    trader = Trader.on(world)
    intent = intent_of(trader.engine, trader.quote(4_000 * ETH, allow_venues=FORK), trader.wallet, 0)

    (answer,) = refusals(trader.engine, [intent])

    assert answer is not None
    assert answer.code == "insufficient_funds"


def test_a_wallet_that_does_not_act_in_batches_is_found_out_before_signing(world: World) -> None:
    trader = Trader.on(world)
    chain = trader.chain
    through_fork = intent_of(trader.engine, trader.quote(allow_venues=FORK), trader.wallet, 0)
    plain = intent_of(trader.engine, trader.quote(allow_venues=V2), trader.wallet, 0)
    assert chain.acting_in_batches([trader.wallet]) == {trader.wallet}
    world.anvil.ask("anvil_setCode", trader.wallet, "0x")

    answers = refusals(trader.engine, [through_fork, plain])

    assert [answer and answer.code for answer in answers] == ["slippage", None]
    assert chain.acting_in_batches([trader.wallet]) == frozenset()
    assert chain.batch_venues == FORK


def test_a_batch_that_meets_no_code_swaps_nothing_and_is_no_swap(world: World) -> None:
    trader = Trader.on(world)
    signed = trader.signed(trader.quote(allow_venues=FORK))
    world.anvil.ask("anvil_setCode", trader.wallet, "0x")
    trader.send(signed)
    world.anvil.mine()

    receipt = trader.receipt(signed)

    assert receipt is not None
    assert (receipt.is_success, receipt.route, receipt.amount_out) == (True, None, 0)


def test_the_batch_account_stands_where_it_stands_on_every_chain(world: World) -> None:
    assert world.deployment.batch_account == BATCH_ACCOUNT
    assert len(world.anvil.ask("eth_getCode", BATCH_ACCOUNT, "latest")) > 2


def test_a_delegation_uses_two_nonces_and_can_be_taken_back(world: World) -> None:
    trader = Trader.on(world)
    chain = trader.chain
    world.anvil.ask("anvil_setCode", trader.wallet, "0x")
    for is_on in (True, False):
        answer = chain.delegate(trader.wallet, trader.nonce, is_on, trader.engine.prepare()[FeeStrategy.NORMAL])
        assert not isinstance(answer, DexError)
        first, spare = answer
        assert trader.send(first) == [None]
        trader.send(spare)
        world.anvil.mine(2)

        assert (first.nonce, spare.nonce) == (trader.nonce, trader.nonce + 1)
        receipt = trader.receipt(first)
        assert receipt is not None
        assert receipt.is_success
        assert trader.receipt(spare) is None
        trader.nonce += 2
        assert chain.next_nonce(trader.wallet) == trader.nonce
        code = world.anvil.ask("eth_getCode", trader.wallet, "latest")
        assert code == ("0xef0100" + BATCH_ACCOUNT[2:] if is_on else "0x")


def test_a_delegation_can_be_replaced(world: World) -> None:
    trader = Trader.on(world)
    answer = trader.chain.delegate(trader.wallet, trader.nonce, True, trader.engine.prepare()[FeeStrategy.NORMAL])
    assert not isinstance(answer, DexError)

    (again,) = trader.engine.rebuild([(answer[0], answer[0].fees.bumped())])

    assert not isinstance(again, DexError)
    assert trader.send(answer[0], again) == [None, None]
    world.anvil.mine()
    assert trader.receipt(again) is not None


def test_a_wallet_that_runs_code_can_still_cancel(world: World) -> None:
    trader = Trader.on(world)
    cancellation = trader.cancellation(trader.nonce, trader.engine.prepare()[FeeStrategy.NORMAL])
    trader.send(cancellation)
    world.anvil.mine()

    receipt = trader.receipt(cancellation)

    assert receipt is not None
    assert receipt.is_success


def envelope_of(world: World, wallet: str, calls: list[BatchCall], value: int = 0) -> bytes:
    data = contracts.EXECUTE_BATCH.call(calls)
    return Envelope(world.deployment.chain_id, 0, Fees(1, 1), 10**6, wallet, value, data).payload()


def judged(world: World, wallet: str, payload: bytes) -> str:
    """What the signer has against it; empty where it would sign."""
    try:
        development_signer(world.options()).judge(wallet, payload)
    except (SigningRefused, BroadcastRejected) as error:
        return error.detail
    return ""


THIEF = "0x" + "66" * 20


def swap_of(trader: Trader) -> SwapIntent:
    return intent_of(trader.engine, trader.quote(300 * ETH), trader.wallet, 0)


def batch_of(world: World, intent: SwapIntent) -> list[BatchCall]:
    chain = world.chain()
    chain.snapshot()
    return list(swap_batch(intent, chain._market.facts, native_of(world.options()), world.deployment.router))


def with_arguments(call: BatchCall, place: int, value: Any) -> BatchCall:
    arguments = list(contracts.SELL_GIVEN_V2.arguments(call.data))
    arguments[place] = value
    return call._replace(data=contracts.SELL_GIVEN_V2.call(*arguments))


def forged(world: World, calls: list[BatchCall], change: Callable[[BatchCall], BatchCall]) -> list[BatchCall]:
    """The batch with its call of the fork's router changed."""
    fork = world.deployed.fork.router
    return [change(call) if call.target == fork else call for call in calls]


def test_what_a_batch_would_do_is_read_call_by_call(world: World) -> None:
    trader = Trader.on(world)
    intent = swap_of(trader)
    calls, wallet, weth = batch_of(world, intent), trader.wallet, world.address("WETH")
    assert calls_of(contracts.EXECUTE_BATCH.call(calls)) == calls
    assert {call.target for call in calls} == {*world.deployment.routers, weth}

    def say(changed: list[BatchCall], value: int = 0) -> str:
        return judged(world, wallet, envelope_of(world, wallet, changed, value))

    assert say(calls) == ""
    give = [BatchCall(weth, 0, contracts.TRANSFER_TO.call(THIEF, ETH))]
    leave = [BatchCall(weth, 0, contracts.APPROVE.call(THIEF, ETH))]
    assert "what does not sell them" in say(give + calls)
    assert "what does not sell them" in say(calls + give)
    assert "cannot be read" in say(leave + calls)
    assert "no router and no token" in say([BatchCall(THIEF, 0, b""), *calls])
    assert "no router and no token" in say([BatchCall(wallet, 0, contracts.EXECUTE_BATCH.call(calls)), *calls])
    assert "sent money along" in say(calls, 1)
    assert "one recipient" in say(forged(world, calls, lambda call: with_arguments(call, 3, THIEF)))
    assert "by itself" in say(forged(world, calls, lambda call: with_arguments(call, 0, 1)))
    assert "one deadline" in say(forged(world, calls, lambda call: with_arguments(call, 4, 2**40)))
    approve = contracts.APPROVE.call(THIEF, 1)
    assert "never asks for" in say(forged(world, calls, lambda call: call._replace(data=approve)))
    assert "one recipient" in say(calls[:-1])
    assert "one recipient" in say([])
    assert "another wallet" in judged(world, THIEF, envelope_of(world, wallet, calls))
    assert "would not go to the wallet" in judged(world, THIEF, envelope_of(world, THIEF, calls))


def test_a_batch_counts_for_all_that_its_calls_give(world: World) -> None:
    trader = Trader.on(world)
    intent = swap_of(trader)
    payload = envelope_of(world, trader.wallet, batch_of(world, intent))
    options = world.options()
    most = intent.route.amount_in
    loose = development_signer(options)._policy

    development_signer(options, replace(loose, max_amounts={"WETH": most})).judge(trader.wallet, payload)
    for policy, said in (
        (replace(loose, max_amounts={"WETH": most - 1}), "above the most"),
        (replace(loose, routers=frozenset({options.deployment.router})), "router .* is not allowed"),
    ):
        with pytest.raises(SigningRefused, match=said):
            development_signer(options, policy).judge(trader.wallet, payload)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"delegate": THIEF}, "not allowed for wallets"),
        ({"chain_id": 0}, "chain eip155:0 is not allowed"),
        ({"chain_id": 1}, "chain eip155:1 is not allowed"),
        ({"gas": 10**12}, "the fee"),
        ({"wallet": THIEF}, "another wallet"),
    ],
)
def test_a_wallet_takes_on_no_other_code(world: World, change: dict[str, Any], said: str) -> None:
    options = world.options()
    signer = development_signer(options)
    signer = development_signer(options, replace(signer._policy, max_fee=10**15))
    wallet = signer.address_of("account/1")
    good = Delegation(options.deployment.chain_id, 7, Fees(10**9, 1), 10**5, wallet, BATCH_ACCOUNT)
    authorized = signer.sign(wallet, good.authorization())
    signer.judge(wallet, good.payload(authorized))

    with pytest.raises(SigningRefused, match=said):
        signer.judge(wallet, replace(good, **change).payload(authorized))
    if "delegate" in change or "chain_id" in change:
        with pytest.raises(SigningRefused, match=said):
            signer.sign(wallet, replace(good, **change).authorization())


def test_a_pairs_address_follows_from_its_factory(world: World) -> None:
    fork = world.deployed.fork
    one, other = world.address("WETH"), world.address("USDC")
    chain = world.chain()
    chain.snapshot()
    pairs = {pool.address for pool in chain._market.facts.values() if pool.router == fork.router}

    assert pair_of(fork, one, other) == pair_of(fork, other, one)
    assert pair_of(fork, one, other) in pairs


def test_nothing_of_a_fork_is_no_batch(world: World) -> None:
    trader = Trader.on(world)
    signed = trader.signed(trader.quote(300 * ETH, deny_venues=FORK))
    trader.send(signed)
    world.anvil.mine()

    receipt = world.anvil.ask("eth_getTransactionReceipt", signed.tx_hash)

    assert receipt["to"] == world.deployment.router
