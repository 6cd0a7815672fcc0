"""PostgreSQL's wire protocol, as far as it tells which statements a session ran: both directions are fed as they pass.

Statements are counted where the server completes them, transactions where it reports that it is idle again, and parses
where a client sends text: a prepared statement that is only bound and executed has none.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

# Codes in place of a protocol version, in a client's first message.
CANCEL, SSL, GSS = 80877102, 80877103, 80877104
# What only delimits transactions is listed, but is no statement of its own.
DELIMITERS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START TRANSACTION")
WRITES = ("INSERT", "UPDATE", "DELETE", "MERGE", "COPY")
SYNC = "sync"

Kind = Literal["statement", "transaction", "round trip", "parse"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a session did; `at` and `took_s` by the monotonic clock of who listens."""

    kind: Kind
    at: float
    session: int
    text: str = ""
    tag: str = ""
    took_s: float = 0.0
    is_parsed: bool = False

    @property
    def is_delimiter(self) -> bool:
        """Whether it only begins or ends a transaction."""
        return self.tag.startswith(DELIMITERS)


@dataclass(slots=True)
class Counts:
    """What happened in a time, per kind. Statements leave out what only delimits transactions."""

    statements: float = 0
    transactions: float = 0
    writes: float = 0
    round_trips: float = 0
    parses: float = 0

    def less(self, other: "Counts", times: float = 1.0) -> "Counts":
        """Without `times` times another."""
        return self.scaled(1.0, other, -times)

    def scaled(self, factor: float, other: "Counts | None" = None, times: float = 0.0) -> "Counts":
        """All of it times a factor."""
        beside = other or Counts()
        return Counts(*(factor * getattr(self, name) + times * getattr(beside, name) for name in self.__slots__))

    def rounded(self, digits: int = 1) -> dict[str, float]:
        """For people and JSON."""
        return {name: round(getattr(self, name), digits) for name in self.__slots__}


def count(events: list[Event]) -> Counts:
    """How many of each kind; `writes` are statements that changed rows by their tag."""
    statements = [event for event in events if event.kind == "statement" and not event.is_delimiter]
    return Counts(
        statements=len(statements),
        transactions=sum(event.kind == "transaction" for event in events),
        writes=sum(event.tag.startswith(WRITES) and not event.tag.endswith(" 0") for event in statements),
        round_trips=sum(event.kind == "round trip" for event in events),
        parses=sum(event.kind == "parse" for event in events),
    )


class Splitter:
    """Cuts a stream into messages: type and body. A client's first message has no type."""

    def __init__(self, *, begins_untyped: bool) -> None:
        self._left = bytearray()
        self._is_untyped = begins_untyped

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The messages that are complete with this piece."""
        self._left += data
        while True:
            start = 0 if self._is_untyped else 1
            if len(self._left) < start + 4:
                return
            end = start + int.from_bytes(self._left[start : start + 4])
            if len(self._left) < end:
                return
            kind, body = bytes(self._left[:start]), bytes(self._left[start + 4 : end])
            del self._left[:end]
            # A refused request for encryption is followed by the start-up message proper.
            self._is_untyped = self._is_untyped and int.from_bytes(body[:4]) in {SSL, GSS}
            yield kind, body


@dataclass(slots=True)
class _Pending:
    """What the server still has to answer: an execution, a simple query, or the end of a round trip."""

    text: str
    sent_at: float
    is_parsed: bool = False
    is_simple: bool = False


@dataclass(slots=True)
class Session:
    """One session, followed from its first byte."""

    number: int
    note: Callable[[Event], None]
    clock: Callable[[], float] = time.monotonic
    _from_client: Splitter = field(default_factory=lambda: Splitter(begins_untyped=True))
    _from_server: Splitter = field(default_factory=lambda: Splitter(begins_untyped=False))
    _texts: dict[bytes, str] = field(default_factory=dict)
    _fresh: set[bytes] = field(default_factory=set)
    _portals: dict[bytes, bytes] = field(default_factory=dict)
    _pending: deque[_Pending] = field(default_factory=deque)
    _has_run: bool = False

    def client(self, data: bytes) -> None:
        """What the client sends."""
        now = self.clock()
        for kind, body in self._from_client.feed(data):
            if kind == b"P":
                self._parse(body, now)
            elif kind == b"B":
                portal, _, rest = body.partition(b"\0")
                self._portals[portal] = rest.partition(b"\0")[0]
            elif kind == b"E":
                name = self._portals.get(body.partition(b"\0")[0], b"")
                self._pending.append(_Pending(self._texts.get(name, "?"), now, name in self._fresh))
                self._fresh.discard(name)
            elif kind == b"Q":
                self.note(Event("parse", now, self.number))
                self._pending.append(_Pending(_text(body), now, is_parsed=True, is_simple=True))
            elif kind == b"S":
                self._pending.append(_Pending(SYNC, now))

    def server(self, data: bytes) -> None:
        """What the server answers."""
        now = self.clock()
        for kind, body in self._from_server.feed(data):
            if kind in {b"C", b"I", b"s"}:
                self._complete(_text(body) if kind == b"C" else "", now)
            elif kind == b"E" and self._pending:
                self._fail(now)
            elif kind == b"Z":
                self._ready(body, now)

    def _parse(self, body: bytes, now: float) -> None:
        name, _, rest = body.partition(b"\0")
        self._texts[name] = _text(rest)
        self._fresh.add(name)
        self.note(Event("parse", now, self.number))

    def _complete(self, tag: str, now: float) -> None:
        if not self._pending or self._pending[0].text == SYNC:
            return
        done = self._pending[0] if self._pending[0].is_simple else self._pending.popleft()
        self._note(done, tag, now)

    def _fail(self, now: float) -> None:
        """The rest of the round trip is skipped by the server."""
        self._note(self._pending[0], "ERROR", now)
        while self._pending and not (self._pending[0].is_simple or self._pending[0].text == SYNC):
            self._pending.popleft()

    def _note(self, done: _Pending, tag: str, now: float) -> None:
        self._has_run = True
        sent = done.sent_at
        self.note(Event("statement", sent, self.number, done.text, tag, now - sent, done.is_parsed))

    def _ready(self, status: bytes, now: float) -> None:
        if not self._pending:  # the first one, which ends the start-up
            return
        self._pending.popleft()
        self.note(Event("round trip", now, self.number))
        if status == b"I" and self._has_run:
            self._has_run = False
            self.note(Event("transaction", now, self.number))


def _text(body: bytes) -> str:
    return body.partition(b"\0")[0].decode("utf-8", "replace")
