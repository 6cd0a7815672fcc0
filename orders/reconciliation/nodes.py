"""Tells of nodes that contradict the others: an incident in the audit log, counted, one per node and hour."""

from collections import Counter

from django.db import connection, transaction

from dex import Engine
from orders.audit.record import Actor, Entry, record
from orders.database.locks import EXAMINE
from orders.models.audit import ACTS_SQL

ACTION = "incident.node"
QUIET_S = 3600
_CALM = f"""SELECT NOT EXISTS (
    SELECT FROM orders_auditentry
    WHERE {ACTS_SQL} AND action = %s AND subject = %s AND at > now() - %s * interval '1 second')"""


def report_contradictions(engine: Engine) -> int:
    """Write down what this process has met since it last did; how many incidents are new. Free where all agree."""
    met = engine.cross_checks.contradictions() if engine.cross_checks else []
    if not met:
        return 0
    counts = Counter(contradiction.node for contradiction in met)
    last = {contradiction.node: contradiction.detail for contradiction in met}
    with transaction.atomic():
        entries = [
            Entry(ACTION, f"node:{node}", after={"chain": engine.chain.chain_id, "count": count, "last": last[node]})
            for node, count in sorted(counts.items())
            if _is_calm(f"node:{node}")
        ]
        record(Actor("engine", reason="a node contradicts the others of its chain"), entries)
    return len(entries)


def _is_calm(subject: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [EXAMINE])
        cursor.execute(_CALM, [ACTION, subject, QUIET_S])
        return bool(cursor.fetchone()[0])
