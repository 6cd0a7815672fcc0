"""Swaps through the UniversalRouter, which takes tokens through Permit2: for an amount and a time, and no more."""

import time
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode

from dex import BroadcastRejected, DexError, FeeStrategy, Side, SignedTransaction, SigningRefused
from dex.chains.evm.abi import contracts
from dex.chains.evm.abi.codec import Function
from dex.chains.evm.local.world import World, development_signer
from dex.chains.evm.outcomes.universal_errors import SIGNATURES, named
from dex.chains.evm.swaps import universal
from dex.chains.evm.swaps.router_calls import ROUTER_ITSELF, CallEffects
from dex.chains.evm.transactions.permit2 import PERMIT2, PERMIT2_APPROVE
from dex.chains.evm.transactions.transaction import Envelope, read_envelope
from dex.tests.chains.evm.evm_orders import ETH, UNIT_6, UNIT_8, Trader, intent_of, quote_of, refusals

V2, V3, FORK = frozenset({"uniswap_v2"}), frozenset({"uniswap_v3"}), frozenset({"sushiswap_v2"})
PLENTY = {"WETH": 2_000 * ETH, "USDC": 5_000_000 * UNIT_6, "DAI": 1_000_000 * ETH, "WBTC": 50 * UNIT_8}
WALLET, OTHER, ROUTER = "0x" + "11" * 20, "0x" + "22" * 20, ROUTER_ITSELF
TOKEN, NEXT_TOKEN = "0x" + "33" * 20, "0x" + "44" * 20
V3_PATH = bytes.fromhex(TOKEN[2:]) + (500).to_bytes(3, "big") + bytes.fromhex(NEXT_TOKEN[2:])


def permitted(world: World, owner: str = "account/permit2", **amounts: int) -> Trader:
    """A trader whose router may take these amounts, or plenty."""
    trader = Trader.on(world, owner, universal_router=world.deployed.universal_router)
    for token, amount in (amounts or PLENTY).items():
        signed = approve(trader, token, amount)
        assert not isinstance(signed, DexError), signed
        assert trader.send(*signed) == [None, None]
        trader.nonce += len(signed)
    world.anvil.mine(3)
    return trader


def approve(trader: Trader, token: str, amount: int) -> list[SignedTransaction] | DexError:
    chain, fees = trader.chain, trader.engine.prepare()[FeeStrategy.NORMAL]
    return chain.approve(trader.wallet, trader.nonce, chain.approval_calls(trader.wallet, token, amount), fees)


TRADES: dict[str, tuple[str, str, int, Side, dict[str, Any]]] = {
    "one V2 pair": ("WETH", "USDC", ETH, Side.EXACT_IN, {"allow_venues": V2, "max_swaps": 1}),
    "one V3 pool": ("WETH", "USDC", ETH, Side.EXACT_IN, {"allow_venues": V3, "max_swaps": 1}),
    "split": ("WETH", "USDC", 300 * ETH, Side.EXACT_IN, {"max_hops": 1, "deny_venues": FORK}),
    "V3 in a row": ("DAI", "USDT", 500_000 * ETH, Side.EXACT_IN, {"allow_venues": V3, "max_legs": 1}),
    "V2 in a row": ("DAI", "USDC", 2_000 * ETH, Side.EXACT_IN, {"allow_venues": V2, "max_legs": 1}),
    "both in a row": ("USDC", "WBTC", 100_000 * UNIT_6, Side.EXACT_IN, {"max_legs": 1}),
    "bought of one V3 pool": ("WETH", "USDC", 3_000 * UNIT_6, Side.EXACT_OUT, {"allow_venues": V3, "max_swaps": 1}),
    "bought of one V2 pair": ("WETH", "USDC", 3_000 * UNIT_6, Side.EXACT_OUT, {"allow_venues": V2, "max_swaps": 1}),
    "native in": ("ETH", "USDC", 10 * ETH, Side.EXACT_IN, {}),
    "native in, split": ("ETH", "DAI", 100 * ETH, Side.EXACT_IN, {"max_hops": 2, "deny_venues": FORK}),
    "native out": ("USDC", "ETH", 10_000 * UNIT_6, Side.EXACT_IN, {}),
    "native in, bought": ("ETH", "USDC", 30_000 * UNIT_6, Side.EXACT_OUT, {}),
    "only wrapping": ("ETH", "WETH", ETH, Side.EXACT_IN, {}),
    "only unwrapping": ("WETH", "ETH", ETH, Side.EXACT_IN, {}),
}


@pytest.mark.chain
@pytest.mark.parametrize("trade", TRADES.values(), ids=list(TRADES))
def test_what_is_executed_is_what_was_promised(world: World, trade: tuple[str, str, int, Side, dict[str, Any]]) -> None:
    token_in, token_out, amount, side, limits = trade
    trader = permitted(world)
    quote = quote_of(trader.engine, token_in, token_out, amount, side, **limits)
    before, allowed = trader.engine.chain.balances(trader.wallet), trader.chain.allowances(trader.wallet)
    intent = intent_of(trader.engine, quote, trader.wallet, trader.nonce)
    assert refusals(trader.engine, [intent]) == [None]
    signed = trader.signed(quote)

    assert trader.send(signed) == [None]
    world.anvil.mine()

    receipt = trader.receipt(signed)
    assert receipt is not None
    assert receipt.is_success, receipt.detail
    assert (receipt.amount_in, receipt.amount_out) == (quote.amount_in, quote.amount_out)
    mined = world.anvil.ask("eth_getTransactionReceipt", signed.tx_hash)
    assert mined["to"] == world.deployed.universal_router
    fee = int(mined["gasUsed"], 16) * int(mined["effectiveGasPrice"], 16)
    after, left = trader.engine.chain.balances(trader.wallet), trader.chain.allowances(trader.wallet)
    gained = {token: after[token] - before[token] + (fee if token == "ETH" else 0) for token in after}
    assert {token: atoms for token, atoms in gained.items() if atoms} == {
        token_in: -quote.amount_in,
        token_out: quote.amount_out,
    }
    used = {token: allowed[token] - left[token] for token in left if left[token] != allowed[token]}
    assert used == ({} if token_in == "ETH" else {token_in: quote.amount_in})
    assert _held(world) == 0


def _held(world: World) -> int:
    """What is left in the router, of everything."""
    router = world.deployed.universal_router
    held = int(world.anvil.ask("eth_getBalance", router, "latest"), 16)
    for token in world.tokens:
        call = {"to": token.address, "data": "0x" + contracts.BALANCE_OF.call(router).hex()}
        held += int(world.anvil.ask("eth_call", call, "latest"), 16)
    return held


@pytest.mark.chain
def test_an_allowance_is_limited_in_amount_and_time(world: World) -> None:
    trader = permitted(world, WETH=2 * ETH)
    fine, too_much = trader.quote(ETH), trader.quote(3 * ETH)
    intents = [intent_of(trader.engine, quote, trader.wallet, 0) for quote in (fine, too_much)]
    assert trader.chain.allowances(trader.wallet)["WETH"] == 2 * ETH

    answers = [answer and answer.code for answer in refusals(trader.engine, intents)]
    world.anvil.ask("evm_increaseTime", 8 * 86_400)
    world.anvil.mine()
    late = replace(intents[0], deadline=int(time.time()) + 9 * 86_400)
    (expired,) = refusals(trader.engine, [late])

    assert answers == [None, "insufficient_funds"]
    assert expired is not None
    assert (expired.code, "run out" in expired.detail) == ("insufficient_funds", True)


@pytest.mark.chain
def test_an_allowance_that_is_revoked_is_gone(world: World) -> None:
    trader = permitted(world, WETH=2 * ETH)
    signed = approve(trader, "WETH", 0)
    assert not isinstance(signed, DexError)
    trader.send(*signed)
    world.anvil.mine()

    assert trader.chain.allowances(trader.wallet)["WETH"] == 0
    data = "0x" + contracts.ALLOWANCE.call(trader.wallet, PERMIT2).hex()
    assert int(world.anvil.ask("eth_call", {"to": world.address("WETH"), "data": data}, "latest"), 16) == 0


@pytest.mark.chain
@pytest.mark.parametrize("limits", [{"allow_venues": V2}, {"allow_venues": V3}, {}])
def test_a_price_that_moves_is_slippage_before_and_after_signing(world: World, limits: dict[str, Any]) -> None:
    trader, rival = permitted(world), Trader.on(world, "account/rival")
    quote = trader.quote(ETH if limits else 300 * ETH, **limits)
    intent, signed = intent_of(trader.engine, quote, trader.wallet, 0), trader.signed(quote)
    rival.send(rival.signed(rival.quote(1_500 * ETH)))
    world.anvil.mine()

    (answer,) = refusals(trader.engine, [intent])
    trader.send(signed)
    world.anvil.mine()
    receipt = trader.receipt(signed)

    assert answer is not None
    assert answer.code == "slippage"
    assert receipt is not None
    assert (receipt.is_success, receipt.code) == (False, "slippage")


@pytest.mark.chain
def test_a_deadline_that_passes_is_expired(world: World) -> None:
    trader = permitted(world)
    signed = trader.signed(deadline=int(time.time()) + 60)
    world.anvil.ask("evm_increaseTime", 3_600)
    trader.send(signed)
    world.anvil.mine()

    receipt = trader.receipt(signed)
    assert receipt is not None
    assert (receipt.is_success, receipt.code) == (False, "expired")


def call(*commands: tuple[int, tuple[Any, ...]], deadline: int = 1_000) -> bytes:
    inputs = [encode(universal.INPUTS[code], arguments) for code, arguments in commands]
    return universal.EXECUTE.call(bytes(code for code, _ in commands), inputs, deadline)


SALE = (universal.SELL_V3, (WALLET, 7, 5, V3_PATH, True))
SALE_V2 = (universal.SELL_V2, (WALLET, 8, 5, [TOKEN, NEXT_TOKEN], True))


def test_effects_are_what_the_bytes_say() -> None:
    assert universal.decode_effects(call(SALE, SALE_V2), 0) == CallEffects(TOKEN, 15, WALLET, 1_000)
    bought = (universal.BUY_V3, (WALLET, 5, 9, V3_PATH, True))
    assert universal.decode_effects(call(bought), 0) == CallEffects(NEXT_TOKEN, 9, WALLET, 1_000)
    wrapped = (universal.WRAP, (ROUTER, 6)), (universal.SELL_V3, (WALLET, 6, 5, V3_PATH, False))
    assert universal.decode_effects(call(*wrapped), 6) == CallEffects("", 6, WALLET, 1_000)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (call(SALE, (universal.SELL_V3, (OTHER, 1, 0, V3_PATH, False))), 0),  # what the router holds goes elsewhere
        (call(SALE, (universal.SWEEP, (TOKEN, OTHER, 0))), 0),
        (call(SALE, (universal.UNWRAP, (OTHER, 0))), 0),
        (call((universal.PULL, (TOKEN, OTHER, 1)), SALE), 0),
        (call(SALE, (universal.SELL_V2, (WALLET, 1, 0, [NEXT_TOKEN, TOKEN], True))), 0),  # two tokens are given
        (call(SALE), 1),
        (call((universal.SELL_V3, (ROUTER, 7, 5, V3_PATH, True))), 0),  # nobody gets it
        (call(SALE) + b"\x00" * 32, 0),
        (universal.EXECUTE.call(b"\x80", [encode(universal.INPUTS[0], SALE[1])], 1_000), 0),  # may fail unnoticed
        (universal.EXECUTE.call(b"\x0a", [b""], 1_000), 0),  # a permit that nobody has read
        (universal.EXECUTE.call(b"\x00\x00", [encode(universal.INPUTS[0], SALE[1])], 1_000), 0),
        (universal.EXECUTE.call(b"\x00", [encode(universal.INPUTS[0], SALE[1]) + b"\x00" * 32], 1_000), 0),
        (universal.EXECUTE.call(b"\x00", [b"\x01"], 1_000), 0),
        (b"", 0),
    ],
)
def test_whatever_this_engine_does_not_write_is_not_read(data: bytes, value: int) -> None:
    with pytest.raises(BroadcastRejected):
        universal.decode_effects(data, value)


@pytest.mark.chain
def test_the_signer_knows_what_it_lets_take(world: World) -> None:
    options = world.options(universal_router=world.deployed.universal_router.upper().replace("0X", "0x"))
    signer, wallet, now = development_signer(options), "", int(time.time())
    wallet = signer.address_of("account/permit2")
    fees, router = world.chain().prepare()[FeeStrategy.NORMAL], world.deployed.universal_router

    def judge(to: str, data: bytes) -> None:
        signer.judge(wallet, Envelope(options.deployment.chain_id, 0, fees, 100_000, to, 0, data).payload())

    weth = world.address("WETH")
    judge(PERMIT2, PERMIT2_APPROVE.call(weth, router, 5, now + 86_400))
    judge(weth, contracts.APPROVE.call(PERMIT2, 5))
    for to, data, said in (
        (PERMIT2, PERMIT2_APPROVE.call(weth, OTHER, 5, now + 86_400), "router"),
        (PERMIT2, PERMIT2_APPROVE.call(weth, router, 2**160 - 1, now + 86_400), "no limit"),
        (PERMIT2, PERMIT2_APPROVE.call(weth, router, 5, now + 40 * 86_400), "is for more than"),
        (weth, contracts.APPROVE.call(PERMIT2, 2**256 - 1), "no limit"),
        (weth, contracts.APPROVE.call(OTHER, 5), "router"),
        (router, call((universal.SELL_V3, (OTHER, 7, 5, V3_PATH, True)), deadline=now + 60), "wallet"),
        (OTHER, call((universal.SELL_V3, (wallet, 7, 5, V3_PATH, True)), deadline=now + 60), "multicall"),
    ):
        with pytest.raises((SigningRefused, BroadcastRejected), match=said):
            judge(to, data)
    with pytest.raises(BroadcastRejected, match="no token"):
        judge(PERMIT2, PERMIT2_APPROVE.call(OTHER, router, 5, now + 86_400))


def test_errors_without_text_have_names() -> None:
    names = {signature.partition("(")[0] for signature in SIGNATURES}
    inner = Function("V3TooLittleReceived").call()
    wrapped = Function("ExecutionFailed", ["uint256", "bytes"]).call(0, inner)

    assert {"V2TooLittleReceived", "AllowanceExpired"} <= names
    assert named(inner) == ("V3TooLittleReceived", b"")
    assert named(wrapped) == ("ExecutionFailed", inner)
    assert named(wrapped[:40]) is None
    assert named(b"\x01\x02\x03\x04") is None


@pytest.mark.chain
def test_a_fee_bump_keeps_the_call(world: World) -> None:
    trader = permitted(world)
    signed = trader.signed()

    (higher,) = trader.engine.rebuild([(signed, signed.fees.bumped())])

    assert not isinstance(higher, DexError)
    assert higher.deadline == signed.deadline
    assert read_envelope(higher.raw).data == read_envelope(signed.raw).data


@pytest.mark.chain
def test_no_wallet_acts_in_batches_where_tokens_are_taken_through_permit2(world: World) -> None:
    trader = permitted(world)
    chain, fees = trader.chain, trader.engine.prepare()[FeeStrategy.NORMAL]
    through_fork, plain = trader.quote(allow_venues=FORK), trader.quote(allow_venues=V2)
    intents = [intent_of(trader.engine, quote, trader.wallet, trader.nonce) for quote in (through_fork, plain)]

    assert (chain.batch_venues, chain.acting_in_batches([trader.wallet])) == (FORK, frozenset())
    assert [answer and answer.code for answer in refusals(trader.engine, intents)] == ["slippage", None]
    begun = chain.delegate(trader.wallet, trader.nonce, True, fees)
    assert isinstance(begun, BroadcastRejected)
    assert "universal_router" in begun.detail
    ended = chain.delegate(trader.wallet, trader.nonce, False, fees)
    assert not isinstance(ended, DexError)
    assert trader.send(ended[0]) == [None]
    world.anvil.mine()
    assert world.anvil.ask("eth_getCode", trader.wallet, "latest") == "0x"


@pytest.mark.chain
def test_a_batch_that_is_on_its_way_is_settled_and_replaced_after_the_switch(world: World) -> None:
    before = Trader.on(world)
    signed = before.signed(before.quote(allow_venues=FORK))
    after = Trader.on(world, universal_router=world.deployed.universal_router)
    after.engine.prepare()

    (higher,) = after.engine.rebuild([(signed, signed.fees.bumped())])
    assert not isinstance(higher, DexError), higher
    after.send(higher)
    world.anvil.mine()

    receipt = after.receipt(higher)
    assert receipt == before.receipt(higher)
    assert receipt is not None
    assert receipt.route is not None
    assert {hop.venue for hop in receipt.route.hops} == FORK
