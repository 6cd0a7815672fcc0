"""One time limit for a whole piece of work: everything inside it waits for its remaining time at most.

with within(10.0):
    engine.route(...)   # asks several questions; all of them together take ten seconds at most
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[float] = ContextVar("ends_at", default=math.inf)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End the work inside after these seconds, or when the limit around it does, whichever is first."""
    token = _ends_at.set(min(_ends_at.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends_at.reset(token)


@contextmanager
def apart(seconds: float) -> Iterator[None]:
    """A limit of its own, not bounded by the one around it: for work that others wait for too."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


@contextmanager
def unless_limited(seconds: float) -> Iterator[None]:
    """As `within`, where there is no limit yet."""
    with within(seconds if math.isinf(_ends_at.get()) else math.inf):
        yield


def left_s() -> float:
    """Seconds that are left, infinite without a limit, never below 0."""
    return max(0.0, _ends_at.get() - time.monotonic())
