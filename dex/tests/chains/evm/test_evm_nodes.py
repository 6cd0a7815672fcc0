"""Nodes that lie: nothing becomes final by the word of one, and where two agree the third is known by name."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from dex import ChainUnavailable, FeeStrategy
from dex.chains.evm.answers import Log, NodeReceipt
from dex.chains.evm.local.world import World
from dex.chains.evm.nodes.quorum import Vote, judge, reached, shared
from dex.testing.json_rpc import RpcProxy, rpc_proxy
from dex.tests.chains.evm.evm_orders import Trader

LOG = Log("0xa", ("0xb",), b"\1", 16, 0)
RECEIPT = NodeReceipt("0xe", 16, "0xc", True, 21_000, 10**9, (LOG,))
SAME_ELSEWHERE = RECEIPT._replace(reason=b"\1")
UNDONE = RECEIPT._replace(is_success=False, logs=())
PAID_MORE = RECEIPT._replace(logs=(LOG._replace(data=b"\2"),))
ELSEWHERE = RECEIPT._replace(block_hash="0xd")


@pytest.mark.parametrize(
    ("votes", "is_agreed", "raw", "dissenting"),
    [
        ([("a", 16, RECEIPT), ("b", 17, SAME_ELSEWHERE)], True, RECEIPT, ()),
        ([("a", 16, RECEIPT)], False, None, ()),
        ([("a", 16, RECEIPT), ("b", 15, RECEIPT)], False, None, ()),
        ([("a", 16, RECEIPT), ("b", 15, None)], False, None, ()),
        ([("a", 16, RECEIPT), ("b", 16, None)], False, None, ("a", "b")),
        ([("a", 16, RECEIPT), ("b", 16, UNDONE)], False, None, ("a", "b")),
        ([("a", 16, RECEIPT), ("b", 16, PAID_MORE)], False, None, ("a", "b")),
        ([("a", 16, ELSEWHERE), ("b", 16, RECEIPT), ("c", 16, RECEIPT)], True, RECEIPT, ("a",)),
        ([("a", 16, RECEIPT), ("b", 16, None), ("c", 16, None)], True, None, ("a",)),
        ([("a", 16, RECEIPT), ("b", 16, RECEIPT), ("c", 16, None), ("d", 16, None)], False, None, ("a", "b", "c", "d")),
    ],
)
def test_two_nodes_that_are_so_far_decide(
    votes: list[tuple[str, int, Any]], is_agreed: bool, raw: Any, dissenting: tuple[str, ...]
) -> None:
    expected = raw and raw._replace(is_fee_agreed=True)

    assert judge([Vote(*vote) for vote in votes], 2) == (is_agreed, expected, dissenting)


@pytest.mark.parametrize(
    ("has_data_fee", "prices", "data_fees", "paid", "is_sure", "wrong"),
    [
        (True, (2, 2), (None, None), 200, True, ()),
        (True, (2, 2), (None, 5), 205, False, ()),  # one leaves it out
        (True, (2, 2), (7, 5), 205, False, (0, 1)),
        (True, (2, 2, 2), (None, None, 10**18), 200, True, ()),
        (True, (2, 2, 9), (None, None, 10**18), 200, True, (2,)),
        (True, (9, 2, 2), (5, 5, None), 205, True, (0,)),
        (True, (2, 2, 2), (5, 5, 1), 205, True, (2,)),
        (True, (9, 2), (5, 5), 205, False, (0, 1)),
        (False, (2, 2), (None, 10**18), 200, True, ()),  # a chain that has none
        (False, (2, 2, 9), (None, 10**18, 10**18), 200, True, (2,)),
    ],
)
def test_no_node_alone_says_what_a_receipt_cost(
    has_data_fee: bool,
    prices: tuple[int, ...],
    data_fees: tuple[int | None, ...],
    paid: int,
    is_sure: bool,
    wrong: tuple[int, ...],
) -> None:
    receipts = [
        RECEIPT._replace(gas_used=100, gas_price=price, data_fee=data_fee)
        for price, data_fee in zip(prices, data_fees, strict=True)
    ]
    for votes in permutations([Vote(str(number), 16, raw) for number, raw in enumerate(receipts)]):
        verdict = judge(votes, 2, has_data_fee=has_data_fee)

        assert verdict.raw is not None
        assert (verdict.is_agreed, verdict.raw.fee_paid, verdict.raw.is_fee_agreed) == (True, paid, is_sure)
        assert set(verdict.dissenting) == {str(number) for number in wrong}


def test_a_height_is_what_two_nodes_have_reached() -> None:
    assert [reached([5, 900, 7], 2), reached([900, 7], 2), reached([900], 2), reached([9], 1)] == [7, 7, None, 9]


def test_an_answer_is_what_two_nodes_give() -> None:
    assert shared({"a": 1, "b": 2, "c": 2}, 2) == (2, ("a",))
    assert shared({"a": 1, "b": 2}, 2) == (None, ("a", "b"))
    assert shared({"a": 1}, 2) == (None, ())


@pytest.fixture
def liar(world: World) -> Iterator[RpcProxy]:
    """The node that is asked first."""
    with rpc_proxy(world.anvil.url) as proxy:
        yield proxy


def beside(world: World, liar: RpcProxy, honest: int) -> Trader:
    return Trader.on(world, urls=(liar.url, *[world.anvil.url] * honest))


def other_receipt(world: World, tx_hash: str, **changes: Any) -> dict[str, Any]:
    """A real one, that tells of another transaction."""
    rival = Trader.on(world, "account/rival")
    signed = rival.signed()
    rival.send(signed)
    world.anvil.mine(3)
    real: dict[str, Any] = world.anvil.ask("eth_getTransactionReceipt", signed.tx_hash)
    return real | {"transactionHash": tx_hash} | changes


def hosts(trader: Trader) -> set[str]:
    return {contradiction.node for contradiction in trader.chain.contradictions()}


def host_of(proxy: RpcProxy) -> str:
    return proxy.url.removeprefix("http://")


@pytest.mark.chain
@pytest.mark.parametrize("status", ["0x1", "0x0"])
def test_a_receipt_that_one_of_two_made_up_is_not_final(world: World, liar: RpcProxy, status: str) -> None:
    trader = beside(world, liar, 1)
    signed = trader.signed()
    trader.send(signed)
    world.anvil.ask("anvil_dropTransaction", signed.tx_hash)
    liar.answers["eth_getTransactionReceipt"] = other_receipt(world, signed.tx_hash, status=status)

    receipt = trader.receipt(signed)

    assert receipt is not None
    assert not receipt.is_final
    assert hosts(trader) == {host_of(liar), world.anvil.url.removeprefix("http://")}
    assert trader.receipt(signed) is None  # the other one is asked first from now on


@pytest.mark.chain
@pytest.mark.parametrize("status", ["0x1", "0x0"])
def test_two_of_three_know_that_a_receipt_is_made_up(world: World, liar: RpcProxy, status: str) -> None:
    trader = beside(world, liar, 2)
    signed = trader.signed()
    trader.send(signed)
    world.anvil.ask("anvil_dropTransaction", signed.tx_hash)
    liar.answers["eth_getTransactionReceipt"] = other_receipt(world, signed.tx_hash, status=status)

    assert trader.receipt(signed) is None
    assert hosts(trader) == {host_of(liar)}


@pytest.mark.chain
def test_two_of_three_tell_what_was_really_paid(world: World, liar: RpcProxy) -> None:
    trader = beside(world, liar, 2)
    signed = trader.signed()
    trader.send(signed)
    liar.answers["eth_getTransactionReceipt"] = other_receipt(world, signed.tx_hash)

    receipt, honest = trader.receipt(signed), Trader.on(world).receipt(signed)

    assert receipt == honest
    assert receipt is not None
    assert receipt.is_final
    assert hosts(trader) == {host_of(liar)}


@pytest.mark.chain
@pytest.mark.parametrize("honest", [1, 2])
def test_a_batch_that_one_node_calls_idle_is_no_swap_less(world: World, liar: RpcProxy, honest: int) -> None:
    trader = beside(world, liar, honest)
    signed = trader.signed(trader.quote(allow_venues=frozenset({"sushiswap_v2"})))
    trader.send(signed)
    world.anvil.mine(3)
    real = world.anvil.ask("eth_getTransactionReceipt", signed.tx_hash)
    liar.answers["eth_getTransactionReceipt"] = real | {"logs": []}

    receipt = trader.receipt(signed)

    assert real["to"] == trader.wallet
    assert receipt is not None
    assert (receipt.is_final, receipt.route is not None) == (honest == 2, honest == 2)
    assert host_of(liar) in hosts(trader)


@pytest.mark.chain
def test_a_height_that_one_of_two_made_up_makes_nothing_final(world: World, liar: RpcProxy) -> None:
    trader = beside(world, liar, 1)
    signed = trader.signed()
    trader.send(signed)
    world.anvil.mine()
    real = world.anvil.ask("eth_getBlockByNumber", "latest", False)
    ahead = {"number": hex(int(real["number"], 16) + 9_000), "timestamp": hex(int(real["timestamp"], 16) + 90_000)}
    liar.answers["eth_getBlockByNumber"] = real | ahead

    receipt = trader.receipt(signed)
    assert receipt is not None
    assert not receipt.is_final
    with pytest.raises(ChainUnavailable, match="agree on block"):
        trader.engine.standing([trader.wallet])

    liar.answers.clear()
    world.anvil.mine(2)
    again = trader.receipt(signed)
    assert again is not None
    assert again.is_final


@pytest.mark.chain
def test_a_nonce_that_one_made_up_is_not_believed(world: World, liar: RpcProxy) -> None:
    two, three = beside(world, liar, 1), beside(world, liar, 2)
    liar.answers["eth_getTransactionCount"] = "0xff"

    with pytest.raises(ChainUnavailable, match="agree on block"):
        two.engine.standing([two.wallet])
    standing = three.engine.standing([three.wallet])

    assert standing.next_nonces[three.wallet] == three.nonce
    assert hosts(three) == {host_of(liar)}


@pytest.mark.chain
def test_that_one_node_knows_nothing_proves_no_absence(world: World, liar: RpcProxy) -> None:
    trader = beside(world, liar, 1)
    signed, unsent = trader.signed(), trader.cancellation(trader.nonce + 1, trader.engine.prepare()[FeeStrategy.NORMAL])
    trader.send(signed)
    world.anvil.mine(3)
    block = trader.engine.standing([trader.wallet]).final_block
    liar.answers["eth_getTransactionReceipt"] = None

    absent = trader.chain.are_absent([signed.tx_hash, unsent.tx_hash], block)

    assert trader.chain.are_absent([unsent.tx_hash], block + 1_000) == [False]
    assert absent == [False, True]
    assert trader.receipt(signed) is not None


@pytest.mark.chain
def test_a_node_is_asked_a_second_time_only_for_what_becomes_final(world: World, liar: RpcProxy) -> None:
    trader = beside(world, liar, 1)
    signed = trader.signed()
    trader.send(signed)
    world.anvil.mine(2)
    with rpc_proxy(world.anvil.url) as other:
        chain = world.chain(urls=(world.anvil.url, other.url))
        chain.receipts([signed.tx_hash])
        before = len(other.requests)
        world.anvil.mine()
        chain.receipts([signed.tx_hash])

        assert before == 0
        assert [methods for methods in other.requests if "eth_getTransactionReceipt" in methods] == [
            ["eth_getBlockByNumber", "eth_getBlockByNumber", "eth_getTransactionReceipt"]
        ]
