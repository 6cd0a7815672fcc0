"""Work beside a test, on a database connection of its own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import connection


def in_thread(work: Callable[[], Any]) -> Any:
    """Run a rival on a connection of its own."""
    return beside(work).result()


def beside(work: Callable[[], Any]) -> Future[Any]:
    """A rival that runs meanwhile."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    pool = ThreadPoolExecutor(1)
    rival = pool.submit(run)
    pool.shutdown(wait=False)
    return rival


def wait_for_lock() -> None:
    """Until some session waits for a lock."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("no session waits for a lock")
