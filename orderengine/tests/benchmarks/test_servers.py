"""What the suite asks of PostgreSQL: a session through its proxy, bare SQL on our tables, and its own reads."""

import os
import time

import psycopg
import pytest
from django.db import connection

from benchmarks.suite.bare import SCRIPT, TABLES, prepared
from benchmarks.suite.proxy import Proxy
from benchmarks.suite.subject import OURS
from benchmarks.suite.wire import count


def test_the_proxy_passes_a_session_on_and_names_its_process(environment_url: str) -> None:
    start = time.monotonic()
    with Proxy(environment_url) as proxy:
        with psycopg.connect(proxy.url(), autocommit=True) as session:
            for number in range(3):
                found = session.execute("SELECT %s + 1", [number], prepare=True).fetchone()
                assert found == (number + 1,)
            with session.transaction():
                session.execute("SELECT 'within'")
            with pytest.raises(psycopg.errors.UndefinedTable):
                session.execute("SELECT FROM nowhere")
        events = proxy.since(start)

        assert list(proxy.processes.values()) == [os.getpid()]
    statements = [event for event in events if event.kind == "statement"]
    texts = [event.text for event in statements]
    # SQL with a parameter is parsed once, then only bound.
    assert texts == ["SELECT $1 + 1"] * 3 + ["BEGIN", "SELECT 'within'", "COMMIT", "SELECT FROM nowhere"]
    assert [event.is_parsed for event in statements[:3]] == [True, False, False]
    assert count(events).transactions == 5
    assert count(events).statements == 5


@pytest.mark.django_db
def test_bare_sql_knows_the_columns_of_our_tables() -> None:
    connection.ensure_connection()
    script = prepared(connection.connection)
    with connection.cursor() as cursor:
        for line in script.splitlines():
            if line.startswith(("INSERT", "UPDATE")):
                # With orders to copy it writes rows; without any it still names every table and column.
                cursor.execute(line.replace(":batch", "7"))
        for name in TABLES:
            cursor.execute(f"SELECT count(*) FROM bare.{name}")
            assert cursor.fetchone() == (0,)

    assert script.count("{") == 0
    assert SCRIPT.read_text().count("COMMIT;") == 5


@pytest.mark.django_db
def test_the_suite_reads_our_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute(OURS.open_sql)
        assert cursor.fetchone() == (0,)
        for sql in (OURS.last_end_sql, OURS.failed_sql):
            cursor.execute(sql, [0.0])
            assert cursor.fetchone() in {(None,), (0,)}
        # Needs track_commit_timestamp where there are rows: here it is only parsed.
        cursor.execute(f"EXPLAIN {OURS.commits_sql}", [[]])


@pytest.fixture
def environment_url() -> str:
    """The servers that the tests run beside."""
    return os.environ["DATABASE_URL"]
