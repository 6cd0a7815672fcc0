"""Bounds what the connections of one web process cost it, whichever server makes them: their number, time and bytes.

Servers take any number of connections, wait a while after each byte that arrives, and keep an answer in memory for as
long as its client does not read it. Here every connection has a deadline at any time.
"""

import asyncio
import logging
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from orders.api.exceptions import MEDIA_TYPE, RETRY_AFTER_S
from orders.api.parsers import MAX_BODY_BYTES
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
# Bodies a little too large are refused by the application, with its headers; those above this are not read.
MAX_BUFFERED_BYTES = 2 * MAX_BODY_BYTES
MAX_LINE_BYTES = 16 * 1024
MAX_CONNECTIONS = 4096
# Of the files that a process may have open: for the database, Redis, nodes, and files that are served.
RESERVED_FILES = 256

UNREADABLE = Problem("invalid", "the request cannot be read as HTTP")
LINE_TOO_LONG = Problem("invalid", f"a line before the body has more than {MAX_LINE_BYTES} bytes")
TIMED_OUT = Problem("request_timeout", f"the request did not arrive within {SEND_S:.0f} s")
TOO_LARGE = Problem("body_too_large", "the body has more than 1 MiB")
BUSY = Problem("not_ready", "too many large requests at once; nothing was stored")


class Connections:
    """All connections of this process, WebSockets included, and what is held for them."""

    def __init__(self) -> None:
        self.most = MAX_CONNECTIONS
        self._open: dict[Any, Connection] = {}
        # Those that owe a request, the longest first: what makes room when all places are taken.
        self._waiting: dict[Connection, None] = {}
        self._unread: dict[Connection, int] = {}
        self._bodies: dict[Connection, int] = {}

    def begin(self, call_later: Callable[[float, Callable[[], None]], object]) -> None:
        """Leave room for their files, and look at deadlines by the clock of the server's event loop."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 2 * MAX_CONNECTIONS + RESERVED_FILES
        if soft < wanted:
            soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        # A file that is served is a second one.
        self.most = max(64, min(MAX_CONNECTIONS, (soft - RESERVED_FILES) // 2))

        def sweep() -> None:
            call_later(SWEEP_S, sweep)
            self.sweep()

        call_later(SWEEP_S, sweep)

    def admit(self, connection: "Connection") -> None:
        """Take a connection in; where all places are taken, the one that has owed a request for longest makes room."""
        if len(self._open) >= self.most:
            one_to_go = next(iter(self._waiting), connection)
            one_to_go.abort("all places are taken")
            if one_to_go is connection:
                return
            self.forget(one_to_go.transport)
        self._open[connection.transport] = connection

    def forget(self, transport: Any) -> None:
        """The connection is gone."""
        connection = self._open.pop(transport, None)
        if connection is not None:
            for held in (self._waiting, self._unread, self._bodies):
                held.pop(connection, None)

    def await_request(self, connection: "Connection") -> None:
        """The client owes a request from now on."""
        self._waiting.pop(connection, None)
        self._bodies.pop(connection, None)
        if connection.transport in self._open:
            self._waiting[connection] = None

    def answer(self, connection: "Connection") -> None:
        """The request is complete, or refused: the client owes nothing."""
        self._waiting.pop(connection, None)

    @contextmanager
    def unread(self, connection: "Connection", size: int) -> Iterator[None]:
        """Count bytes that wait until the client reads; too many cost the slowest readers their connections."""
        self._unread[connection] = size
        try:
            while sum(self._unread.values()) > MAX_UNREAD_BYTES and len(self._unread) > 1:
                slowest = min(self._unread, key=lambda one: one.read_at)
                self._unread.pop(slowest)
                slowest.abort("unread answers take too much memory")
            yield
        finally:
            self._unread.pop(connection, None)

    def take_body(self, connection: "Connection", size: int) -> bool:
        """Count a part of a body; whether there is room. The upload that has taken longest makes room for another."""
        self._bodies[connection] = self._bodies.get(connection, 0) + size
        while sum(self._bodies.values()) > MAX_BODIES_BYTES:
            slowest = next((one for one in self._bodies if one in self._waiting), connection)
            self._bodies.pop(slowest)
            if slowest is connection:
                return False
            slowest.refuse_busy()
        return True

    def sweep(self) -> None:
        """End what is past its deadline."""
        now = time.monotonic()
        for connection in tuple(self._open.values()):
            connection.check(now)


connections = Connections()


class Connection:
    """One connection as HTTP sees it. The server's own class of connections is made from this one too, and tells it."""

    transport: Any

    # --- What a server tells ------------------------------------------------------------------------------------

    def made(self) -> None:
        """The connection is there: the client owes a request."""
        self.read_at = time.monotonic()
        self.is_answering = self.is_lost = self.is_closing = False
        self._is_idle, self._is_full = True, False
        self._request_due: float | None = self.read_at + SEND_S
        self._answer_due: float | None = None
        self._slowly_read: Any = None
        self._taken: asyncio.Future[None] | None = None
        connections.admit(self)
        connections.await_request(self)

    def received(self) -> None:
        """Bytes came: a request has its time from the first one on, however slowly the others follow."""
        if self._is_idle and not self.is_answering:
            self._is_idle = False
            self._request_due = time.monotonic() + SEND_S

    def completed(self) -> None:
        """The request is complete: the application's time is not the client's."""
        self.is_answering = True
        self._request_due = None
        connections.answer(self)

    def answered(self) -> None:
        """The answer was handed over, and the next request may come."""
        self._is_idle, self.is_answering = True, False
        self._request_due = time.monotonic() + IDLE_S
        connections.await_request(self)

    def filled(self) -> None:
        """The transport holds all that it should."""
        self._is_full = True
        if self._answer_due is None:
            self._answer_due = time.monotonic() + READ_S
            self._slowly_read = self.answering()

    def emptied(self) -> None:
        """The client has taken all that was handed over."""
        self._is_full = False
        self.read_at = time.monotonic()
        if not (self.is_answering and self._slowly_read == self.answering()):
            self._answer_due = None
        self._go_on()

    def lost(self) -> None:
        """The connection is gone."""
        self.is_lost = True
        connections.forget(self.transport)
        self._go_on()

    # --- What a server has for it -------------------------------------------------------------------------------

    def answering(self) -> Any:
        """What stands for the request that is answered."""
        raise NotImplementedError

    def cut(self) -> None:
        """Drop the connection and what it holds."""
        raise NotImplementedError

    def close_when_sent(self) -> None:
        """Close once the last bytes have left, and read no more."""
        raise NotImplementedError

    # --- What follows from it -----------------------------------------------------------------------------------

    def has_room(self) -> bool:
        """Whether the client is there and has taken what it was sent."""
        return not (self._is_full or self.is_lost or self.is_closing)

    async def until_taken(self) -> None:
        """Wait until there is room for a piece. Raises: ConnectionResetError when the client is gone."""
        while self._is_full and not self.is_lost:
            self._taken = asyncio.get_running_loop().create_future()
            await self._taken
        if self.is_lost:
            raise ConnectionResetError

    def check(self, now: float) -> None:
        """End the connection if it is past one of its deadlines."""
        if self._answer_due is not None and now >= self._answer_due:
            self.abort("its answer was not read in time")
        elif self._request_due is not None and now >= self._request_due:
            if self._is_idle:
                self.leave()
            else:
                self.refuse(b"408 Request Timeout", TIMED_OUT)

    def refuse(self, status: bytes, problem: Problem, headers: bytes = b"") -> None:
        """Answer and close; what follows is not read."""
        if self.is_closing or self.is_lost:
            return
        body = orjson.dumps(problem.to_json())
        head = b"HTTP/1.1 %s\r\nConnection: close\r\n%sContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(head % (status, headers, MEDIA_TYPE.encode(), len(body)) + body)
        self.leave()

    def refuse_busy(self) -> None:
        """Too many bodies at once: come again."""
        self.refuse(b"503 Service Unavailable", BUSY, b"Retry-After: %d\r\n" % RETRY_AFTER_S)

    def refuse_large(self) -> None:
        """The body is not read to its end."""
        self.refuse(b"413 Content Too Large", TOO_LARGE)

    def leave(self) -> None:
        """Close once the last bytes have left, or soon without them."""
        self.is_closing = True
        self._request_due, self._answer_due = None, time.monotonic() + CLOSE_S
        connections.answer(self)
        self.close_when_sent()

    def abort(self, reason: str) -> None:
        """Close at once."""
        logger.info("closing a connection: %s", reason)
        self.is_closing = True
        self._request_due = self._answer_due = None
        self.cut()

    def _go_on(self) -> None:
        if self._taken is not None and not self._taken.done():
            self._taken.set_result(None)
