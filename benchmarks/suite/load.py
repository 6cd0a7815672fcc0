"""The load generator, in a process of its own: `python -m benchmarks.suite.load` reads a job, prints what it saw.

One process drives either engine alike. It speaks HTTP/1.1 over kept connections by itself, since a client library costs
more CPU per request than the engines under test, on the same two cores.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

READY = "ready"
CREATED = 201  # a batch of which some orders were refused is answered 207
ENDED = {"CONFIRMED", "FAILED"}
HEAD_END = b"\r\n\r\n"
FOLLOWED_WITHIN_S = 30.0
# Below the 20 sockets that a web process of ours lets one account have.
MOST_SOCKETS = 18


@dataclass(frozen=True, slots=True)
class Job:
    """What to send. With a `rate` an order is due each 1/rate s, answered or not; without, as fast as answered.

    Every `follow`-th order is followed on a WebSocket of its own from its answer to its end; 0: none is. While as many
    sockets are open as one account may have, further orders go unfollowed.
    """

    url: str
    path: str
    bodies: tuple[str, ...]
    seconds: float
    connections: int = 50
    rate: float = 0.0
    follow: int = 0
    id_field: str = "id"
    socket_path: str = "/orders/{}"


@dataclass(slots=True)
class Followed:
    """One order on its socket; times by the clock of the machine, which PostgreSQL reads too."""

    order_id: str
    posted_at: float
    opened_at: float
    ended_at: float
    status: str


@dataclass(slots=True)
class Seen:
    """What happened: requests answered, their times in seconds, orders followed, and what went wrong."""

    started_at: float = 0.0
    finished_at: float = 0.0
    answered: int = 0
    answer_s: list[float] = field(default_factory=list)
    followed: list[Followed] = field(default_factory=list)
    wrong: dict[str, int] = field(default_factory=dict)
    cpu_s: float = 0.0

    def note_wrong(self, what: str) -> None:
        """Count a fault by its words."""
        self.wrong[what] = self.wrong.get(what, 0) + 1


class Connection(asyncio.Protocol):
    """A kept connection with one request under way at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiter: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answer = answer_in(self._buffer)
        if answer is not None and self._waiter and not self._waiter.done():
            self._buffer.clear()
            self._waiter.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(ConnectionError("the server closed the connection"))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises: ConnectionError."""
        if self._transport is None:
            raise ConnectionError("the server closed the connection")
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiter


def answer_in(data: bytes | bytearray) -> tuple[int, bytes] | None:
    """Status and body once an answer is whole. Raises: ValueError for one that does not state its length."""
    end = data.find(HEAD_END)
    if end < 0:
        return None
    head = bytes(data[:end]).lower()
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if not found:
        raise ValueError("the answer does not state its length")
    length = int(rest.partition(b"\r\n")[0])
    body = bytes(data[end + len(HEAD_END) :])
    return (int(head[9:12]), body[:length]) if len(body) >= length else None


def request_of(job: Job, body: str) -> bytes:
    """The bytes of one POST."""
    data = body.encode()
    head = (
        f"POST {job.path} HTTP/1.1\r\nHost: {urlsplit(job.url).netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


class Load:
    """One job under way."""

    def __init__(self, job: Job) -> None:
        self.job, self.seen = job, Seen()
        self._requests = [request_of(job, body) for body in job.bodies]
        self._free: list[Connection] = []
        self._sockets = 0
        address = urlsplit(job.url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 80

    async def run(self) -> Seen:
        """Send everything, wait for what is followed."""
        self.seen.started_at, began = time.time(), time.process_time()
        if self.job.rate:
            await self._at_rate()
        else:
            await self._as_answered()
        self.seen.finished_at = time.time()
        self.seen.cpu_s = time.process_time() - began
        return self.seen

    async def _at_rate(self) -> None:
        job, started_at = self.job, time.monotonic()
        async with asyncio.TaskGroup() as orders:
            for number in range(round(job.rate * job.seconds)):
                await asyncio.sleep(started_at + number / job.rate - time.monotonic())
                orders.create_task(self._order(number))

    async def _as_answered(self) -> None:
        ends_at = time.monotonic() + self.job.seconds

        async def client(first: int) -> None:
            number = first
            while time.monotonic() < ends_at:
                await self._order(number)
                number += self.job.connections

        async with asyncio.TaskGroup() as clients:
            for first in range(self.job.connections):
                clients.create_task(client(first))

    async def _order(self, number: int) -> None:
        posted_at, began = time.time(), time.monotonic()
        try:
            async with self._connection() as connection:
                status, body = await connection.send(self._requests[number % len(self._requests)])
        except (OSError, ValueError) as error:
            self.seen.note_wrong(str(error))
            return
        if status != CREATED:
            self.seen.note_wrong(f"answered {status}")
            return
        self.seen.answered += 1
        self.seen.answer_s.append(time.monotonic() - began)
        if self.job.follow and number % self.job.follow == 0 and self._sockets < MOST_SOCKETS:
            self._sockets += 1
            try:
                await self._follow(json.loads(body)[self.job.id_field], posted_at)
            finally:
                self._sockets -= 1

    async def _follow(self, order_id: str, posted_at: float) -> None:
        address = f"{self.job.url.replace('http', 'ws', 1)}{self.job.socket_path.format(order_id)}"
        try:
            async with asyncio.timeout(FOLLOWED_WITHIN_S), connect(address, compression=None, proxy=None) as socket:
                opened_at = time.time()
                async for message in socket:
                    arrived_at = time.time()
                    status = json.loads(message).get("status")
                    if status in ENDED:
                        self.seen.followed.append(Followed(order_id, posted_at, opened_at, arrived_at, status))
                        return
            self.seen.note_wrong(f"a socket closed before its order ended: {socket.close_code}")
        except (OSError, WebSocketException) as error:
            self.seen.note_wrong(f"a socket failed: {type(error).__name__}")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        while self._free and not self._free[-1].is_open:
            self._free.pop()
        if self._free:
            connection = self._free.pop()
        else:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(Connection, self._host, self._port)
        yield connection
        self._free.append(connection)


def main() -> None:
    """Say that everything is loaded, then run the job of standard input."""
    print(READY, flush=True)
    given: dict[str, Any] = json.load(sys.stdin)
    job = Job(**given | {"bodies": tuple(given["bodies"])})
    json.dump(asdict(asyncio.run(Load(job).run())), sys.stdout)


if __name__ == "__main__":
    main()
