"""What goes wrong on a chain, acted out on a real node: each answer is in the family that keeps orders exact."""

from typing import Any

import pytest

from dex import ChainUnavailable, Engine, Fees, FeesTooHigh, SignedTransaction, SigningRefused
from dex.chains.evm.local.node import free_port
from dex.chains.evm.local.world import World
from dex.testing.json_rpc import rpc_proxy
from dex.tests.chains.evm.evm_orders import ETH, Trader

pytestmark = pytest.mark.chain


def test_a_nonce_used_from_outside_is_in_doubt(world: World) -> None:
    trader = Trader.on(world)
    ours = trader.signed()
    rival = trader.cancellation(ours.nonce, ours.fees)
    trader.send(rival)
    world.anvil.mine()

    assert trader.send(ours) == ["nonce_taken"]
    assert trader.receipt(ours) is None
    assert trader.engine.standing([trader.wallet]).next_nonces[trader.wallet] == ours.nonce + 1


def test_a_replacement_must_bump_the_fees(world: World) -> None:
    trader = Trader.on(world)
    first = trader.signed()
    trader.send(first)

    (same,) = trader.engine.rebuild([(first, first.fees)])
    (higher,) = trader.engine.rebuild([(first, first.fees.bumped())])
    cheap = trader.cancellation(first.nonce, first.fees)
    assert isinstance(higher, SignedTransaction)

    assert isinstance(same, SignedTransaction)
    assert same.raw == first.raw  # equal intents give equal bytes
    assert trader.send(cheap) == ["underpriced"]
    assert trader.send(higher) == [None]
    world.anvil.mine()
    assert trader.receipt(first) is None
    receipt = trader.receipt(higher)
    assert receipt is not None
    assert receipt.is_success
    assert (higher.deadline, higher.nonce) == (first.deadline, first.nonce)


def test_the_first_one_may_win_the_race(world: World) -> None:
    trader = Trader.on(world)
    first = trader.signed()
    trader.send(first)
    (higher,) = trader.engine.rebuild([(first, first.fees.bumped())])
    assert isinstance(higher, SignedTransaction)
    world.anvil.mine()

    assert trader.send(higher) == ["nonce_taken"]
    assert trader.receipt(higher) is None
    assert trader.receipt(first) is not None


@pytest.mark.parametrize(
    "limits", [{"allow_venues": frozenset({"uniswap_v2"})}, {"allow_venues": frozenset({"uniswap_v3"})}, {}]
)
def test_a_price_that_moves_undoes_the_swap_as_slippage(world: World, limits: dict[str, Any]) -> None:
    trader, rival = Trader.on(world), Trader.on(world, "account/rival")
    amount = 300 * ETH if not limits else ETH
    quote = trader.quote(amount, **limits)
    signed = trader.signed(quote)
    before = trader.engine.chain.balances(trader.wallet)

    rival.send(rival.signed(rival.quote(1_500 * ETH)))
    world.anvil.mine()
    trader.send(signed)
    world.anvil.mine(3)
    receipt = trader.receipt(signed)

    assert receipt is not None
    assert (receipt.is_success, receipt.code, receipt.is_final) == (False, "slippage", True)
    assert (receipt.route, receipt.amount_in, receipt.amount_out) == (None, 0, 0)
    assert "less than the order's minimum" in receipt.detail
    after = trader.engine.chain.balances(trader.wallet)
    assert {token for token in after if after[token] != before[token]} == {"ETH"}  # the fee


def test_a_wallet_without_money_for_gas_is_refused(world: World) -> None:
    trader = Trader.on(world)
    signed = trader.signed()
    world.anvil.ask("anvil_setBalance", trader.wallet, "0x1")

    assert trader.send(signed) == ["insufficient_funds"]
    world.anvil.mine()
    assert trader.receipt(signed) is None


def test_a_wallet_without_the_tokens_is_undone_as_insufficient_funds(world: World) -> None:
    trader = Trader.on(world)
    quote = trader.quote(4_000 * ETH)
    signed = trader.signed(quote)

    trader.send(signed)
    world.anvil.mine()
    receipt = trader.receipt(signed)

    assert receipt is not None
    assert (receipt.is_success, receipt.code) == (False, "insufficient_funds")


def test_a_dropped_transaction_goes_on_when_it_is_sent_again(world: World) -> None:
    trader = Trader.on(world)
    signed = trader.signed()
    trader.send(signed)
    world.anvil.ask("anvil_dropTransaction", signed.tx_hash)
    world.anvil.mine()
    assert trader.receipt(signed) is None

    assert trader.send(signed) == [None]
    world.anvil.mine()

    assert trader.receipt(signed) is not None


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_reorg_takes_the_receipt_back_and_the_same_bytes_go_in_again(world: World, depth: int) -> None:
    trader = Trader.on(world, confirmations=4)
    signed = trader.signed()
    trader.send(signed)
    world.anvil.mine(depth)
    included = trader.receipt(signed)
    assert included is not None
    assert (included.confirmations, included.is_final) == (depth, False)
    quoted = trader.quote()

    world.anvil.ask("anvil_reorg", depth, [])

    assert trader.receipt(signed) is None
    assert trader.quote() != quoted  # the market is the new branch's
    assert trader.send(signed) == [None]
    world.anvil.mine()
    again = trader.receipt(signed)
    assert again is not None
    assert (again.amount_out, again.route) == (included.amount_out, included.route)
    assert again.block_hash != included.block_hash


def test_a_reorg_can_turn_the_outcome_round(world: World) -> None:
    trader, rival = Trader.on(world), Trader.on(world, "account/rival")
    signed = trader.signed()
    ahead = rival.signed(rival.quote(1_500 * ETH))
    trader.send(signed)
    world.anvil.mine()
    first = trader.receipt(signed)
    assert first is not None
    assert first.is_success

    world.anvil.ask("anvil_reorg", 1, [])
    rival.send(ahead)
    world.anvil.mine()
    trader.send(signed)
    world.anvil.mine()
    second = trader.receipt(signed)

    assert second is not None
    assert (second.is_success, second.code) == (False, "slippage")


def test_a_node_that_is_down_has_surely_been_sent_nothing(world: World) -> None:
    trader = Trader.on(world)
    signed = trader.signed()
    away = Trader.on(world).engine  # knows the pools
    dead = Engine(world.chain(urls=(f"http://127.0.0.1:{free_port()}",)))

    (answer,) = dead.submit([signed])

    assert isinstance(answer, ChainUnavailable)
    for ask in (
        lambda: dead.receipts([signed.tx_hash]),
        lambda: dead.standing([trader.wallet]),
        dead.prepare,
        dead.chain.snapshot,
    ):
        with pytest.raises(ChainUnavailable):
            ask()
    assert away.receipts([signed.tx_hash]) == [None]


def test_one_node_of_two_is_enough(world: World) -> None:
    trader = Trader.on(world, urls=(f"http://127.0.0.1:{free_port()}", world.anvil.url))
    signed = trader.signed()

    assert trader.send(signed) == [None]
    world.anvil.mine()
    assert trader.receipt(signed) is not None


def test_a_node_of_another_chain_is_not_used(world: World) -> None:
    trader = Trader.on(world)
    signed = trader.signed()
    with rpc_proxy(world.anvil.url) as proxy:
        proxy.answers["eth_chainId"] = "0x1"
        engine = Engine(world.chain(urls=(proxy.url,)))

        (answer,) = engine.submit([signed])
        with pytest.raises(ChainUnavailable, match="is a node of chain 1, not of 31338"):
            engine.prepare()

        assert isinstance(answer, ChainUnavailable)
        assert {method for methods in proxy.requests for method in methods} == {"eth_chainId"}


def test_a_reply_lost_after_the_broadcast_is_in_doubt_and_never_sent_twice(world: World) -> None:
    with rpc_proxy(world.anvil.url) as proxy:
        trader = Trader.on(world, urls=(proxy.url,), timeout_s=3.0)
        signed = trader.signed()
        proxy.holds = lambda method: method == "eth_sendRawTransaction"

        assert trader.send(signed) == ["timeout"]
        world.anvil.mine()

        sent = [methods for methods in proxy.requests if "eth_sendRawTransaction" in methods]
        receipt = trader.receipt(signed)
        assert sent == [["eth_sendRawTransaction"]]
        assert receipt is not None
        assert receipt.is_success


def test_a_node_that_lags_does_not_take_finality_back(world: World) -> None:
    with rpc_proxy(world.anvil.url) as proxy:
        trader = Trader.on(world, urls=(proxy.url,))
        signed = trader.signed()
        behind = world.anvil.ask("eth_getBlockByNumber", "latest", False)
        trader.send(signed)
        world.anvil.mine(3)
        receipt = trader.receipt(signed)
        assert receipt is not None
        assert receipt.is_final
        proxy.answers["eth_getBlockByNumber"] = behind

        with pytest.raises(ChainUnavailable, match="lags"):
            trader.engine.standing([trader.wallet])


def test_where_the_chain_says_what_is_final_depth_alone_is_not_enough(world: World) -> None:
    trader = Trader.on(world, confirmations=2, has_finality_tag=True)
    signed = trader.signed()
    trader.send(signed)
    world.anvil.mine(3)
    deep = trader.receipt(signed)
    world.anvil.mine(70)  # two epochs of the node are 64 blocks
    final = trader.receipt(signed)

    assert deep is not None
    assert (deep.confirmations, deep.is_final) == (3, False)
    assert final is not None
    assert final.is_final
    standing = trader.engine.standing([trader.wallet])
    assert final.block_number <= standing.final_block < final.block_number + 70
    assert standing.final_nonces[trader.wallet] == signed.nonce + 1


def test_a_network_that_asks_more_than_the_cap_is_waited_for(world: World) -> None:
    engine = Engine(world.chain(max_fee=10 * 10**9))
    engine.prepare()
    world.anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(20 * 10**9))
    world.anvil.mine()

    with pytest.raises(FeesTooHigh, match="above the most"):
        engine.prepare()


def test_no_fee_goes_above_the_cap(world: World) -> None:
    trader = Trader.on(world)
    signed = trader.signed()

    (answer,) = trader.engine.rebuild([(signed, Fees(10**12, 10**9))])

    assert isinstance(answer, SigningRefused)
