"""Receivers on loopback, each with manners of its own, and what runs the deliverer against them."""

import asyncio
import inspect
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

import orjson
from channels.db import database_sync_to_async
from django.db.models import F
from standardwebhooks import Webhook as Verifier

from orders.models import Webhook
from orders.tests.http_client import Api
from orders.webhooks.backlog import events_behind
from orders.webhooks.claims import Endpoint
from orders.webhooks.deliverer import Deliverer
from orders.webhooks.receiver import Receiver
from orders.webhooks.targets import Address, TargetPolicy, read_url

LOOPBACK = TargetPolicy([ip_network("127.0.0.0/8")])
WAIT_S = 30.0
TICK_S = 0.01

Behave = Callable[["Received", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Received:
    """One request as the receiver read it."""

    line: str
    headers: dict[str, str]
    body: str

    @property
    def message(self) -> dict[str, Any]:
        """The body, read."""
        read: dict[str, Any] = orjson.loads(self.body)
        return read

    @property
    def id(self) -> str:
        """Of the message."""
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> dict[str, Any]:
        """As a receiver does. Raises: WebhookVerificationError."""
        read: dict[str, Any] = Verifier(secret).verify(self.body, self.headers)
        return read


@dataclass
class Server:
    """A receiver that has begun to listen; `behave` answers each request."""

    behave: Behave
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """An address of it."""
        return f"{self.scheme}://{self.host}:{self.port}/hook?a=b"

    async def until(self, count: int) -> list[Received]:
        """The requests, once there are so many."""
        await until(lambda: len(self.received) >= count)
        return self.received

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            # Also the end of the test, which asyncio would call an error.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                    pairs = [line.partition(": ") for line in head[1:] if line]
                    headers = {name.lower(): value for name, _, value in pairs}
                    body = (await reader.readexactly(int(headers["content-length"]))).decode()
                    request = Received(head[0], headers, body)
                    self.received.append(request)
                    await self.behave(request, writer)
                    await writer.drain()
        finally:
            writer.close()


def answering(*statuses: int, headers: str = "", body: str = "") -> Behave:
    """Answers with these statuses in turn, and the last of them from then on."""
    left = list(statuses)

    async def answer(_: Received, writer: asyncio.StreamWriter) -> None:
        status = left.pop(0) if len(left) > 1 else left[0]
        head = f"HTTP/1.1 {status} x\r\ncontent-length: {len(body.encode())}\r\n{headers}\r\n"
        writer.write((head + body).encode())

    return answer


@asynccontextmanager
async def listening(behave: Behave, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A receiver that listens on a port of its own."""
    server = Server(behave, scheme="https" if context else "http")
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def saying(*parts: bytes, endless: bytes = b"", every_s: float = 0.0) -> Behave:
    """Writes these bytes, then others without end, or closes."""

    async def say(_: Received, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
        while endless:
            writer.write(endless)
            await writer.drain()
            await asyncio.sleep(every_s)
        await writer.drain()
        writer.close()

    return say


async def silent(_: Received, writer: asyncio.StreamWriter) -> None:
    """Answers nothing."""
    await asyncio.sleep(3600)


async def loopback(host: str, port: int) -> Sequence[Address]:
    """Every name leads here."""
    return [ip_address("127.0.0.1")]


@asynccontextmanager
async def delivering(policy: TargetPolicy = LOOPBACK, **kwargs: Any) -> AsyncIterator[Deliverer]:
    """A deliverer at work."""

    def connect(endpoint: Endpoint) -> Receiver:
        return Receiver(read_url(endpoint.url), policy, **kwargs)

    deliverer = Deliverer(connect)
    task = asyncio.create_task(deliverer.run())
    try:
        yield deliverer
    finally:
        deliverer.stop()
        await task


async def until(is_so: Callable[[], Any]) -> None:
    """Wait until it is so. Raises: AssertionError."""
    async with asyncio.timeout(WAIT_S):
        while not is_so():  # noqa: ASYNC110 - what it waits for tells nothing by itself
            await asyncio.sleep(TICK_S)


async def ask(api: Api, method: str, path: str, body: Any = None) -> Any:
    """A call of the API, and its answer as JSON; none for 204."""
    answer = await database_sync_to_async(api.ask)(method, path, body)
    assert answer.status_code < 300, answer.content
    return answer.json() if answer.content else None


async def caught_up(api: Api, hook: dict[str, Any]) -> dict[str, Any]:
    """The webhook, once it has passed all events."""
    async with asyncio.timeout(WAIT_S):
        while True:
            stored: dict[str, Any] = await ask(api, "GET", f"webhooks/{hook['id']}")
            if stored["events_behind"] == 0:
                return stored


def delivered(
    api: Api,
    act: Callable[..., object],
    behave: Behave,
    *,
    hook: dict[str, Any] | None = None,
    count: int = 1,
    until_disabled: bool = False,
    **stated: Any,
) -> tuple[dict[str, Any], list[Received]]:
    """A webhook, a new one or one that is there, and what it was sent after `act`, which may take the webhook.

    All that was to be sent: until `count` requests came and nothing is left. For tests without an event loop.
    """

    async def run() -> tuple[dict[str, Any], list[Received]]:
        async with listening(behave) as server, delivering():
            made = hook or await ask(api, "POST", "webhooks", {"url": server.url} | stated)
            if hook is not None:
                await Webhook.objects.filter(pk=hook["id"]).aupdate(url=server.url, version=F("version") + 1)
            takes = len(inspect.signature(act).parameters)
            await database_sync_to_async(act)(*[made][:takes])
            await server.until(count)
            await _quiet(made["id"], until_disabled=until_disabled)
            return made, server.received

    return asyncio.run(run())


async def _quiet(webhook_id: str, *, until_disabled: bool) -> None:
    """Until nothing is left to send."""
    async with asyncio.timeout(WAIT_S):
        while True:
            row = await Webhook.objects.filter(pk=webhook_id).afirst()
            if row is None or (row.disabled_at and not row.lease_token):
                break
            behind = (await database_sync_to_async(events_behind)([row]))[row.pk]
            if not (until_disabled or behind or row.requests or row.lease_token):
                break
            await asyncio.sleep(TICK_S)
    await asyncio.sleep(20 * TICK_S)  # for what should not come
