# mypy: allow-untyped-calls, disable-error-code="override"
"""Bounds what the connections of one web process cost it: their number, their time and the bytes held for them.

Daphne and Twisted take any number of connections, wait a minute after each byte that arrives, and keep an answer in
memory for as long as its client does not read it. Here every connection has a deadline at any time.
"""

import asyncio
import logging
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from daphne.server import reactor  # before anything else of Twisted: it chooses the reactor
from twisted.web import http

from orders.api.exceptions import MEDIA_TYPE, RETRY_AFTER_S
from orders.problems import Problem

logger = logging.getLogger(__name__)

# From the first byte of a request to the last one of its body; also from the connection to the first byte.
SEND_S = 15.0
# Between an answer and the next request.
IDLE_S = 60.0
# For an answer that the client is slow to read, in all; the largest, 1.6 MB, needs 27 kB/s.
READ_S = 60.0
# For the last bytes of a connection that is being closed.
CLOSE_S = 10.0
SWEEP_S = 0.5
# An answer is handed to the transport piece by piece; the next piece follows when less than BUFFER_BYTES are unsent.
PIECE_BYTES = 32 * 1024
BUFFER_BYTES = 16 * 1024
# Answers that wait to be read, all together; beyond it the connection goes that has read nothing for longest.
MAX_UNREAD_BYTES = 24 * 1024 * 1024
# Bodies that have arrived or are arriving, all together.
MAX_BODIES_BYTES = 48 * 1024 * 1024
MAX_CONNECTIONS = 4096
# Of the files that a process may have open: for the database, Redis, nodes, and files that are served.
RESERVED_FILES = 256

UNREADABLE = Problem("invalid", "the request cannot be read as HTTP")
LINE_TOO_LONG = Problem("invalid", f"a line before the body has more than {http.HTTPChannel.MAX_LENGTH} bytes")
TIMED_OUT = Problem("request_timeout", f"the request did not arrive within {SEND_S:.0f} s")


class Connections:
    """All connections of this process, WebSockets included, and what is held for them."""

    def __init__(self) -> None:
        self.most = MAX_CONNECTIONS
        self._open: dict[Any, BoundedChannel] = {}
        # Those that owe a request, the longest first: what makes room when all places are taken.
        self._waiting: dict[BoundedChannel, None] = {}
        self._unread: dict[BoundedChannel, int] = {}
        self._bodies: dict[BoundedChannel, int] = {}

    def admit(self, channel: "BoundedChannel") -> None:
        """Take a connection in; where all places are taken, the one that has owed a request for longest makes room."""
        if len(self._open) >= self.most:
            channel_to_go = next(iter(self._waiting), channel)
            channel_to_go.abort("all places are taken")
            if channel_to_go is channel:
                return
            self.forget(channel_to_go.transport)
        self._open[channel.transport] = channel

    def forget(self, transport: Any) -> None:
        """The connection is gone."""
        channel = self._open.pop(transport, None)
        if channel is not None:
            for held in (self._waiting, self._unread, self._bodies):
                held.pop(channel, None)

    def await_request(self, channel: "BoundedChannel") -> None:
        """The client owes a request from now on."""
        self._waiting.pop(channel, None)
        self._bodies.pop(channel, None)
        if channel.transport in self._open:
            self._waiting[channel] = None

    def answer(self, channel: "BoundedChannel") -> None:
        """The request is complete, or refused: the client owes nothing."""
        self._waiting.pop(channel, None)

    @contextmanager
    def unread(self, channel: "BoundedChannel", size: int) -> Iterator[None]:
        """Count bytes that wait until the client reads; too many cost the slowest readers their connections."""
        self._unread[channel] = size
        try:
            while sum(self._unread.values()) > MAX_UNREAD_BYTES and len(self._unread) > 1:
                slowest = min(self._unread, key=lambda one: one.read_at)
                self._unread.pop(slowest)
                slowest.abort("unread answers take too much memory")
            yield
        finally:
            self._unread.pop(channel, None)

    def take_body(self, channel: "BoundedChannel", size: int) -> bool:
        """Count a part of a body; whether there is room. The upload that has taken longest makes room for another."""
        self._bodies[channel] = self._bodies.get(channel, 0) + size
        while sum(self._bodies.values()) > MAX_BODIES_BYTES:
            slowest = next((one for one in self._bodies if one in self._waiting), channel)
            self._bodies.pop(slowest)
            if slowest is channel:
                return False
            slowest.refuse_busy()
        return True

    def sweep(self) -> None:
        """End what is past its deadline, and come again."""
        reactor.callLater(SWEEP_S, self.sweep)
        now = time.monotonic()
        for channel in tuple(self._open.values()):
            channel.check(now)


connections = Connections()


class BoundedChannel(http.HTTPChannel):
    """One connection as HTTP sees it."""

    transport: Any

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.bufferSize = BUFFER_BYTES
        self.read_at = time.monotonic()
        self._is_idle, self._is_lost, self._is_closing = True, False, False
        self._is_answering = self._is_full = False
        self._request_due: float | None = self.read_at + SEND_S
        self._answer_due: float | None = None
        self._slowly_read: Any = None
        self._taken: asyncio.Future[None] | None = None
        connections.admit(self)
        connections.await_request(self)

    def setTimeout(self, period: float | None) -> None:
        """Twisted's own clock starts again with each byte; ours are in `check`."""

    def dataReceived(self, data: bytes) -> None:
        if self._is_closing:
            return
        if self._is_idle and not self._is_answering:
            self._is_idle = False
            self._request_due = time.monotonic() + SEND_S
        super().dataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Say why; Twisted closes without a word."""
        self.refuse(b"400 Bad Request", LINE_TOO_LONG)

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Say why; Twisted sends the status alone."""
        self.refuse(b"400 Bad Request", UNREADABLE)

    def allContentReceived(self) -> None:
        """The request is complete: the application's time is not the client's."""
        self._is_answering = True
        self._request_due = None
        connections.answer(self)
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        self._is_idle, self._is_answering = True, False
        self._request_due = time.monotonic() + IDLE_S
        connections.await_request(self)
        super().requestDone(request)

    def pauseProducing(self) -> None:
        """The transport holds all that it should."""
        self._is_full = True
        super().pauseProducing()
        if self._answer_due is None:
            self._answer_due = time.monotonic() + READ_S
            self._slowly_read = self._current()

    def resumeProducing(self) -> None:
        """The client has taken all that was handed over."""
        self._is_full = False
        self.read_at = time.monotonic()
        is_same_answer = self._is_answering and self._slowly_read is self._current()
        if not is_same_answer or self.transport.protocol is not self:  # of a WebSocket no message is the last
            self._answer_due = None
        if self._taken is not None and not self._taken.done():
            self._taken.set_result(None)
        super().resumeProducing()

    def has_room(self) -> bool:
        """Whether the client is there and has taken what it was sent."""
        return not (self._is_full or self._is_lost or self._is_closing)

    async def until_taken(self) -> None:
        """Wait until there is room for a piece. Raises: ConnectionResetError when the client is gone."""
        while self._is_full and not self._is_lost:
            self._taken = asyncio.get_running_loop().create_future()
            await self._taken
        if self._is_lost:
            raise ConnectionResetError

    def check(self, now: float) -> None:
        """End the connection if it is past one of its deadlines."""
        if self._answer_due is not None and now >= self._answer_due:
            self.abort("its answer was not read in time")
        elif self._request_due is not None and now >= self._request_due:
            if self._is_idle:
                self.loseConnection()
            else:
                self.refuse(b"408 Request Timeout", TIMED_OUT)

    def refuse(self, status: bytes, problem: Problem, headers: bytes = b"") -> None:
        """Answer and close; what follows is not read."""
        if self._is_closing or self._is_lost:
            return
        body = orjson.dumps(problem.to_json())
        head = b"HTTP/1.1 %s\r\nConnection: close\r\n%sContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(head % (status, headers, MEDIA_TYPE.encode(), len(body)) + body)
        self.loseConnection()

    def refuse_busy(self) -> None:
        """Too many bodies at once: come again."""
        problem = Problem("not_ready", "too many large requests at once; nothing was stored")
        self.refuse(b"503 Service Unavailable", problem, b"Retry-After: %d\r\n" % RETRY_AFTER_S)

    def loseConnection(self) -> None:
        """Close once the last bytes have left, or soon without them."""
        self._is_closing = True
        self._request_due, self._answer_due = None, time.monotonic() + CLOSE_S
        connections.answer(self)
        super().loseConnection()

    def abort(self, reason: str) -> None:
        """Close at once."""
        logger.info("closing a connection: %s", reason)
        self._is_closing = True
        self._request_due = self._answer_due = None
        self.transport.abortConnection()

    def connectionLost(self, reason: Any) -> None:
        self._is_lost = True
        connections.forget(self.transport)
        if self._taken is not None and not self._taken.done():
            self._taken.set_result(None)
        super().connectionLost(reason)

    def _current(self) -> Any:
        return self.requests[0] if self.requests else None


def _no_line(factory: Any, request: Any) -> None:
    """Log nothing."""


def limit_connections(factory: Any) -> None:
    """Have a factory of HTTP connections make bounded ones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MAX_CONNECTIONS + RESERVED_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # Twisted writes a line of an access log for each request, which daphne sends nowhere.
    factory.log = _no_line
    # A file that is served is a second one.
    connections.most = max(64, min(MAX_CONNECTIONS, (soft - RESERVED_FILES) // 2))
    factory.protocol = BoundedChannel
    reactor.callLater(SWEEP_S, connections.sweep)
