"""The time limit of one search, which can be met again: by the number of checks that it took, on any machine.

A search asks at fixed points whether its time is over, and decides by nothing else that is not in its input. So with
the same number of checks the same search ends at the same point, however fast the machine is.
"""

import math
import time
from typing import Self


class TimeLimit:
    """Asked by one search alone: it counts. `checks` are those that were passed, `is_reached` whether one was not."""

    __slots__ = ("_ends_at", "_given_ms", "_most", "checks", "is_reached")

    def __init__(self, ends_at: float = math.inf, most: int | None = None, given_ms: float | None = None) -> None:
        self._ends_at, self._most, self._given_ms = ends_at, most, given_ms
        self.checks, self.is_reached = 0, False

    @classmethod
    def of_ms(cls, milliseconds: float | None) -> Self:
        """From now on; None: none."""
        if milliseconds is None:
            return cls()
        return cls(time.perf_counter() + milliseconds / 1_000, given_ms=milliseconds)

    @classmethod
    def after(cls, checks: int | None) -> Self:
        """Over at the check that follows so many; None: never."""
        return cls(most=checks)

    def is_over(self) -> bool:
        """Whether the search is to end with what it has. Once it is over it stays so."""
        if self.is_reached or (self._most is None and self._ends_at == math.inf):
            return self.is_reached
        is_over = time.perf_counter() > self._ends_at if self._most is None else self.checks >= self._most
        if is_over:
            self.is_reached = True
        else:
            self.checks += 1
        return is_over

    def share(self, part: float) -> "TimeLimit":
        """A limit of its own, from now on, of a part of what this one was given."""
        return TimeLimit.of_ms(None if self._given_ms is None else part * self._given_ms)


# Counts nothing, so that all can share it.
UNLIMITED = TimeLimit()
