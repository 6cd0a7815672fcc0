"""The engine around tests of the client: a worker of the test's own."""

import contextlib
import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection

from dex import Engine, RetryableError
from orders.config import Policy
from orders.pipeline.loop import run_stage
from orders.states import Stage


class Worker:
    """Runs the stages in a thread while it is on."""

    def __init__(self, engine: Engine, policy: Policy) -> None:
        self._engine, self._policy = engine, policy
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Worker":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            while not self._over.wait(0.01):
                for stage in tuple(Stage):
                    with contextlib.suppress(RetryableError):
                        run_stage(stage, engine=self._engine, policy=self._policy)
        finally:
            connection.close()


@pytest.fixture
def worker(engine: Engine, policy: Policy) -> Callable[[], Worker]:
    """A worker, for as long as a `with` lasts."""
    return lambda: Worker(engine, policy)


def until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something to become true; in another thread it leaves no session of the database behind."""
    ends_at = time.monotonic() + seconds
    try:
        while not is_so():
            assert time.monotonic() < ends_at
            time.sleep(0.01)
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()
