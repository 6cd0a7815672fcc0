"""Claiming: which rows a stage may work on, and the lease under which it does.

The entry edge PENDING -> ROUTING is written by the claim itself, in the same statement as its event; with
transition.py this is all that writes `Order.status`, and the trigger holds both to the same table.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from orders.events import Event
from orders.recordset import recordset
from orders.states import OrderStatus, Stage

# What each stage finds its rows by; each matches one partial index of the order table.
CONDITIONS: dict[Stage, str] = {
    Stage.ROUTE: "status IN ('PENDING', 'ROUTING')",
    Stage.BUILD: "status = 'BUILDING' AND tx_hash IS NULL",
    Stage.SUBMIT: "status = 'BUILDING' AND tx_hash IS NOT NULL",
    Stage.CONFIRM: "status = 'SUBMITTED'",
}

_COLUMNS = (
    "id", "account_id", "chain_id", "side", "token_in", "token_out", "amount", "terms", "status", "attempt", "route",
    "quoted_amount_in", "quoted_amount_out", "min_amount_out", "max_amount_in", "tx_hash", "expires_at", "updated_at",
    "claim_count", "lease_token",
)  # fmt: skip
_ATOMS = ("amount", "quoted_amount_in", "quoted_amount_out", "min_amount_out", "max_amount_in")


@dataclass(frozen=True, slots=True)
class ClaimedOrder:
    """What stages need of an order. Amounts are atoms, `updated_at` is the time of its last event."""

    id: UUID
    account_id: int
    chain_id: str
    side: str
    token_in: str
    token_out: str
    amount: int
    terms: dict[str, Any]
    status: OrderStatus
    attempt: int
    route: dict[str, Any] | None
    quoted_amount_in: int | None
    quoted_amount_out: int | None
    min_amount_out: int | None
    max_amount_in: int | None
    tx_hash: str | None
    expires_at: datetime | None
    updated_at: datetime
    claim_count: int
    lease_token: UUID
    claimed_at: datetime

    @property
    def is_expired(self) -> bool:
        """Whether the owner's own time limit had passed when the order was claimed (database clock)."""
        return self.expires_at is not None and self.expires_at <= self.claimed_at


class Claim(NamedTuple):
    """Orders under one lease, and the events that entering the stage wrote."""

    orders: list[ClaimedOrder]
    events: list[Event]


def claim_orders(stage: Stage, limit: int, lease_s: int) -> Claim:
    """Lease up to `limit` due orders of the stage, oldest first; rows leased by others are passed over."""
    token = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(_statement(stage), [limit, lease_s, token])
        rows = cursor.fetchall()
    width = len(_COLUMNS) + 1
    orders = [_order(row[:width]) for row in rows]
    events = [Event.from_row(row[width:], {}) for row in rows if len(row) > width and row[width] is not None]
    return Claim(orders, events)


def _order(row: Sequence[Any]) -> ClaimedOrder:
    values = dict(zip((*_COLUMNS, "claimed_at"), row, strict=True))
    for name in ("terms", "route"):
        if isinstance(values[name], str):
            values[name] = orjson.loads(values[name])
    for name in _ATOMS:
        if values[name] is not None:
            values[name] = int(values[name])
    values["status"] = OrderStatus(values["status"])
    return ClaimedOrder(**values)


def _statement(stage: Stage) -> str:
    returned = ", ".join(f"o.{column}" for column in _COLUMNS)
    lease = """lease_until = now() + %s * interval '1 second', lease_token = %s, claim_count = o.claim_count + 1"""
    due = f"""
        SELECT id, status AS was, updated_at AS since FROM orders_order
        WHERE {CONDITIONS[stage]} AND due_at <= now() AND (lease_until IS NULL OR lease_until < now())
        ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
    """
    if stage is not Stage.ROUTE:
        return f"""
            WITH due AS ({due})
            UPDATE orders_order o SET {lease} FROM due WHERE o.id = due.id RETURNING {returned}, now()
        """
    return f"""
        WITH due AS ({due}), claimed AS (
            UPDATE orders_order o
            SET {lease}, status = 'ROUTING', seq = o.seq + (due.was = 'PENDING')::int,
                updated_at = CASE WHEN due.was = 'PENDING' THEN clock_timestamp() ELSE o.updated_at END
            FROM due WHERE o.id = due.id
            RETURNING {returned}, now() AS claimed_at, o.seq, due.was, due.since
        ), entered AS (
            INSERT INTO orders_orderevent (order_id, account_id, seq, status, attempt, at, took_ms, data)
            SELECT id, account_id, seq, status, attempt, updated_at,
                   greatest(0, extract(epoch FROM updated_at - since) * 1000)::int, '{{}}'
            FROM claimed WHERE was = 'PENDING'
            RETURNING {Event.COLUMNS}
        )
        SELECT {", ".join(f"c.{column}" for column in (*_COLUMNS, "claimed_at"))}, e.*
        FROM claimed c LEFT JOIN entered e ON e.order_id = c.id
    """


def release_orders(orders: Sequence[ClaimedOrder], delay_s: float) -> None:
    """Give leases back without an event: the orders are due again after `delay_s`, nothing else changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE orders_order o
            SET lease_until = NULL, lease_token = NULL, claim_count = 0, due_at = now() + %s * interval '1 second'
            FROM jsonb_to_recordset(%s::jsonb) AS v(id uuid, token uuid)
            WHERE o.id = v.id AND o.lease_token = v.token
            """,
            [delay_s, recordset({"id": order.id, "token": order.lease_token} for order in orders)],
        )


def due_stages() -> dict[Stage, float]:
    """Stages that have unleased rows due now or within a second, with the seconds until the first is due."""
    parts = [
        f"SELECT '{stage}', (SELECT extract(epoch FROM min(due_at) - now()) FROM orders_order WHERE {condition}"
        " AND (lease_until IS NULL OR lease_until < now()) AND due_at < now() + interval '1 second')"
        for stage, condition in CONDITIONS.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return {Stage(name): max(0.0, float(delay)) for name, delay in cursor.fetchall() if delay is not None}
