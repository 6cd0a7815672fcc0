"""Bounds what daphne buffers for a WebSocket client that does not read.

Daphne writes every message to the transport whatever piles up there (daphne#170): 200 MB pushed to a client
that never reads stay in memory. A connection that owes more than the limit is cut; the client resumes with `after`.
"""

import logging
from typing import Any

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

logger = logging.getLogger(__name__)

MAX_UNREAD_BYTES = 1024 * 1024


class BoundedWebSocketProtocol(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
    """Daphne's protocol with a limit on unsent bytes."""

    def onConnect(self, request: Any) -> Any:
        """Switch Nagle's algorithm off: it holds an event back for 40 ms when another went out just before."""
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(True)
        return super().onConnect(request)

    def serverSend(self, content: Any, binary: bool = False) -> None:
        """Send unless the client is too far behind; then cut the connection."""
        if self.unread_bytes() > MAX_UNREAD_BYTES:
            logger.warning("closing a WebSocket client that left %d bytes unread", self.unread_bytes())
            self.transport.abortConnection()
            return
        super().serverSend(content, binary)

    def unread_bytes(self) -> int:
        """Bytes written to the transport that the system has not taken yet."""
        transport = self.transport
        return len(getattr(transport, "dataBuffer", b"")) + getattr(transport, "_tempDataLen", 0)


def limit_unread_bytes() -> None:
    """Have daphne's WebSocket factory make bounded connections."""
    WebSocketFactory.protocol = BoundedWebSocketProtocol
