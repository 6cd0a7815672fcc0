"""One run: start everything, place orders while faults strike, wait until all has ended, judge."""

import sys
import time
from collections import Counter
from typing import Any

import psycopg

from orderengine.chaos.chain import ChainHand
from orderengine.chaos.clients import PAIRS, Clients
from orderengine.chaos.faults import FaultPlan
from orderengine.chaos.history import History
from orderengine.chaos.hooks import faults_directory, noted
from orderengine.chaos.levels import Level
from orderengine.chaos.soak import Gauges, SlowClients
from orderengine.chaos.stack import POLL_S, Stack
from orderengine.chaos.verdict import Verdict, beyond_goals, read

# Longer than any lease, back-off and restart together: what has not ended by then never will.
SETTLE_LIMIT_S = 120.0
# For the sockets to come back and read what they missed once all orders have ended.
FRAMES_LIMIT_S = 60.0
REPORT_EVERY_S = 5.0
# What is still open: orders, and nonces of orders that ended without using theirs.
OPEN = """
    SELECT (SELECT count(*) FROM orders_order WHERE status NOT IN ('CONFIRMED', 'FAILED'))
        + (SELECT count(*) FROM orders_submission s LEFT JOIN orders_order o ON o.id = s.order_id
           WHERE s.closed_at IS NULL AND coalesce(o.status IN ('CONFIRMED', 'FAILED'), true))
"""


def say(line: str) -> None:
    """Progress, beside the one line of results."""
    sys.stderr.write(f"chaos | {line}\n")
    sys.stderr.flush()


class Run:
    """A level on a stack."""

    def __init__(self, stack: Stack, level: Level, seed: int, settle_s: float = SETTLE_LIMIT_S) -> None:
        self._stack = stack
        self._settle_s = settle_s
        self._level = level
        self._began_at = time.monotonic()
        self._chain = ChainHand(stack.environment)
        self._faults = FaultPlan(stack, level, seed, self._chain.reorg)
        self._clients = Clients(stack.url, level, seed, History())
        self._gauges = Gauges(stack)
        self._slow = SlowClients(stack.url, level.slow_clients)
        self._reported_at = 0.0

    def judge(self) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """Run it; the figures, and the promises that do not hold."""
        self._chain.open_pools({tuple(sorted(pair[:2])) for pair in PAIRS})
        before = self._chain.total_supply()
        self._clients.start()
        self._faults.begin()
        while not self._clients.all_answered.is_set():
            self._faults.strike()
            self._tick()
        if self._clients.error is not None:
            raise SystemExit(f"the clients gave up: {self._clients.error}")
        say("every order is answered, the faults end; waiting until all orders have ended")
        if missed := self._faults.missed():
            say(f"the load ended before these could strike: {', '.join(missed)}; set more ORDERS, or a lower RATE")
        self._faults.end()
        self._settle()
        if errors := self._clients.history.errors:
            raise SystemExit(f"followers gave up: {errors[:5]}")
        with psycopg.connect(self._stack.environment["DATABASE_URL"], autocommit=True) as database:
            supply = (before, self._chain.total_supply())
            verdict = Verdict(lambda question: read(database, question), self._clients.history, supply)
            verdict.offenders["given_up"] += self._stack.ended
            faults = self._faults.counts + Counter(noted(faults_directory(self._stack.environment)))
            figures = verdict.figures(self._faults.last_at, faults)
        figures["restarts"] = dict(sorted(self._stack.restarts.items()))
        figures["slopes"] = self._gauges.slopes()
        figures["took_s"] = round(time.monotonic() - self._began_at, 1)
        for line in beyond_goals(figures):
            say(line)
        return figures, verdict.broken

    def _settle(self) -> None:
        ends_at = time.monotonic() + self._settle_s
        while self._open_orders() != 0 and time.monotonic() < ends_at:
            self._tick(0.25)
        ends_at = time.monotonic() + FRAMES_LIMIT_S
        while self._clients.history.open_followed() and time.monotonic() < ends_at:
            self._tick()
        self._clients.stop()

    def _open_orders(self) -> int | None:
        """Orders that have not ended, None while the database does not answer."""
        try:
            with psycopg.connect(self._stack.environment["DATABASE_URL"], connect_timeout=2) as database:
                row = database.execute(OPEN).fetchone()
        except psycopg.Error:
            return None
        return int(row[0]) if row else None

    def _tick(self, seconds: float = POLL_S) -> None:
        self._stack.tend()
        self._gauges.tend()
        self._slow.tend()
        self._stack.pause(seconds)
        if time.monotonic() - self._reported_at >= REPORT_EVERY_S:
            self._reported_at = time.monotonic()
            history = self._clients.history
            struck = " ".join(f"{name}={count}" for name, count in sorted(self._faults.counts.items()))
            say(
                f"{time.monotonic() - self._began_at:4.0f} s  answered {len(history.acknowledged)}/{self._level.orders}"
                f"  open {self._open_orders()}  frames {sum(map(len, history.frames.values()))}  {struck}"
            )
