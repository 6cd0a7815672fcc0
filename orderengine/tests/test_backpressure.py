"""What a WebSocket client that does not read may cost."""

from typing import Any

from daphne.ws_protocol import WebSocketFactory

from orderengine.backpressure import MAX_UNREAD_BYTES, BoundedWebSocketProtocol, limit_unread_bytes


class Transport:
    """Twisted's transport as far as it counts bytes."""

    def __init__(self, unread: int) -> None:
        self.dataBuffer, self._tempDataLen = b"x" * unread, 0
        self.was_aborted, self.no_delay = False, False

    def abortConnection(self) -> None:
        self.was_aborted = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled


def protocol(unread: int, sent: list[Any]) -> BoundedWebSocketProtocol:
    class Recorded(BoundedWebSocketProtocol):
        def sendMessage(self, *args: Any, **kwargs: Any) -> None:
            sent.append(args[0])

    made = Recorded.__new__(Recorded)
    made.transport = Transport(unread)
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
    limit_unread_bytes()

    assert WebSocketFactory.protocol is BoundedWebSocketProtocol
