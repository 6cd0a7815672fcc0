"""The account's events as a stream by cursor: acknowledged as they are processed, resumed after each close."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from orderengine_client.errors import GapError, GoneError, UnexpectedAnswerError
from orderengine_client.flows import Emit, Flow, ItemFlow, Open, Send
from orderengine_client.generated.models import Event
from orderengine_client.retries import Retries, call
from orderengine_client.sockets import Message, Socket, parsed

# The server takes few frames a second, and stops after 256 messages, or 1 MiB, that are not acknowledged.
ACK_MESSAGES, ACK_S = 64, 1.0
LONG_S = 3600.0

OnGap = Callable[[GapError], None]


class AccountStream:
    """`cursor` is where it stands: after the last event that the caller has taken."""

    def __init__(self, after: str | None, filters: Mapping[str, Any], retries: Retries, on_gap: OnGap | None) -> None:
        self.cursor = after
        self._filters, self._retries, self._on_gap = filters, retries, on_gap
        self._socket = Socket(self._where, retries)
        self._owed = Acknowledgements()

    def events(self) -> ItemFlow[Event]:
        """Those after the cursor, or from now on. Without end. Raises: ClientError."""
        while True:
            message = yield from self._socket.receive(ACK_S if self._owed.count else LONG_S)
            if message is not None and message["type"] == "event":
                yield Emit(parsed(message, Event.from_dict))
                self._take(message)
            elif message is not None:
                yield from self._turn(message)
            if self._owed.is_due:
                yield from self._socket.say(self._owed.frame())

    def _where(self) -> Open:
        return Open("/ws/v1/stream", {**self._filters, **({} if self.cursor is None else {"after": self.cursor})})

    def _turn(self, message: Message) -> Flow[None]:
        """What is no event."""
        if message["type"] == "hello":
            # What an earlier connection was sent cannot be acknowledged on this one.
            self._owed, self._socket.heartbeat_s = Acknowledgements(), float(message["heartbeat_s"])
            self.cursor = self.cursor or message["cursor"]
        elif message["type"] == "heartbeat":
            self.cursor = message["cursor"]
        elif message["type"] == "snapshot":
            self._owed.add(message["cursor"])
        elif message["type"] == "gap":
            yield from self._socket.reopen()
            self.cursor = yield from self._beyond_gap(self.cursor or message["from"])

    def _take(self, message: Message) -> None:
        self.cursor = message["cursor"]
        self._owed.add(message["cursor"])

    def _beyond_gap(self, lost_from: str) -> Flow[str]:
        """Where the events begin that are left, as REST says it. Raises: GapError where the caller takes no notice."""
        request = Send("GET", "/api/v1/events", {"after": lost_from, "limit": 1})
        try:
            yield from call(request, dict, self._retries)
        except GoneError as gone:
            cursor = gone.facts.get("oldest") or gone.facts.get("cursor")
            if not isinstance(cursor, str):
                raise UnexpectedAnswerError("the server does not say where the events begin") from gone
        else:
            return lost_from
        gap = GapError(lost_from, cursor)
        if self._on_gap is None:
            raise gap
        self._on_gap(gap)
        return cursor


class Acknowledgements:
    """What was read on a connection and not acknowledged yet."""

    def __init__(self) -> None:
        self.count, self._cursor, self._since = 0, "", time.monotonic()

    def add(self, cursor: str) -> None:
        """One more message was read."""
        self.count, self._cursor = self.count + 1, cursor

    @property
    def is_due(self) -> bool:
        """Whether to send one now."""
        return self.count >= ACK_MESSAGES or (self.count > 0 and time.monotonic() - self._since >= ACK_S)

    def frame(self) -> Message:
        """What acknowledges all of it."""
        self.count, self._since = 0, time.monotonic()
        return {"op": "ack", "cursor": self._cursor}
