"""One node: calls in requests of a size that it takes, and typed answers. What it refuses is said in the log, once.

Nothing is repeated on its own, but for calls that it refused to take together: these go again in halves.
"""

import contextvars
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dex.chains.evm.answers import read_answer
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.nodes.address import read_node_address
from dex.chains.evm.nodes.errors import RpcError, rpc_error, undone_result
from dex.chains.evm.nodes.replies import Call, NoBatch, NoReply, Reply, replies_in, request_of
from dex.chains.evm.nodes.transport import STATUS_WORDS, WAIT_HINT, Transport, Unreachable, refused
from dex.chains.evm.nodes.transport import Reply as HttpReply

logger = logging.getLogger(__name__)

MAX_BATCH = 500  # calls in one request; public nodes take between 10 and 1,000
MAX_REQUEST_BYTES = 1_000_000  # about; nodes refuse bodies of some megabytes
AT_ONCE = 8  # requests of one question that are under way together
# A node that had to be given less is asked for twice as much again after this time.
GROWS_S = 600.0
# How long a node is left alone that is asked too often: longer each time, or as long as it says.
REST_S, LEAST_REST_S, MAX_REST_S = 1.0, 0.2, 600.0
# The same complaint stands in the log once in this time.
SAID_AGAIN_S = 60.0
# HTTP's way to refuse a batch: by its size, or because it is one. The others speak of the node itself.
BATCH_STATUSES = frozenset({400, 405, 413, 414, 415, 422, 500, 501})
# So do some gateways speak of a batch: from the second such answer on, it is taken for a refusal of the batch where
# one call alone is answered.
DOUBTFUL_STATUSES = frozenset({403, 408, 502, 503, 504})
BATCHES_LOST = 2
SEND = "eth_sendRawTransaction"


class Node:
    """One node. `read` makes a typed value of a method's result; see `answers.read_answer`."""

    def __init__(
        self,
        url: str,
        timeout_s: float,
        max_batch: int = MAX_BATCH,
        read: Callable[[str, list[Any], object], Any] = read_answer,
    ) -> None:
        address = read_node_address(url)
        self.host = address.host
        self.chain_id: int | None = None
        self.known_until = 0.0  # when its chain is asked for again
        self._transport = Transport(address, timeout_s)
        self._read = read
        self._size = _Size(max_batch)
        self._takes_arrays = True
        self._rest_ends = 0.0
        self._rests = 0
        self._batches_lost = self._lost_calls = 0
        self._said: dict[str, float] = {}

    @property
    def rest_s(self) -> float:
        """For how long it is left alone now, since it was asked too often."""
        return max(0.0, self._rest_ends - time.monotonic())

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        """One answer per call, in order: its typed result or an RpcError. Raises: Unreachable."""
        answers = self.ask_each(calls)
        for answer in answers:
            if isinstance(answer, Unreachable):
                raise answer
        return answers

    def ask_each(self, calls: Sequence[Call]) -> list[Any]:
        """As `ask`; a call without an answer has its Unreachable in its place."""
        if self.rest_s > 0:
            detail = f"{self.host} is asked more often than it allows: it is left alone for {self.rest_s:.1f} s"
            hint = STATUS_WORDS[429][1]
            resting = Unreachable(detail, is_unsent=True, hint=hint, status=429, rest_s=self.rest_s)
            return [resting] * len(calls)
        self._size.mark()
        parts = list(_parts(calls, self._size.now()))
        answers: list[Any] = []
        while parts:
            if len(parts) > 1 and all(method != SEND for method, _ in calls):
                return answers + self._ask_together(parts)
            size = self._size.now()
            answers += self._ask_split(parts.pop(0))
            if isinstance(answers[-1], Unreachable):
                return answers + [_not_sent(self.host)] * (len(calls) - len(answers))
            if self._size.now() < size:
                parts = list(_parts(calls[len(answers) :], self._size.now()))
        return answers

    def _ask_together(self, parts: Sequence[Sequence[Call]]) -> list[Any]:
        """Several requests at once; the limit of time around them holds for each."""
        with ThreadPoolExecutor(min(AT_ONCE, len(parts))) as threads:
            tasks = [threads.submit(contextvars.copy_context().run, self._ask_split, part) for part in parts]
            return [answer for task in tasks for answer in task.result()]

    def _ask_split(self, calls: Sequence[Call]) -> list[Any]:
        """The calls in one request, or in halves as often as the node refuses to take them together."""
        try:
            replies = self._request(calls)
        except NoBatch as refusal:
            if len(calls) == 1:
                return self._ask_bare(calls, str(refusal))
            self._size.cut(len(calls))
            self._say(f"takes no {len(calls)} calls in one request: {refusal}. It gets {self._size.now()} from now on")
            middle = len(calls) // 2
            answers = self._ask_split(calls[:middle])
            if any(isinstance(answer, Unreachable) for answer in answers):
                return answers + [_not_sent(self.host)] * (len(calls) - middle)
            return answers + self._ask_split(calls[middle:])
        except Unreachable as error:
            if not error.status:
                self.known_until = 0.0  # another node may come back in its place
            self._note(error)
            return [error] * len(calls)
        answers = [self._answer(call, reply) for call, reply in zip(calls, replies, strict=True)]
        if not any(isinstance(answer, Unreachable) and answer.status == 429 for answer in answers):
            self._rests = 0
        return answers

    def _ask_bare(self, calls: Sequence[Call], reason: str) -> list[Any]:
        """One call that is refused in an array of one: nodes that know no batches take it without."""
        self._takes_arrays = False
        (answer,) = self._ask_split(calls)
        if isinstance(answer, RpcError) and answer.message == reason:
            answer = self._note(Unreachable(f"{self.host} refuses every request: {reason}", is_unsent=False))
        if isinstance(answer, Unreachable):
            self._takes_arrays = True
            self._size.restore()  # the number of calls is not what it refuses
        else:
            self._say(f"takes no calls together at all: {reason}")
        return [answer]

    def _request(self, calls: Sequence[Call]) -> list[Reply]:
        """Raises: Unreachable, NoBatch when the node refuses the calls as a whole."""
        as_array = self._takes_arrays or len(calls) > 1
        reply = self._transport.post(request_of(calls, as_array=as_array))
        is_success = 200 <= reply.status < 300
        if reply.status in DOUBTFUL_STATUSES and self._is_batch_refused(calls):
            raise NoBatch(f"HTTP {reply.status}")
        if not is_success and (reply.status in STATUS_WORDS or reply.status < 400):
            if reply.status == 429 and len(calls) > 1:
                self._size.cut(len(calls))
            raise refused(self.host, reply)
        try:
            return self._replies(calls, reply, as_array=as_array)
        except NoReply as error:
            if is_success and self._is_batch_refused(calls):
                raise NoBatch(str(error)) from None
            if is_success:
                raise Unreachable(f"{self.host} answers {_names(calls)} with {error}", is_unsent=False) from None
        if as_array and reply.status in BATCH_STATUSES:
            raise NoBatch(f"HTTP {reply.status}")
        raise refused(self.host, reply)

    def _replies(self, calls: Sequence[Call], reply: HttpReply, *, as_array: bool) -> list[Reply]:
        """Raises: NoBatch, NoReply."""
        found = replies_in(reply.body, len(calls), as_array=as_array)
        errors = [rpc_error(item["error"]) for item in found if item.get("error") is not None]
        if len(errors) == len(calls) > 1 and all("batch" in error.message.lower() for error in errors):
            raise NoBatch(errors[0].message)  # said once for each call
        if len(calls) >= self._lost_calls:
            self._batches_lost = 0
        return found

    def _is_batch_refused(self, calls: Sequence[Call]) -> bool:
        """Whether it is their number, seen by one call alone; asked from the second that is lost on."""
        if len(calls) == 1:
            return False
        self._batches_lost, self._lost_calls = self._batches_lost + 1, len(calls)
        if self._batches_lost < BATCHES_LOST:
            return False
        reply = self._transport.post(request_of(calls[:1], as_array=False))
        try:
            replies_in(reply.body, 1, as_array=False)
        except NoReply:
            return False
        return 200 <= reply.status < 300

    def _answer(self, call: Call, reply: Reply) -> Any:
        method, params = call
        if reply.get("error") is not None:
            error = rpc_error(reply["error"])
            if not error.is_asked_too_often:
                return error
            detail = f"{self.host} is asked more often than it allows: {error.message}"
            return self._note(Unreachable(detail, is_unsent=False, hint=STATUS_WORDS[429][1], status=429))
        try:
            value = self._read(method, params, reply["result"])
        except BadAnswer as error:
            return self._note(Unreachable(f"{self.host} answers {method} with {error.detail}", is_unsent=False))
        undone = undone_result(value) if method == "eth_call" and isinstance(value, bytes) else None
        return undone or value

    def _note(self, error: Unreachable) -> Unreachable:
        """Leave the node alone where it wants that, and say what it said."""
        if error.status == 429 and not self.rest_s:
            usual_s = REST_S * 2 ** min(self._rests, 9)
            self._rests += 1
            wanted_s = usual_s if error.rest_s is None else max(LEAST_REST_S, error.rest_s)
            self._rest_ends = time.monotonic() + min(MAX_REST_S, wanted_s)
        self._say(error.detail.removeprefix(f"{self.host} "))
        return error

    def _say(self, words: str) -> None:
        now = time.monotonic()
        if now - self._said.get(words, float("-inf")) >= SAID_AGAIN_S:
            self._said = {text: at for text, at in self._said.items() if now - at < SAID_AGAIN_S} | {words: now}
            logger.warning("node %s %s", self.host, words)


class _Size:
    """How many calls a node takes in one request: what is configured, or what it was seen to take."""

    def __init__(self, most: int) -> None:
        self._most = self._now = self._before = most
        self._cut_at = 0.0

    def now(self) -> int:
        """For the next request."""
        if self._now < self._most and time.monotonic() - self._cut_at >= GROWS_S:
            self._now, self._cut_at = min(self._most, 2 * self._now), time.monotonic()
        return self._now

    def mark(self) -> None:
        """A question begins: what it finds out about the size may have to be taken back."""
        self._before = self.now()

    def restore(self) -> None:
        """As it was when the question began."""
        self._now = self._before

    def cut(self, refused_count: int) -> None:
        """This many were refused."""
        self._now, self._cut_at = min(self._now, max(1, refused_count // 2)), time.monotonic()


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


def _names(calls: Sequence[Call]) -> str:
    """The methods of a request, each once, as they may stand in a sentence."""
    names = list(dict.fromkeys(method for method, _ in calls))
    return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")


def _not_sent(host: str) -> Unreachable:
    return Unreachable(f"{host} was not asked: it did not answer what came before", is_unsent=True, hint=WAIT_HINT)
