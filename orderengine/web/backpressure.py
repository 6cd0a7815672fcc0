"""Bounds what one WebSocket client may cost daphne: in bytes that it does not read, in frames, in their size.

Daphne writes every message to the transport however much waits there (daphne#170): 200 MB pushed to a client that
never reads stay in memory. It also queues every frame for the application, however many come. The client resumes with
its cursor.
"""

import logging
import time
from typing import Any

from autobahn.twisted import websocket
from autobahn.websocket import protocol as framing
from autobahn.websocket.types import ConnectionDeny
from daphne.server import reactor  # before anything else of Twisted: it chooses the reactor
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.defer import Deferred

from orderengine.web.bounds import connections
from orderengine.web.frames import FLOOD, MAX_FRAME_BYTES, MAX_UNREAD_BYTES, RESTART, FrameRate

logger = logging.getLogger(__name__)

SHUTDOWN_GRACE_S = 1.5
HEADERS_SENT_AS_ASCII = {"sec-websocket-protocol"}
# What autobahn calls to make the words of debug lines, which it does whether or not anybody wants them: a quarter of
# what a socket costs it.
WORDS_FOR_DEBUG = ("hltype", "hlval", "pformat")

_open: set["BoundedWebSocketProtocol"] = set()


class BoundedWebSocketProtocol(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
    """Daphne's protocol with limits."""

    _has_application = False

    def __init__(self) -> None:
        super().__init__()
        self._rate = FrameRate()

    def onConnect(self, request: Any) -> Any:
        """Set the limits; refuse what daphne would answer with a traceback."""
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(True)  # Nagle's algorithm holds an event back for 40 ms when another went out just before
        self.maxFramePayloadSize = self.maxMessagePayloadSize = MAX_FRAME_BYTES
        # A violation is answered with its close code; the connection is dropped a second later in any case.
        self.failByDrop = False
        if not is_readable(request):
            raise ConnectionDeny(400, "Bad Request")  # type: ignore[no-untyped-call]
        self._has_application = True
        return super().onConnect(request)

    def onOpen(self) -> None:
        _open.add(self)
        super().onOpen()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        _open.discard(self)
        if self._has_application:
            super().onClose(wasClean, code, reason)

    def connectionLost(self, *args: Any) -> None:
        """Its place is free again."""
        connections.forget(self.transport)
        super().connectionLost(*args)

    def processData(self) -> bool:
        """Take the next step through the bytes that came; each frame counts by its head, pongs and parts too."""
        is_between_frames = self.current_frame is None
        has_more = bool(super().processData())
        begins_frame = is_between_frames and self.current_frame is not None
        if self._rate.is_flooding or (begins_frame and not self.may_take_frame()):
            self.data = b""
            return False
        return has_more

    def may_take_frame(self) -> bool:
        """Whether the client keeps to its rate; a flood is closed and read no further."""
        was_flooding = self._rate.is_flooding
        if self._rate.may_take():
            return True
        if not was_flooding:
            self.serverClose(FLOOD)
            self.transport.pauseProducing()
        return False

    def sendMessage(self, *args: Any, **kwargs: Any) -> None:
        """The limit of a message's size is for what comes in; autobahn would hold us to it too."""
        self.maxMessagePayloadSize = 0
        try:
            super().sendMessage(*args, **kwargs)
        finally:
            self.maxMessagePayloadSize = MAX_FRAME_BYTES

    def serverSend(self, content: Any, binary: bool = False) -> None:
        """Send unless the client is gone, or too far behind; then cut the connection."""
        if self.state in {self.STATE_CLOSING, self.STATE_CLOSED}:
            return  # autobahn would raise into the application, which does not know yet
        if self.unread_bytes() > MAX_UNREAD_BYTES:
            logger.warning("closing a WebSocket client that left %d bytes unread", self.unread_bytes())
            self.transport.abortConnection()
            return
        super().serverSend(content, binary)

    def serverClose(self, code: int | None = None) -> None:
        """Close with any code: autobahn's own call knows 1000 and those from 3000 on only."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code or 1000, isReply=False)

    def unread_bytes(self) -> int:
        """Bytes written to the transport that the system has not taken yet."""
        transport = self.transport
        return len(getattr(transport, "dataBuffer", b"")) + getattr(transport, "_tempDataLen", 0)


def is_readable(request: Any) -> bool:
    """Whether daphne can decode path, header names and subprotocols, which must be ASCII."""
    texts = [request.path, *request.headers]
    texts += [value for name, value in request.headers.items() if name.lower() in HEADERS_SENT_AS_ASCII]
    try:
        "".join(request.headers.values()).encode("latin-1")
    except UnicodeEncodeError:
        return False
    return all(map(str.isascii, texts))


def limit_websockets() -> None:
    """Have daphne's WebSocket factory make bounded connections, and close them when the process is asked to end."""
    WebSocketFactory.protocol = BoundedWebSocketProtocol
    for module in (framing, websocket):
        for name in WORDS_FOR_DEBUG:
            if hasattr(module, name):
                setattr(module, name, _no_words)
    reactor.addSystemEventTrigger("before", "shutdown", close_all)


def _no_words(value: object) -> str:
    return ""


def close_all() -> "Deferred[None]":
    """Close every socket with 1012, and wait a moment for the bytes to leave."""
    for protocol in tuple(_open):
        protocol.serverClose(RESTART)
    closed: Deferred[None] = Deferred()
    _finish(closed, time.monotonic() + SHUTDOWN_GRACE_S)
    return closed


def _finish(closed: "Deferred[None]", until: float) -> None:
    if not _open or time.monotonic() >= until:
        closed.callback(None)
    else:
        reactor.callLater(0.05, _finish, closed, until)
