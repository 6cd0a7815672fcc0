"""For every answer of a node the adapter gives what is true or one of its own errors: each method, each wrong shape."""

import functools
import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from dex import DexError, RetryableError
from dex.chains.evm import EvmChain
from dex.chains.evm.answers import READERS, Block, read_answer
from dex.chains.evm.checkup import check_up
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.local.world import World
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.multicall import check_same
from dex.testing.json_rpc import HttpReply, RawCall, RawReply, RpcProxy, rpc_proxy
from dex.tests.chains.evm.evm_orders import Trader, intent_of

WORD = "0x" + "00" * 31 + "01"
DEEP = json.loads("[" * 300 + "]" * 300)
# Shapes that no method answers with, to any question.
SHAPES: dict[str, Any] = {
    "nothing": None,
    "empty text": "",
    "a prefix alone": "0x",
    "an object": {},
    "a list": [],
    "a number": 7,
    "a fraction": 1.5,
    "a truth": True,
    "no hexadecimal": "0xzz",
    "an odd digit": "0xabc",
    "a capital prefix": "0X01",
    "a sign": "-0x1",
    "an underscore": "0x1_0",
    "a blank": "0x 01",
    "above a word": "0x1" + "00" * 32,
    "digits of another script": "0x١٢",
    "nested deeply": DEEP,
    "a list of nothing": [None],
    "a list of texts": ["0x1"],
    "an object of nothing": {"number": None, "hash": None, "timestamp": None},
}
# What each of these methods may also be answered with.
FITS: dict[str, set[str]] = {
    "eth_chainId": {"an odd digit"},
    "eth_blockNumber": {"an odd digit"},
    "eth_getBlockByNumber": {"nothing"},
    "eth_getTransactionCount": {"an odd digit"},
    "eth_getBalance": {"an odd digit"},
    "eth_estimateGas": {"an odd digit"},
    "eth_getCode": {"a prefix alone"},
    "eth_call": {"a prefix alone"},
    "eth_getLogs": {"a list"},
    "eth_getTransactionReceipt": {"nothing"},
    "eth_getTransactionByHash": {"nothing"},
}
HASH, ADDRESS = "0x" + "ab" * 32, "0x" + "cd" * 20
PARAMS: dict[str, list[Any]] = {
    "eth_feeHistory": ["0xa", "latest", [10, 50, 90]],
    "eth_getBlockByNumber": ["latest", False],
    "eth_getTransactionReceipt": [HASH],
    "eth_getTransactionByHash": [HASH],
    "eth_sendRawTransaction": ["0x02"],
    "eth_getLogs": [{"fromBlock": "0x1", "toBlock": "0x2", "address": [ADDRESS], "topics": []}],
}
LOG: dict[str, Any] = {"address": ADDRESS, "topics": [HASH], "data": WORD, "blockNumber": "0x1", "logIndex": "0x0"}
RECEIPT: dict[str, Any] = {
    "transactionHash": HASH,
    "blockNumber": "0x1",
    "blockHash": HASH,
    "status": "0x1",
    "gasUsed": "0x5208",
    "effectiveGasPrice": "0x3b9aca00",
    "l1Fee": "0x7",
    "logs": [LOG],
}
SENT: dict[str, Any] = {"hash": HASH, "from": ADDRESS, "to": ADDRESS, "gas": "0x5208", "value": "0x0", "input": "0x"}
BLOCK: dict[str, Any] = {"number": "0x1", "hash": HASH, "timestamp": "0x1"}
FEES: dict[str, Any] = {"baseFeePerGas": ["0x1", "0x2"], "reward": [["0x1", "0x2", "0x3"]]}
OBJECTS: dict[str, dict[str, Any]] = {
    "eth_getBlockByNumber": BLOCK,
    "eth_getTransactionReceipt": RECEIPT,
    "eth_getTransactionByHash": SENT,
    "eth_feeHistory": FEES,
}
WRONG_MEMBERS: tuple[Any, ...] = ("", "0x", "0xzz", {}, 7, [7], "0x" + "f" * 65, [[None]])
# Members that an object may do without, or have as null.
OPTIONAL = {
    ("eth_feeHistory", "reward"),
    ("eth_getTransactionByHash", "to"),
    ("eth_getTransactionReceipt", "l1Fee"),
}


@pytest.mark.parametrize("method", READERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_that_does_not_fit_is_no_answer(method: str, shape: str) -> None:
    params = PARAMS.get(method, [ADDRESS, "latest"])
    if shape in FITS.get(method, set()):
        read_answer(method, params, SHAPES[shape])
        return

    with pytest.raises(BadAnswer):
        read_answer(method, params, SHAPES[shape])


@pytest.mark.parametrize("method", OBJECTS)
def test_every_member_of_an_object_is_read(method: str) -> None:
    whole, params = OBJECTS[method], PARAMS.get(method, [])
    read_answer(method, params, whole)
    for name in whole:
        wrong = [{key: value for key, value in whole.items() if key != name}] if (method, name) not in OPTIONAL else []
        wrong += [whole | {name: value} for value in WRONG_MEMBERS]
        wrong += [] if (method, name) in OPTIONAL else [whole | {name: None}]
        for answer in wrong:
            if (method, name) == ("eth_getTransactionByHash", "input") and answer.get(name) == "0x":
                continue
            with pytest.raises(BadAnswer):
                read_answer(method, params, answer)


def test_a_receipt_without_a_block_is_that_of_a_transaction_that_waits() -> None:
    pending = RECEIPT | {"blockNumber": None, "blockHash": None, "status": None, "logs": []}

    assert read_answer("eth_getTransactionReceipt", [HASH], pending) is None
    del pending["effectiveGasPrice"]
    assert read_answer("eth_getTransactionReceipt", [HASH], pending) is None


def test_what_a_transaction_cost_is_its_gas_and_its_data() -> None:
    whole = read_answer("eth_getTransactionReceipt", [HASH], RECEIPT)
    without = {name: value for name, value in RECEIPT.items() if name != "l1Fee"}
    plain = read_answer("eth_getTransactionReceipt", [HASH], without)

    assert (whole.fee_paid, whole.data_fee) == (21_000 * 10**9 + 7, 7)
    assert (plain.fee_paid, plain.data_fee) == (21_000 * 10**9, None)


@pytest.mark.parametrize(
    "change",
    [
        {"address": "0x" + "ee" * 20},
        {"blockNumber": "0x9"},
        {"blockNumber": None},
        {"logIndex": None},
        {"topics": None},
        {"topics": [HASH] * 5},
        {"removed": True},
    ],
)
def test_logs_that_nobody_asked_for_are_no_answer(change: dict[str, Any]) -> None:
    params = PARAMS["eth_getLogs"]
    assert len(read_answer("eth_getLogs", params, [LOG])) == 1

    with pytest.raises(BadAnswer):
        read_answer("eth_getLogs", params, [LOG | change])
    with pytest.raises(BadAnswer):
        read_answer("eth_getLogs", params, [LOG, LOG])


@pytest.mark.parametrize(
    ("method", "params", "answer"),
    [
        ("eth_getTransactionReceipt", ["0x" + "01" * 32], RECEIPT),
        ("eth_getTransactionByHash", ["0x" + "01" * 32], SENT),
        ("eth_sendRawTransaction", ["0x02"], HASH),
        ("eth_getBlockByNumber", ["latest", False], BLOCK | {"number": "0x" + "f" * 16}),
        ("eth_getBlockByNumber", ["latest", False], BLOCK | {"timestamp": "0x" + "f" * 16}),
        ("eth_getTransactionReceipt", [HASH], RECEIPT | {"status": "0x2"}),
        ("eth_getTransactionReceipt", [HASH], RECEIPT | {"effectiveGasPrice": "0x1" + "0" * 16}),
        ("eth_getTransactionReceipt", [HASH], RECEIPT | {"l1Fee": "0x1" + "0" * 24}),
        ("eth_feeHistory", PARAMS["eth_feeHistory"], FEES | {"baseFeePerGas": []}),
        ("eth_feeHistory", PARAMS["eth_feeHistory"], FEES | {"reward": [["0x1"]]}),
        ("eth_feeHistory", PARAMS["eth_feeHistory"], FEES | {"reward": [["0x1", "0x2", "0x3", "0x4"]]}),
    ],
)
def test_an_answer_to_another_question_is_none(method: str, params: list[Any], answer: Any) -> None:
    with pytest.raises(BadAnswer):
        read_answer(method, params, answer)


def test_zeros_that_lead_are_let_pass_and_change_nothing() -> None:
    assert read_answer("eth_getBalance", [], "0x0000ff") == 255


@pytest.fixture
def proxy(world: World) -> Iterator[RpcProxy]:
    with rpc_proxy(world.anvil.url) as made:
        yield made


Spoil = Callable[[], None]


class Questions:
    """Every question that the adapter can be asked, through a node that can be made to answer wrongly."""

    def __init__(self, world: World, proxy: RpcProxy, *, mines: bool, spoilt: str = "") -> None:
        self._world, self._proxy, self._mines = world, proxy, mines
        self._trader = trader = Trader.on(world)
        undone = trader.signed(deadline=1)
        trader.send(undone)
        world.anvil.mine(3)
        self._chain = chain = self._made()
        chain.snapshot()
        chain.prepare()
        # Who asks first meets only what is asked then. Empty: all of it is spoilt.
        self._is_met_first = not spoilt or any(spoilt in methods for methods in proxy.requests)
        permit2, wallet = self._made(universal_router=ADDRESS), trader.wallet
        quote = trader.quote()
        intent = intent_of(trader.engine, quote, wallet, trader.nonce)
        signed = trader.cancellation(trader.nonce + 9, intent.fees)
        self._asked: dict[str, Callable[[], Any]] = {
            "snapshot": chain.snapshot,
            "next_nonce": lambda: chain.next_nonce(wallet),
            "balances": lambda: chain.balances(wallet),
            "low_on_gas": lambda: chain.low_on_gas([wallet]),
            "standing": lambda: chain.standing([wallet]),
            "prepare": chain.prepare,
            "simulate": lambda: chain.simulate([intent]),
            "allowances": lambda: chain.allowances(wallet),
            "allowances of Permit2": lambda: permit2.allowances(wallet),
            "approval_calls": lambda: chain.approval_calls(wallet, "USDC", 5),
            "acting_in_batches": lambda: chain.acting_in_batches([wallet]),
            "broadcast": lambda: chain.broadcast([signed]),
            "receipts": lambda: chain.receipts([undone.tx_hash]),
            "are_absent": lambda: chain.are_absent([undone.tx_hash], 1),
        }

    def outcomes(self, spoil: Spoil) -> dict[str, str]:
        """What each comes to from `spoil` on: the words of an error, or `answered`. The market has to be read again."""
        if self._mines:
            self._world.anvil.mine()
        fresh = self._made()
        spoil()
        first = {"first snapshot": fresh.snapshot, "first prepare": fresh.prepare} if self._is_met_first else {}
        asked = self._asked | first
        found = {name: _outcome(ask) for name, ask in asked.items()}
        options = replace(self._world.options(), urls=(self._proxy.url,), timeout_s=10.0)
        check_up(options, 10**9, {self._trader.wallet: 0})
        self._proxy.alters, self._proxy.answers = (lambda calls, replies: None), {}
        return found

    def _made(self, **options: Any) -> EvmChain:
        # Of all tokens it would be told of 15,000 words of pools instead of 900.
        tokens = tuple(token for token in self._world.tokens if token.symbol in {"WETH", "USDC"})
        chain = self._world.chain(urls=(self._proxy.url,), tokens=tokens, timeout_s=10.0, deadline_s=20.0, **options)
        chain._fund = None
        return chain


def _outcome(ask: Callable[[], Any]) -> str:
    try:
        answer = ask()
    except RetryableError as error:
        return error.detail
    errors = [item for item in answer if isinstance(item, DexError)] if isinstance(answer, list) else []
    return errors[0].detail if errors else "answered"


SPOILT = [method for method in READERS if method != "eth_blockNumber"]


@pytest.mark.chain
@pytest.mark.parametrize("method", SPOILT)
def test_no_wrong_answer_of_a_node_is_more_than_an_error_of_the_adapter(
    world: World, proxy: RpcProxy, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dex.chains.evm.nodes.rpc.PATIENCE_S", 0.0)
    # After some hundred blocks anvil cannot go back any more.
    questions = Questions(world, proxy, mines=method in {"eth_getLogs", "eth_getBlockByNumber"}, spoilt=method)
    for shape in ("nothing", "empty text", "a prefix alone", "an object", "a list", "above a word"):
        answer = SHAPES[shape]

        found = questions.outcomes(lambda answer=answer: proxy.answers.update({method: answer}))  # type: ignore[misc]

        said = [words for words in found.values() if words != "answered"]
        assert all("127.0.0.1" in words or "nodes" in words for words in said), said


def array_of(replies: list[RawReply]) -> HttpReply:
    return HttpReply(json.dumps(replies).encode())


def _missing(calls: list[RawCall], replies: list[RawReply]) -> HttpReply:
    return array_of(replies[:-1])


@functools.cache
def far_too_much() -> bytes:
    """80 MB once unpacked. Packed once: each question gets it, and packing takes a third of a second."""
    return gzip.compress(b"[" + b" " * 80_000_000)


BODIES: dict[str, Callable[[list[RawCall], list[RawReply]], HttpReply]] = {
    "nothing": lambda calls, replies: HttpReply(b""),
    "null": lambda calls, replies: HttpReply(b"null"),
    "a page": lambda calls, replies: HttpReply(b"<html><body>Sign in</body></html>"),
    "broken off": lambda calls, replies: HttpReply(json.dumps(replies).encode()[:-5]),
    "one call less": _missing,
    "one twice": lambda calls, replies: array_of([*replies[1:], replies[-1]] if len(replies) > 1 else [*replies] * 2),
    "others": lambda calls, replies: array_of([reply | {"id": reply["id"] + 1000} for reply in replies]),
    "names of text": lambda calls, replies: array_of([reply | {"id": str(reply["id"])} for reply in replies]),
    "no results": lambda calls, replies: array_of([{"jsonrpc": "2.0", "id": reply["id"]} for reply in replies]),
    "texts": lambda calls, replies: HttpReply(json.dumps(["0x1" for _ in replies]).encode()),
    "an error without a code": lambda calls, replies: array_of([{"id": call["id"], "error": {}} for call in calls]),
    "an error of text": lambda calls, replies: array_of([{"id": call["id"], "error": "no"} for call in calls]),
    "an error of numbers": lambda calls, replies: array_of([{"id": call["id"], "error": [1]} for call in calls]),
    "an error that is deep": lambda calls, replies: array_of(
        [{"id": call["id"], "error": {"code": "x", "message": DEEP, "data": DEEP}} for call in calls]
    ),
    "one object": lambda calls, replies: HttpReply(json.dumps({"jsonrpc": "2.0", "id": 5, "result": "0x1"}).encode()),
    "nested beyond reading": lambda calls, replies: HttpReply(b"[" * 100_000),
    "bytes of no text": lambda calls, replies: HttpReply(b"\xff\xfe\x00"),
    "what is not packed": lambda calls, replies: HttpReply(b"[]", headers={"Content-Encoding": "gzip"}),
    "far too much": lambda calls, replies: HttpReply(far_too_much(), headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.chain
@pytest.mark.parametrize("body", BODIES)
def test_no_wrong_body_of_a_node_is_more_than_an_error_of_the_adapter(world: World, proxy: RpcProxy, body: str) -> None:
    questions = Questions(world, proxy, mines=True)

    found = questions.outcomes(lambda: setattr(proxy, "alters", BODIES[body]))

    # Nobody is absent by the word of a node that says nothing; this and whose code a wallet runs was asked just before.
    assert {name for name, words in found.items() if words == "answered"} <= {"are_absent", "acting_in_batches"}


@pytest.mark.chain
def test_the_next_node_is_asked_where_one_answers_wrongly(world: World, proxy: RpcProxy) -> None:
    proxy.answers["eth_getBalance"] = "0x"
    wallet = Trader.on(world).wallet

    found = world.chain(urls=(proxy.url, world.anvil.url)).balances(wallet)

    assert found == world.chain().balances(wallet)


@pytest.mark.chain
def test_the_call_and_the_host_are_named(world: World, proxy: RpcProxy, caplog: pytest.LogCaptureFixture) -> None:
    chain = world.chain(urls=(f"{proxy.url}/v3/secret-key",))
    chain.prepare()
    proxy.answers["eth_feeHistory"] = {"oldestBlock": "0x1"}
    host = proxy.url.removeprefix("http://")

    with pytest.raises(RetryableError) as refusal:
        chain.prepare()

    assert refusal.value.detail == f"{host} answers eth_feeHistory with an object without baseFeePerGas"
    assert "secret-key" not in caplog.text
    assert f"node {host} answers eth_feeHistory with an object without baseFeePerGas" in caplog.text


@pytest.mark.chain
def test_a_node_that_comes_back_on_another_chain_is_not_used(
    world: World, proxy: RpcProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = world.chain(urls=(proxy.url,))
    chain.prepare()
    proxy.answers["eth_chainId"] = "0x1"
    chain.prepare()  # not asked each time
    proxy.refuses = lambda calls: HttpReply(b"")
    with pytest.raises(RetryableError, match="with nothing"):
        chain.prepare()
    proxy.refuses = lambda calls: None

    with pytest.raises(RetryableError, match="is a node of chain 1, not of 31338"):
        chain.prepare()
    proxy.answers.clear()
    chain.prepare()
    proxy.answers["eth_chainId"] = "0x1"
    monkeypatch.setattr("dex.chains.evm.nodes.node.time.monotonic", lambda: time.perf_counter() + 10**9)
    with pytest.raises(RetryableError, match="is a node of chain 1, not of 31338"):
        chain.prepare()


def test_the_words_in_which_a_node_refuses_a_block_are_told() -> None:
    with pytest.raises(BadAnswer, match="a refusal: odd words"):
        check_same(Block(1, HASH, 1), RpcError(-1, "odd words"))
