"""Sockets that follow orders and come back after every kill with the place they had."""

import asyncio
import json
import random
from collections.abc import Coroutine
from typing import Any, Protocol

import websockets
from websockets.exceptions import InvalidHandshake, WebSocketException

from orderengine.chaos.history import TERMINAL, History

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0
OPEN_TIMEOUT_S = 15.0
# Sockets that knock at the same time: all of them at once would keep a restarted server from answering any.
MAX_OPENING = 20
STREAM = "/ws/v1/stream"
# Well below the window of events that a stream owes its client at a time.
ACKNOWLEDGED_EVERY = 32


class Followers(Protocol):
    """How events reach the client."""

    def follow(self, order_id: str) -> None:
        """See to it that every event of this order is shown."""
        ...

    async def close(self) -> None:
        """Stop following."""
        ...


class OrderSockets:
    """One socket per order: `/orders/{id}?after=seq`."""

    def __init__(self, url: str, history: History) -> None:
        self._url = url.replace("http", "ws", 1)
        self._history = history
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Semaphore(MAX_OPENING)

    def follow(self, order_id: str) -> None:
        """See `Followers`."""
        self._history.followed.add(order_id)
        self._start(self._follow(order_id))

    async def close(self) -> None:
        """See `Followers`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._history.errors.append(f"{type(error).__name__}: {error}")

    async def _follow(self, order_id: str) -> None:
        frames = self._history.frames[order_id]
        failures = 0
        while not frames or frames[-1][1] not in TERMINAL:
            after = frames[-1][0] if frames else 0
            try:
                async with self._opening:
                    socket = await websockets.connect(
                        f"{self._url}/orders/{order_id}?after={after}", open_timeout=OPEN_TIMEOUT_S, close_timeout=0.2
                    )
                async with socket:
                    self._history.connections += 1
                    failures = 0
                    await self._listen(socket, frames)
            except (OSError, WebSocketException, InvalidHandshake, TimeoutError):
                failures += 1
            await asyncio.sleep(backoff_s(failures))

    async def _listen(self, socket: Any, frames: list[tuple[int, str]]) -> None:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "event":
                frames.append((message["seq"], message["status"]))
                if message["status"] in TERMINAL:
                    return


class AccountStream:
    """One socket for all orders of the account: `/ws/v1/stream?after=cursor`."""

    def __init__(self, url: str, history: History) -> None:
        self._url = f"{url.replace('http', 'ws', 1)}{STREAM}"
        self._history = history
        self._cursor = "0"
        self._task = asyncio.create_task(self._follow())

    def follow(self, order_id: str) -> None:
        """See `Followers`: the stream shows it unasked."""
        self._history.followed.add(order_id)

    async def close(self) -> None:
        """See `Followers`."""
        self._task.cancel()
        (result,) = await asyncio.gather(self._task, return_exceptions=True)
        if isinstance(result, Exception):
            self._history.errors.append(f"{type(result).__name__}: {result}")

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async with websockets.connect(
                    f"{self._url}?after={self._cursor}", open_timeout=OPEN_TIMEOUT_S, close_timeout=0.2
                ) as socket:
                    self._history.connections += 1
                    failures = 0
                    await self._listen(socket)
            except (OSError, WebSocketException, InvalidHandshake, TimeoutError):
                failures += 1
            await asyncio.sleep(backoff_s(failures))

    async def _listen(self, socket: Any) -> None:
        unacknowledged = 0
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "gap":
                self._history.errors.append(f"the stream has a gap: {message}")
            if message["type"] != "event":
                continue
            self._history.frames[message["order_id"]].append((message["seq"], message["status"]))
            self._cursor = message["cursor"]
            unacknowledged += 1
            if unacknowledged >= ACKNOWLEDGED_EVERY:
                unacknowledged = 0
                await socket.send(json.dumps({"op": "ack", "cursor": self._cursor}))


def backoff_s(failures: int) -> float:
    """Full jitter, as a client should."""
    return random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**failures))  # noqa: S311 - spreads load


def followers(url: str, history: History) -> Followers:
    """The way of following that this engine offers."""
    from orders.streams.routing import websocket_urlpatterns

    has_stream = any(route.pattern.match(STREAM.lstrip("/")) for route in websocket_urlpatterns)
    return AccountStream(url, history) if has_stream else OrderSockets(url, history)
