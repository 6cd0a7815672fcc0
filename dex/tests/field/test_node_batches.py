"""Nodes that take few calls in one request, or one: they are found out, remembered and asked accordingly."""

import json
from collections.abc import Callable, Iterator

import pytest

from dex import ChainUnavailable
from dex.chains.evm.local.world import World
from dex.chains.evm.nodes.node import _Size
from dex.testing.json_rpc import HttpReply, RawCall, RawReply, RpcProxy, error_reply, rpc_proxy
from dex.tests.chains.evm.evm_orders import Trader

pytestmark = pytest.mark.chain

MOST = 7
Alter = Callable[[list[RawCall], list[RawReply]], HttpReply | None]


def _over(reply: HttpReply) -> Alter:
    return lambda calls, replies: reply if len(calls) > MOST else None


def _each(calls: list[RawCall], replies: list[RawReply]) -> HttpReply | None:
    error = {"code": -32005, "message": "batch size exceeded"}
    told = [{"jsonrpc": "2.0", "id": call["id"], "error": error} for call in calls]
    return HttpReply(json.dumps(told).encode()) if len(calls) > MOST else None


def _fewer(calls: list[RawCall], replies: list[RawReply]) -> HttpReply | None:
    return HttpReply(json.dumps(replies[:MOST]).encode()) if len(calls) > MOST else None


TOO_LARGE = error_reply("batch too large").body
REFUSALS: dict[str, Alter] = {
    "one error": _over(error_reply("batch limit of 7 exceeded", -32005)),
    "one error in a list": _over(HttpReply(b"[" + TOO_LARGE + b"]")),
    "413": _over(HttpReply(b"<html>too large</html>", 413)),
    "400": _over(HttpReply(b"bad request", 400)),
    "400 with an error": _over(error_reply("batch too large", status=400)),
    "500": _over(HttpReply(b"", 500)),
    "429": _over(HttpReply(b"", 429, {"Retry-After": "0"})),
    "fewer answers": _fewer,
    "one error for each call": _each,
}


@pytest.fixture
def proxy(world: World) -> Iterator[RpcProxy]:
    with rpc_proxy(world.anvil.url) as made:
        yield made


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_batch_that_is_refused_as_a_whole_goes_again_in_halves(
    world: World, proxy: RpcProxy, refusal: str, caplog: pytest.LogCaptureFixture
) -> None:
    trader = Trader.on(world, urls=(proxy.url,))
    signed = [trader.signed() for _ in range(30)]
    proxy.alters = REFUSALS[refusal]
    trader.send(*signed)
    world.anvil.mine(3)

    receipts = trader.engine.receipts([item.tx_hash for item in signed])
    asked = len(proxy.requests)
    again = trader.engine.receipts([item.tx_hash for item in signed])

    assert [receipt and receipt.is_final for receipt in receipts] == [True] * 30
    assert again == receipts
    assert max(len(methods) for methods in proxy.requests[asked:]) <= MOST  # it is remembered
    host = proxy.url.removeprefix("http://")
    assert f"node {host} " in caplog.text


DOUBTFUL = {
    "403": HttpReply(b"", 403),
    "502": HttpReply(b"<html>", 502),
    "503": HttpReply(b"", 503),
    "504": HttpReply(b"", 504),
    "nothing": HttpReply(b""),
    "a page": HttpReply(b"<html>too large</html>"),
    "null": HttpReply(b"null"),
}


@pytest.mark.parametrize("refusal", DOUBTFUL)
def test_what_only_batches_are_answered_with_is_their_refusal_the_second_time(
    world: World, proxy: RpcProxy, refusal: str, caplog: pytest.LogCaptureFixture
) -> None:
    trader = Trader.on(world, urls=(proxy.url,))
    signed = [trader.signed() for _ in range(30)]
    trader.send(*signed)
    world.anvil.mine(3)
    proxy.alters = _over(DOUBTFUL[refusal])
    with pytest.raises(ChainUnavailable):
        trader.engine.receipts([item.tx_hash for item in signed])
    assert "calls in one request" not in caplog.text

    receipts = trader.engine.receipts([item.tx_hash for item in signed])

    assert [receipt and receipt.is_final for receipt in receipts] == [True] * 30
    assert "takes no 32 calls in one request" in caplog.text


@pytest.mark.parametrize("refusal", DOUBTFUL)
def test_a_node_that_answers_nothing_so_keeps_the_size_of_its_batches(
    world: World, proxy: RpcProxy, refusal: str, caplog: pytest.LogCaptureFixture
) -> None:
    trader = Trader.on(world, urls=(proxy.url,))
    signed = [trader.signed() for _ in range(16)]
    trader.send(*signed)
    proxy.refuses = lambda calls: DOUBTFUL[refusal]
    for _ in range(4):
        with pytest.raises(ChainUnavailable):
            trader.engine.receipts([item.tx_hash for item in signed])
    proxy.refuses = lambda calls: None

    trader.engine.receipts([item.tx_hash for item in signed])

    assert len(proxy.requests[-1]) == 18
    assert "calls in one request" not in caplog.text


@pytest.mark.parametrize("refusal", ["one error", "fewer answers"])
def test_transactions_are_sent_once_each_and_in_their_order(world: World, proxy: RpcProxy, refusal: str) -> None:
    trader = Trader.on(world, urls=(proxy.url,))
    signed = [trader.signed() for _ in range(20)]
    proxy.alters = REFUSALS[refusal]

    assert trader.send(*signed) == [None] * 20
    world.anvil.mine()

    receipts = trader.engine.receipts([item.tx_hash for item in signed])
    assert all(receipt is not None and receipt.is_success for receipt in receipts)


def test_a_node_that_knows_no_batches_is_asked_one_call_at_a_time(
    world: World, proxy: RpcProxy, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.takes_arrays = False
    trader = Trader.on(world, urls=(proxy.url,))

    quote = trader.quote()
    asked = len(proxy.requests)
    trader.engine.prepare()

    assert quote == Trader.on(world).quote()
    assert proxy.requests[asked:] == [["eth_feeHistory"]]
    assert "takes no calls together at all: no batches here" in caplog.text


def test_what_a_node_refuses_every_time_is_not_taken_for_the_size_of_a_batch(
    world: World, proxy: RpcProxy, caplog: pytest.LogCaptureFixture
) -> None:
    trader = Trader.on(world, urls=(proxy.url,))
    signed = [trader.signed() for _ in range(16)]
    proxy.refuses = lambda calls: error_reply("the account is closed")
    asked = len(proxy.requests)
    assert set(trader.send(*signed)) == {"timeout", "network"}
    refused = len(proxy.requests) - asked
    proxy.refuses = lambda calls: None

    trader.engine.receipts([item.tx_hash for item in signed])

    assert refused <= 6  # halves of 16, and the single call once more without its array
    assert len(proxy.requests[-1]) == 18
    assert "refuses every request: the account is closed" in caplog.text


def test_a_size_that_was_cut_grows_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr("dex.chains.evm.nodes.node.time.monotonic", lambda: now[0])
    size = _Size(100)
    size.cut(100)
    size.cut(50)

    sizes = []
    for _ in range(4):
        sizes.append(size.now())
        now[0] += 601.0

    assert sizes == [25, 50, 100, 100]
