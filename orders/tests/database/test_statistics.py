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
