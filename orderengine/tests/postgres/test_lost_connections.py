"""A test whose database connection was lost costs itself alone: the next one of the process has a new one."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import Error, connection

from orders.models import Account


def kill_own_backend() -> None:
    """As a restart of the server does, or an administrator."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()


@pytest.mark.parametrize("round", [1, 2])
@pytest.mark.django_db
def test_a_connection_is_lost(round: int) -> None:
    kill_own_backend()
    with pytest.raises((Error, psycopg.Error)):
        Account.objects.exists()


@pytest.mark.django_db
def test_the_next_works() -> None:
    assert not Account.objects.filter(name="none").exists()


@pytest.mark.django_db(transaction=True)
def test_a_connection_is_lost_without_a_transaction() -> None:
    kill_own_backend()
    with pytest.raises((Error, psycopg.Error)):
        Account.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_next_works_without_a_transaction() -> None:
    Account.objects.create(name="kept for a moment")


SESSIONS = 4


@pytest.fixture
def pooled(transactional_db: None) -> Iterator[list[Any]]:
    """Four users of one pool, each with a session of it."""
    # The stubs do not know that it may have a pool.
    first: Any = connection.copy(alias="pooled")
    first.settings_dict["OPTIONS"] = {
        **connection.settings_dict["OPTIONS"],
        "pool": {"min_size": SESSIONS, "max_size": SESSIONS, "timeout": 3},
    }
    users = [first, *(first.copy() for _ in range(SESSIONS - 1))]
    yield users
    for user in users:
        user.close()
    first.close_pool()


def sessions_of(users: list[Any]) -> list[int]:
    """The server's process behind each, all at once, then given back."""
    pids = []
    for user in users:
        with user.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.append(cursor.fetchone()[0])
    for user in users:
        user.close()
    return pids


@pytest.mark.parametrize("killed", range(1, SESSIONS + 1))
def test_no_session_of_a_pool_that_the_server_has_ended_is_taken(pooled: list[Any], killed: int) -> None:
    before = sessions_of(pooled)
    assert len(set(before)) == SESSIONS

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s::int[]) AS t(pid)", [before[:killed]])

    after = sessions_of(pooled)
    assert len(set(after)) == SESSIONS
    assert not set(after) & set(before[:killed])
    # What was not ended is kept.
    assert set(before[killed:]) <= set(after)
