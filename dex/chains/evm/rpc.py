"""JSON-RPC in batches to one or more nodes of a chain. Nothing is ever repeated here on its own.

A node that answers for another chain is not used. Addresses of nodes may hold keys: only host and port are ever shown.
"""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import orjson
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, RequestException
from urllib3.exceptions import NewConnectionError
from web3.providers.rpc import HTTPProvider
from web3.types import RPCEndpoint, RPCResponse

from dex.errors import ChainUnavailable

# Python's own: a package below web3 raises it to 100,000 calls, where nested input kills the process.
sys.setrecursionlimit(1_000)

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 3.0
MAX_BATCH = 500  # calls in one request; public nodes take between 100 and 1,000
MAX_REQUEST_BYTES = 1_000_000  # about; nodes refuse bodies of some megabytes

Call = tuple[str, list[Any]]


class RpcError(NamedTuple):
    """A node's refusal of one call. `data` is what a contract gave back with its revert."""

    code: int
    message: str
    data: str


class Unreachable(ChainUnavailable):
    """A node did not answer. `is_unsent`: the request certainly did not reach it."""

    def __init__(self, detail: str, *, is_unsent: bool) -> None:
        super().__init__(detail)
        self.is_unsent = is_unsent


class _Provider(HTTPProvider):
    """web3's sessions and web3's order of answers; the text is made and read by what is ten times as fast."""

    def encode_batch_rpc_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> bytes:
        """The body of a request; calls are told apart by their place in it."""
        return orjson.dumps(
            [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
                for number, (method, params) in enumerate(requests)
            ]
        )

    @staticmethod
    def decode_rpc_response(raw_response: bytes) -> RPCResponse:
        """The body of an answer. Raises: ValueError."""
        return cast(RPCResponse, orjson.loads(raw_response))


class Node:
    """One node. Sessions are kept per thread by the provider."""

    def __init__(self, url: str, timeout_s: float, max_batch: int = MAX_BATCH) -> None:
        parts = urlsplit(url)
        self.host = (parts.hostname or "node") + (f":{parts.port}" if parts.port else "")
        self._max_batch = max_batch
        # The provider's own retries turn a late answer into "nonce too low" for a transaction that was mined.
        self._provider = _Provider(
            url, {"timeout": (min(CONNECT_TIMEOUT_S, timeout_s), timeout_s)}, exception_retry_configuration=None
        )
        self.chain_id: int | None = None

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        """One answer per call, in order: its result or an RpcError. Raises: Unreachable."""
        return [answer for part in _parts(calls, self._max_batch) for answer in self._ask(part)]

    def _ask(self, calls: Sequence[Call]) -> list[Any]:
        try:
            replies = self._provider.make_batch_request([(RPCEndpoint(method), params) for method, params in calls])
        except (RequestException, OSError) as error:
            detail = f"{self.host} does not answer: {type(error).__name__}"
            raise Unreachable(detail, is_unsent=_is_unsent(error)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable(f"{self.host} answers with what is no JSON-RPC", is_unsent=False) from error
        if not isinstance(replies, list) or len(replies) != len(calls):
            raise Unreachable(f"{self.host} does not answer to every call", is_unsent=False)
        return [_answer(reply) for reply in replies]


class Rpc:
    """The nodes of one chain: reads go to the first that answers, sent bytes to all of them."""

    def __init__(self, urls: Sequence[str], chain_id: int, timeout_s: float, max_batch: int = MAX_BATCH) -> None:
        self._nodes = [Node(url, timeout_s, max_batch) for url in urls]
        for number, node in enumerate(self._nodes[1:], start=2):
            if any(node.host == other.host for other in self._nodes[: number - 1]):
                node.host += f"#{number}"  # two keys of one operator
        self._chain_id = chain_id
        self._preferred = 0

    @property
    def count(self) -> int:
        """How many nodes are configured."""
        return len(self._nodes)

    def read(self, calls: Sequence[Call]) -> list[Any]:
        """One answer per call, all from one node. Raises: ChainUnavailable when none answers."""
        return self.read_from(calls)[1]

    def read_from(self, calls: Sequence[Call]) -> tuple[str, list[Any]]:
        """As `read`, with the node that it was. Raises: ChainUnavailable."""
        complaints = []
        for turn in range(len(self._nodes)):
            number = (self._preferred + turn) % len(self._nodes)
            try:
                answers = self._checked(self._nodes[number]).ask(calls)
            except ChainUnavailable as error:
                complaints.append(error.detail)
                continue
            self._preferred = number
            return self._nodes[number].host, answers
        raise ChainUnavailable("; ".join(complaints))

    def results(self, calls: Sequence[Call]) -> list[Any]:
        """As `read`, where every call must succeed. Raises: ChainUnavailable."""
        return self.results_from(calls)[1]

    def results_from(self, calls: Sequence[Call]) -> tuple[str, list[Any]]:
        """As `results`, with the node that it was. Raises: ChainUnavailable."""
        node, answers = self.read_from(calls)
        for (method, _), answer in zip(calls, answers, strict=True):
            if isinstance(answer, RpcError):
                raise ChainUnavailable(f"{method}: {answer.message}")
        return node, answers

    def poll(self, calls: Sequence[Call], besides: str = "") -> dict[str, list[Any]]:
        """The answers of every node that gives any, all asked at once; not of the one named `besides`."""
        nodes = [node for node in self._nodes if node.host != besides]
        with ThreadPoolExecutor(max(1, len(nodes))) as threads:
            answers = threads.map(lambda node: self._send(node, calls), nodes)
            by_node = zip(nodes, answers, strict=True)
            return {node.host: found for node, found in by_node if not any(isinstance(x, Unreachable) for x in found)}

    def avoid(self, hosts: Sequence[str]) -> None:
        """Read from another node first, if it is one of these that is asked first; the next where it is all of them."""
        if self._nodes[self._preferred].host in hosts:
            turns = [(self._preferred + turn) % len(self._nodes) for turn in range(1, len(self._nodes) + 1)]
            self._preferred = next((number for number in turns if self._nodes[number].host not in hosts), turns[0])

    def send(self, calls: Sequence[Call]) -> list[list[Any]]:
        """Every node's answers to the same calls; a node that does not answer gives its Unreachable for each."""
        if len(self._nodes) == 1:
            return [self._send(self._nodes[0], calls)]
        with ThreadPoolExecutor(len(self._nodes)) as threads:
            return list(threads.map(lambda node: self._send(node, calls), self._nodes))

    def _send(self, node: Node, calls: Sequence[Call]) -> list[Any]:
        try:
            self._checked(node)
        except ChainUnavailable as error:
            return [Unreachable(error.detail, is_unsent=True)] * len(calls)
        try:
            return node.ask(calls)
        except Unreachable as error:
            return [error] * len(calls)

    def _checked(self, node: Node) -> Node:
        """The node, known to be of this chain. Raises: ChainUnavailable."""
        if node.chain_id is None:
            (answer,) = node.ask([("eth_chainId", [])])
            if not isinstance(answer, str):
                raise ChainUnavailable(f"{node.host} does not say which chain it is of")
            node.chain_id = int(answer, 16)
        if node.chain_id != self._chain_id:
            found, node.chain_id = node.chain_id, None
            logger.error("%s is a node of chain %d, not of %d: not used", node.host, found, self._chain_id)
            raise ChainUnavailable(f"{node.host} is a node of chain {found}, not of {self._chain_id}")
        return node


def _parts(calls: Sequence[Call], max_batch: int) -> Iterator[Sequence[Call]]:
    """The calls in requests that a node takes, cut by count and by size."""
    start, size = 0, 0
    for end, (_, params) in enumerate(calls):
        size_of_this = len(str(params))
        if end > start and (end - start >= max_batch or size + size_of_this > MAX_REQUEST_BYTES):
            yield calls[start:end]
            start, size = end, 0
        size += size_of_this
    if calls:
        yield calls[start:]


def _answer(reply: Mapping[str, Any]) -> Any:
    error = reply.get("error")
    if error is None:
        return reply.get("result")
    if not isinstance(error, dict):
        return RpcError(0, str(error), "")
    return RpcError(error.get("code", 0), str(error.get("message", "")), _data(error.get("data")))


def _data(data: object) -> str:
    """Nodes give a revert's bytes as text or wrapped once more."""
    if isinstance(data, dict):
        data = data.get("data")
    return data if isinstance(data, str) else ""


def _is_unsent(error: Exception) -> bool:
    """Whether no connection came about at all."""
    if isinstance(error, ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, RequestsConnectionError) and isinstance(reason, NewConnectionError)
