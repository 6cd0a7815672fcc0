"""Asks the other nodes before anything is final, and remembers which of them contradicted the rest.

Where one node is configured, its answer decides, and it is not asked twice.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from dex.chains.base import Contradiction
from dex.chains.evm.answers import Block, NodeReceipt
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.quorum import QUORUM, Vote, judge, reached, shared
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.errors import ChainUnavailable

logger = logging.getLogger(__name__)

# Contradictions of one node between two reports; a node that lies lies often.
MOST_REMEMBERED = 100


class NodeQuorum:
    """Cross-checks the answers of one chain's nodes: a quorum must agree.

    `ends` asks a node for its newest and its final block.
    """

    def __init__(
        self,
        rpc: Rpc,
        ends: Sequence[Call],
        last_final: Callable[[Block, Block | None], int],
        has_data_fee: bool,
    ) -> None:
        self._rpc = rpc
        self._ends = list(ends)
        self._last_final = last_final
        self._has_data_fee = has_data_fee
        self._needed = min(QUORUM, rpc.count)
        self._lock = threading.Lock()
        self._contradictions: list[Contradiction] = []

    def at_receipts(
        self, node: str, last_final: int, raws: Mapping[str, NodeReceipt | None]
    ) -> tuple[list[NodeReceipt | None], set[str]]:
        """The receipts that a node gave, corrected where others agree on another; and the hashes that may be final.

        One request more, to each of the other nodes, and only for those that the node's own height makes final.
        """
        due = [tx_hash for tx_hash, raw in raws.items() if raw and raw.block_number <= last_final]
        if self._needed == 1 or not due:
            return list(raws.values()), set(due)
        votes = self._votes(due, besides=node)
        believed, agreed = dict(raws), set()
        for tx_hash in due:
            own = Vote(node, last_final, raws[tx_hash])
            verdict = judge([own, *votes[tx_hash]], self._needed, has_data_fee=self._has_data_fee)
            self._note(verdict.dissenting, f"on transaction {tx_hash}")
            if verdict.is_agreed:
                believed[tx_hash] = verdict.raw
                agreed.add(tx_hash)
        return list(believed.values()), agreed

    def confirm_absence(self, tx_hashes: Sequence[str], block: int) -> list[bool]:
        """Whether enough nodes that have this final block know no receipt of each. Raises: ChainUnavailable."""
        if not tx_hashes:
            return []
        votes = self._votes(tx_hashes)
        absent = []
        for tx_hash in tx_hashes:
            answers = {vote.node: vote.raw is None for vote in votes[tx_hash] if vote.final >= block}
            said, dissenting = shared(answers, self._needed)
            self._note(dissenting, f"on transaction {tx_hash}")
            absent.append(said is True)
        return absent

    def at_heights(self) -> tuple[int, int]:
        """The newest block and the newest final one that enough nodes have. Raises: ChainUnavailable."""
        found = self._rpc.poll(self._ends)
        ends = [answers for answers in found.values() if isinstance(answers[0], Block)]
        head = reached([head.number for head, _ in ends], self._needed)
        final = reached([self._last_final(*_pair(answers)) for answers in ends], self._needed)
        if head is None or final is None:
            raise ChainUnavailable(f"{len(ends)} of {self._rpc.count} nodes answer, {self._needed} are needed")
        return head, max(0, final)

    def at_standing(self, number: int, calls: Sequence[Call]) -> tuple[int, list[int]]:
        """The time of a block, and the numbers that these calls give, as enough nodes say. Raises: ChainUnavailable."""
        found = self._rpc.poll([("eth_getBlockByNumber", [hex(number), False]), *calls])
        words = {
            node: (block.hash, block.time, tuple(counts))
            for node, (block, *counts) in found.items()
            if isinstance(block, Block) and not any(isinstance(count, RpcError) for count in counts)
        }
        agreed, dissenting = shared(words, self._needed)
        self._note(dissenting, f"on block {number} and the nonces of wallets")
        if agreed is None:
            raise ChainUnavailable(f"no {self._needed} nodes of {self._rpc.count} agree on block {number}")
        _, time, counts = cast(tuple[str, int, tuple[int, ...]], agreed)
        return time, list(counts)

    def take_contradictions(self) -> list[Contradiction]:
        """Those since the last time."""
        with self._lock:
            taken, self._contradictions = self._contradictions, []
        return taken

    def _votes(self, tx_hashes: Sequence[str], besides: str = "") -> dict[str, list[Vote]]:
        """What the nodes say of each; one that refuses a call says nothing of it."""
        calls: list[Call] = [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in tx_hashes]
        votes: dict[str, list[Vote]] = {tx_hash: [] for tx_hash in tx_hashes}
        for node, answers in self._rpc.poll([*self._ends, *calls], besides).items():
            if not isinstance(answers[0], Block):
                continue
            final = self._last_final(*_pair(answers))
            for tx_hash, raw in zip(tx_hashes, answers[2:], strict=True):
                if not isinstance(raw, RpcError):
                    votes[tx_hash].append(Vote(node, final, raw))
        return votes

    def _note(self, nodes: Sequence[str], about: str) -> None:
        for node in nodes:
            logger.error("node %s contradicts the others %s", node, about)
        self._rpc.avoid(nodes)
        with self._lock:
            room = MOST_REMEMBERED - len(self._contradictions)
            self._contradictions += [Contradiction(node, f"contradicts the others {about}") for node in nodes][:room]


def _pair(answers: Sequence[Any]) -> tuple[Block, Block | None]:
    """The newest block, and the one that the node calls final, if it says."""
    return answers[0], answers[1] if isinstance(answers[1], Block) else None
