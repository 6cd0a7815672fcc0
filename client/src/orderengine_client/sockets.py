"""One stream over all its connections: opened again from where it stands, until it ends or is refused."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from orderengine_client.errors import ClientError, NoAnswerError, UnexpectedAnswerError, error_of, problem_error
from orderengine_client.flows import Answer, Closed, Failure, Flow, Open, Pause, Receive, Say, Shut
from orderengine_client.retries import Retries

T = TypeVar("T")
Message: TypeAlias = Mapping[str, Any]

HEARTBEAT_S = 15.0
# So many heartbeats may be missing before the connection counts as dead.
MISSING = 3
# Refusals that no repeat changes, and the status of a problem that came without words.
REFUSALS = {4400: 400, 4401: 401, 4403: 403, 4404: 404}
REFUSED_HANDSHAKES = frozenset({400, 401, 403, 404})


class Socket:
    """Reads messages; `where` says how to resume each time it is opened."""

    def __init__(self, where: Callable[[], Open], retries: Retries) -> None:
        self._where, self._retries = where, retries
        self._is_open = False
        self._tries = 0
        self._heard_at = self._opened_at = time.monotonic()
        self._problem: dict[str, Any] = {}
        self.heartbeat_s = HEARTBEAT_S

    def receive(self, patience_s: float) -> Flow[Message | None]:
        """The next message, or None where none has come in time. Raises: ClientError."""
        # A caller who was busy meanwhile has not listened.
        self._heard_at = time.monotonic()
        until = self._heard_at + patience_s
        while True:
            if not self._is_open and not (yield from self._open(until)):
                return None
            got: str | Closed | None = yield Receive(max(0.0, min(until, self._dead_at()) - time.monotonic()))
            if isinstance(got, str):
                if (message := self._heard(got)) is not None:
                    return message
            elif isinstance(got, Closed):
                yield from self._closed(got)
            elif time.monotonic() >= self._dead_at():
                yield from self.reopen()
                self._wait_again("no heartbeat")
            elif time.monotonic() >= until:
                return None

    def say(self, message: Message) -> Flow[None]:
        """Send a message."""
        yield Say(json.dumps(message))

    def reopen(self) -> Flow[None]:
        """Leave this connection; the next one begins where `where` says."""
        self._is_open = False
        yield Shut()

    def _open(self, until: float) -> Flow[bool]:
        """Open it; False where that takes longer than the caller waits."""
        while True:
            if self._tries:
                wait_s = self._retries.wait_s(self._tries)
                if time.monotonic() + wait_s >= until:
                    yield Pause(max(0.0, until - time.monotonic()))
                    return False
                yield Pause(wait_s)
            outcome: Answer | Failure | None = yield self._where()
            if outcome is None:
                self._is_open, self._opened_at, self._problem = True, time.monotonic(), {}
                return True
            if isinstance(outcome, Answer) and outcome.status in REFUSED_HANDSHAKES:
                raise error_of(outcome)
            self._wait_again(outcome.reason if isinstance(outcome, Failure) else f"HTTP {outcome.status}")

    def _heard(self, text: str) -> Message | None:
        """A message, but not what only says why a close follows. Raises: UnexpectedAnswerError."""
        try:
            message = json.loads(text)
            kind = message["type"]
        except (ValueError, KeyError, TypeError) as error:
            raise UnexpectedAnswerError(f"a message of the stream is not read: {error!r}") from error
        # One with its subscription tells how that stands, and no close follows.
        if kind == "error" and "subscription" not in message and isinstance(message.get("problem"), dict):
            self._problem = message["problem"]
            return None
        self._heard_at, self._tries, self._problem = time.monotonic(), 0, {}
        heard: Message = message
        return heard

    def _closed(self, closed: Closed) -> Flow[None]:
        """Raises: ClientError for a refusal that stands."""
        yield from self.reopen()
        if closed.code in REFUSALS:
            problem = self._problem or {"detail": closed.reason or f"the stream was closed with {closed.code}"}
            status = problem.get("status")
            raise problem_error(status if isinstance(status, int) else REFUSALS[closed.code], problem)
        self._wait_again(f"closed with {closed.code}")

    def _wait_again(self, reason: str) -> None:
        """Raises: NoAnswerError where nothing was heard for too long."""
        self._tries += 1
        if time.monotonic() - self._heard_at >= self._retries.stream_deadline_s:
            raise self._given_up(reason)

    def _given_up(self, reason: str) -> ClientError:
        if self._problem:
            return problem_error(int(self._problem.get("status", 503)), self._problem)
        return NoAnswerError(f"no message for {self._retries.stream_deadline_s:.0f} s: {reason}", is_sent=False)

    def _dead_at(self) -> float:
        return max(self._heard_at, self._opened_at) + MISSING * self.heartbeat_s


def parsed(message: Message, parse: Callable[[Message], T]) -> T:
    """A message as its model. Raises: UnexpectedAnswerError."""
    try:
        return parse(message)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnexpectedAnswerError(f"a message of the stream is not read: {error!r}") from error
