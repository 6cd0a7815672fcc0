"""Stands before PostgreSQL and refuses what poolers refuse: any start-up parameter that they do not know."""

import contextlib
import socket
import struct
import threading
from typing import Any

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
KNOWN = {"user", "database", "client_encoding", "datestyle", "timezone", "application_name", "replication"}


class Pooler:
    """One session of the server for each of its own, as in session mode."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.refused: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        packet = _packet(client)
        while struct.unpack("!I", packet[4:8])[0] in {SSL_REQUEST, GSS_REQUEST}:
            client.sendall(b"N")
            packet = _packet(client)
        words = packet[8:].split(b"\0")
        unknown = [name.decode() for name in words[:-2:2] if name.decode() not in KNOWN]
        if unknown:
            self.refused += unknown
            client.sendall(_error(f"unsupported startup parameter: {unknown[0]}"))
            client.close()
            return
        server = socket.create_connection(self._server)
        server.sendall(packet)
        threading.Thread(target=_copy, args=(server, client), daemon=True).start()
        _copy(client, server)


def _packet(stream: socket.socket) -> bytes:
    head = stream.recv(4, socket.MSG_WAITALL)
    return head + stream.recv(struct.unpack("!I", head)[0] - 4, socket.MSG_WAITALL)


def _error(text: str) -> bytes:
    fields = b"SFATAL\0C08P01\0M" + text.encode() + b"\0\0"
    return b"E" + struct.pack("!I", len(fields) + 4) + fields


def _copy(source: Any, target: Any) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
