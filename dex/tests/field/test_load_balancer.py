"""A node behind a load balancer, some of whose machines lack the newest block: it is waited for, never made up."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from dex import LimitNotMet
from dex.chains.evm.local.world import World
from dex.chains.evm.pools.reader import Newest
from dex.chains.evm.pools.states import PairState
from dex.pools import Pool
from dex.testing.json_rpc import HttpReply, RawCall, RawReply, RpcProxy, rpc_proxy
from dex.tests.chains.evm.evm_orders import ETH, Trader, intent_of, refusals

pytestmark = pytest.mark.chain

WORDS = {
    "Geth": {"code": -32000, "message": "header not found"},
    "Geth's logs": {"code": -32000, "message": "unknown block"},
    "Geth's state": {"code": -32000, "message": "missing trie node 0xabcd (path ) state 0xabcd is not available"},
    "Nethermind": {"code": -32001, "message": "block could not be found"},
    "Besu": {"code": -32000, "message": "World state unavailable"},
    "Erigon": {"code": -32000, "message": "block not found: 99"},
    "anvil": {"code": -32602, "message": "BlockOutOfRangeError: block height is 5 but requested was 9"},
}


@pytest.fixture
def proxy(world: World) -> Iterator[RpcProxy]:
    with rpc_proxy(world.anvil.url) as made:
        yield made


def states(pools: tuple[Pool, ...]) -> dict[str, dict[str, Any]]:
    return {pool.pool_id: pool.to_state() for pool in pools}


def names_block(call: RawCall, number: int) -> bool:
    """Whether a call is about that block by its number."""
    return hex(number) in json.dumps(call["params"]).replace('"', " ").split() or hex(number) in [
        value for value in call["params"] if isinstance(value, str)
    ]


def behind(proxy: RpcProxy, number: int, seconds: float, told: Callable[[RawCall], dict[str, Any]]) -> None:
    """For so long the machine that answers does not know that block, except when it is asked for the newest."""
    ends_at = time.monotonic() + seconds

    def alter(calls: list[RawCall], replies: list[RawReply]) -> HttpReply | None:
        if time.monotonic() >= ends_at:
            return None
        altered = [
            {"jsonrpc": "2.0", "id": call["id"]} | told(call) if names_block(call, number) else reply
            for call, reply in zip(calls, replies, strict=True)
        ]
        return HttpReply(json.dumps(altered).encode())

    proxy.alters = alter


def moved(world: World) -> int:
    """A large sale: the price in the newest block is another one."""
    rival = Trader.on(world, "account/rival")
    rival.send(rival.signed(rival.quote(1_500 * ETH)))
    world.anvil.mine()
    return int(world.anvil.ask("eth_blockNumber"), 16)


@pytest.mark.parametrize("words", WORDS)
def test_a_block_that_is_not_known_yet_is_waited_for(world: World, proxy: RpcProxy, words: str) -> None:
    trader = Trader.on(world, urls=(proxy.url,))
    before = trader.quote()
    number = moved(world)
    behind(proxy, number, 0.7, lambda call: {"error": WORDS[words]})

    after = trader.quote()

    assert after == Trader.on(world).quote()
    assert after.amount_out < before.amount_out


def test_a_block_of_null_and_logs_of_nothing_are_waited_for(world: World, proxy: RpcProxy) -> None:
    trader = Trader.on(world, urls=(proxy.url,))
    trader.quote()
    number = moved(world)
    empty: dict[str, Any] = {"eth_getLogs": [], "eth_getBlockByNumber": None}

    def told(call: RawCall) -> dict[str, Any]:
        if call["method"] in empty:
            return {"result": empty[call["method"]]}
        return {"error": WORDS["Geth"]}

    behind(proxy, number, 0.7, told)

    assert trader.quote() == Trader.on(world).quote()


@pytest.mark.parametrize("times", [1, 1_000])
def test_logs_that_are_missing_do_not_make_a_price(
    world: World, proxy: RpcProxy, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    trader = Trader.on(world, urls=(proxy.url,))
    before = trader.quote()
    moved(world)
    left = [times]

    def alter(calls: list[RawCall], replies: list[RawReply]) -> HttpReply | None:
        if "eth_getLogs" not in [call["method"] for call in calls] or not left[0]:
            return None
        left[0] -= 1
        altered = [
            reply | {"result": []} if call["method"] == "eth_getLogs" else reply
            for call, reply in zip(calls, replies, strict=True)
        ]
        return HttpReply(json.dumps(altered).encode())

    proxy.alters = alter

    after = trader.quote()
    chain = trader.chain

    assert after == Trader.on(world).quote()
    assert after.amount_out < before.amount_out
    assert states(chain.snapshot().pools) == states(world.chain().snapshot().pools)
    assert "events are missing of" in caplog.text
    world.anvil.mine()
    assert trader.quote() == Trader.on(world).quote()


def test_an_order_that_the_market_contradicts_has_the_market_read_again(world: World) -> None:
    trader = Trader.on(world)
    chain: Any = trader.engine.chain
    quote = trader.quote(allow_venues=frozenset({"uniswap_v2"}))
    (hop,) = quote.route.hops
    reader = chain._market._reader
    state = reader._states[hop.pool_id]
    assert isinstance(state, PairState)
    # As if an event had been believed that never was: the pair seems to pay a tenth more.
    wrong = reader.pools[hop.pool_id]
    better = replace(
        wrong,
        reserves=tuple(r * 11 // 10 if t == "USDC" else r for t, r in zip(wrong.tokens, wrong.reserves, strict=True)),
    )
    reader.pools[hop.pool_id], state.reserves = better, better.reserves
    reader._take(Newest(reader._head, reader.snapshot.costs))
    dear = trader.quote(allow_venues=frozenset({"uniswap_v2"}))
    assert dear.amount_out > quote.amount_out

    (answer,) = refusals(trader.engine, [intent_of(trader.engine, dear, trader.wallet, trader.nonce)])

    assert isinstance(answer, LimitNotMet)  # routed again, never `rejected`
    assert trader.quote(allow_venues=frozenset({"uniswap_v2"})) == quote


def test_nobody_is_absent_by_the_word_of_a_machine_that_has_not_the_block(world: World, proxy: RpcProxy) -> None:
    trader = Trader.on(world, urls=(proxy.url,))
    signed = trader.signed()
    trader.send(signed)
    early = world.anvil.ask("eth_getBlockByNumber", "latest", False)
    world.anvil.mine(3)
    block = trader.engine.standing([trader.wallet]).final_block
    proxy.answers |= {"eth_getTransactionReceipt": None, "eth_getBlockByNumber": early}

    assert trader.chain.are_absent([signed.tx_hash], block) == [False]


def test_a_machine_that_lags_does_not_take_the_market_back(
    world: World, proxy: RpcProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    trader = Trader.on(world, urls=(proxy.url,))
    trader.quote()
    early = world.anvil.ask("eth_getBlockByNumber", "latest", False)
    moved(world)
    after = trader.quote()
    proxy.answers["eth_getBlockByNumber"] = early
    asked = len(proxy.requests)

    assert trader.quote() == after
    assert proxy.requests[asked:] == [["eth_getBlockByNumber", "eth_feeHistory"]]  # nothing is read again
    monkeypatch.setattr("dex.chains.evm.pools.reader.LAG_S", 0.0)
    assert trader.quote().amount_out > after.amount_out  # a chain that went back for good


def test_a_standing_waits_for_its_block(world: World, proxy: RpcProxy) -> None:
    trader = Trader.on(world, urls=(proxy.url,), confirmations=1)
    trader.engine.standing([trader.wallet])
    world.anvil.mine()
    number = int(world.anvil.ask("eth_blockNumber"), 16)
    behind(proxy, number, 0.7, lambda call: {"error": WORDS["Geth"]})

    assert trader.engine.standing([trader.wallet]).final_block == number
