"""What is no HTTP is refused with a problem object and closed: no bare status, and no silence."""

import json
import socket
from typing import Any

import pytest

from orders.models import Order
from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

BODY = b'{"token_in":"SOL","token_out":"USDC","amount":"2.5"}'
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
HEAD = b"POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
UNREADABLE = {
    "two lengths": HEAD + LENGTH + LENGTH + b"\r\n" + BODY,
    "length and chunks": HEAD + LENGTH + CHUNKED + b"\r\n" + CHUNKS,
    "chunks and length": HEAD + CHUNKED + b"Content-Length: 5\r\n\r\n" + CHUNKS,
    "a length with a sign": HEAD + b"Content-Length: +52\r\n\r\n" + BODY,
    "a length with an underscore": HEAD + b"Content-Length: 5_2\r\n\r\n" + BODY,
    "an empty length": HEAD + b"Content-Length: \r\n\r\n" + BODY,
    "an empty transfer coding": HEAD + b"Transfer-Encoding: \r\n\r\n" + CHUNKS,
    "two transfer codings": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS,
    "a chunk without a size": HEAD + CHUNKED + b"\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a header without a colon": HEAD + b"Idempotency-Key\r\n\r\n",
    "no version": b"GET /api/v1/tokens\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a long address": b"GET /api/v1/orders?" + b"status=PENDING&" * 1500 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long header": b"GET /api/v1/tokens HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n",
    "many headers": b"GET /api/v1/tokens HTTP/1.1\r\n" + b"X-Long: x\r\n" * 4000 + b"\r\n",
}


def answer_to(web: Web, request: bytes) -> bytes:
    """All that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_what_is_no_http_is_told_so(web: Web) -> None:
    wrong: dict[str, Any] = {}
    for name, request in UNREADABLE.items():
        head, _, body = answer_to(web, request).partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        if lines[0] != b"HTTP/1.1 400 Bad Request" or b"Content-Type: application/problem+json" not in lines:
            wrong[name] = head
        elif (json.loads(body)["code"], json.loads(body)["status"]) != ("invalid", 400):
            wrong[name] = body

    assert wrong == {}
    assert not Order.objects.exists()
