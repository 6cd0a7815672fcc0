"""Hostile HTTP clients on a real server: none fills its disk, holds its sockets without end or moves its paths."""

import os
import socket
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

# As orderengine/web/bounds.py sets it.
MAX_BUFFERED_BYTES = 2 * 1024 * 1024
HEAD = b"POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def send(web: Web, head: bytes, part: bytes, count: int) -> tuple[int, int]:
    """Send parts until the server hangs up: the status it gave, and how many parts it took."""
    sent, received = 0, b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as one:
        one.sendall(head)
        with suppress(OSError):
            for _ in range(count):
                one.sendall(part)
                sent += 1
        with suppress(OSError):
            while more := one.recv(65536):
                received += more
                if b"\r\n\r\n" in received:
                    break
    return int(received.split(b" ", 2)[1]) if received else 0, sent


def largest_file(web: Web) -> int:
    """Bytes of the largest nameless file that the server holds."""
    sizes = [0]
    for entry in Path(f"/proc/{web.process.pid}/fd").iterdir():
        with suppress(OSError):
            if "(deleted)" in os.readlink(entry):
                sizes.append(entry.stat().st_size)
    return max(sizes)


def test_a_body_without_end_is_cut(web: Web) -> None:
    announced, _ = send(web, HEAD + b"Content-Length: 1099511627776\r\n\r\n", b"", 0)
    chunk = b"%x\r\n" % (64 * 1024) + b"x" * 64 * 1024 + b"\r\n"
    _, taken = send(web, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk, 2_000)

    assert announced == 413
    assert taken < 1_000, "it would have read on without end"
    assert largest_file(web) <= MAX_BUFFERED_BYTES
    assert web.is_healthy()


def test_a_body_a_little_too_large_gets_the_same_words(web: Web) -> None:
    answer = httpx.post(
        f"http://127.0.0.1:{web.port}/api/v1/orders",
        content=b" " * (MAX_BUFFERED_BYTES + 1),
        headers={"Content-Type": "application/json"},
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_header_moves_no_path(web: Web) -> None:
    answer = httpx.get(f"http://127.0.0.1:{web.port}/x/health", headers={"Daphne-Root-Path": "/x"})

    assert answer.status_code == 404
