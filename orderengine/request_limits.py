"""Bounds what one HTTP request may cost daphne before the application sees it: in bytes, and in time to send it.

Daphne keeps a whole body, in a file where it is large, before anybody asks who calls: no key is needed to fill a disk.
Twisted ends a connection that is silent for a minute, and begins anew with each byte that drips in.
"""

from typing import Any

import orjson
from daphne import http_protocol
from daphne.server import reactor
from twisted.web import http

from orders.exceptions import MEDIA_TYPE
from orders.parsers import MAX_BODY_BYTES
from orders.problems import Problem

# Bodies a little too large are refused by the application, with its headers; those above this are not read.
MAX_BUFFERED_BYTES = 2 * MAX_BODY_BYTES
# From the request line to the end of the body.
SEND_S = 15.0
TOO_LARGE = Problem("body_too_large", "the body has more than 1 MiB")


class BoundedRequest(http_protocol.WebRequest):  # type: ignore[misc]  # daphne has no types
    """Daphne's request with limits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._received = 0
        self._is_cut = False
        self._deadline = reactor.callLater(SEND_S, self._cut, b"408 Request Timeout", b"")

    def gotLength(self, length: int | None) -> None:
        """The announced length; none for a chunked body."""
        super().gotLength(length)
        if length is not None and length > MAX_BUFFERED_BYTES:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Take a part of the body, unless it is too much."""
        self._received += len(data)
        if self._is_cut:
            return
        if self._received > MAX_BUFFERED_BYTES:
            self._refuse()
        else:
            super().handleContentChunk(data)

    def process(self) -> Any:
        """The request is complete."""
        self._stop_clock()
        return None if self._is_cut else super().process()

    def connectionLost(self, reason: Any) -> None:
        self._stop_clock()
        super().connectionLost(reason)

    def _refuse(self) -> None:
        self._cut(b"413 Content Too Large", orjson.dumps(TOO_LARGE.to_json()))

    def _cut(self, status: bytes, body: bytes) -> None:
        """Answer and hang up; the rest is not read."""
        if self._is_cut or self.channel is None:
            return
        self._is_cut = True
        self._stop_clock()
        head = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
        self.channel.transport.write(head % (status, MEDIA_TYPE.encode(), len(body)) + body)
        self.channel.loseConnection()

    def _stop_clock(self) -> None:
        if self._deadline.active():
            self._deadline.cancel()


def limit_requests() -> None:
    """Have daphne make bounded requests, and Twisted look into none: nobody reads the forms that it finds.

    It asks a mail parser what each body is, a tenth of what a small POST costs a web process.
    """
    http_protocol.WebRequest = BoundedRequest
    http._parseContentType = lambda line: b""
