"""Dependencies that answer errors for a while: which, with what, and how long is decided by the seed."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg
import redis

from orderengine.chaos.database_refusals import STATES, DatabaseRefusals
from orderengine.chaos.refusals import REFUSALS, client_of
from orderengine.chaos.stack import Stack

AGAIN_S = 0.5
Act = Callable[[], object]


class Outages:
    """At most one of Redis and one of PostgreSQL at a time."""

    def __init__(self, stack: Stack, lengths_s: tuple[float, ...], seed: int, on_end: Act) -> None:
        self._stack = stack
        self._lengths_s = lengths_s
        self._dice = random.Random(f"{seed}/outages")  # noqa: S311 - repeatable, no secret
        self._on_end = on_end
        self._running: dict[str, threading.Thread] = {}
        self._over = threading.Event()

    def redis_refuses(self) -> bool:
        """One of the ways in which a server answers but takes nothing."""
        refusal = REFUSALS[self._dice.choice(list(REFUSALS))]

        def begin() -> None:
            # A server that started again meanwhile has forgotten that it refuses.
            with client_of(self._stack.environment) as client, suppress(redis.ResponseError):
                client.set("chaos:probe", "", px=1000)
                refusal.begin(client, self._stack.pids()["valkey"])

        def end() -> None:
            with client_of(self._stack.environment) as client:
                refusal.end(client, self._stack.pids()["valkey"])

        return self._start("redis", begin, end)

    def database_refuses(self) -> bool:
        """Writes of orders are answered with an error of the server or of a pooler."""
        database, state = DatabaseRefusals(self._stack.environment["DATABASE_URL"]), self._dice.choice(STATES)
        return self._start("database", lambda: database.begin(state), database.end)

    def end(self) -> None:
        """End all of them, and wait for it."""
        self._over.set()
        for thread in self._running.values():
            thread.join()

    def _start(self, name: str, begin: Act, end: Act) -> bool:
        running, seconds = self._running.get(name), self._dice.choice(self._lengths_s)
        if self._over.is_set() or (running is not None and running.is_alive()):
            return False
        self._running[name] = threading.Thread(target=self._run, args=(begin, end, seconds), daemon=True)
        self._running[name].start()
        return True

    def _run(self, begin: Act, end: Act, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at and not self._over.is_set():
            _try(begin)
            self._over.wait(AGAIN_S)
        while not _try(end):
            time.sleep(AGAIN_S)
        self._on_end()


def _try(act: Act) -> bool:
    """False where the server is away at the moment."""
    try:
        act()
    except (psycopg.Error, redis.RedisError, OSError, KeyError):
        return False
    return True
