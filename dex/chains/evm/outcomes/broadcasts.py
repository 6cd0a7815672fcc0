"""Hands signed bytes to every node of a chain, and makes one answer of what they say."""

from collections.abc import Sequence

from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.nodes.transport import Unreachable
from dex.chains.evm.outcomes.error_table import refusal_of
from dex.errors import BroadcastTimeout, DexError, RetryableError
from dex.types import SignedTransaction


def broadcast(rpc: Rpc, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
    """One answer per transaction. Every node is told, and the best word of any of them counts."""
    if not transactions:
        return []
    calls: list[Call] = [("eth_sendRawTransaction", ["0x" + item.raw.hex()]) for item in transactions]
    by_node = rpc.send(calls)
    return [_best([_sent(answers[number]) for answers in by_node]) for number in range(len(calls))]


def _sent(answer: object) -> DexError | None:
    """What one node says about sent bytes."""
    if isinstance(answer, Unreachable):
        return answer if answer.is_unsent else BroadcastTimeout(f"sent, but {answer.detail}")
    return refusal_of(answer.message) if isinstance(answer, RpcError) else None


def _best(answers: Sequence[DexError | None]) -> DexError | None:
    """None when any node has it; surely unsent only when no node can have it."""
    if None in answers:
        return None
    doubts = [answer for answer in answers if not isinstance(answer, RetryableError)]
    return doubts[0] if doubts else answers[0]
