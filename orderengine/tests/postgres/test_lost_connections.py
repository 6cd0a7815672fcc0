"""A test whose database connection was lost costs itself alone: the next one of the process has a new one."""

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
