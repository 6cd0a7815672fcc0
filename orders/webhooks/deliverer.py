"""The process that delivers: claims endpoints with messages that are due, and serves each in a task of its own.

A receiver that hangs holds its own endpoint's task and nothing else. The rows decide what is sent; hints say when to
look, and without them each second does.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import Error as DatabaseError
from django.db import connections

from orders.database.errors import DATABASE
from orders.notify.webhooks import listen
from orders.webhooks.claims import Endpoint, accounts_with_endpoints, claim
from orders.webhooks.deliveries import forget_old
from orders.webhooks.receiver import Receiver
from orders.webhooks.session import Connect, Session
from orders.webhooks.targets import read_url, target_policy

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# Endpoints that one process serves at a time; those that have failed before may hold half of them.
MOST_SESSIONS = 256
MOST_WITH_FAILING = 128
# How often to look where no hint comes, and how often for endpoints where there are none.
LOOK_S = 1.0
ACCOUNTS_S = 5.0
# Two looks are at least so far apart; and a hint makes two, since what it tells of may not be settled yet.
REST_S = 0.02
UNSETTLED_S = 0.06
FORGET_S = 600.0
# How long an end waits for messages that are on their way.
STOP_S = 3.0
# Sessions with the database.
THREADS = 4


class Deliverer:
    """Serves endpoints until it is stopped."""

    def __init__(self, connect: Connect | None = None) -> None:
        self._connect = connect or _connect
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhooks")
        # So that at the end each thread comes by once.
        self._all_threads = threading.Barrier(THREADS)
        self._sessions: dict[asyncio.Task[None], Session] = {}
        self._accounts: frozenset[int] = frozenset()
        self._accounts_at = float("-inf")
        self._wake = asyncio.Event()
        self._is_stopping = False

    def stop(self) -> None:
        """Send nothing more; `run` ends soon."""
        self._is_stopping = True
        for session in self._sessions.values():
            session.stop()
        self._wake.set()

    async def run(self) -> None:
        """Deliver until it is stopped."""
        helpers = [asyncio.create_task(listen(self)), asyncio.create_task(self._forget())]
        try:
            while not self._is_stopping:
                await self._look_once()
                await self._rest()
        finally:
            for helper in helpers:
                helper.cancel()
            await self._end_sessions()
            await asyncio.gather(*(self._close_database() for _ in range(THREADS)))
            self._threads.shutdown(wait=True)

    async def _look_once(self) -> None:
        try:
            await self._look()
        except DatabaseError:
            await asyncio.sleep(LOOK_S)  # DATABASE has said it

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._accounts_at >= ACCOUNTS_S:
            self._accounts = await self._in_thread(accounts_with_endpoints)
            self._accounts_at = loop.time()
        room = MOST_SESSIONS - len(self._sessions)
        if not self._accounts or room <= 0:
            return
        failing = sum(session.is_failing for session in self._sessions.values())
        for endpoint in await self._in_thread(claim, room, most_failing=max(0, MOST_WITH_FAILING - failing)):
            self._serve(endpoint)

    def _serve(self, endpoint: Endpoint) -> None:
        session = Session(endpoint, self._connect, self._in_thread)
        task = asyncio.create_task(session.run())
        self._sessions[task] = session
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._sessions[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a webhook's delivery met a bug; it goes on after its lease", exc_info=error)
        else:
            self._wake.set()  # more may have come meanwhile

    async def _rest(self) -> None:
        """Until a hint, or the time to look without one."""
        await asyncio.sleep(REST_S)
        try:
            await asyncio.wait_for(self._wake.wait(), LOOK_S if self._accounts else ACCOUNTS_S)
        except TimeoutError:
            return
        self._wake.clear()

    @property
    def wants_events(self) -> bool:
        """Whether any account has an endpoint."""
        return bool(self._accounts)

    def hear(self, account_ids: Collection[int]) -> None:
        """These accounts have new events."""
        if not self._accounts.isdisjoint(account_ids):
            self._wake.set()
            asyncio.get_running_loop().call_later(UNSETTLED_S, self._wake.set)

    def change(self) -> None:
        """An endpoint was made or changed: which accounts have one is asked again."""
        self._accounts_at = float("-inf")
        self._wake.set()

    async def _forget(self) -> None:
        """Take old deliveries out of the log, now and then."""
        while True:
            await asyncio.sleep(FORGET_S * (0.5 + random.random()))  # noqa: S311 - so that processes take turns
            try:
                while await self._in_thread(forget_old):
                    pass
            except DatabaseError:
                continue

    async def _end_sessions(self) -> None:
        self.stop()
        if self._sessions:
            await asyncio.wait(tuple(self._sessions), timeout=STOP_S)
        for task in tuple(self._sessions):
            task.cancel()
        if self._sessions:
            await asyncio.wait(tuple(self._sessions), timeout=STOP_S)

    async def _in_thread(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Work on the database. Raises: DatabaseError, and what `act` raises."""

        def run() -> T:
            with DATABASE.watched():
                return act(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    async def _close_database(self) -> None:
        def close() -> None:
            self._all_threads.wait(STOP_S)
            connections.close_all()

        await asyncio.get_running_loop().run_in_executor(self._threads, close)


def _connect(endpoint: Endpoint) -> Receiver:
    return Receiver(read_url(endpoint.url), target_policy())
