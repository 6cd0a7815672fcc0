"""Strikes the engine from outside, each fault at its time; what strikes whom is decided by the seed."""

import heapq
import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import redis

from orderengine.chaos.hooks import faults_directory
from orderengine.chaos.levels import Level
from orderengine.chaos.outage import take_away
from orderengine.chaos.outages import Outages
from orderengine.chaos.refusals import client_of
from orderengine.chaos.stack import Stack

REDIS_DOWN_S = 1.5
FREEZE_S = 5.0
CHAIN_AWAY_S = 2.0
STORM_KILLS = 10
# The chain's depth rule covers reorgs up to here.
MAX_REORG = 3
# Of the reorgs that also lose the transactions of their blocks, which must be sent again then.
FORGOTTEN_SHARE = 0.3

Act = Callable[[], bool]


class FaultPlan:
    """The faults of a level. `strike()` is called all the time and does what is due."""

    def __init__(self, stack: Stack, level: Level, seed: int, reorg: Callable[[int, bool], bool]) -> None:
        self._stack = stack
        self._dice = random.Random(seed)  # noqa: S311 - repeatable faults, no secret
        self._level = level
        self._acts: dict[str, Act] = {
            "worker_kill": self._kill_worker_child,
            "whole_worker_kill": lambda: self._kill_one("worker"),
            "flushall": self._flush,
            "redis_restart": lambda: stack.kill("valkey", down_s=REDIS_DOWN_S),
            "postgres_restart": lambda: stack.kill("postgres", signal.SIGQUIT, down_s=0.0),
            "web_kill": lambda: self._kill_one("web"),
            "beat_kill": lambda: stack.kill("beat"),
            "redis_freeze": lambda: stack.freeze("valkey", FREEZE_S),
            "postgres_freeze": lambda: stack.freeze("postgres", FREEZE_S),
            "client_kill": self._kill_clients,
            "chain_away": self._take_chain_away,
            "reorg": lambda: reorg(self._dice.randint(1, MAX_REORG), self._dice.random() < FORGOTTEN_SHARE),
        }
        self._outages = Outages(stack, level.outages_s, seed, self._note_time)
        self._acts |= {
            "redis_refuses": self._outages.redis_refuses,
            "database_refuses": self._outages.database_refuses,
        }
        self.counts: Counter[str] = Counter()
        self.last_at = time.time()
        self._due: list[tuple[float, str]] = []

    def begin(self) -> None:
        """Time zero of the plan."""
        now = time.monotonic()
        self._due = [(now + planned.first_s, name) for name, planned in self._level.planned.items()]
        heapq.heapify(self._due)

    def end(self) -> None:
        """End what still lasts."""
        self._outages.end()

    def missed(self) -> list[str]:
        """Faults of the level that have not struck, as when the last order is answered before their time."""
        return sorted(set(self._level.planned) - set(self.counts))

    def strike(self) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= time.monotonic():
            at, name = heapq.heappop(self._due)
            if (act := self._acts.get(name)) and act():
                self.counts[name] += 1
                self._note_time()
            if every_s := self._level.planned[name].every_s:
                heapq.heappush(self._due, (at + every_s, name))

    def _note_time(self) -> None:
        self.last_at = time.time()

    def _kill_worker_child(self) -> bool:
        """One of the processes in which tasks run; a worker that is just starting has none yet."""
        workers = self._stack.names("worker")
        self._dice.shuffle(workers)
        return any(self._stack.kill_child(worker, self._dice.random()) for worker in workers)

    def _kill_one(self, kind: str) -> bool:
        """A process with all its children, as when a machine goes."""
        running = self._stack.names(kind)
        return bool(running) and self._stack.kill(self._dice.choice(running))

    def _take_chain_away(self) -> bool:
        return take_away(faults_directory(self._stack.environment), CHAIN_AWAY_S) > 0

    def _flush(self) -> bool:
        return self._redis(lambda client: client.flushall())

    def _kill_clients(self) -> bool:
        return self._redis(lambda client: [client.client_kill_filter(_type="normal") for _ in range(STORM_KILLS)])

    def _redis(self, act: Callable[[redis.Redis], object]) -> bool:
        try:
            with client_of(self._stack.environment) as client:
                act(client)
        except redis.RedisError:
            return False
        return True
