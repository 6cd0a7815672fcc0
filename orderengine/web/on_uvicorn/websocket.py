"""uvicorn's WebSockets with the bounds of `orderengine/web/frames.py`."""

import logging
from asyncio import BaseTransport, Transport
from contextlib import suppress
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame
from websockets.http11 import Request

from orderengine.web.bounds import Connection
from orderengine.web.frames import FLOOD, MAX_UNREAD_BYTES, FrameRate

logger = logging.getLogger(__name__)

# What is read at a time, so that a flood is noticed soon after it begins.
STEP_BYTES = 256
# For the last frame of a flood to leave.
FLOOD_GRACE_S = 1.0
NO_TEXT = 1007


class BoundedSocket(Connection, WebSocketsSansIOProtocol):
    """uvicorn's protocol with limits."""

    def connection_made(self, transport: BaseTransport) -> None:
        """The opening request has arrived, and is given again."""
        super().connection_made(transport)
        cast(Transport, transport).set_write_buffer_limits(MAX_UNREAD_BYTES)
        self._rate = FrameRate()
        self.made()
        self.completed()

    def data_received(self, data: bytes) -> None:
        """Read on, step by step; a flood is read no further."""
        for start in range(0, len(data), STEP_BYTES):
            if self._rate.is_flooding or self.is_lost:
                return
            super().data_received(data[start : start + STEP_BYTES])

    def handle_events(self) -> None:
        """Take what has come, unless frames come too fast: each counts, pongs and parts too."""
        events = self.conn.events_received()
        if not all(self._rate.may_take() for event in events if isinstance(event, Frame)):
            self._close_flood()
            return
        self.conn.events += events
        super().handle_events()

    def handle_connect(self, event: Request) -> None:
        """Refuse what uvicorn would answer with a traceback."""
        if event.path.isascii() and all(name.isascii() for name, _ in event.headers.raw_items()):
            super().handle_connect(event)
        else:
            self._refuse_opening()

    def handle_parser_exception(self) -> None:
        """What cannot be read closes the socket; before it is open there is nothing to close."""
        if self.conn.close_sent is None:
            self._refuse_opening()
        else:
            super().handle_parser_exception()

    def send_receive_event_to_app(self) -> None:
        """Close for text that is none without a traceback in the log."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.frames = []
            self.conn.fail(NO_TEXT)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    def pause_writing(self) -> None:
        """The client is too far behind."""
        logger.warning("closing a WebSocket client that left %d bytes unread", self.transport.get_write_buffer_size())
        self.abort("it does not read")

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self.lost()
        super().connection_lost(exc)

    def answering(self) -> Any:
        """No message is the last."""
        return object()

    def cut(self) -> None:
        """Drop the connection and what it holds."""
        self.transport.abort()

    def close_when_sent(self) -> None:
        """Close once the last bytes have left."""
        self.transport.close()

    def _refuse_opening(self) -> None:
        self.handshake_complete = self.close_sent = True
        self.conn.send_response(self.conn.reject(400, "the opening request cannot be read\n"))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    def _close_flood(self) -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": FLOOD})
        with suppress(InvalidState):  # it is being closed already
            self.conn.send_close(FLOOD)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.pause_reading()
        self.loop.call_later(FLOOD_GRACE_S, self.transport.abort)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
