"""The short way of a plain POST /api/v1/orders: past Django's request, middleware and the REST framework.

It takes what it knows for certain: every header of the request is one that changes nothing, or has a value that is read
here as Django and the framework read it. Anything else, and what is refused, goes the ordinary way, untouched.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.utils.module_loading import import_string

from orderengine.environment.addresses import RECENT
from orderengine.web.handler import ThreadedHandler
from orderengine.web.order_queue import OrderQueue
from orders.api.parsers import MAX_BODY_BYTES
from orders.api.raw_orders import METHOD, PATH, Alike, Reply

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
SCHEMES = ("http", "https")
# No part of the engine looks at these.
IDLE_HEADERS = frozenset(
    b"accept-encoding accept-language cache-control connection content-length dnt keep-alive origin pragma priority"
    b" referer sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site traceparent"
    b" tracestate user-agent via x-amzn-trace-id x-correlation-id x-request-id".split()
)
READ_HEADERS = frozenset({b"accept", b"authorization", b"content-type", b"host", b"idempotency-key"})
# All of them are taken for JSON, and ask for it.
CONTENT_TYPES = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
ACCEPTS = frozenset({b"", b"*/*", b"application/json", b"application/json, */*", b"application/json, text/plain, */*"})
# Serves files, for which it reads all of them at its start; to other answers it adds nothing.
FILES = "whitenoise.middleware.WhiteNoiseMiddleware"


class OrderRoute:
    """An application beside Django's handler, which answers all that this one does not."""

    def __init__(self, handler: ThreadedHandler, queue: OrderQueue | None = None) -> None:
        self._handler, self._queue = handler, queue or OrderQueue()
        self._frames = {scheme: middleware_headers(scheme) for scheme in SCHEMES}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request."""
        alike = plain_order(scope)
        if alike is None or not self._handler.knows(scope):
            await self._handler(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return
        reply = await self._queue.reply(alike, body) if 0 < len(body) <= MAX_BODY_BYTES else None
        if reply is None:
            await self._handler(scope, once_more(body, receive), send)
            return
        headers = with_frame(reply, self._frames[scope["scheme"]])
        with suppress(ConnectionResetError):  # the client is gone
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            await send({"type": "http.response.body", "body": reply.body})


def plain_order(scope: Any) -> Alike | None:
    """Who asks, if the request is one that is known here in all its parts."""
    if scope["path"] != PATH or scope["method"] != METHOD or scope["query_string"] or scope["scheme"] not in SCHEMES:
        return None
    read: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in READ_HEADERS and name not in read:
            read[name] = value
        elif name not in IDLE_HEADERS:
            return None
    if (
        read.get(b"content-type", b"").lower() not in CONTENT_TYPES
        or read.get(b"accept", b"") not in ACCEPTS
        or not is_host_served(read.get(b"host", b""))
    ):
        return None
    key = read.get(b"idempotency-key")
    return Alike(
        read.get(b"authorization", b"").decode("latin-1"),
        scope["client"][0] if scope.get("client") else "",
        None if key is None else key.decode("latin-1"),
    )


def is_host_served(host: bytes) -> bool:
    """Whether Django takes the Host header."""
    return _is_among(host, tuple(settings.ALLOWED_HOSTS))


@lru_cache(RECENT)
def _is_among(host: bytes, allowed: tuple[str, ...]) -> bool:
    domain, _port = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, allowed)


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, which the server has bounded; None where the client has hung up."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def once_more(body: bytes, receive: Receive) -> Receive:
    """Gives the body again, and then what `receive` has."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> dict[str, Any]:
        return messages.pop() if messages else await receive()

    return again


def middleware_headers(scheme: str) -> list[tuple[str, str]]:
    """What the middleware adds to an answer that comes by this scheme, as it says itself."""

    def answer(request: HttpRequest) -> Any:
        return HttpResponse(b"?")

    for path in reversed(settings.MIDDLEWARE):
        if path != FILES:
            answer = import_string(path)(answer)
    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "scheme": scheme, "method": METHOD, "path": PATH, "query_string": b"", "headers": headers}
    response = answer(ASGIRequest(scope, BytesIO()))
    return [(name, value) for name, value in response.items() if name != "Content-Type"]


def with_frame(reply: Reply, frame: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """The headers of the answer, in the order in which Django sends them."""
    headers = {**reply.headers, **dict(frame), "Content-Length": str(len(reply.body))}
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
