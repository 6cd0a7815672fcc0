"""Tables that have grown are counted again, which ends the plans that sessions keep of them."""

from collections.abc import Iterator

import pytest
from django.db import connection

from orders.database import statistics
from orders.database.statistics import count_grown, count_if_late

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept_plan() -> Iterator[None]:
    """A table of few rows, and a prepared statement that looks for one of them."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE growing (id int PRIMARY KEY, words text)")
        cursor.execute("INSERT INTO growing SELECT n, repeat('x', 100) FROM generate_series(1, 10) n")
        cursor.execute("ANALYZE growing")
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute("PREPARE kept (int) AS SELECT words FROM growing WHERE id = $1")
        yield
        cursor.execute("DEALLOCATE kept")


def plan() -> str:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN EXECUTE kept (7)")
        return "\n".join(line for (line,) in cursor.fetchall())


def grow(first: int, last: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO growing SELECT n, repeat('x', 100) FROM generate_series(%s::int, %s::int) n", [first, last]
        )


@pytest.mark.usefixtures("kept_plan")
def test_a_plan_of_the_small_table_ends_when_it_has_grown() -> None:
    assert "Seq Scan" in plan()
    grow(11, 20_000)
    assert "Seq Scan" in plan()

    assert "growing" in count_grown()

    assert "Index Scan" in plan()
    assert "growing" not in count_grown()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT cardinality(histogram_bounds::text::text[]) FROM pg_stats"
            " WHERE tablename = 'growing' AND attname = 'id'"
        )
        assert cursor.fetchone() == (statistics.TARGET + 1,)


@pytest.mark.usefixtures("kept_plan")
def test_less_than_twice_the_pages_are_not_counted() -> None:
    grow(11, 2_000)
    count_grown()

    grow(2_001, 3_000)
    assert "growing" not in count_grown()

    grow(3_001, 5_000)
    assert "growing" in count_grown()


@pytest.mark.usefixtures("kept_plan")
def test_large_tables_are_left_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    grow(11, 2_000)
    count_grown()
    grow(2_001, 10_000)
    monkeypatch.setattr(statistics, "MAX_PAGES", 3)

    assert "growing" not in count_grown()


@pytest.mark.usefixtures("kept_plan")
def test_a_process_looks_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics._Looked, "at", -statistics.LOOK_EVERY_S)
    monkeypatch.setattr("orders.database.statistics.time.monotonic", lambda: 1_000.0)
    count_if_late()
    grow(11, 20_000)

    assert count_if_late() == []

    monkeypatch.setattr("orders.database.statistics.time.monotonic", lambda: 1_000.0 + statistics.LOOK_EVERY_S)
    assert "growing" in count_if_late()


def test_tables_with_rows_of_each_order_are_counted_from_few_rows() -> None:
    """As many rows are read as the highest target asks for, 300 each; -1 is the usual 100, so each column has its own.

    Indexes on expressions have columns too. A column that a later migration adds is to be given its target there.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH counted AS (
                SELECT 'orders_order'::regclass AS id UNION SELECT 'simulated_chaintransaction'::regclass
                UNION SELECT attrelid FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
                WHERE attname = 'order_id' AND c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
            )
            SELECT c.oid::regclass::text, a.attname, coalesce(a.attstattarget, -1)
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_index i ON i.indexrelid = c.oid
            WHERE a.attnum > 0 AND NOT a.attisdropped
                AND (c.oid IN (SELECT id FROM counted)
                    OR i.indrelid IN (SELECT id FROM counted) AND i.indkey[a.attnum - 1] = 0)
            """
        )
        targets = {(table, column): target for table, column, target in cursor.fetchall()}
    assert ("orders_order", "status") in targets
    assert ("orders_orderevent", "order_id") in targets
    assert any(table == "order_waits_for_pool" for table, _ in targets)
    assert {name: target for name, target in targets.items() if target not in {0, statistics.TARGET}} == {}
