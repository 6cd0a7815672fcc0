"""Row 3.4: a body that comes in chunks is a body, within the same limits as any other."""

import gzip
import json
import socket
from contextlib import suppress
from typing import Any

import httpx
import pytest

from orders.models import Account, Order
from orders.tests.factories import api_key
from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

SWAP = json.dumps({"token_in": "SOL", "token_out": "USDC", "amount": "2.5"}).encode()


@pytest.fixture
def key(account: Account) -> str:
    return api_key(account)


def call(web: Web, key: str, method: str, path: str, body: Any, **headers: str) -> httpx.Response:
    """One request; a body that is a list goes out in these chunks."""
    return httpx.request(
        method,
        f"http://127.0.0.1:{web.port}/api/v1/{path}",
        content=iter(body) if isinstance(body, list) else body,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"} | headers,
        timeout=20,
    )


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("path", ["orders", "orders/batch"])
def test_a_body_in_chunks_is_read(web: Web, key: str, path: str, size: int) -> None:
    body = SWAP if path == "orders" else b'{"orders":[%s,%s]}' % (SWAP, SWAP)

    answer = call(web, key, "POST", path, [body[i : i + size] for i in range(0, len(body), size)])

    assert answer.request.headers["Transfer-Encoding"] == "chunked"
    assert answer.status_code == 201, answer.text
    assert Order.objects.count() == body.count(SWAP)


def test_the_same_body_is_the_same_request_however_it_comes(web: Web, key: str) -> None:
    whole = call(web, key, "POST", "orders", SWAP, **{"Idempotency-Key": "k-1"})
    parts = call(web, key, "POST", "orders", [SWAP[:9], SWAP[9:]], **{"Idempotency-Key": "k-1"})

    assert (parts.status_code, parts.json()) == (201, whole.json())
    assert parts.headers["Idempotent-Replayed"] == "true"
    assert Order.objects.count() == 1


def test_a_guard_that_comes_in_chunks_holds(web: Web, key: str) -> None:
    body = json.loads(SWAP) | {"guards": {"max_slippage_bps": ""}}

    answer = call(web, key, "POST", "orders", [json.dumps(body).encode()])

    assert answer.status_code == 400
    assert not Order.objects.exists()


def test_a_cancel_and_a_halt_read_their_chunks(web: Web, key: str) -> None:
    order = call(web, key, "POST", "orders", SWAP).json()

    wrong = call(web, key, "DELETE", f"orders/{order['id']}", [b'{"why":', b'"typo"}'])
    halted = call(web, key, "POST", "halt", [b'{"reason":"', b'too many"}'])
    cancelled = call(web, key, "DELETE", f"orders/{order['id']}", [b'{"reason":', b'"mine"}'])

    assert (wrong.status_code, wrong.json()["code"]) == (400, "unknown_field")
    assert (halted.status_code, halted.json()["results"][0]["reason"]) == (200, "too many")
    assert (cancelled.status_code, cancelled.json()["outcome"]) == (200, "cancelled")


@pytest.mark.parametrize("parts", [[], [b""]])
def test_no_chunk_is_no_body(web: Web, key: str, parts: list[bytes]) -> None:
    answer = call(web, key, "POST", "ws-tickets", parts)

    assert answer.status_code == 201


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3 * 1024 * 1024])
def test_chunks_have_the_limits_of_a_body(web: Web, key: str, size: int) -> None:
    with suppress(httpx.WriteError, httpx.ReadError):  # cut while it still sends
        answer = call(web, key, "POST", "orders", [b" " * 65_536] * (size // 65_536) + [b" " * (size % 65_536)])
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert web.is_healthy()


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "gzip, identity", "x"])
def test_a_coding_that_is_not_read_is_named(web: Web, key: str, coding: str) -> None:
    for body in (gzip.compress(SWAP), [gzip.compress(SWAP)]):
        answer = call(web, key, "POST", "orders", body, **{"Content-Encoding": coding})

        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert call(web, key, "POST", "orders", SWAP, **{"Content-Encoding": "identity"}).status_code == 201


@pytest.mark.parametrize(
    ("head", "rest"),
    [
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"zz\r\n"),
        (b"Transfer-Encoding: gzip\r\n", b"0\r\n\r\n"),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", b"{}   "),
    ],
)
def test_a_length_in_two_ways_is_refused(web: Web, key: str, head: bytes, rest: bytes) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as one:
        one.sendall(b"POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key.encode())
        one.sendall(b"\r\nContent-Type: application/json\r\n" + head + b"\r\n" + rest)
        status = one.recv(4096).split(b" ", 2)[1]

    assert status in {b"400", b"501"}
    assert not Order.objects.exists()
