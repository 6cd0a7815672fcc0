"""Of all tests: a database connection that was lost costs the test that lost it, and none after it.

Django keeps a dead connection until a request begins or ends, and no test has one. It stands at the top because
hooks of a package's own conftest.py see the tests of that package alone. And property tests draw the same examples in
every run, so that a change is judged by itself: NEW_EXAMPLES=1 draws new ones, EXAMPLES=deep four times as many.
"""

import gc
import os

import pytest
from django.db import connections
from hypothesis import settings

from dex.testing.examples import register_profiles

register_profiles(are_new="NEW_EXAMPLES" in os.environ)
settings.load_profile(os.environ.get("EXAMPLES") or "ci")

pytest_plugins = [
    "dex.testing.local_chain",
    "orders.tests.fixtures",
    "orderengine.tests.flush",
    "orderengine.tests.selection",
]


# Objects made before the garbage collector looks, as many as in the engine: it took a seventh of the time of a run.
LOOKS_AFTER = 20_000


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was collected stays to the end of the run: the garbage collector need not look through it each time."""
    gc.freeze()
    gc.set_threshold(LOOKS_AFTER, *gc.get_threshold()[1:])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Before the fixtures of a test begin a transaction."""
    close_dead_connections()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Before they roll it back, or empty the tables."""
    close_dead_connections()


def close_dead_connections() -> None:
    """Let the next statement open a new one. A transaction under way ends by itself, and closes what it cannot end."""
    for connection in connections.all(initialized_only=True):
        is_idle = connection.connection is not None and not connection.in_atomic_block
        if is_idle and (connection.connection.closed or not connection.is_usable()):
            connection.close()
