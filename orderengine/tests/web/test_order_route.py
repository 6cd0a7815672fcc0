"""Which requests take the short way, and that all others reach Django's handler as they came."""

import asyncio
from typing import Any

import pytest

from orderengine.web.order_route import OrderRoute, plain_order
from orders.api.parsers import MAX_BODY_BYTES
from orders.api.raw_orders import Alike, Reply

HEADERS = {
    "host": "localhost:3000",
    "content-type": "application/json",
    "content-length": "2",
    "authorization": "Bearer k",
    "user-agent": "test",
    "accept": "*/*",
}
REPLY = Reply(201, {"Content-Type": "application/json", "Location": "/there"}, b'{"id":1}')


class Handler:
    """Django's handler, which notes what reaches it."""

    def __init__(self, *, is_known: bool = True) -> None:
        self.is_known, self.seen = is_known, list[tuple[Any, list[dict[str, Any]]]]()

    def knows(self, scope: Any) -> bool:
        return self.is_known

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        self.seen.append((scope, messages))
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Queue:
    """Notes what is to be stored, and answers what it was told."""

    def __init__(self, reply: Reply | None) -> None:
        self.answer, self.seen = reply, list[tuple[Alike, bytes]]()

    async def reply(self, alike: Alike, body: bytes) -> Reply | None:
        self.seen.append((alike, body))
        return self.answer


def scope_of(headers: dict[str, str] | list[tuple[str, str]] = HEADERS, **changes: Any) -> dict[str, Any]:
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {
        "type": "http",
        "scheme": "http",
        "method": "POST",
        "path": "/api/v1/orders",
        "root_path": "",
        "query_string": b"",
        "client": ["127.0.0.1", 1],
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
    } | changes


def ask(handler: Handler, queue: Queue, scope: dict[str, Any], *parts: bytes) -> list[dict[str, Any]]:
    """What is sent in answer to a request that comes in parts."""
    messages = [{"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts]
    messages.append({"type": "http.disconnect"})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(OrderRoute(handler, queue)(scope, receive, send))  # type: ignore[arg-type]
    return sent


def test_a_plain_order_is_answered_with_the_headers_of_every_answer() -> None:
    handler, queue = Handler(), Queue(REPLY)

    start, body = ask(handler, queue, scope_of(), b"{", b"}")

    assert queue.seen == [(Alike("Bearer k", "127.0.0.1", None), b"{}")]
    assert (start["status"], body["body"]) == (201, REPLY.body)
    assert dict(start["headers"]) == {
        b"Content-Type": b"application/json",
        b"Location": b"/there",
        b"X-Frame-Options": b"DENY",
        b"Content-Length": b"8",
        b"X-Content-Type-Options": b"nosniff",
        b"Referrer-Policy": b"same-origin",
        b"Cross-Origin-Opener-Policy": b"same-origin",
    }
    assert handler.seen == []


def test_by_tls_it_has_what_belongs_to_tls(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 60

    plain, secure = (ask(Handler(), Queue(REPLY), scope_of(scheme=scheme), b"{}")[0] for scheme in ("http", "https"))

    assert [name for name, _ in secure["headers"] if name not in dict(plain["headers"])] == [
        b"Strict-Transport-Security"
    ]


def test_what_the_queue_leaves_to_the_view_comes_to_it_as_it_was_sent() -> None:
    handler, queue, scope = Handler(), Queue(None), scope_of()

    [start, _] = ask(handler, queue, scope, b"{", b"}")

    assert start["status"] == 299
    assert handler.seen == [(scope, [{"type": "http.request", "body": b"{}", "more_body": False}])]


@pytest.mark.parametrize("body", [b"", b"x" * (MAX_BODY_BYTES + 1)], ids=["empty", "too large"])
def test_bodies_that_no_order_has_are_left_to_the_view(body: bytes) -> None:
    handler, queue = Handler(), Queue(REPLY)

    ask(handler, queue, scope_of(), body)

    assert (len(handler.seen), queue.seen) == (1, [])
    assert handler.seen[0][1][0]["body"] == body


def test_a_client_that_hangs_up_within_its_body_is_not_answered() -> None:
    handler, queue = Handler(), Queue(REPLY)

    assert ask(handler, queue, scope_of()) == []
    assert (handler.seen, queue.seen) == ([], [])


def test_a_stranger_waits_in_his_lane() -> None:
    handler, queue = Handler(is_known=False), Queue(REPLY)

    ask(handler, queue, scope_of(), b"{", b"}")

    assert queue.seen == []
    assert [message["body"] for message in handler.seen[0][1]] == [b"{", b"}"]


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "/api/v1/orders/"},
        {"path": "/api/v1/orders/batch"},
        {"path": "/api/v1/quotes"},
        {"method": "GET"},
        {"method": "post"},
        {"query_string": b"dry_run=true"},
        {"query_string": b"dry_run=false"},
        {"query_string": b"x=%00"},
    ],
)
def test_other_addresses_and_methods_take_the_usual_way(changes: dict[str, Any]) -> None:
    assert plain_order(scope_of(**changes)) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "elsewhere.example"),
        ("host", "localhost:3000, elsewhere.example"),
        ("host", "local host"),
        ("host", ""),
        ("content-type", "text/plain"),
        ("content-type", "application/json; charset=utf-16"),
        ("content-type", "application/json, text/plain"),
        ("content-type", ""),
        ("accept", "text/html"),
        ("accept", "application/json; indent=4"),
        ("content-encoding", "gzip"),
        ("content-encoding", "identity"),
        ("transfer-encoding", "chunked"),
        ("expect", "100-continue"),
        ("cookie", "sessionid=1"),
        ("x-http-method-override", "DELETE"),
        ("x-forwarded-for", "10.0.0.1"),
        ("daphne-root-path", "/api"),
        ("upgrade", "h2c"),
        ("x-anything", "1"),
    ],
)
def test_a_header_that_could_change_something_takes_the_usual_way(name: str, value: str) -> None:
    assert plain_order(scope_of(HEADERS)) == Alike("Bearer k", "127.0.0.1")
    assert plain_order(scope_of(HEADERS | {name: value})) is None


@pytest.mark.parametrize("name", ["host", "content-type", "accept", "authorization", "idempotency-key"])
def test_a_header_that_is_stated_twice_takes_the_usual_way(name: str) -> None:
    headers = HEADERS | {"idempotency-key": "k"}

    assert plain_order(scope_of(headers)) is not None
    assert plain_order(scope_of([*headers.items(), (name, headers[name])])) is None


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        ({"idempotency-key": "k\xfc"}, Alike("Bearer k", "127.0.0.1", "k\xfc")),
        ({"host": "LOCALHOST:1"}, Alike("Bearer k", "127.0.0.1")),
        ({"host": "[::1]:3000"}, Alike("Bearer k", "127.0.0.1")),
        ({"content-type": "Application/JSON; charset=UTF-8"}, Alike("Bearer k", "127.0.0.1")),
        ({"authorization": ""}, Alike("", "127.0.0.1")),
        ({"x-request-id": "1", "sec-fetch-mode": "cors"}, Alike("Bearer k", "127.0.0.1")),
    ],
)
def test_what_is_known_is_read_as_django_reads_it(change: dict[str, str], alike: Alike) -> None:
    assert plain_order(scope_of(HEADERS | change)) == alike


def test_who_hides_behind_proxies_has_no_address() -> None:
    assert plain_order(scope_of(client=None)) == Alike("Bearer k", "")


def test_a_key_does_not_show_where_a_caller_is_written_down() -> None:
    assert repr(Alike("Bearer secret", "127.0.0.1", "mine")) == "Alike(address='127.0.0.1')"
