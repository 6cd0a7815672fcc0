"""Work that goes on in a thread of its own while those who want its result come and go."""

import os
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from dex.deadline import apart, left_s
from dex.errors import ChainUnavailable, DexError

Found = TypeVar("Found")


class SharedWork(Generic[Found]):
    """One run of `work`, which takes `limit_s` at most. `name` says in messages what is still under way."""

    def __init__(self, name: str, work: Callable[[], Found], limit_s: float) -> None:
        self.began_at = time.monotonic()
        self._pid = os.getpid()
        self._name = name
        self._work = work
        self._limit_s = limit_s
        self._done = threading.Event()
        self._found: list[Found] = []
        self._error: Exception | None = None

    @property
    def is_of_this_process(self) -> bool:
        """A process that was forked off has none of the threads that were there before."""
        return self._pid == os.getpid()

    @property
    def is_done(self) -> bool:
        """Whether there is a result, or an error."""
        return self._done.is_set()

    def start(self, after: Callable[[], None] = lambda: None) -> None:
        """Begin; `after` runs in the same thread at the end, before those who wait go on."""

        def run() -> None:
            try:
                with apart(self._limit_s):
                    self._found.append(self._work())
            except Exception as error:
                self._error = error
            after()
            self._done.set()

        threading.Thread(target=run, name=self._name, daemon=True).start()

    def wait(self) -> Found:
        """The result. Raises: ChainUnavailable, also when the caller's own time is over before."""
        if not self._done.wait(min(self._limit_s + 1, left_s())):
            waited_s = time.monotonic() - self.began_at
            hint = "The node is slow: the next try finds what is done meanwhile"
            raise ChainUnavailable(f"{self._name} is still under way after {waited_s:.0f} s", hint=hint)
        if isinstance(self._error, DexError):
            raise ChainUnavailable(self._error.detail, hint=self._error.hint)
        if self._error is not None:
            raise self._error
        return self._found[0]
