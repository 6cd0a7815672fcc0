"""Both clients against a server on loopback that breaks HTTP in every way: one order, by the same body each time."""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orderengine_client import AsyncClient, Client, NoAnswerError, Order, Retries
from tests.stored import order

RETRIES = Retries(deadline_s=30, first_s=0.001, most_s=0.001, timeout_s=10)
IMPATIENT = Retries(deadline_s=30, first_s=0.001, most_s=0.001, timeout_s=0.3)
GOOD = json.dumps(order()).encode()
HEAD = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n"
ANSWERS = {
    "nothing": b"",
    "half of a head": b"HTTP/1.1 201 Crea",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "half of a body": HEAD % (b"201 Created", len(GOOD), b"") + GOOD[:100],
    "a broken chunk": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + GOOD,
    "no gzip": HEAD % (b"201 Created", len(GOOD), b"Content-Encoding: gzip\r\n") + GOOD,
    "503": HEAD % (b"503 Service Unavailable", 2, b"Retry-After: 0\r\n") + b"{}",
    "429": HEAD % (b"429 Too Many Requests", 2, b"Retry-After: 0\r\n") + b"{}",
    "502": HEAD % (b"502 Bad Gateway", 6, b"") + b"<html>",
    "504": HEAD % (b"504 Gateway Timeout", 0, b""),
}
GOOD_ANSWER = HEAD % (b"201 Created", len(GOOD), b"") + GOOD


class Server:
    """Answers each connection by the next word: a name of ANSWERS, `reset`, `silence`, else with the order."""

    def __init__(self, *words: str) -> None:
        self._words = list(words)
        self.bodies: list[Any] = []
        self.headers: list[bytes] = []
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._over.is_set():
                    return
                self._answer(connection, self._words.pop(0) if self._words else "good")

    def _answer(self, connection: socket.socket, word: str) -> None:
        connection.settimeout(5)
        read = b""
        while b"\r\n\r\n" not in read:
            read += connection.recv(65536)
        head, _, body = read.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)
        self.bodies.append(json.loads(body))
        self.headers.append(head)
        if word == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif word == "silence":
            # Until the client has left.
            connection.recv(1)
        else:
            connection.sendall(ANSWERS.get(word, GOOD_ANSWER))


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*words: str) -> Server:
        servers.append(Server(*words))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def place(kind: str, server: Server, retries: Retries = RETRIES) -> Order:
    """With one of the clients."""
    if kind == "waits":
        with Client(server.url, "oe_key", retries=retries) as client:
            return client.place("SOL", "USDC", "1")

    async def run() -> Order:
        async with AsyncClient(server.url, "oe_key", retries=retries) as client:
            return await client.place("SOL", "USDC", "1")

    return asyncio.run(run())


@pytest.mark.parametrize("kind", ["waits", "asyncio"])
@pytest.mark.parametrize("word", [*ANSWERS, "reset"])
def test_a_broken_answer_is_asked_for_again_with_the_same_body(
    serve: Callable[..., Server], kind: str, word: str
) -> None:
    server = serve(word, word)
    placed = place(kind, server)

    assert placed.to_dict()["client_order_id"] == "a-1"
    assert len(server.bodies) == 3
    assert server.bodies[0] == server.bodies[1] == server.bodies[2]
    assert all(b"authorization: bearer oe_key" in head.lower() for head in server.headers)


@pytest.mark.parametrize("kind", ["waits", "asyncio"])
def test_an_answer_that_does_not_come_is_asked_for_again(serve: Callable[..., Server], kind: str) -> None:
    server = serve("silence", "silence")
    placed = place(kind, server, IMPATIENT)

    assert placed.to_dict()["client_order_id"] == "a-1"
    assert len({json.dumps(body) for body in server.bodies}) == 1
    assert len(server.bodies) >= 3


@pytest.mark.parametrize("kind", ["waits", "asyncio"])
def test_nobody_listens(kind: str, serve: Callable[..., Server]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    server = serve()
    server.url = url
    with pytest.raises(NoAnswerError) as raised:
        place(kind, server, Retries(deadline_s=0.2, first_s=0.01))

    assert not raised.value.is_sent
    assert raised.value.client_order_id
    assert "oe_key" not in repr(raised.value)


@pytest.mark.parametrize("kind", ["waits", "asyncio"])
def test_a_silent_server_costs_the_deadline_and_no_more(kind: str, serve: Callable[..., Server]) -> None:
    server = serve(*["silence"] * 100)
    with pytest.raises(NoAnswerError) as raised:
        place(kind, server, Retries(deadline_s=1, first_s=0.01, timeout_s=0.5))

    assert raised.value.is_sent
    assert {body["client_order_id"] for body in server.bodies} == {raised.value.client_order_id}


@pytest.mark.parametrize("key", ["with blank", "line\nbreak", "ü", ""])
def test_a_key_that_is_none_is_refused_without_being_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORDER_ENGINE_API_KEY", raising=False)
    if not key:
        assert "Authorization" not in Client(api_key=key)._address.headers
        return
    with pytest.raises(ValueError, match="no API key") as raised:
        Client(api_key=key)

    assert key not in str(raised.value)


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://host", "http://", "http://user:pass@host", "http://host?a=1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(url)


def test_the_key_is_nowhere_in_what_is_shown() -> None:
    client = Client("http://host.invalid", "oe_secret")

    assert "oe_secret" not in repr(client) + repr(client._address) + str(vars(client))
