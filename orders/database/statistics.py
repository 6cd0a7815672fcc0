"""Has PostgreSQL count tables again that have grown, so that no session keeps the plan of an almost empty one.

A prepared statement keeps its plan until the statistics of its tables change. One that was made while a table had few
rows reads all of it, and goes on so when they are many. PostgreSQL counts by itself once a minute at best, in which a
new engine may have taken ten thousand orders.
"""

import time

from django.db import connection, transaction

# Of one process. A table that doubles meanwhile is read twice as slowly as it could be.
LOOK_EVERY_S = 10.0
# How closely: 3,000 rows are looked at, in place of the 30,000 of PostgreSQL's own counts, which cost up to ten times
# as much. That a table is no longer small is all that plans wait for, and PostgreSQL counts it closely soon after.
TARGET = 10
# Pages of the tables that are counted here, 200 MB: larger ones double slowly, and take longer to count.
MAX_PAGES = 25_000

_GROWN = """
    SELECT c.oid::regclass::text FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relpages <= %s
        AND pg_relation_size(c.oid) > 2 * greatest(c.relpages, 1) * current_setting('block_size')::bigint
"""


class _Looked:
    """When this process last looked."""

    at = -LOOK_EVERY_S


def count_if_late() -> list[str]:
    """As `count_grown`, where this process has not done so for a while."""
    now = time.monotonic()
    if now - _Looked.at < LOOK_EVERY_S:
        return []
    _Looked.at = now
    return count_grown()


def count_grown() -> list[str]:
    """Analyze tables of more than twice the pages that they had when they were last counted; return their names.

    One that another process counts or changes at the moment is left for the next time.
    """
    with connection.cursor() as cursor:
        cursor.execute(_GROWN, [MAX_PAGES])
        tables = [table for (table,) in cursor.fetchall()]
        for table in tables:
            with transaction.atomic():
                cursor.execute(f"SET LOCAL default_statistics_target = {TARGET}")
                # The name as PostgreSQL itself quotes it.
                cursor.execute(f"ANALYZE (SKIP_LOCKED) {table}")
    return tables
