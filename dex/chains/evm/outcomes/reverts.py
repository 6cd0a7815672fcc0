"""Why a transaction was undone: its receipt does not say, so the call is made again where it was included."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from dex.chains.evm.abi.contracts import EXECUTE_ERROR, TRANSFER_TO
from dex.chains.evm.answers import NodeReceipt, SentTransaction
from dex.chains.evm.nodes.errors import ERROR_STRING, PANIC, RpcError
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.outcomes.error_table import NOTHING_TO_GIVE, reason_of
from dex.chains.evm.outcomes.universal_errors import named
from dex.chains.evm.swaps.batch import BatchCall
from dex.chains.evm.swaps.batch_effects import calls_of
from dex.errors import BroadcastRejected
from dex.types import Receipt

# From this part of its limit on a transaction is taken to have run out of gas.
SPENT_PER_MILLE = 985


def explain(rpc: Rpc, undone: Sequence[tuple[Receipt, NodeReceipt]]) -> list[Receipt]:
    """The receipts, each given with the node's own, with code and detail. Raises: ChainUnavailable."""
    if not undone:
        return []
    sent = rpc.results([("eth_getTransactionByHash", [receipt.tx_hash]) for receipt, _ in undone])
    # At the end of its block, where earlier transactions have moved the price; then before it.
    asked = [
        _again(transaction, raw.block_number - back)
        for transaction, (_, raw) in zip(sent, undone, strict=True)
        if transaction is not None
        for back in (0, 1)
    ]
    answers = iter(rpc.read(asked) if asked else [])
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
    return _words(error.data, sent) or error.message


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
    call = calls_of(sent)[number] if number < len(calls_of(sent)) else BatchCall("", 0, b"")
    # Wrapped native tokens, and the chain itself, say nothing to who has too little.
    gives = call.value or call.data[:4] == TRANSFER_TO.selector
    return NOTHING_TO_GIVE if gives else "no reason given"


def _judged(transaction: SentTransaction, raw: NodeReceipt, answers: Sequence[Any]) -> tuple[str, str]:
    if raw.gas_used * 1000 >= transaction.gas * SPENT_PER_MILLE:
        return "reverted", f"it ran out of gas: {raw.gas_used} of {transaction.gas} used"
    if words := _words(raw.reason, transaction.data):
        return reason_of(words)
    for answer in answers:
        if isinstance(answer, RpcError) and answer.is_revert:
            return reason_of(message_of(answer, transaction.data))
    return "reverted", "the contracts undid it; the node does not tell why"


def _again(transaction: SentTransaction, block: int) -> Call:
    call = {
        "from": transaction.sender,
        "to": transaction.to,
        "gas": hex(transaction.gas),
        "value": hex(transaction.value),
        "data": "0x" + transaction.data.hex(),
    }
    return ("eth_call", [call, hex(max(0, block))])
