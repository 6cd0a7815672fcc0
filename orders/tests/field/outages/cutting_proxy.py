"""A proxy before PostgreSQL that loses one answer: it counts the round trips of all sessions and cuts one of them.

It reads just enough of the protocol: a client's message `Q` (simple query) or `S` (Sync) ends what it asks in one go.
"""

import socket
import struct
import threading
import time
from contextlib import suppress
from enum import StrEnum

_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104
_ASKS = (b"Q", b"S")
_READY = b"Z"


class Cut(StrEnum):
    """What becomes of the round trip that is cut."""

    LOST = "lost"  # it never reaches the server
    ANSWERED = "answered"  # the server has done it before the connection ends
    LATE = "late"  # it reaches the server when the client has gone


class Proxy:
    """Forwards to a server; of what is asked after `arm`, the n-th (from 1) is cut."""

    def __init__(self, host: str, port: int, *, late_s: float = 0.4) -> None:
        self._target, self._late_s = (host, port), late_s
        self._lock = threading.Lock()
        self._cut_at, self._cut, self._is_shut_after = 0, Cut.LOST, False
        self._asked, self.was_cut, self._is_shut = 0, False, False
        self._text = b""
        self.statements: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, n: int, cut: Cut, *, is_shut_after: bool = False, text: bytes = b"") -> None:
        """Count from here what holds the text; with `is_shut_after` no new session gets through after the cut."""
        with self._lock:
            self._text = text
            self._cut_at, self._cut, self._is_shut_after = n, cut, is_shut_after
            self._asked, self.was_cut, self._is_shut = 0, False, False
            self.statements = []

    def open(self) -> None:
        """Let sessions through again, and cut nothing."""
        self.arm(0, Cut.LOST)

    def close(self) -> None:
        """Take no more sessions, and end the thread that waits for them."""
        _hang_up(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_shut:
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(self._target)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = _Answers(server, client)
        try:
            _start_up(client, server)
            threading.Thread(target=answers.pump, daemon=True).start()
            while self._forward(client, server, answers):
                pass
        except OSError:
            pass
        _hang_up(client)
        _hang_up(server)

    def _forward(self, client: socket.socket, server: socket.socket, answers: "_Answers") -> bool:
        """Everything up to the end of one round trip; False once the session was cut."""
        batch, kind = b"", b""
        while kind not in (*_ASKS, b"p", b"X"):
            message = _message(client)
            batch, kind = batch + message, message[:1]
        if kind not in _ASKS or not self._is_cut_now(batch):
            server.sendall(batch)
            return True
        answers.are_lost.set()
        if self._cut is Cut.LATE:
            _hang_up(client)
            time.sleep(self._late_s)
        if self._cut is not Cut.LOST:
            server.sendall(batch)
            answers.is_ready.wait(5)
        return False

    def _is_cut_now(self, batch: bytes) -> bool:
        with self._lock:
            if self._text not in batch:
                return False
            self._asked += 1
            self.statements.append(batch)
            if self._asked != self._cut_at:
                return False
            self.was_cut, self._is_shut = True, self._is_shut_after
            return True


class _Answers:
    """What one server says, until it is to be lost."""

    def __init__(self, server: socket.socket, client: socket.socket) -> None:
        self._server, self._client = server, client
        self.are_lost, self.is_ready = threading.Event(), threading.Event()

    def pump(self) -> None:
        """Pass on whole messages."""
        try:
            while True:
                message = _message(self._server)
                if not self.are_lost.is_set():
                    self._client.sendall(message)
                elif message[:1] == _READY:
                    self.is_ready.set()
        except OSError:
            self.is_ready.set()
            _hang_up(self._client)


def _start_up(client: socket.socket, server: socket.socket) -> None:
    """Messages without a type come first, and answers of one byte."""
    while True:
        head = _exactly(client, 8)
        length, code = struct.unpack("!ii", head)
        server.sendall(head + _exactly(client, length - 8))
        if code not in (_SSL_REQUEST, _GSS_REQUEST):
            return
        client.sendall(_exactly(server, 1))


def _message(end: socket.socket) -> bytes:
    """One message: type, length, body."""
    head = _exactly(end, 5)
    return head + _exactly(end, struct.unpack("!i", head[1:])[0] - 4)


def _exactly(end: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = end.recv(count - len(data))
        if not part:
            raise ConnectionError("closed")
        data += part
    return data


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
