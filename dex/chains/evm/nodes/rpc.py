"""The nodes of one chain: reads go to the first that answers, sent bytes to all of them.

A node that answers for another chain is not used. One that does not have the newest block yet, or that wants to be
left alone for a moment, is waited for when no other can answer, as long as the work's own time limit lasts.
"""

import contextvars
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from dex.chains.evm.answers import Block
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.node import MAX_BATCH, Node
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.transport import Unreachable
from dex.deadline import left_s, unless_limited
from dex.errors import ChainUnavailable

__all__ = ["MAX_BATCH", "Call", "Node", "Rpc", "RpcError", "Unreachable"]

logger = logging.getLogger(__name__)
Taken = TypeVar("Taken")

# For one question, all nodes asked, where the work around it has no limit of its own.
DEADLINE_S = 12.0
# How long a block that another answer has named is waited for, and how often it is asked for.
PATIENCE_S = 4.0
PAUSE_S = 0.2
# A block that is farther back than this was not made a moment ago: who lacks it has it no more.
RECENT_BLOCKS = 64
# For how long a node is taken to be of the chain that it was of.
KNOWN_S = 30.0
BLOCK = "eth_getBlockByNumber"


class Rpc:
    """Asks the nodes of one chain. Safe to share between threads."""

    def __init__(
        self,
        urls: Sequence[str],
        chain_id: int,
        timeout_s: float,
        max_batch: int = MAX_BATCH,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._deadline_s = deadline_s
        self._nodes = [Node(url, timeout_s, max_batch) for url in urls]
        for number, node in enumerate(self._nodes[1:], start=2):
            if any(node.host == other.host for other in self._nodes[: number - 1]):
                node.host += f"#{number}"  # two keys of one operator
        self._chain_id = chain_id
        self._preferred = 0
        self._newest = 0

    @property
    def count(self) -> int:
        """How many nodes are configured."""
        return len(self._nodes)

    def read(self, calls: Sequence[Call]) -> list[Any]:
        """One answer per call, all from one node. Raises: ChainUnavailable when none answers."""
        return self._first(calls, list)[1]

    def results(self, calls: Sequence[Call]) -> list[Any]:
        """As `read`, where every call must succeed. Raises: ChainUnavailable."""
        return self.results_from(calls)[1]

    def results_from(self, calls: Sequence[Call]) -> tuple[str, list[Any]]:
        """As `results`, with the node that it was. Raises: ChainUnavailable."""
        return self._first(calls, lambda answers: _all_given(calls, answers))

    def taken(self, calls: Sequence[Call], take: Callable[[list[Any]], Taken]) -> Taken:
        """What `take` makes of the answers, of which none may be a refusal.

        A node whose answers it raises BadAnswer for counts as one that did not answer. Raises: ChainUnavailable.
        """
        return self._first(calls, lambda answers: take(_all_given(calls, answers)))[1]

    def read_taken(self, calls: Sequence[Call], take: Callable[[list[Any]], Taken]) -> Taken:
        """As `taken`, where refusals are for `take` to judge. Raises: ChainUnavailable."""
        return self._first(calls, take)[1]

    def _first(self, calls: Sequence[Call], take: Callable[[list[Any]], Taken]) -> tuple[str, Taken]:
        """The first node that answers, and what is made of its answers. Raises: ChainUnavailable."""
        with unless_limited(self._deadline_s):
            return self._first_within(calls, take)

    def _first_within(self, calls: Sequence[Call], take: Callable[[list[Any]], Taken]) -> tuple[str, Taken]:
        ends_at = time.monotonic() + min(PATIENCE_S, left_s())
        while True:
            failures: list[ChainUnavailable] = []
            is_lacking = False
            for number in self._turns():
                node = self._nodes[number]
                try:
                    answers = self._checked(node).ask(calls)
                    if self._lacks_block(calls, answers) and time.monotonic() + PAUSE_S < ends_at:
                        is_lacking = True
                        continue
                    value = take(answers)
                except ChainUnavailable as error:
                    failures.append(_of_node(node.host, error))
                    continue
                self._preferred = number
                self._learn(calls, answers)
                return node.host, value
            wait_s = PAUSE_S if is_lacking else self._rest_s()
            if wait_s is None or time.monotonic() + wait_s >= ends_at:
                hint = next((failure.hint for failure in failures if failure.hint), "")
                raise ChainUnavailable("; ".join(failure.detail for failure in failures), hint=hint)
            time.sleep(wait_s)

    def poll(self, calls: Sequence[Call], besides: str = "") -> dict[str, list[Any]]:
        """The answers of every node that gives any, all asked at once; not of the one named `besides`."""
        nodes = [node for node in self._nodes if node.host != besides]
        with unless_limited(self._deadline_s):
            answers = _at_once(lambda node: self._poll(node, calls), nodes)
        by_node = zip(nodes, answers, strict=True)
        return {node.host: found for node, found in by_node if not any(isinstance(x, Unreachable) for x in found)}

    def avoid(self, hosts: Sequence[str]) -> None:
        """Read from another node first, if it is one of these that is asked first; the next where it is all of them."""
        if self._nodes[self._preferred].host in hosts:
            turns = [(self._preferred + turn) % len(self._nodes) for turn in range(1, len(self._nodes) + 1)]
            self._preferred = next((number for number in turns if self._nodes[number].host not in hosts), turns[0])

    def doubted(self, error: BadAnswer) -> ChainUnavailable:
        """An answer that was found not to fit only later, with the node that gave it; another one is asked next."""
        node = self._nodes[self._preferred]
        self.avoid([node.host])
        return _of_node(node.host, error)

    def send(self, calls: Sequence[Call]) -> list[list[Any]]:
        """Every node's answers to the same calls; a node that does not answer gives its Unreachable for each."""
        with unless_limited(self._deadline_s):
            return _at_once(lambda node: self._send(node, calls), self._nodes)

    def _send(self, node: Node, calls: Sequence[Call]) -> list[Any]:
        try:
            self._checked(node)
        except ChainUnavailable as error:
            return [Unreachable(error.detail, is_unsent=True, hint=error.hint)] * len(calls)
        return node.ask_each(calls)

    def _poll(self, node: Node, calls: Sequence[Call]) -> list[Any]:
        """As `_send`, with patience where the node lacks a block."""
        ends_at = time.monotonic() + min(PATIENCE_S, left_s())
        answers = self._send(node, calls)
        while self._lacks_block(calls, answers) and time.monotonic() + PAUSE_S < ends_at:
            time.sleep(PAUSE_S)
            answers = self._send(node, calls)
        self._learn(calls, answers)
        return answers

    def _turns(self) -> list[int]:
        """All nodes, the one that answered last first."""
        return [(self._preferred + turn) % len(self._nodes) for turn in range(len(self._nodes))]

    def _rest_s(self) -> float | None:
        """When the first of the nodes that are left alone may be asked again; None where no node is."""
        rests = [node.rest_s for node in self._nodes if node.rest_s > 0]
        return min(rests) if rests else None

    def _lacks_block(self, calls: Sequence[Call], answers: Sequence[Any]) -> bool:
        """Whether a block that was made a moment ago is missing where it was asked for by its number."""
        return any(
            number is not None and number > self._newest - RECENT_BLOCKS
            for call, answer in zip(calls, answers, strict=True)
            if (isinstance(answer, RpcError) and answer.lacks_block) or (answer is None and call[0] == BLOCK)
            for number in [_block_of(call)]
        )

    def _learn(self, calls: Sequence[Call], answers: Sequence[Any]) -> None:
        for (method, params), answer in zip(calls, answers, strict=True):
            if method == BLOCK and params[0] == "latest" and isinstance(answer, Block):
                self._newest = answer.number

    def _checked(self, node: Node) -> Node:
        """The node, known to be of this chain. Raises: ChainUnavailable."""
        found = node.chain_id
        if found is None or time.monotonic() >= node.known_until:
            (answer,) = node.ask([("eth_chainId", [])])
            if isinstance(answer, RpcError):
                raise ChainUnavailable(f"{node.host} does not say which chain it is of: {answer.message}")
            found = int(answer)
            node.known_until = time.monotonic() + KNOWN_S
        node.chain_id = found if found == self._chain_id else None
        if found != self._chain_id:
            logger.error("%s is a node of chain %d, not of %d: not used", node.host, found, self._chain_id)
            raise ChainUnavailable(f"{node.host} is a node of chain {found}, not of {self._chain_id}")
        return node


def _all_given(calls: Sequence[Call], answers: list[Any]) -> list[Any]:
    """Raises: BadAnswer where one of them is a refusal."""
    for (method, _), answer in zip(calls, answers, strict=True):
        if isinstance(answer, RpcError):
            raise BadAnswer(f"a refusal of {method}: {answer.message}")
    return answers


def _of_node(host: str, error: ChainUnavailable) -> ChainUnavailable:
    """The error, with the node's host in its words."""
    return ChainUnavailable(f"{host} answers with {error.detail}") if isinstance(error, BadAnswer) else error


def _at_once(ask: Callable[[Node], list[Any]], nodes: Sequence[Node]) -> list[list[Any]]:
    """What each node answers, all asked together; the limit of time around them holds for each."""
    if len(nodes) == 1:
        return [ask(nodes[0])]
    with ThreadPoolExecutor(max(1, len(nodes))) as threads:
        tasks = [threads.submit(contextvars.copy_context().run, ask, node) for node in nodes]
        return [task.result() for task in tasks]


def _block_of(call: Call) -> int | None:
    """The block that a call names by its number; None where it names none, or by a tag."""
    method, params = call
    if method == "eth_getLogs":
        return int(params[0]["toBlock"], 16)
    tag = params[0] if method == BLOCK else params[-1] if params else None
    is_asked_at = method in {BLOCK, "eth_call", "eth_getTransactionCount"}
    return int(tag, 16) if is_asked_at and isinstance(tag, str) and tag.startswith("0x") else None
