"""When a request is tried again, and after how long."""

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from orderengine_client.errors import (
    ClientError,
    NoAnswerError,
    ProblemError,
    UnexpectedAnswerError,
    error_of,
    retry_after_s,
)
from orderengine_client.flows import Answer, Failure, Flow, Pause, Send

T = TypeVar("T")
# Where the first request with the same key or id is still running.
IN_PROGRESS_S = 1.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How long and how often. Waits are full jitter: random between 0 and a bound that doubles with each try."""

    deadline_s: float = 60.0
    """Of a call with all its tries."""
    stream_deadline_s: float = 600.0
    """Of a stream: after so long without any message, over all reconnects, it gives up."""
    first_s: float = 0.2
    most_s: float = 10.0
    timeout_s: float = 30.0
    """Of one try."""

    def wait_s(self, tries: int) -> float:
        """Before the next try, after so many."""
        return random.uniform(0.0, min(self.most_s, self.first_s * 2.0 ** min(tries - 1, 30)))  # noqa: S311


class Repeat(Enum):
    """When a request may be sent again."""

    ALWAYS = "always"  # the server makes one of repeats, or they do no harm
    IF_NOT_DONE = "if not done"  # only where the server surely has not begun it


class Told(NamedTuple):
    """The last answer, and whether an earlier try may have done what was asked for."""

    answer: Answer
    may_be_done: bool


def send(request: Send, retries: Retries, repeat: Repeat = Repeat.ALWAYS) -> Flow[Told]:
    """Send until there is an answer that a repeat would not change; a refusal is an answer too.

    Raises: NoAnswerError, and ProblemError where the deadline ends the repeats.
    """
    clock = time.monotonic
    ends_at = clock() + retries.deadline_s
    tries, may_be_done = 0, False
    while True:
        timeout_s = max(0.001, min(request.timeout_s, retries.timeout_s, ends_at - clock()))
        outcome: Answer | Failure = yield replace(request, timeout_s=timeout_s)
        tries += 1
        if isinstance(outcome, Answer) and not _is_passing(outcome):
            return Told(outcome, may_be_done)
        is_begun = _may_have_begun(outcome)
        may_be_done = may_be_done or is_begun
        wait_s = _asked_wait_s(outcome) + retries.wait_s(tries)
        is_over = clock() + wait_s >= ends_at
        if is_over or (is_begun and repeat is Repeat.IF_NOT_DONE):
            raise _given_up(outcome, may_be_done)
        yield Pause(wait_s)


def call(
    request: Send,
    parse: Callable[[Any], T],
    retries: Retries,
    repeat: Repeat = Repeat.ALWAYS,
) -> Flow[T]:
    """Send a request and read its answer. Raises: ClientError."""
    told = yield from send(request, retries, repeat)
    return read(told.answer, parse)


def read(answer: Answer, parse: Callable[[Any], T]) -> T:
    """What a success holds. Raises: ClientError for a refusal, and for what is none of this API's answers."""
    if not 200 <= answer.status < 300:
        raise error_of(answer)
    try:
        return parse(json.loads(answer.body) if answer.body else None)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnexpectedAnswerError(f"the answer {answer.status} is not read: {error!r}") from error


def raw(answer: Answer) -> bytes:
    """The bytes of a success. Raises: ClientError."""
    if not 200 <= answer.status < 300:
        raise error_of(answer)
    return answer.body


def _is_passing(answer: Answer) -> bool:
    return answer.status >= 400 and error_of(answer).is_retryable


def _may_have_begun(outcome: Answer | Failure) -> bool:
    """Whether the server may have done what was asked for; a refusal that says so, or no connection, rules it out."""
    if isinstance(outcome, Failure):
        return outcome.is_sent
    if outcome.status == 503:
        return _code_in(outcome) not in {"not_ready", "chain_unavailable", "throttled"}
    return outcome.status != 429


def _code_in(answer: Answer) -> str | None:
    error = error_of(answer)
    return error.code if isinstance(error, ProblemError) else None


def _asked_wait_s(outcome: Answer | Failure) -> float:
    if isinstance(outcome, Failure):
        return 0.0
    stated = retry_after_s(outcome)
    if stated is None:
        return IN_PROGRESS_S if outcome.status == 409 else 0.0
    return stated


def _given_up(outcome: Answer | Failure, may_be_done: bool) -> ClientError:
    if isinstance(outcome, Failure):
        return NoAnswerError(outcome.reason, is_sent=may_be_done)
    return error_of(outcome)
