"""Orders that wait to be stored. A free thread takes all that has queued of one caller; none waits for more to come.

A lone order so goes at once, and under load each commit stores many. Callers do not wait for each other: those who are
held up, by a lock of their own account for instance, use up their own places.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from django.db import close_old_connections

from orders.api.raw_orders import Alike, Reply, answer_posts, busy

# Fewer than the database has connections for: others need some too.
MAX_THREADS = 8
# Of one caller at a time. While one commits, another one's orders are read.
MAX_EACH = 2
MAX_JOINED = 200
# Of all callers; about a second of work.
MAX_QUEUED = 1_000
# As long as a request waits for a connection.
WAIT_S = 3.0

Answer = Callable[[Alike, Sequence[bytes]], list[Reply | None]]


class _Waiting(NamedTuple):
    body: bytes
    until: float
    reply: "asyncio.Future[Reply | None]"


class OrderQueue:
    """See the module. Lives in the event loop; only `answer` runs in threads."""

    def __init__(self, answer: Answer = answer_posts) -> None:
        self._answer = answer
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="order")
        self._queues: dict[Alike, deque[_Waiting]] = {}
        self._queued = 0
        self._running: Counter[Alike] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def reply(self, alike: Alike, body: bytes) -> Reply | None:
        """The reply to one request; None: the view is to answer it, nothing was done for it."""
        if self._queued >= MAX_QUEUED:
            return busy()
        reply: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(alike, deque()).append(_Waiting(body, time.monotonic() + WAIT_S, reply))
        self._queued += 1
        self._go_on()
        return await reply

    def _go_on(self) -> None:
        """Give what waits to threads that are free, the caller first who has not been served for longest."""
        for alike in tuple(self._queues):
            if self._running.total() >= MAX_THREADS:
                return
            if self._running[alike] < MAX_EACH and (taken := self._take(alike)):
                self._running[alike] += 1
                task = asyncio.create_task(self._store(alike, taken))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _take(self, alike: Alike) -> list[_Waiting]:
        """All that has queued, but for those whose client is gone, or has waited for too long."""
        queue = self._queues.pop(alike)
        taken: list[_Waiting] = []
        now = time.monotonic()
        while queue and len(taken) < MAX_JOINED:
            one = queue.popleft()
            self._queued -= 1
            if one.until < now:
                _tell(one, busy())
            elif not one.reply.done():
                taken.append(one)
        if queue:
            self._queues[alike] = queue
        return taken

    async def _store(self, alike: Alike, taken: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        try:
            replies = await loop.run_in_executor(self._threads, self._run, alike, [one.body for one in taken])
            for one, reply in zip(taken, replies, strict=True):
                _tell(one, reply)
        except Exception as error:
            for one in taken:
                if not one.reply.done():
                    one.reply.set_exception(error)
        finally:
            self._running[alike] -= 1
            if not self._running[alike]:
                del self._running[alike]
            self._go_on()

    def _run(self, alike: Alike, bodies: Sequence[bytes]) -> list[Reply | None]:
        try:
            return self._answer(alike, bodies)
        finally:
            close_old_connections()


def _tell(one: _Waiting, reply: Reply | None) -> None:
    if not one.reply.done():
        one.reply.set_result(reply)
