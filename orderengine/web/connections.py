# mypy: allow-untyped-calls, disable-error-code="override"
"""Daphne's HTTP connections with the bounds of `orderengine/web/bounds.py`."""

from typing import Any

from daphne.server import reactor  # before anything else of Twisted: it chooses the reactor
from twisted.web import http

from orderengine.web.bounds import BUFFER_BYTES, LINE_TOO_LONG, MAX_LINE_BYTES, UNREADABLE, Connection, connections
from orderengine.web.prompt import write_promptly


class BoundedChannel(Connection, http.HTTPChannel):
    """Twisted's connection, which tells what becomes of it."""

    MAX_LENGTH = MAX_LINE_BYTES

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.bufferSize = BUFFER_BYTES
        write_promptly(self.transport)
        self.made()

    def setTimeout(self, period: float | None) -> None:
        """Twisted's own clock starts again with each byte; ours are in `check`."""

    def dataReceived(self, data: bytes) -> None:
        if self.is_closing:
            return
        self.received()
        super().dataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Say why; Twisted closes without a word."""
        self.refuse(b"400 Bad Request", LINE_TOO_LONG)

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Say why; Twisted sends the status alone."""
        self.refuse(b"400 Bad Request", UNREADABLE)

    def allContentReceived(self) -> None:
        self.completed()
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        self.answered()
        super().requestDone(request)

    def pauseProducing(self) -> None:
        super().pauseProducing()
        self.filled()

    def resumeProducing(self) -> None:
        self.emptied()
        super().resumeProducing()

    def loseConnection(self) -> None:
        """Twisted itself closes after an answer too."""
        self.leave()

    def connectionLost(self, reason: Any) -> None:
        self.lost()
        super().connectionLost(reason)

    def answering(self) -> Any:
        if self.transport.protocol is not self:  # of a WebSocket no message is the last
            return object()
        return self.requests[0] if self.requests else None

    def cut(self) -> None:
        self.transport.abortConnection()

    def close_when_sent(self) -> None:
        super().loseConnection()


def _no_line(factory: Any, request: Any) -> None:
    """Log nothing."""


def limit_connections(factory: Any) -> None:
    """Have a factory of HTTP connections make bounded ones."""
    # Twisted writes a line of an access log for each request, which daphne sends nowhere.
    factory.log = _no_line
    factory.protocol = BoundedChannel
    connections.begin(reactor.callLater)
