"""What a WebSocket client that does not read may cost."""

from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.twisted import websocket
from autobahn.websocket import protocol as framing
from daphne.ws_protocol import WebSocketFactory

from orderengine.web.backpressure import WORDS_FOR_DEBUG, BoundedWebSocketProtocol, is_readable, limit_websockets
from orderengine.web.frames import FLOOD, FRAME_BURST, FRAMES_PER_S, MAX_UNREAD_BYTES, FrameRate


class Transport:
    """Twisted's transport as far as it counts bytes."""

    def __init__(self, unread: int) -> None:
        self.dataBuffer, self._tempDataLen = b"x" * unread, 0
        self.was_aborted, self.no_delay, self.is_paused = False, False, False

    def abortConnection(self) -> None:
        self.was_aborted = True

    def pauseProducing(self) -> None:
        self.is_paused = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled


def protocol(unread: int, sent: list[Any]) -> BoundedWebSocketProtocol:
    class Recorded(BoundedWebSocketProtocol):
        def sendMessage(self, *args: Any, **kwargs: Any) -> None:
            sent.append(args[0])

    made = Recorded.__new__(Recorded)
    made.transport, made._rate = Transport(unread), FrameRate()
    made.state, made.client_addr = made.STATE_OPEN, ["127.0.0.1", 1]
    return made


def test_a_client_that_reads_is_sent_to() -> None:
    sent: list[Any] = []
    made = protocol(MAX_UNREAD_BYTES, sent)

    made.serverSend("event")

    assert sent == [b"event"]
    assert not made.transport.was_aborted


def test_a_client_that_does_not_read_is_cut_off() -> None:
    sent: list[Any] = []
    made = protocol(MAX_UNREAD_BYTES + 1, sent)

    made.serverSend("event")

    assert sent == []
    assert made.transport.was_aborted


def test_daphne_makes_bounded_connections() -> None:
    limit_websockets()

    assert WebSocketFactory.protocol is BoundedWebSocketProtocol


def test_a_flood_of_frames_is_closed_and_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int | None] = []
    made = protocol(0, [])
    monkeypatch.setattr(made, "serverClose", closed.append)
    clock = iter([100.0] * (FRAME_BURST + 5))
    monkeypatch.setattr("orderengine.web.frames.time", SimpleNamespace(monotonic=lambda: next(clock)))

    taken = [made.may_take_frame() for _ in range(FRAME_BURST + 5)]

    assert taken == [True] * FRAME_BURST + [False] * 5
    assert closed == [FLOOD]
    assert made.transport.is_paused


def test_ten_frames_a_second_are_no_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    made = protocol(0, [])
    clock = iter(100.0 + i / FRAMES_PER_S for i in range(100))
    monkeypatch.setattr("orderengine.web.frames.time", SimpleNamespace(monotonic=lambda: next(clock)))

    assert all(made.may_take_frame() for _ in range(100))


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/ws/v1/stream", {"host": "x", "cookie": "caf\xe9"}, True),
        ("/ws/v1/stream\xe9", {"host": "x"}, False),
        ("/ws/v1/stream", {"h\xe9": "x"}, False),
        ("/ws/v1/stream", {"sec-websocket-protocol": "oe.v1, \xe9"}, False),
    ],
)
def test_what_daphne_cannot_decode_is_a_bad_request(path: str, headers: dict[str, str], expected: bool) -> None:
    assert is_readable(SimpleNamespace(path=path, headers=headers)) is expected


def test_autobahn_makes_no_words_for_debug_lines() -> None:
    """Each of the names is still one that it uses."""
    limit_websockets()

    assert [getattr(framing, name)(framing) for name in WORDS_FOR_DEBUG] == [""] * len(WORDS_FOR_DEBUG)
    assert vars(websocket)["hltype"](framing) == ""
