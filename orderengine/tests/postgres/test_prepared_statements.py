"""Statements are prepared by their third use, and a session recovers from what ends them."""

from typing import Any

import pytest
from django.db import NotSupportedError, OperationalError, connection, transaction

from orderengine.postgres.base import MAX_PREPARED
from orders.database.pooling import Pooler, prepare_threshold

pytestmark = pytest.mark.django_db(transaction=True)

MARK = "prepared_statements_test"
READ = f"SELECT * FROM {MARK} WHERE id = %s"


@pytest.fixture
def table() -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {MARK} (id int PRIMARY KEY)")
        cursor.execute(f"INSERT INTO {MARK} VALUES (1)")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {MARK}")


def read() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(READ, [1])
        return list(cursor.fetchall())


def prepared() -> int:
    """How often the server holds the statement for this session."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", [f"SELECT * FROM {MARK}%"]
        )
        count: int = cursor.fetchone()[0]
    return count


def test_the_third_use_prepares(table: None) -> None:
    for expected in (0, 0, 1, 1):
        read()
        assert prepared() == expected


def test_more_statements_than_most_work_use_are_kept() -> None:
    assert connection.connection is None or connection.connection.prepared_max == MAX_PREPARED
    connection.ensure_connection()
    assert connection.connection.prepared_max == MAX_PREPARED


def test_a_migration_costs_nobody_an_error(table: None) -> None:
    """The server refuses a prepared statement whose columns have changed, and would keep doing so."""
    for _ in range(4):
        read()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {MARK} ADD COLUMN added int DEFAULT 7")
    other.close()

    assert read() == [(1, 7)]
    for _ in range(3):
        assert read() == [(1, 7)]
    assert prepared() == 1


def test_within_a_transaction_a_migration_costs_that_one_alone(table: None) -> None:
    for _ in range(4):
        read()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {MARK} ADD COLUMN added int DEFAULT 7")
    other.close()

    with pytest.raises(NotSupportedError, match="cached plan must not change result type"), transaction.atomic():
        read()

    with transaction.atomic():
        assert read() == [(1, 7)]


@pytest.mark.parametrize("loss", ["DISCARD ALL", "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$"])
def test_a_session_that_has_lost_its_statements_prepares_them_again(table: None, loss: str) -> None:
    """As a pooler's reset does, seen by the driver or not."""
    for _ in range(4):
        read()
    with connection.cursor() as cursor:
        cursor.execute(loss)

    assert prepared() == 0
    for _ in range(4):
        assert read() == [(1,)]
    assert prepared() == 1


def test_a_lost_session_is_no_lost_statement(table: None) -> None:
    for _ in range(4):
        read()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()

    with pytest.raises(OperationalError):
        read()
    connection.close()
    assert read() == [(1,)]


@pytest.mark.parametrize(
    ("pooler", "threshold"), [("session", 2), ("transaction", 2), ("transaction-unprepared", None)]
)
def test_the_setting_says_whether_statements_are_prepared(pooler: str, threshold: int | None) -> None:
    assert prepare_threshold(pooler) == threshold
    assert {*Pooler} == {"session", "transaction", "transaction-unprepared"}
