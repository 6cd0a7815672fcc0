"""Why a transaction was undone: its receipt does not say, so the call is made again where it was included."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from dex.chains.evm.abi import EXECUTE_ERROR, TRANSFER_TO
from dex.chains.evm.batch_deeds import calls_of
from dex.chains.evm.failures import NOTHING_TO_GIVE, reason_of
from dex.chains.evm.rpc import Call, Rpc, RpcError
from dex.chains.evm.universal_errors import named
from dex.errors import BroadcastRejected
from dex.types import Receipt

# Error(string) and Panic(uint256). Source: https://docs.soliditylang.org/en/latest/control-structures.html
ERROR_STRING, PANIC = bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")
# From this part of its limit on a transaction is taken to have run out of gas.
SPENT_PER_MILLE = 985


def explain(rpc: Rpc, undone: Sequence[tuple[Receipt, dict[str, Any]]]) -> list[Receipt]:
    """The receipts, each given with the node's own, with code and detail. Raises: ChainUnavailable."""
    if not undone:
        return []
    sent = rpc.results([("eth_getTransactionByHash", [receipt.tx_hash]) for receipt, _ in undone])
    # At the end of its block, where whoever came first has moved the price; then before it.
    asked = [
        _again(transaction, int(raw["blockNumber"], 16) - back)
        for transaction, (_, raw) in zip(sent, undone, strict=True)
        if transaction is not None
        for back in (0, 1)
    ]
    answers = iter(rpc.read(asked))
    explained = []
    for transaction, (receipt, raw) in zip(sent, undone, strict=True):
        if transaction is None:  # a reorg has just taken it
            explained.append(receipt)
            continue
        code, detail = _judged(transaction, raw, [next(answers), next(answers)])
        explained.append(replace(receipt, code=code, detail=detail))
    return explained


def message_of(error: RpcError, sent: bytes) -> str:
    """The reason in words where the contracts gave one; `sent` is what they were called with."""
    data = bytes.fromhex(error.data[2:]) if error.data.startswith("0x") else b""
    return _words(data, sent) or error.message


def _words(data: bytes, sent: bytes) -> str:
    """What a contract gave back with its revert, in words; empty where it cannot be read."""
    if (custom := named(data)) is not None:
        name, inner = custom
        return _words(inner, b"") or name
    try:
        if data[:4] == ERROR_STRING:
            return str(decode(["string"], data[4:])[0])
        if data[:4] == PANIC:
            return f"panic {decode(['uint256'], data[4:])[0]:#x}"
        if data[:4] == EXECUTE_ERROR.selector:
            number, inner = EXECUTE_ERROR.arguments(data)
            return f"{_words(inner, b'') or _unsaid(sent, number)} (call {number + 1} of the batch)"
    except (DecodingError, BroadcastRejected):
        pass
    return ""


def _unsaid(sent: bytes, number: int) -> str:
    """What it means that one call of a batch was undone without a word."""
    call = calls_of(sent)[number]
    # Wrapped native tokens, and the chain itself, say nothing to who has too little.
    gives = call.value or call.data[:4] == TRANSFER_TO.selector
    return NOTHING_TO_GIVE if gives else "no reason given"


def is_revert(answer: object) -> bool:
    """Whether a call was undone by the contracts, rather than refused by the node."""
    # Source: https://ethereum.github.io/execution-apis (error code 3 of eth_call)
    return isinstance(answer, RpcError) and (answer.code == 3 or "revert" in answer.message.lower())


def _judged(transaction: dict[str, Any], raw: dict[str, Any], answers: Sequence[Any]) -> tuple[str, str]:
    used, limit = int(raw["gasUsed"], 16), int(transaction["gas"], 16)
    if used * 1000 >= limit * SPENT_PER_MILLE:
        return "reverted", f"it ran out of gas: {used} of {limit} used"
    for answer in answers:
        if is_revert(answer):
            return reason_of(message_of(answer, bytes.fromhex(transaction["input"][2:])))
    return "reverted", "the contracts undid it; the node does not tell why"


def _again(transaction: dict[str, Any], block: int) -> Call:
    call = {name: transaction[name] for name in ("from", "to", "gas", "value")}
    return ("eth_call", [call | {"data": transaction["input"]}, hex(block)])
