"""Says in the database that a part of the engine works, so that readiness needs no other memory.

Engines on several chains may share the database: what one of them notes of itself has its chain in the name.
"""

from django.db import connection

# Not a part, but an event: when a reorg past finality was last reported.
REORG = "reorg"
# Writes a row unless that was done less than `at_least_s` ago.
BEAT = """INSERT INTO orders_heartbeat AS h (name) VALUES (%(name)s) ON CONFLICT (name) DO UPDATE SET at = now()
            WHERE h.at <= now() - %(at_least_s)s::float8 * interval '1 second'"""


def beat(name: str, at_least_s: float = 0.0) -> bool:
    """Note the database's time under the part's name; False where that was done less than `at_least_s` ago."""
    with connection.cursor() as cursor:
        cursor.execute(BEAT, {"name": name, "at_least_s": at_least_s})
        return bool(cursor.rowcount)
