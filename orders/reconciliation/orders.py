"""Audits: the event log replayed must give the orders as they stand, and submissions must agree with their orders.

Reads only. What it finds is a bug or a hand in the database; nothing here repairs it.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from orders.database.recordset import id_array
from orders.models.due import OPEN_SQL
from orders.states import LIVE, TERMINAL, TRANSITIONS

# Orders per statement, so that each stays far below the statement timeout.
BATCH = 5_000
FIRST_ID = UUID(int=0)


class Discrepancy(NamedTuple):
    """An order whose rows contradict each other, and how."""

    order_id: UUID
    detail: str


def audit_orders() -> Iterator[Discrepancy]:
    """Every order's contradictions, see `contradictions`."""
    last_id: UUID | None = FIRST_ID
    while last_id is not None:
        ids = ids_after(last_id, BATCH)
        last_id = ids[-1] if len(ids) == BATCH else None
        yield from contradictions(ids)


def contradictions(order_ids: Sequence[UUID]) -> list[Discrepancy]:
    """Replay the orders' events: seq without holes, legal edges, and the last one equal to the order's row.

    An order that moves while it is read is seen at one moment: each look is one statement.
    """
    found = []
    for statement in (_replay_statement(), _holds_statement(), _families_statement()):
        with connection.cursor() as cursor:
            cursor.execute(statement, [id_array(order_ids)])
            found += [Discrepancy(order_id, detail) for order_id, detail in cursor.fetchall() if detail]
    return found


def ids_after(order_id: UUID, limit: int) -> list[UUID]:
    """The next orders, oldest first."""
    return _ids("id > %s ORDER BY id LIMIT %s", [order_id, limit])


def newest_ids(limit: int) -> list[UUID]:
    """The orders that were placed last."""
    return _ids("true ORDER BY id DESC LIMIT %s", [limit])


def open_ids(limit: int) -> list[UUID]:
    """The live orders that have been so for longest."""
    # Found first and sorted then: by the order of ids it would pass over all that have ended.
    return _ids(f"id IN (SELECT id FROM orders_order WHERE {OPEN_SQL} OFFSET 0) ORDER BY id LIMIT %s", [limit])


def _ids(condition: str, values: Sequence[UUID | int]) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM orders_order WHERE {condition}", values)
        return [row[0] for row in cursor.fetchall()]


def _listed(values: object) -> str:
    return ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]


@cache
def _replay_statement() -> str:
    edges = ", ".join(f"('{source}', '{target}')" for source, targets in TRANSITIONS.items() for target in targets)
    return f"""
        WITH checked AS (
            SELECT id, status, seq, attempt, outcome FROM orders_order WHERE id = ANY(%s::uuid[])
        ), replayed AS (
            SELECT e.order_id, e.seq, e.status, e.attempt, e.outcome,
                   lag(e.status) OVER (PARTITION BY e.order_id ORDER BY e.seq) AS before
            FROM orders_orderevent e JOIN checked c ON c.id = e.order_id
        ), judged AS (
            SELECT order_id, count(*) AS events, max(seq) AS last_seq, min(seq) AS first_seq,
                   (array_agg(status ORDER BY seq))[1] AS first_status,
                   (array_agg((status, attempt, outcome)::text ORDER BY seq DESC))[1] AS last_event,
                   bool_or(before IS NOT NULL AND (before, status) NOT IN ({edges})) AS has_illegal
            FROM replayed GROUP BY order_id
        )
        SELECT c.id, concat_ws('; ',
            CASE WHEN j.order_id IS NULL THEN 'has no events' END,
            CASE WHEN j.events <> c.seq OR j.last_seq <> c.seq OR j.first_seq <> 1
                 THEN 'seq is ' || c.seq || ', its events are ' || j.events || ' up to ' || j.last_seq END,
            CASE WHEN j.first_status <> 'PENDING' THEN 'began as ' || j.first_status END,
            CASE WHEN j.has_illegal THEN 'took an illegal edge' END,
            CASE WHEN j.last_event <> (c.status, c.attempt, c.outcome)::text
                 THEN 'stands at ' || (c.status, c.attempt, c.outcome)::text || ', its events end at ' || j.last_event
            END)
        FROM checked c LEFT JOIN judged j ON j.order_id = c.id ORDER BY c.id
    """


@cache
def _holds_statement() -> str:
    return f"""
        WITH checked AS (
            SELECT id, status, outcome, tx_hash, amount_out, network_fee_paid, is_parent
            FROM orders_order WHERE id = ANY(%s::uuid[])
        ), holds AS (
            SELECT s.order_id, count(*) FILTER (WHERE s.closed_at IS NULL) AS open, sum(s.fee_paid) AS fees
            FROM orders_submission s JOIN checked c ON c.id = s.order_id GROUP BY s.order_id
        ), fills AS (
            SELECT f.order_id, sum(f.amount_out) AS amount_out
            FROM orders_fill f JOIN checked c ON c.id = f.order_id GROUP BY f.order_id
        )
        SELECT c.id, concat_ws('; ',
            CASE WHEN c.status = 'SUBMITTED' AND coalesce(h.open, 0) <> 1
                 THEN 'is SUBMITTED without an open submission' END,
            CASE WHEN c.status IN ({_listed(LIVE)}) AND c.tx_hash IS NULL AND h.open > 0
                 THEN 'holds a nonce and has no transaction' END,
            CASE WHEN c.status = 'CONFIRMED' AND h.open > 0 THEN 'is CONFIRMED and still holds its nonce' END,
            CASE WHEN c.status = 'CONFIRMED' AND NOT c.is_parent AND f.amount_out IS DISTINCT FROM c.amount_out
                 THEN 'its fills do not add up' END,
            CASE WHEN NOT c.is_parent AND c.network_fee_paid IS DISTINCT FROM h.fees
                 THEN 'its network fees do not add up' END,
            CASE WHEN c.status <> 'CONFIRMED' AND f.order_id IS NOT NULL THEN 'has fills and is not CONFIRMED' END,
            CASE WHEN c.status IN ({_listed(sorted(TERMINAL))}) AND h.open > 0 AND c.outcome <> 'expired'
                 THEN 'has ended as ' || c.outcome || ' and still holds its nonce' END)
        FROM checked c LEFT JOIN holds h ON h.order_id = c.id LEFT JOIN fills f ON f.order_id = c.id ORDER BY c.id
    """


@cache
def _families_statement() -> str:
    # Children leave for an archive with their parent, so all of them are there, or none is.
    return """
        WITH checked AS (
            SELECT * FROM orders_order WHERE id = ANY(%s::uuid[]) AND is_parent
        ), sums AS (
            SELECT c.id, count(*) FILTER (WHERE o.outcome IS NULL) AS live,
                coalesce(sum(o.amount) FILTER (WHERE o.outcome IS NULL OR o.status = 'CONFIRMED'), 0) AS allotted,
                sum(o.amount_in) AS amount_in, sum(o.amount_out) AS amount_out, sum(o.network_fee_paid) AS fees
            FROM checked c JOIN orders_order o ON o.parent_id = c.id GROUP BY c.id
        )
        SELECT c.id, concat_ws('; ',
            CASE WHEN s.allotted > c.allotted THEN 'has given its children less than they hold' END,
            CASE WHEN s.allotted > c.amount THEN 'has children of more than its amount' END,
            CASE WHEN c.tx_hash IS NOT NULL THEN 'is a parent and has a transaction of its own' END,
            CASE WHEN c.outcome IS NOT NULL AND s.live > 0 THEN 'has ended before its children' END,
            CASE WHEN c.status = 'CONFIRMED' AND (c.amount_in, c.amount_out)
                      IS DISTINCT FROM (s.amount_in, s.amount_out) THEN 'its children do not add up' END,
            CASE WHEN c.status = 'FAILED' AND s.amount_out IS NOT NULL THEN 'is FAILED and has filled children' END,
            CASE WHEN c.outcome IS NOT NULL AND c.network_fee_paid IS DISTINCT FROM s.fees
                 THEN 'its network fees are not those of its children' END)
        FROM checked c LEFT JOIN sums s ON s.id = c.id ORDER BY c.id
    """
