"""Quotes executed on the local node, and what they promised."""

from dex import Engine, Quote, Receipt, Route
from dex.chains.evm.local.world import World
from dex.tests.chains.evm.evm_orders import OWNER, sign

V2, V3, FORK = frozenset({"uniswap_v2"}), frozenset({"uniswap_v3"}), frozenset({"sushiswap_v2"})


def execute(world: World, engine: Engine, quote: Quote) -> tuple[Receipt, dict[str, int]]:
    """Execute a quote from a new wallet; the receipt, and what the wallet gained of each token."""
    wallet = engine.chain.address_of(OWNER)
    nonce = engine.chain.next_nonce(wallet)
    before = engine.chain.balances(wallet)
    signed = sign(engine, quote, wallet, nonce)
    assert engine.submit([signed]) == [None]
    world.anvil.mine(3)
    (receipt,) = engine.receipts([signed.tx_hash])
    assert receipt is not None
    after = engine.chain.balances(wallet)
    return receipt, {token: after[token] - before[token] for token in after if after[token] != before[token]}


def by_pool(route: Route) -> dict[str, tuple[str, str, int, int]]:
    return {hop.pool_id: (hop.token_in, hop.token_out, hop.amount_in, hop.amount_out) for hop in route.hops}


def check_as_promised(world: World, engine: Engine, quote: Quote) -> Receipt:
    receipt, gained = execute(world, engine, quote)

    assert (receipt.is_success, receipt.code, receipt.is_final) == (True, None, True)
    assert (receipt.amount_in, receipt.amount_out) == (quote.amount_in, quote.amount_out)
    assert receipt.route is not None
    assert (receipt.route.token_in, receipt.route.token_out) == (quote.route.token_in, quote.route.token_out)
    assert by_pool(receipt.route) == by_pool(quote.route)
    assert gained[quote.route.token_in] == -quote.amount_in
    assert gained[quote.route.token_out] == quote.amount_out
    return receipt
