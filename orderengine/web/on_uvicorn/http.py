"""uvicorn's HTTP connections with the bounds of `orderengine/web/bounds.py`."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from orderengine.web.bounds import (
    BUFFER_BYTES,
    LINE_TOO_LONG,
    MAX_BUFFERED_BYTES,
    MAX_LINE_BYTES,
    UNREADABLE,
    Connection,
    connections,
)

# What is read at a time before a body, so that few requests are read while one is answered.
STEP_BYTES = 1024
# Of all lines before the body.
MAX_HEAD_BYTES = 2 * MAX_LINE_BYTES
CONNECTION = "orderengine.connection"
VERSIONS = {"1.0", "1.1"}


class BoundedHttp(Connection, HttpToolsProtocol):
    """uvicorn's connection, which tells what becomes of it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(BUFFER_BYTES)
        # Bytes that were not given to the parser, which reads requests as fast as they come.
        self._unread = bytearray()
        self._head_bytes = self._body_bytes = self._body_left = 0
        self._is_in_head = self._is_upgraded = False
        self._cycle: Any = None
        self.made()

    def data_received(self, data: bytes) -> None:
        """Read on, one request after the other."""
        if self.is_closing:
            return
        self.received()
        self._unread += data
        if len(self._unread) == len(data):
            self._parse()
        else:
            self._pause()

    def _parse(self) -> None:
        """Give the parser what has come, until a request waits for the one before it to be answered."""
        while self._unread and not (self.pipeline or self.is_closing):
            step = bytes(self._unread[: max(STEP_BYTES, self._body_left)])
            del self._unread[: len(step)]
            super().data_received(step)
            self._head_bytes = self._head_bytes + len(step) if self._is_in_head else 0
            if self._head_bytes > MAX_HEAD_BYTES:
                self.refuse(b"400 Bad Request", LINE_TOO_LONG)
            if self._is_upgraded:
                return
        if self._unread:
            self._pause()

    def _pause(self) -> None:
        """Read no more until what has come is parsed, and count it."""
        if self.is_closing:
            self._unread.clear()
            return
        self.flow.pause_reading()
        if not connections.take_body(self, len(self._unread)):
            self.refuse_busy()

    def send_400_response(self, msg: str) -> None:
        """Say why, as daphne does; a refusal that was sent before stands."""
        self.refuse(b"400 Bad Request", UNREADABLE)

    # --- The parser's calls -------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._is_in_head = True
        self._body_bytes = self._body_left = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        super().on_url(url)
        self._require_short(len(self.url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A whole header."""
        self._require_short(len(name) + len(value))
        name = name.lower()
        if name == b"content-length":
            self._body_left = int(value)
        elif name == b"transfer-encoding" and value.lower() != b"chunked":
            raise ValueError("no other coding is read")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """All but the body: the application begins."""
        self._is_in_head = False
        if self.parser.get_http_version() not in VERSIONS:
            raise ValueError("no other version is spoken")
        if self._body_left > MAX_BUFFERED_BYTES:
            self.refuse_large()
            raise ConnectionAbortedError
        self.scope["state"][CONNECTION] = self
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        self._body_left = max(0, self._body_left - len(body))
        if self._body_bytes > MAX_BUFFERED_BYTES:
            self.refuse_large()
        elif not connections.take_body(self, len(body)):
            self.refuse_busy()
        if self.is_closing:
            raise ConnectionAbortedError
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._body_left = 0
        if not self.pipeline:
            if self.cycle is not None and self.cycle.response_complete:  # the application did not wait for all of it
                self.answered()
            else:
                self.completed()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The last byte of an answer was handed over."""
        has_next = bool(self.pipeline)
        self.answered()
        super().on_response_complete()
        if has_next:
            self.received()
            if self.pipeline or not self.cycle.more_body:
                self.completed()
        if self._unread:
            self._parse()

    def handle_websocket_upgrade(self) -> None:
        """From here on the socket is the connection."""
        connections.forget(self.transport)
        self._is_upgraded = True
        super().handle_websocket_upgrade()

    # --- The transport's calls ----------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        self.filled()

    def resume_writing(self) -> None:
        """It has read on."""
        super().resume_writing()
        self.emptied()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self.lost()
        self._give_up()
        super().connection_lost(exc)

    # --- What bounds need ---------------------------------------------------------------------------------------

    def answering(self) -> Any:
        """Uvicorn's object for it."""
        return self._cycle

    def cut(self) -> None:
        """Drop the connection and what it holds."""
        self._give_up()
        self.transport.abort()

    def close_when_sent(self) -> None:
        """Close once the last bytes have left."""
        self._give_up()
        self.transport.close()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """The answer to this request begins."""
        self._cycle = cycle
        super()._start_asgi_task(cycle, app)

    def _give_up(self) -> None:
        """Tell the application that its client is gone; uvicorn would tell the last of several requests alone."""
        if self._cycle is not None:
            self._cycle.disconnected = True
            self._cycle.message_event.set()

    def _require_short(self, size: int) -> None:
        """Raises: ConnectionAbortedError, which ends the parser, for a line that is too long."""
        if size > MAX_LINE_BYTES:
            self.refuse(b"400 Bad Request", LINE_TOO_LONG)
            raise ConnectionAbortedError
