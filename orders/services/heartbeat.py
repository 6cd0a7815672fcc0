"""Says in the database that a part of the engine works, so that readiness needs no other memory."""

from django.db import connection

# Not a part, but an event: when a reorg past finality was last reported.
REORG = "reorg"


def beat(name: str) -> None:
    """Note the database's time under the part's name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_heartbeat (name) VALUES (%s) ON CONFLICT (name) DO UPDATE SET at = now()", [name]
        )
