"""A parent with the sums over its children, as they stand behind the parent's lock."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from orders.database.recordset import id_array


class Family(NamedTuple):
    """Atoms, and native atoms for fees. What a child that was filled counts of the fixed side is its whole amount.

    `live` children have not ended and may yet fill `open_amount`; `fees_reserved` is the most that the swaps of these
    may cost, and of those whose key a transaction may still consume (`has_open_key`). `failures` is how many have
    failed since one was filled, and what stands behind it is of the newest of these. The rest is what the parent's row
    says: the sums as they were told last, and where it stands.
    """

    id: UUID
    seq: int
    lease_token: UUID | None
    at: datetime
    placed_at: datetime
    expires_at: datetime | None
    decimals_in: int
    decimals_out: int
    amount: int
    waiting_for: str | None
    trigger_at_price: Decimal | None
    is_cancel_requested: bool
    slices_done: int
    told_allotted: int
    told_in: int
    told_out: int
    live: int
    open_amount: int
    filled: int
    filled_in: int
    filled_out: int
    has_fees: bool
    fees_paid: int
    fees_reserved: int
    has_open_key: bool
    failures: int
    last_failure: str | None
    last_outcome: str | None
    failed_at: datetime | None

    @property
    def allotted(self) -> int:
        """Of the fixed side, what its children have filled or may yet fill."""
        return self.open_amount + self.filled

    @property
    def is_expired(self) -> bool:
        """Whether the owner's time limit has passed."""
        return self.expires_at is not None and self.expires_at <= self.at


# Children are found by their index, and added up again each time: the sums cannot drift from the rows.
_FAMILIES = """
    SELECT p.id, p.seq, p.lease_token, now(), p.created_at, p.expires_at, p.decimals_in, p.decimals_out,
        p.amount, p.waiting_for, p.trigger_at_price, p.cancel_requested_at IS NOT NULL, p.slices_done, p.allotted,
        coalesce(p.filled_amount_in, 0), coalesce(p.filled_amount_out, 0), c.*,
        (SELECT count(*) FROM orders_order f WHERE f.parent_id = p.id AND f.status = 'FAILED' AND NOT EXISTS (
            SELECT FROM orders_order g WHERE g.parent_id = p.id AND g.status = 'CONFIRMED' AND g.id > f.id)),
        last.*
    FROM orders_order p CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE o.outcome IS NULL),
            coalesce(sum(o.amount) FILTER (WHERE o.outcome IS NULL), 0),
            coalesce(sum(o.amount) FILTER (WHERE o.status = 'CONFIRMED'), 0),
            coalesce(sum(o.amount_in) FILTER (WHERE o.status = 'CONFIRMED'), 0),
            coalesce(sum(o.amount_out) FILTER (WHERE o.status = 'CONFIRMED'), 0),
            count(o.network_fee_paid) > 0,
            coalesce(sum(o.network_fee_paid), 0),
            coalesce(sum(greatest(0, (o.terms ->> 'max_network_fee')::numeric - coalesce(o.network_fee_paid, 0)))
                     FILTER (WHERE o.outcome IS NULL OR o.has_open_key), 0),
            coalesce(bool_or(o.has_open_key), false)
        FROM (
            SELECT o.*, o.outcome = 'expired' AND EXISTS (
                SELECT FROM orders_submission s WHERE s.order_id = o.id AND s.closed_at IS NULL) AS has_open_key
            FROM orders_order o WHERE o.parent_id = p.id
        ) o
    ) c LEFT JOIN LATERAL (
        SELECT f.failure ->> 'detail', f.outcome, f.updated_at
        FROM orders_order f WHERE f.parent_id = p.id AND f.status = 'FAILED' ORDER BY f.id DESC LIMIT 1
    ) last ON true
    WHERE p.id = ANY(%s::uuid[]) AND p.is_parent ORDER BY p.id
"""


def read_families(parent_ids: Iterable[UUID]) -> dict[UUID, Family]:
    """The parents among these, by id. Call it behind their locks, or for display."""
    with connection.cursor() as cursor:
        cursor.execute(_FAMILIES, [id_array(parent_ids)])
        return {row[0]: _family(row) for row in cursor.fetchall()}


def _family(row: Sequence[Any]) -> Family:
    named = dict(zip(Family._fields, row, strict=True))
    return Family(**named | {name: int(named[name] or 0) for name in _NUMBERS})


# NUMERIC is Decimal.
_NUMBERS = (
    *("amount", "slices_done", "told_allotted", "told_in", "told_out", "open_amount", "filled", "filled_in"),
    *("filled_out", "fees_paid", "fees_reserved", "failures"),
)
