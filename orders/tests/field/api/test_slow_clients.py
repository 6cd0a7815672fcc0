"""Clients that send slowly, send nothing, or do not read what they asked for: on a real server, bounded in all."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import httpx
import pytest

from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

Made = TypeVar("Made")

# As orderengine/web/bounds.py sets it.
SEND_S = 15.0
LATE_S = 5.0
UNREAD_CLIENTS, PIPELINED = 300, 10_000
MAX_GROWTH_KIB = 50 * 1024
# For so long a server is watched as it grows, or until it has rested between so many looks in a row.
GROWS_S, LOOK_S, RESTS = 20.0, 0.2, 8
BUNDLE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
BUNDLE_BYTES = 1_000_000  # at least


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(*headers: str) -> bytes:
    lines = ["POST /api/v1/orders HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


# What is sent at once, and what drips in after it without end.
DRIPS: dict[str, tuple[bytes, bytes]] = {
    "request line": (b"", b"G"),
    "request line of a method that exists": (b"GET /", b"x"),
    "name of a header": (b"GET / HTTP/1.1\r\n", b"X"),
    "headers": (b"GET / HTTP/1.1\r\n", b"X-A: b\r\n"),
    "headers of a request with a body": (post("Content-Length: 1000")[:-2], b"X-A: b\r\n"),
    "body": (post("Content-Length: 1000"), b" "),
    "chunks": (post("Transfer-Encoding: chunked"), b"1\r\n \r\n"),
    "size of a chunk": (post("Transfer-Encoding: chunked"), b"0"),
    "second request on the connection": (get("/health"), b"G"),
    "opening of a WebSocket": (b"GET /ws/v1/stream HTTP/1.1\r\nUpgrade: websocket\r\n", b"X-A: b\r\n"),
}


# What a server refuses by itself, as soon as it cannot become HTTP any more.
REFUSED = {
    "daphne": {"size of a chunk"},
    "uvicorn": {"size of a chunk", "request line", "second request on the connection"},
}


def drip(web: Web, at_once: bytes, drop: bytes) -> tuple[float, bytes]:
    """Seconds until the server has hung up, and what it said."""
    started_at, received = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=0.3) as one:
        one.sendall(at_once)
        while time.monotonic() < started_at + SEND_S + 3 * LATE_S:
            try:
                one.sendall(drop)
                more = one.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if not more:
                break
            received += more
    return time.monotonic() - started_at, received


def silence(web: Web) -> tuple[float, bytes]:
    """Seconds until the server has hung up on a connection that says nothing, and what it said."""
    started_at = time.monotonic()
    with socket.create_connection(("127.0.0.1", web.port), timeout=SEND_S + LATE_S) as one:
        received = one.recv(100)
    return time.monotonic() - started_at, received


def pause(web: Web) -> tuple[int, bool]:
    """What a request is answered after a pause that is too long for half of one; and whether on the same connection."""
    kept = httpx.Limits(keepalive_expiry=None)
    with httpx.Client(base_url=f"http://127.0.0.1:{web.port}", limits=kept) as client:
        client.get("/health")
        [before] = client._transport._pool.connections  # type: ignore[attr-defined]
        time.sleep(SEND_S + 2)
        status = client.get("/health").status_code
        return status, client._transport._pool.connections == [before]  # type: ignore[attr-defined]


def test_who_sends_half_a_request_or_none_is_cut_and_who_pauses_between_two_is_not(both_webs: list[Web]) -> None:
    """All at once on both servers, because all of it is waited for."""
    with ThreadPoolExecutor(2 * (len(DRIPS) + 2)) as pool:
        asked = [
            (
                web,
                pool.submit(silence, web),
                pool.submit(pause, web),
                {name: pool.submit(drip, web, *sent) for name, sent in DRIPS.items()},
            )
            for web in both_webs
        ]

    for web, silent, paused, drips in asked:
        for name, drip_ended in drips.items():
            took_s, received = drip_ended.result()
            assert took_s < SEND_S + LATE_S, (web.server, name)
            refused = b" 400 " in received and name in REFUSED[web.server]
            assert refused or (took_s > SEND_S - 1 and b" 408 " in received), (web.server, name)
        took_s, received = silent.result()
        assert (SEND_S - 1 < took_s < SEND_S + LATE_S, received) == (True, b"")
        assert paused.result() == (200, True)
        assert web.is_healthy()


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Connections that are closed after the test."""
    opened: list[socket.socket] = []
    yield opened
    for one in opened:
        one.close()


def connect(web: Web, sockets: list[socket.socket], sent: bytes) -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.settimeout(5)
    one.connect(("127.0.0.1", web.port))
    sockets.append(one)
    one.setblocking(False)
    with suppress(BlockingIOError, OSError):
        while sent:
            sent = sent[one.send(sent) :]
    return one


def growth_kib(web: Web, act: Callable[[], object]) -> int:
    """How much the server has grown at most while it calculates what `act` asked for, and until it rests."""
    for _ in range(20):  # what it keeps in any case
        httpx.get(f"http://127.0.0.1:{web.port}{BUNDLE}")
    before, most = web.rss_kib(), 0
    act()
    ends_at, spent_s, rests = time.monotonic() + GROWS_S, -1.0, 0
    while rests < RESTS and time.monotonic() < ends_at:
        before_s, spent_s = spent_s, web.cpu_s()
        rests = rests + 1 if spent_s - before_s < LOOK_S / 3 else 0
        most = max(most, web.rss_kib())
        time.sleep(LOOK_S)
    return most - before


def at_once(webs: list[Web], act: Callable[[Web], Made]) -> dict[str, Made]:
    """What it makes of each of them, by kind."""
    with ThreadPoolExecutor() as pool:
        return dict(zip([web.server for web in webs], pool.map(act, webs), strict=True))


def test_answers_that_nobody_reads_take_bounded_memory(both_webs: list[Web], sockets: list[socket.socket]) -> None:
    def ask(web: Web) -> tuple[int, httpx.Response]:
        grown = growth_kib(web, lambda: [connect(web, sockets, get(BUNDLE)) for _ in range(UNREAD_CLIENTS)])
        assert web.is_healthy()
        ends_at = time.monotonic() + 60
        while (answer := httpx.get(f"http://127.0.0.1:{web.port}{BUNDLE}", timeout=20)).status_code == 429:
            assert time.monotonic() < ends_at
        return grown, answer

    for server, (grown, answer) in at_once(both_webs, ask).items():
        assert grown < MAX_GROWTH_KIB, server
        assert len(answer.content) == int(answer.headers["Content-Length"]) > BUNDLE_BYTES


@pytest.mark.parametrize("path", ["/health", "/problems/invalid", "/api/v1/docs", BUNDLE])
def test_a_client_that_asks_ten_thousand_times_and_reads_nothing(
    both_webs: list[Web], sockets: list[socket.socket], path: str
) -> None:
    def grown(web: Web) -> int:
        return growth_kib(web, lambda: [connect(web, sockets, get(path) * PIPELINED) for _ in range(10)])

    assert {server: kib for server, kib in at_once(both_webs, grown).items() if kib >= MAX_GROWTH_KIB} == {}
    assert all(web.is_healthy() for web in both_webs)


async def test_a_client_that_reads_slowly_gets_all_of_it(web: Web) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port, limit=4096)
    writer.write(get(BUNDLE) * 2)
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].split()[0])

    taken = 0
    while taken < size:
        part = await reader.read(min(65536, size - taken))
        assert part, "cut off"
        taken += len(part)
        await asyncio.sleep(0.05)

    assert b" 200 OK" in await reader.readuntil(b"\r\n\r\n")
    writer.close()
