"""The chain's own token in and out, and what is found out before anything is signed."""

import pytest

from dex import ChainUnavailable, Engine, InsufficientFunds, Side
from dex.chains.evm.abi.contracts import APPROVE, TRANSFER_TO
from dex.chains.evm.config.options import ListedToken
from dex.chains.evm.local.contracts import Deployer
from dex.chains.evm.local.deploy import ADD_LIQUIDITY, NEVER
from dex.chains.evm.local.world import World
from dex.chains.evm.swaps.wrapping import native_units
from dex.testing.json_rpc import RawCall, RawReply, rpc_proxy
from dex.tests.chains.evm.evm_orders import ETH, UNIT_6, UNIT_8, Trader, intent_of, quote_of, refusals

pytestmark = pytest.mark.chain

TRADES = {
    "native in": ("ETH", "USDC", 10 * ETH),
    "native out": ("USDC", "ETH", 10_000 * UNIT_6),
    "only wrapping": ("ETH", "WETH", ETH),
    "only unwrapping": ("WETH", "ETH", ETH),
    "native in, split": ("ETH", "DAI", 300 * ETH),
    "native out, split": ("WBTC", "ETH", UNIT_8),
}


@pytest.mark.parametrize("trade", TRADES.values(), ids=list(TRADES))
def test_native_tokens_are_wrapped_on_the_way(world: World, trade: tuple[str, str, int]) -> None:
    token_in, token_out, amount = trade
    trader = Trader.on(world)
    quote = trader.quote(amount, token_in, token_out, max_hops=None)
    before = trader.engine.chain.balances(trader.wallet)
    signed = trader.signed(quote)

    assert trader.send(signed) == [None]
    world.anvil.mine()

    receipt = trader.receipt(signed)
    assert receipt is not None
    assert receipt.is_success, receipt.detail
    assert receipt.route == quote.route
    after = trader.engine.chain.balances(trader.wallet)
    fee = _fee(world, signed.tx_hash)
    gained = {token: after[token] - before[token] + (fee if token == "ETH" else 0) for token in after}
    assert {token: atoms for token, atoms in gained.items() if atoms} == {
        token_in: -quote.amount_in,
        token_out: quote.amount_out,
    }


def _fee(world: World, tx_hash: str) -> int:
    receipt = world.anvil.ask("eth_getTransactionReceipt", tx_hash)
    return int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)


def test_buying_with_the_native_token_gives_the_rest_back(world: World) -> None:
    trader = Trader.on(world)
    quote = quote_of(trader.engine, "ETH", "USDC", 30_000 * UNIT_6, Side.EXACT_OUT)
    before = trader.engine.chain.balances(trader.wallet)
    signed = trader.signed(quote)
    trader.send(signed)
    world.anvil.mine()

    receipt = trader.receipt(signed)
    assert receipt is not None
    assert (receipt.amount_in, receipt.amount_out) == (quote.amount_in, quote.amount_out)
    after = trader.engine.chain.balances(trader.wallet)
    assert before["ETH"] - after["ETH"] - _fee(world, signed.tx_hash) == quote.amount_in < quote.max_amount_in
    assert world.anvil.ask("eth_getBalance", world.deployment.router, "latest") == "0x0"


def test_a_swap_that_would_go_through_is_not_doubted(world: World) -> None:
    trader = Trader.on(world)
    quotes = [trader.quote(), trader.quote(ETH, "ETH", "DAI", max_hops=None)]

    assert (
        refusals(trader.engine, [intent_of(trader.engine, quote, trader.wallet, 0) for quote in quotes]) == [None] * 2
    )


def test_a_price_that_has_moved_is_found_out_before_signing(world: World) -> None:
    trader, rival = Trader.on(world), Trader.on(world, "account/rival")
    intent = intent_of(trader.engine, trader.quote(), trader.wallet, 0)
    rival.send(rival.signed(rival.quote(1_500 * ETH)))
    world.anvil.mine()

    (answer,) = refusals(trader.engine, [intent])

    assert answer is not None
    assert answer.code == "slippage"


def test_missing_tokens_and_allowances_are_found_out_before_signing(world: World) -> None:
    trader = Trader.on(world)
    too_much = intent_of(trader.engine, trader.quote(4_000 * ETH), trader.wallet, 0)
    fine = intent_of(trader.engine, trader.quote(), trader.wallet, 0)
    _approve_nothing(world, trader.wallet)

    answers = refusals(trader.engine, [too_much, fine])

    assert [answer and answer.code for answer in answers] == ["insufficient_funds"] * 2
    assert all(answer is not None and "router" in answer.hint for answer in answers)


@pytest.mark.parametrize("token_in", ["WETH", "ETH"])
def test_a_wallet_that_cannot_pay_is_named_before_signing_as_the_node_would(world: World, token_in: str) -> None:
    trader = Trader.on(world)
    quote = trader.quote(ETH, token_in, "USDC", max_hops=2, max_swaps=2)
    intent = intent_of(trader.engine, quote, trader.wallet, trader.nonce)
    along = ETH if token_in == "ETH" else 0
    (most,) = trader.chain.most_costs([(intent, intent.fees)])
    signed = trader.signed(quote, fees=intent.fees)

    world.anvil.ask("anvil_setBalance", trader.wallet, hex(most + along - 1))
    (refusal,) = refusals(trader.engine, [intent])
    assert isinstance(refusal, InsufficientFunds)
    held, needed = native_units(most + along - 1), native_units(most + along)
    assert refusal.detail.startswith(f"the wallet holds {held} ETH, and the transaction may cost up to {needed} ETH: ")
    assert refusal.detail.endswith("gwei, with 1 ETH to give" if along else " gwei")
    assert refusal.hint.startswith(f"Send 0.000000000000000001 ETH or more to {trader.wallet}.")
    assert trader.send(signed) == ["insufficient_funds"]

    world.anvil.ask("anvil_setBalance", trader.wallet, hex(most + along))
    assert refusals(trader.engine, [intent]) == [None]
    assert trader.send(signed) == [None]


def test_a_node_that_says_nothing_of_a_balance_is_no_proof_of_one(world: World) -> None:
    with rpc_proxy(world.anvil.url) as proxy:
        trader = Trader.on(world, urls=(proxy.url,))
        intent = intent_of(trader.engine, trader.quote(), trader.wallet, trader.nonce)
        proxy.alters = _refuses_balances

        with pytest.raises(ChainUnavailable, match="eth_getBalance"):
            trader.engine.simulate([intent])


def _refuses_balances(calls: list[RawCall], replies: list[RawReply]) -> None:
    methods = {call["id"]: call["method"] for call in calls}
    for reply in replies:
        if methods[reply["id"]] == "eth_getBalance":
            del reply["result"]
            reply["error"] = {"code": -32601, "message": "the method is not available"}


def _approve_nothing(world: World, wallet: str) -> None:
    data = "0x" + APPROVE.call(world.deployment.router, 0).hex()
    world.anvil.ask("anvil_impersonateAccount", wallet)
    world.anvil.ask("eth_sendTransaction", {"from": wallet, "to": world.address("WETH"), "data": data})
    world.anvil.mine()


def test_a_token_that_takes_a_fee_on_transfers_is_refused_with_the_reason(world: World) -> None:
    deployer = Deployer(world.anvil, world.folder, world.anvil.accounts()[0])
    taxed = deployer.deploy("DeflatingERC20", ["uint256"], [10**27])
    deployer.call(taxed, APPROVE, world.deployed.router_v2, 2**255)
    usdc, owner = world.address("USDC"), deployer.account
    deployer.call(world.deployed.router_v2, ADD_LIQUIDITY, taxed, usdc, 10**24, 10**12, 0, 0, owner, NEVER)
    tokens = (*world.tokens, ListedToken("TAX", "Taxed", 18, taxed))
    trader = Trader.on(world, tokens=tokens)
    deployer.call(taxed, TRANSFER_TO, trader.wallet, 10**22)
    trader.engine = Engine(world.chain(tokens=tokens))
    sale = trader.quote(10**9, "USDC", "TAX")

    (answer,) = refusals(trader.engine, [intent_of(trader.engine, sale, trader.wallet, 0)])

    assert answer is not None
    assert answer.code == "rejected"
    assert "fee of its own" in answer.detail
