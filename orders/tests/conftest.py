"""What holds for every test of orders; orders/tests/fixtures.py has the fixtures that tests ask for."""

import time
from typing import Any

import pytest

from orders.engine import get_engine
from orders.notify.breaker import hints, redis_client

REDIS_BACK_WITHIN_S = 10.0


@pytest.fixture(autouse=True)
def closed(settings: Any) -> None:
    """Callers need a key unless a test says otherwise, whatever the environment of the run."""
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


@pytest.fixture(autouse=True)
def fresh_engine() -> None:
    """The process's own engine remembers a chain that the test before has taken with it."""
    get_engine.cache_clear()
