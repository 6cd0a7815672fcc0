"""Holds requests that need no key to a share of a web process, so that strangers cannot slow down those who trade.

A page costs milliseconds, and Python runs one thread at a time: a few clients that ask for pages as fast as they can
would take most of the process. They wait instead: each lane may use a share of its time, measured as it is spent.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

# What a request is taken to cost before one was measured, and how far one measurement moves that.
FIRST_GUESS_S, WEIGHT = 0.005, 0.1


class Busy(Exception):
    """Too many wait for this lane: come again."""


class Turn:
    """One request's turn; who has it notes what it cost."""

    spent_s = 0.0


class Lane:
    """A queue of requests that together use `share` of the time, after a quiet while `burst_s` seconds at once."""

    def __init__(self, share: float, burst_s: float, wait_s: float) -> None:
        self._share, self._burst_s, self._wait_s = share, burst_s, wait_s
        self._left_s, self._filled_at = burst_s, time.monotonic()
        self._expected_s = FIRST_GUESS_S
        self._queue: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Wait for a turn. What is expected of it is charged at once, and corrected when it has ended.

        Raises: Busy when it does not come within `wait_s`.
        """
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        self._let_go()
        expected_s = self._expected_s
        if not place.done():
            await self._wait(place)
        turn = Turn()
        try:
            yield turn
        finally:
            self._left_s += expected_s - turn.spent_s
            self._expected_s += WEIGHT * (turn.spent_s - self._expected_s)

    async def _wait(self, place: "asyncio.Future[None]") -> None:
        try:
            await asyncio.wait_for(place, self._wait_s)
        except TimeoutError:
            raise Busy from None
        finally:
            with suppress(ValueError):
                self._queue.remove(place)

    def _let_go(self) -> None:
        """Let those go for whom there is time now, and come back for the next."""
        now = time.monotonic()
        self._left_s = min(self._burst_s, self._left_s + (now - self._filled_at) * self._share)
        self._filled_at = now
        while self._queue and self._left_s > 0:
            place = self._queue.popleft()
            if not place.done():
                self._left_s -= self._expected_s
                place.set_result(None)
        if self._queue and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(max(0.001, -self._left_s / self._share), self._next)

    def _next(self) -> None:
        self._timer = None
        self._let_go()
