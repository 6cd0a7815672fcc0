"""Why a transaction was undone: its receipt does not say, so the call is made again where it was included."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from dex.chains.evm.failures import reason_of
from dex.chains.evm.rpc import Call, Rpc, RpcError
from dex.chains.evm.universal_errors import named
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


def message_of(error: RpcError) -> str:
    """The reason in words where the contracts gave one."""
    data = bytes.fromhex(error.data[2:]) if error.data.startswith("0x") else b""
    if (custom := named(data)) is not None:
        name, inner = custom
        return message_of(error._replace(message=name, data="0x" + inner.hex())) if inner else name
    try:
        if data[:4] == ERROR_STRING:
            return str(decode(["string"], data[4:])[0])
        if data[:4] == PANIC:
            return f"panic {decode(['uint256'], data[4:])[0]:#x}"
    except DecodingError:
        pass
    return error.message


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
            return reason_of(message_of(answer))
    return "reverted", "the contracts undid it; the node does not tell why"


def _again(transaction: dict[str, Any], block: int) -> Call:
    call = {name: transaction[name] for name in ("from", "to", "gas", "value")}
    return ("eth_call", [call | {"data": transaction["input"]}, hex(block)])
