"""How many answers that take long a web process makes at a time: orders need its threads and sessions meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework.exceptions import Throttled

AGAIN_S = 5


class Places:
    """So many callers at a time; others are answered 429 and told when to come again."""

    def __init__(self, most: int, what: str) -> None:
        """`what` is made there, in the plural."""
        self._most, self._what = most, what
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a place. Raises: Throttled where none is free."""
        if not self._free.acquire(blocking=False):
            raise Throttled(AGAIN_S, f"{self._most} {self._what} are being made here already")
        try:
            yield
        finally:
            self._free.release()
