"""A value that many ask for at once: made by one of them, and given to the others for a while."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The result of `make`, at most `age_s` old. Who asks while it is made waits for it."""

    def __init__(self, age_s: float = 0.0) -> None:
        self.age_s = age_s
        self._lock = threading.Lock()
        self._made: tuple[float, T] | None = None

    def get(self, make: Callable[[], T]) -> T:
        """The value; its age counts from the moment at which it was begun."""
        with self._lock:
            now = time.monotonic()
            if self._made is None or now - self._made[0] >= self.age_s:
                self._made = None
                self._made = (now, make())
            return self._made[1]
