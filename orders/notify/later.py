"""Calls that wait for their time in this process: a thread that sleeps until the next one is due."""

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable
from functools import cache


class Later:
    """One thread, begun with the first call. What waits is lost with the process."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._is_earlier = threading.Condition()
        self._thread: threading.Thread | None = None

    def call(self, delay_s: float, act: Callable[[], object]) -> None:
        """Call `act`, which must not raise, in `delay_s` seconds."""
        with self._is_earlier:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="later", daemon=True)
                self._thread.start()
            entry = (time.monotonic() + delay_s, next(self._numbers), act)
            heapq.heappush(self._waiting, entry)
            if self._waiting[0] is entry:
                self._is_earlier.notify()

    def _run(self) -> None:
        while True:
            self._next()()

    def _next(self) -> Callable[[], object]:
        with self._is_earlier:
            while not self._waiting or (wait_s := self._waiting[0][0] - time.monotonic()) > 0:
                self._is_earlier.wait(wait_s if self._waiting else None)
            return heapq.heappop(self._waiting)[2]


def later() -> Later:
    """This process's."""
    return _later(os.getpid())


@cache
def _later(pid: int) -> Later:
    # A fork copies what waits, but not the thread.
    return Later()
