"""What holds for every test of orders; orders/tests/fixtures.py has the fixtures that tests ask for."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from orders.engine import get_engine
from orders.notify.breaker import hints, redis_client
from orders.streams import threads
from orders.tests.people import sign_in

REDIS_BACK_WITHIN_S = 10.0
THREADS_FREE_WITHIN_S = 30.0


@pytest.fixture(scope="package", autouse=True)
def no_sessions_left() -> Iterator[None]:
    """The threads in which sockets read rows outlive the tests: none keeps a session of the database that goes."""
    yield
    # So that each of them comes here once.
    all_are_here = threading.Barrier(threads.MAX_THREADS)

    def close() -> None:
        all_are_here.wait(THREADS_FREE_WITHIN_S)
        connections.close_all()

    for closed in [threads._threads.submit(close) for _ in range(threads.MAX_THREADS)]:
        closed.result()


@pytest.fixture(autouse=True)
def closed(settings: Any) -> None:
    """Callers need a key unless a test says otherwise, in any environment of the run."""
    settings.API_IS_OPEN = False


@pytest.fixture(autouse=True)
def quiet_redis(request: pytest.FixtureRequest) -> None:
    """Each test starts without flags of the one before, and with hints if a stall has cost the one before its own."""
    if not request.node.get_closest_marker("services"):
        return
    ends_at = time.monotonic() + REDIS_BACK_WITHIN_S
    while hints.is_open:
        assert time.monotonic() < ends_at, "Redis does not come back"
        time.sleep(0.05)
    redis_client().flushdb()


@pytest.fixture
def admin_client(db: None, admin_user: Any) -> Client:
    """A browser in which a superuser is signed in, with a code."""
    return sign_in(Client(), admin_user)


@pytest.fixture(autouse=True)
def fresh_engine() -> None:
    """The process's own engine remembers a chain that the test before has taken with it."""
    get_engine.cache_clear()
