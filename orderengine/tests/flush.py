"""Empties the database after a test that committed, in a twentieth of the time that Django's `flush` takes.

Django's truncates every table, which makes new files for each of them and for each index, and fills in content types
and permissions again. After most tests a few rows stand in a few tables: they are deleted, and content types and
permissions are left where they are. Django's own flush does the work where that is not enough.
"""

from typing import Any

import pytest
from django.core.management import get_commands
from django.core.management.commands import flush
from django.db import DEFAULT_DB_ALIAS, connections, transaction

# What `migrate` fills.
KEPT = ("auth_permission", "django_content_type")
# Deleted rows leave their space behind, and slow the tests after them down: beyond this size tables are truncated.
MOST_BYTES = 1 << 20


class QuickFlush(flush.Command):
    """In the place of `flush`, for the processes of tests alone."""

    def __init__(self) -> None:
        super().__init__()
        self._tables: list[str] = []
        self._kept: list[int] = []

    def handle(self, **options: Any) -> None:
        """Delete all rows, or truncate all tables."""
        if options["database"] != DEFAULT_DB_ALIAS or not self._deletes():
            super().handle(**options)
            introspection = connections[DEFAULT_DB_ALIAS].introspection
            # As `flush` asks.
            self._tables = introspection.django_table_names(only_existing=True, include_views=False)
            self._kept = self._counts()

    def _deletes(self) -> bool:
        """Whether all rows were deleted. False where tables are unknown yet, are others, have grown or were analyzed.

        What ANALYZE has counted would choose the plans of later tests. Below 0 says that nothing was counted.
        """
        names = [name for name in self._tables if name not in KEPT]
        if not names:
            return False
        with transaction.atomic(), connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(
                "SELECT count(*), sum(pg_relation_size(oid)), max(reltuples) FROM pg_class"
                " WHERE oid = ANY(SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)",
                [names],
            )
            found, size, rows_once_counted = cursor.fetchone()
            if found != len(names) or size > MOST_BYTES or rows_once_counted >= 0:
                return False
            # Waits, as TRUNCATE does, for who still writes.
            cursor.execute(f"LOCK TABLE {', '.join(self._tables)} IN SHARE ROW EXCLUSIVE MODE")
            if self._counts() != self._kept:
                return False
            cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names))
            if filled := [name for (name,) in cursor.fetchall()]:
                # Some tables let nobody delete.
                cursor.execute(
                    "SELECT set_config('pgtrigger.ignore', array_agg(tgname)::text, true) FROM pg_trigger"
                    " WHERE NOT tgisinternal"
                )
                # One statement: foreign keys are looked at behind it.
                deleted = ", ".join(f"d{number} AS (DELETE FROM {name})" for number, name in enumerate(filled))
                cursor.execute(f"WITH {deleted} SELECT")
            return True

    def _counts(self) -> list[int]:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(" UNION ALL ".join(f"SELECT count(*) FROM {name}" for name in KEPT))
            return [count for (count,) in cursor.fetchall()]


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> None:
    """Have Django find this command under the name of its own: it takes one that is loaded, too."""
    get_commands()["flush"] = QuickFlush()  # type: ignore[assignment]
