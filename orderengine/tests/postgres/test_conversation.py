"""Statements that go out together are the same as those that go out one by one."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, Error, IntegrityError, InterfaceError, OperationalError, transaction
from django.db import connection as default
from psycopg import generators
from psycopg.pq import PipelineStatus, TransactionStatus

from orderengine.postgres.conversation import Answer, Conversation
from orders.database.pooling import Pooler

# The stubs know nothing of what orderengine.postgres adds.
connection: Any = default
pytestmark = pytest.mark.django_db(transaction=True)

TABLE = "conversation_test"
PUT = f"INSERT INTO {TABLE} VALUES (%s::int) RETURNING id"
COUNT = f"SELECT count(*)::int FROM {TABLE} WHERE id = %s"
READ = f"SELECT * FROM {TABLE} ORDER BY id"
# The server finds its fault when it runs it.
BAD = "SELECT 1 / %s::int"
Sent = list[tuple[int, bool]]


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {TABLE} (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    yield
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """How many statements each round trip has taken, and whether COMMIT was with them."""
    seen: Sent = []
    real: Callable[..., None] = Conversation.send

    def send(self: Conversation, *, commits: bool = False) -> None:
        seen.append((len(self._waiting), commits))
        real(self, commits=commits)

    monkeypatch.setattr(Conversation, "send", send)
    return seen


def stored() -> list[int]:
    """What another session sees."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute(READ)
            return [row[0] for row in cursor.fetchall()]
    finally:
        other.close()


def together(*said: tuple[str, int], answers: list[Answer]) -> None:
    """Say all of them in one transaction."""
    with transaction.atomic():
        answers += [connection.later(sql, [value]) for sql, value in said]


def is_at_rest() -> bool:
    """Whether the session waits for nothing and has no transaction open."""
    session: Any = connection.connection
    pgconn = session.pgconn
    return (pgconn.transaction_status, pgconn.pipeline_status) == (TransactionStatus.IDLE, PipelineStatus.OFF)


VALUES = {
    "text": "ä%",
    "none": None,
    "whole": 2**40,
    "flag": True,
    "part": 0.25,
    "id": UUID(int=7),
    "many": ["a", "b"],
}
EACH = (
    "SELECT %(text)s::text, %(none)s::text, %(whole)s::bigint, %(flag)s::bool, %(part)s::float8, %(id)s::uuid,"
    " %(many)s::text[], '12.5'::numeric, '[1]'::jsonb, '\\x01'::bytea, '2026-01-01T00:00:00Z'::timestamptz, '%%'"
)


def test_answers_are_those_of_a_cursor() -> None:
    with connection.cursor() as cursor:
        cursor.execute(EACH, VALUES)
        expected = cursor.fetchall()

    for _ in range(4):  # the third use prepares
        assert connection.rows(EACH, VALUES) == expected
    assert connection.rows(f"DELETE FROM {TABLE} WHERE id = %s", [1]) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%$7::text[]%"])
        assert cursor.fetchone() == (1,)


def test_what_waits_goes_out_with_what_is_asked_for_and_with_the_commit(sent: Sent) -> None:
    with transaction.atomic():
        first, second = connection.later(PUT, [1]), connection.later(COUNT, [1])
        assert sent == []
        assert second.rows() == [(1,)], "the second statement sees what the first has done"
        assert (sent, stored()) == ([(2, False)], [])
        third = connection.later(PUT, [2])

    assert sent == [(2, False), (1, True)]
    assert (first.rows(), third.rows(), stored()) == ([(1,)], [(2,)], [1, 2])
    assert sent == [(2, False), (1, True)]
    assert is_at_rest()


def test_a_whole_transaction_is_one_round_trip(sent: Sent) -> None:
    for n in range(4):  # unprepared, then prepared
        with transaction.atomic():
            connection.later(PUT, [2 * n])
            connection.later(PUT, [2 * n + 1])

    assert sent == [(2, True)] * 4
    assert stored() == list(range(8))


def test_outside_a_transaction_nothing_waits() -> None:
    answer = connection.later(PUT, [1])

    assert stored() == [1]
    assert answer.rows() == [(1,)]


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("uses", [0, 3], ids=["unprepared", "prepared"])
def test_one_that_fails_takes_all_with_it(is_first: bool, uses: int) -> None:
    for n in range(uses):
        with transaction.atomic():
            connection.later(PUT, [100 + n])
            connection.later(BAD, [1])
    before = stored()
    answers: list[Answer] = []
    said = [(BAD, 0), (PUT, 1)] if is_first else [(PUT, 1), (BAD, 0)]
    with pytest.raises(DataError, match="division by zero"):
        together(*said, answers=answers)

    for answer in answers:
        with pytest.raises(InterfaceError, match="did not run"):
            answer.rows()
    assert stored() == before
    assert is_at_rest()
    for n in range(4):
        assert connection.rows(PUT, [n]) == [(n,)]


def test_what_the_commit_itself_refuses_is_not_stored() -> None:
    connection.rows(PUT, [1])

    with pytest.raises(IntegrityError):
        together((PUT, 2), (PUT, 1), answers=[])

    assert stored() == [1]
    assert is_at_rest()


def test_a_cursor_sends_what_was_said_before_it(sent: Sent) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        connection.later(PUT, [1])
        cursor.execute(COUNT, [1])
        assert cursor.fetchone() == (1,)

    assert sent == [(1, False)]
    assert stored() == [1]


@pytest.mark.parametrize("is_opened_before", [True, False])
def test_every_kind_of_cursor_comes_behind_what_was_said(is_opened_before: bool) -> None:
    with transaction.atomic(), connection.cursor() as opened:
        cursor = opened if is_opened_before else connection.cursor()
        connection.later(PUT, [1])
        cursor.executemany(f"UPDATE {TABLE} SET id = id + %s", [[1], [2]])
        connection.later(PUT, [9])
        with connection.chunked_cursor() as chunks:
            chunks.execute(READ)
            assert chunks.fetchmany(9) == [(4,), (9,)]


def test_who_leaves_with_an_error_has_said_nothing(sent: Sent) -> None:
    answers: list[Answer] = []
    with suppress(ZeroDivisionError), transaction.atomic():
        answers.append(connection.later(PUT, [1]))
        raise ZeroDivisionError

    assert (sent, stored()) == ([], [])
    with pytest.raises(InterfaceError, match="given up"):
        answers[0].rows()


def test_a_savepoint_takes_back_what_was_said_behind_it() -> None:
    with transaction.atomic():
        connection.later(PUT, [1])
        with suppress(ZeroDivisionError), transaction.atomic():
            connection.later(PUT, [2])
            raise ZeroDivisionError
        with pytest.raises(DataError):
            together((PUT, 3), (BAD, 0), answers=[])
        with transaction.atomic():
            connection.later(PUT, [4])

    assert stored() == [1, 4]


def test_who_follows_statements_sees_each_when_it_is_said(sent: Sent) -> None:
    seen: list[str] = []

    def follow(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(follow), transaction.atomic():
        answer = connection.later(PUT, [1])
        assert seen == [PUT]
        assert connection.later(COUNT, [1]).rows() == [(1,)]
    assert (answer.rows(), seen, sent) == ([(1,)], [PUT, COUNT], [])


def test_behind_a_pooler_of_transactions_each_goes_out_alone(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    options = connection.settings_dict["OPTIONS"] | {"pooler": Pooler.TRANSACTION}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)

    with transaction.atomic():
        connection.later(PUT, [1])
        assert connection.later(COUNT, [1]).rows() == [(1,)]

    assert (sent, stored()) == ([], [1])


def test_who_is_interrupted_leaves_no_session_that_others_would_read_the_answers_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class TooLate(Exception):
        """As Celery's soft limit of time, which comes anywhere."""

    def fetch(_: Any) -> Any:
        raise TooLate

    def ask() -> None:
        with transaction.atomic():
            connection.later(PUT, [1])
            connection.later(PUT, [2]).rows()

    session: Any = connection.connection
    with monkeypatch.context() as patched:
        patched.setattr(generators, "fetch_many", fetch)
        with pytest.raises((TooLate, Error)):
            ask()

    assert session.closed
    connection.close()
    assert stored() == []
    assert connection.rows(PUT, [1]) == [(1,)]


def test_a_lost_session_is_said_and_the_next_one_works() -> None:
    [(pid,)] = connection.rows("SELECT pg_backend_pid() + %s", [0])
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()

    with pytest.raises(OperationalError):
        together((PUT, 1), answers=[])
    connection.close()

    assert stored() == []
    assert connection.rows(PUT, [1]) == [(1,)]


def test_a_migration_costs_a_statement_outside_a_transaction_no_error() -> None:
    connection.rows(PUT, [1])
    for _ in range(4):
        connection.rows(READ + " LIMIT %s", [5])
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} ADD COLUMN added int DEFAULT 7")
    other.close()

    for _ in range(4):
        assert connection.rows(READ + " LIMIT %s", [5]) == [(1, 7)]
