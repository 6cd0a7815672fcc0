"""An order as a line of an archive: its row and every row that hangs on it, as PostgreSQL writes them as JSON.

The same statement writes the file and, before anything is deleted, looks whether the rows are still what the file
holds: equal text means equal rows.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from orders.database.recordset import id_array


class Record(NamedTuple):
    """One order. `text` is a line without its end."""

    order_id: UUID
    text: str


# What hangs on an order, by the name it has in a record; a test compares this with the models.
_ROWS = {
    "events": "SELECT to_jsonb(e) AS row FROM orders_orderevent e WHERE e.order_id = o.id ORDER BY e.seq",
    "fills": "SELECT to_jsonb(f) AS row FROM orders_fill f WHERE f.order_id = o.id ORDER BY f.leg",
    "submissions": """
        SELECT to_jsonb(s) || jsonb_build_object('transactions', coalesce((
            SELECT jsonb_agg(to_jsonb(t) ORDER BY t.id) FROM orders_signedtransaction t WHERE t.submission_id = s.id
        ), '[]')) AS row FROM orders_submission s WHERE s.order_id = o.id ORDER BY s.id""",
    "labels": "SELECT to_jsonb(l) AS row FROM orders_orderlabel l WHERE l.order_id = o.id ORDER BY l.label",
}
_RECORDS = f"""
    SELECT o.id, jsonb_build_object('order', to_jsonb(o), {
    ", ".join(f"'{name}', coalesce((SELECT jsonb_agg(r.row) FROM ({rows}) r), '[]')" for name, rows in _ROWS.items())
})::text
    FROM orders_order o WHERE o.id = ANY(%s::uuid[]) ORDER BY coalesce(o.parent_id, o.id), o.id
"""
# Ended before a time, and final: nothing will change such an order any more. The fees of the last day that an account
# or a key counts are compared with its orders, so these stay. A parent waits for its children, and they leave with it.
_IS_FINAL = """
    o.outcome IS NOT NULL AND o.updated_at < %(ended_before)s
        AND NOT EXISTS (
            SELECT FROM orders_submission s
            WHERE s.order_id = o.id AND (s.closed_at IS NULL OR s.closed_at >= %(ended_before)s))
        AND NOT (o.counted_fee IS NOT NULL AND (
            EXISTS (SELECT FROM orders_account a WHERE a.id = o.account_id AND a.fee_day = o.counted_day)
            OR EXISTS (
                SELECT FROM orders_apikey k WHERE k.account_id = o.account_id AND k.fee_day = o.counted_day)))
"""
_FINAL = f"""
    WITH final AS MATERIALIZED (
        SELECT p.id FROM orders_order p
        WHERE p.id = ANY(%(ids)s::uuid[]) AND p.parent_id IS NULL
            AND EXISTS (SELECT FROM orders_order o WHERE o.id = p.id AND {_IS_FINAL})
            AND NOT (p.is_parent AND EXISTS (
                SELECT FROM orders_order o WHERE o.parent_id = p.id AND ({_IS_FINAL}) IS NOT TRUE))
    )
    SELECT id FROM final UNION ALL
    SELECT o.id FROM orders_order o JOIN final ON o.parent_id = final.id
"""


def read_records(order_ids: Iterable[UUID]) -> list[Record]:
    """These orders as they stand now, by id; children behind their parents."""
    return [Record(*row) for row in _rows(_RECORDS, [id_array(order_ids)])]


def next_ids(after: UUID, below: UUID, limit: int) -> list[UUID]:
    """The next orders after an id, lowest first, without children: they go with their parents."""
    statement = "SELECT id FROM orders_order WHERE id > %s AND id < %s AND parent_id IS NULL ORDER BY id LIMIT %s"
    return [row[0] for row in _rows(statement, [after, below, limit])]


def oldest_id() -> UUID | None:
    """The lowest id of all orders."""
    rows = _rows("SELECT id FROM orders_order ORDER BY id LIMIT 1")
    return rows[0][0] if rows else None


def final_ids(order_ids: Iterable[UUID], ended_before: datetime) -> list[UUID]:
    """Those of which nothing can change any more since a time, and the children of parents among them."""
    return [row[0] for row in _rows(_FINAL, {"ids": id_array(order_ids), "ended_before": ended_before})]


def read_line(line: str) -> Mapping[str, Any]:
    """What a record holds, to count and to find marks by; amounts may lose digits, which `json` keeps."""
    return orjson.loads(line)  # type: ignore[no-any-return]


def _rows(statement: str, values: Any = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Any] = cursor.fetchall()
        return rows
