"""Bounds what one HTTP request may cost daphne: the bytes of its body, and those of an answer that is not read.

Daphne keeps a whole body, in a file where it is large, before anybody asks who calls: no key is needed to fill a disk.
It hands a whole answer to the transport, which keeps it until the client has read it.
"""

from functools import partial
from typing import Any

from daphne import http_protocol
from daphne.server import Server

from orderengine.web.bounds import MAX_BUFFERED_BYTES, connections
from orderengine.web.connections import limit_connections
from orderengine.web.pieces import BODY, send_in_pieces

_hand_over = Server.handle_reply


class BoundedRequest(http_protocol.WebRequest):  # type: ignore[misc]  # daphne has no types
    """Daphne's request with limits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Forms that Twisted finds are not used. To look for one, it asks a mail parser what each body is: a tenth
        # of what a small POST costs a web process.
        super().__init__(*args, **kwargs, parsePOSTFormSubmission=False)
        self._received = 0
        self._is_refused = False

    def gotLength(self, length: int | None) -> None:
        """The announced length; none for a chunked body."""
        super().gotLength(length)
        if length is not None and length > MAX_BUFFERED_BYTES:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Take a part of the body, unless it is too much."""
        self._received += len(data)
        if self._is_refused:
            return
        if self._received > MAX_BUFFERED_BYTES:
            self._refuse()
        elif connections.take_body(self.channel, len(data)):
            super().handleContentChunk(data)
        else:
            self._is_refused = True
            self.channel.refuse_busy()

    def process(self) -> Any:
        """The request is complete."""
        return None if self._is_refused else super().process()

    def _refuse(self) -> None:
        self._is_refused = True
        self.channel.refuse_large()


async def reply(server: Server, protocol: Any, message: dict[str, Any]) -> None:
    """Hand a message to the client, the body of an answer in pieces, each when the client has taken the one before.

    Raises: ConnectionResetError when the client is gone.
    """
    if not isinstance(protocol, BoundedRequest) or message["type"] != BODY:
        await _hand_over(server, protocol, message)
        return
    channel = getattr(protocol, "channel", None)
    if channel is None:
        raise ConnectionResetError
    await send_in_pieces(channel, message, partial(_hand_over, server, protocol))


def limit_requests() -> None:
    """Have daphne make bounded connections and requests."""
    http_protocol.WebRequest = BoundedRequest
    Server.handle_reply = reply
    limit_connections(http_protocol.HTTPFactory)
