"""What maintenance would have to do, in the one statement that also notes that it has looked: mostly nothing."""

from typing import NamedTuple

import orjson
from django.db import connection

from orders.models import heartbeat_name
from orders.pipeline.claim import DEAD, FIRST_DUE
from orders.pipeline.resend import UNSENT
from orders.reconciliation.heartbeat import BEAT
from orders.selectors import MAINTENANCE
from orders.states import Stage

_LOOK = f"""
    WITH turn AS ({BEAT} RETURNING name)
    SELECT EXISTS ({DEAD}), EXISTS (SELECT FROM orders_order WHERE {UNSENT}),
        (SELECT jsonb_object_agg(stage, delay_s) FROM ({FIRST_DUE}) AS first (stage, delay_s) WHERE delay_s IS NOT NULL)
    FROM turn
"""


class Outlook(NamedTuple):
    """Whether leases of dead workers hold orders, whether stored bytes were not sent, and the stages that are due."""

    has_dead_leases: bool
    has_unsent: bool
    # With the seconds until their first order is due, see `due_stages`.
    due: dict[Stage, float]


def look(chain_id: str, at_least_s: float) -> Outlook | None:
    """None where any process has looked after the chain less than `at_least_s` ago: then nothing is noted."""
    names = {"chain_id": chain_id, "name": heartbeat_name(MAINTENANCE, chain_id)}
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, {**names, "at_least_s": at_least_s})
        row = cursor.fetchone()
    if row is None:
        return None
    has_dead_leases, has_unsent, due = row
    found = orjson.loads(due) if due else {}
    return Outlook(has_dead_leases, has_unsent, {Stage(name): max(0.0, delay_s) for name, delay_s in found.items()})
