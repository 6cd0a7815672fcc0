"""A call that the contracts undo is known by what they gave back, in any words and wrapping of a node."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from dex import ChainUnavailable, DexError, InsufficientFunds, LimitNotMet
from dex.chains.evm.local.world import World
from dex.chains.evm.nodes.errors import RpcError, rpc_error, undone_result
from dex.chains.evm.outcomes.error_table import refusal_of
from dex.chains.evm.outcomes.reverts import message_of
from dex.errors import BroadcastTimeout, NonceTaken, Underpriced
from dex.testing.json_rpc import HttpReply, RawCall, RawReply, RpcProxy, rpc_proxy
from dex.tests.chains.evm.evm_orders import Trader, intent_of, refusals

REASON = "Too little received"
DATA = "0x08c379a0" + encode(["string"], [REASON]).hex()
# How nodes wrap a revert's bytes, each by the kind of node that does. Sources: Geth, internal/ethapi/errors.go; Erigon,
# rpc/errors.go; Nethermind and OpenEthereum, "VM execution error."; Besu, JsonRpcError; Ganache 6 and 7; Hardhat,
# internal/core/providers/errors.ts.
FORMS: dict[str, Callable[[str], Any]] = {
    "Geth": lambda data: {"code": 3, "message": f"execution reverted: {REASON}", "data": data},
    "Erigon": lambda data: {"code": -32000, "message": "execution reverted", "data": data},
    "Nethermind": lambda data: {"code": -32015, "message": "VM execution error.", "data": f"Reverted {data}"},
    "OpenEthereum": lambda data: {"code": -32015, "message": "VM execution error.", "data": f"Reverted {data}"},
    "Parity's words alone": lambda data: {"code": -32015, "message": "Transaction execution error.", "data": data},
    "Besu": lambda data: {"code": -32000, "message": "Execution reverted", "data": data},
    "Besu's member": lambda data: {"code": -32000, "message": "failed", "revertReason": data},
    "anvil": lambda data: {"code": 3, "message": "execution reverted", "data": data},
    "Ganache 6": lambda data: {
        "code": -32000,
        "message": f"VM Exception while processing transaction: revert {REASON}",
        "data": {"0x" + "12" * 32: {"error": "revert", "program_counter": 9, "return": data}, "stack": "at x"},
    },
    "Ganache 7": lambda data: {
        "code": -32000,
        "message": "VM Exception while processing transaction: revert",
        "data": {"hash": None, "programCounter": 9, "result": data, "reason": REASON, "message": "revert"},
    },
    "Hardhat": lambda data: {
        "code": -32603,
        "message": f"Error: VM Exception while processing transaction: reverted with reason string '{REASON}'",
        "data": {"message": "Error: VM Exception", "txHash": "0x" + "34" * 32, "data": data},
    },
    "a wallet's wrapper": lambda data: {
        "code": -32603,
        "message": "Internal JSON-RPC error.",
        "data": {"originalError": {"code": 3, "data": data, "message": "execution reverted"}},
    },
    "a provider's text": lambda data: {"code": -32000, "message": f"execution reverted: {data}"},
    "JSON in text": lambda data: {"code": -32000, "message": "call failed", "data": json.dumps({"data": data})},
    "without 0x": lambda data: {"code": 3, "message": "execution reverted", "data": data[2:]},
    "OpenEthereum without 0x": lambda data: {
        "code": -32015,
        "message": "VM execution error.",
        "data": f"Reverted {data[2:]}" if len(data) > 10 else data,
    },
    "a capital prefix": lambda data: {"code": 3, "message": "execution reverted", "data": "0X" + data[2:].upper()},
    "a list": lambda data: {"code": -32000, "message": "failed", "data": [{"data": data}]},
    "a code of text": lambda data: {"code": "3", "message": "failed", "data": data},
    "a body of text": lambda data: {"code": -32000, "message": "failed", "body": json.dumps({"error": {"data": data}})},
    "words that nobody has met": lambda data: {"code": -39999, "message": "nope", "data": data},
}


@pytest.mark.parametrize("form", FORMS)
def test_the_reason_is_found_in_every_wrapping(form: str) -> None:
    error = rpc_error(FORMS[form](DATA))

    assert (error.is_revert, error.data.hex(), message_of(error, b"")) == (True, DATA[2:], REASON)


@pytest.mark.parametrize("form", FORMS)
def test_an_overflow_and_an_error_of_its_own_are_reverts_too(form: str) -> None:
    overflow = "0x4e487b71" + encode(["uint256"], [0x11]).hex()
    own = "0x" + keccak(b"PoolNotInitialized()")[:4].hex()

    assert message_of(rpc_error(FORMS[form](overflow)), b"") == "panic 0x11"
    assert rpc_error(FORMS[form](own)).is_revert
    assert rpc_error(FORMS[form](own)).data.hex() == own[2:]


@pytest.mark.parametrize(
    "error",
    [
        {"code": 3, "message": "execution reverted", "data": "0x"},
        {"code": -32000, "message": "execution reverted"},
        {"code": -32015, "message": "VM execution error.", "data": "Reverted 0x"},
        {"code": -32015, "message": "VM execution error.", "data": "Reverted"},
        {"code": -32015, "message": "VM execution error.", "data": "Bad instruction fe"},
        {"code": -32000, "message": "VM Exception while processing transaction: revert"},
        {"code": -32000, "message": "invalid opcode: INVALID"},
        {"code": -32603, "message": "Error: Transaction reverted without a reason string"},
        "execution reverted",
    ],
)
def test_a_revert_without_bytes_is_one_all_the_same(error: Any) -> None:
    assert (rpc_error(error).is_revert, rpc_error(error).data) == (True, b"")


@pytest.mark.parametrize(
    ("error", "is_no_judgement"),
    [
        ({"code": -32000, "message": "header not found"}, True),
        ({"code": -32601, "message": "the method eth_call does not exist"}, True),
        ({"code": -32603, "message": "request failed", "data": "0x" + "ab" * 32}, True),
        ({"code": -32602, "message": "invalid address 0x" + "ab" * 20}, True),
        ({"code": -32000, "message": "failed", "data": "20261129"}, True),
        ({"code": -32000, "message": "deadbeef: upstream failed", "data": ["0x12"]}, True),
        ({"code": -32005, "message": "daily request count exceeded"}, True),
        ({}, True),
        ({"code": -32000, "message": "insufficient funds for gas * price + value"}, False),
        ({"code": -32000, "message": "out of gas"}, False),
    ],
)
def test_what_a_node_says_of_itself_is_no_revert(error: Any, is_no_judgement: bool) -> None:
    assert (rpc_error(error).is_revert, rpc_error(error).is_judgement) == (False, not is_no_judgement)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Known transaction", None),
        ("Transaction with the same hash was already imported.", None),
        ("Transaction nonce is too low. Try incrementing the nonce.", NonceTaken),
        ("Nonce too low. Expected nonce to be 5 but got 4.", NonceTaken),
        ("Sender doesn't have enough funds to send tx. The max upfront cost is: 2", InsufficientFunds),
        ("Upfront cost exceeds account balance", InsufficientFunds),
        ("Gas price below current base fee", Underpriced),
        ("Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 2", Underpriced),
        ("Transaction gas price is too low. There is another transaction with same nonce in the queue.", Underpriced),
        ("fee cap less than block base fee: address 0x, feeCap: 1 baseFee: 2", Underpriced),
        ("Internal error", BroadcastTimeout),
    ],
)
def test_what_a_node_says_of_sent_bytes_is_known_in_every_wording(words: str, kind: type[DexError] | None) -> None:
    found = refusal_of(words)

    assert (None if found is None else type(found)) == kind


def test_a_revert_that_comes_as_the_result_of_the_call_is_one() -> None:
    assert undone_result(bytes.fromhex(DATA[2:])) == RpcError(3, "execution reverted", bytes.fromhex(DATA[2:]))
    assert undone_result(bytes(31) + b"\1") is None
    assert undone_result(b"") is None


@pytest.fixture
def proxy(world: World) -> Iterator[RpcProxy]:
    with rpc_proxy(world.anvil.url) as made:
        yield made


def as_told(form: Callable[[str], Any]) -> Callable[[list[RawCall], list[RawReply]], HttpReply]:
    """The node's replies with every revert told in another way."""

    def alter(calls: list[RawCall], replies: list[RawReply]) -> HttpReply:
        told = [
            {"jsonrpc": "2.0", "id": reply["id"], "error": form(reply["error"].get("data", "0x"))}
            if "error" in reply
            else reply
            for reply in replies
        ]
        return HttpReply(json.dumps(told).encode())

    return alter


@pytest.mark.chain
@pytest.mark.parametrize("form", FORMS)
def test_a_swap_that_would_be_undone_is_not_signed(world: World, proxy: RpcProxy, form: str) -> None:
    trader = Trader.on(world, is_first=False, urls=(proxy.url,))
    quote = trader.quote(allow_venues=frozenset({"uniswap_v3"}))
    dear = intent_of(trader.engine, quote, trader.wallet, trader.nonce, min_amount_out=2 * quote.amount_out)
    poor = intent_of(trader.engine, trader.quote(4_000 * 10**18), trader.wallet, trader.nonce)
    proxy.alters = as_told(FORMS[form])

    answers = refusals(trader.engine, [dear, poor])

    assert [type(answer) for answer in answers] == [LimitNotMet, InsufficientFunds]


@pytest.mark.chain
def test_a_swap_that_no_node_could_try_is_not_signed(world: World, proxy: RpcProxy) -> None:
    trader = Trader.on(world, is_first=False, urls=(proxy.url,))
    quote = trader.quote()
    good = intent_of(trader.engine, quote, trader.wallet, trader.nonce)
    dear = intent_of(trader.engine, quote, trader.wallet, trader.nonce, min_amount_out=2 * quote.amount_out)
    proxy.alters = as_told(lambda data: {"code": -32000, "message": "something that nobody has met"})

    found: list[DexError | None] = list(refusals(trader.engine, [good, dear]))

    assert found[0] is None
    assert isinstance(found[1], ChainUnavailable)
    assert "something that nobody has met" in found[1].detail


@pytest.mark.chain
def test_why_a_transaction_was_undone_is_told_in_every_wrapping(world: World, proxy: RpcProxy) -> None:
    trader = Trader.on(world, is_first=False, urls=(proxy.url,))
    signed = trader.signed(deadline=1)
    trader.send(signed)
    world.anvil.mine()
    for form in FORMS.values():
        proxy.alters = as_told(form)

        receipt = trader.receipt(signed)

        assert receipt is not None
        assert (receipt.is_success, receipt.code) == (False, "expired")
