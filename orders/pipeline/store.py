"""Stores what was signed for a batch, in the statement that moves the orders: bytes, nonces and the audit entry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dex import SignedTransaction
from orders.audit.record import INSERT_ENTRIES, signature_entries
from orders.config import Policy
from orders.database.recordset import recordset, to_json
from orders.database.session import session
from orders.event_log.event import Event
from orders.pipeline.claim import ClaimedOrder
from orders.pipeline.planned import arrived
from orders.pipeline.transition import Beside, Change, begin_transition
from orders.signing.submissions import OpenSubmission, Stored
from orders.snapshots.recorder import KEEP, Kept, kept_beside


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """An order with the nonce and bytes that are about to be stored for it."""

    submission_id: UUID
    order: ClaimedOrder
    wallet_id: int
    signed: SignedTransaction

    @property
    def stored(self) -> OpenSubmission:
        """As a reader of the rows would find it."""
        only = Stored(self.signed, False, None, 0.0, None, None)
        return OpenSubmission(self.submission_id, self.order.id, self.wallet_id, self.order.account_id, None, (only,))


def store(submissions: Sequence[NewSubmission], policy: Policy) -> Callable[[], tuple[list[ClaimedOrder], list[Event]]]:
    """Write submissions and bytes, and point each order at its hash; its lease goes on into the broadcast.

    Call last in a transaction that holds the rows of orders and wallets, with whose COMMIT it goes out: the audit log
    is locked until its end. Then the orders as they stand, and their events where their BUILDING is written with it.
    """
    if not submissions:
        return lambda: ([], [])
    beside = Beside(_STORED, _values(submissions))
    orders = [item.order._replace(tx_hash=item.signed.tx_hash, submission=item.stored) for item in submissions]
    planned = [_with_hash(order.planned, order.tx_hash) for order in orders if order.planned is not None]
    if not planned:
        _point(beside, policy)
        return lambda: (orders, [])
    kept = [order.kept for order in orders if order.kept is not None]
    whole = Beside(_STORED_WHOLE, {**beside.values, "count": len(planned)})
    if kept:
        whole = Beside(f"{whole.ctes}, {KEEP}", {**whole.values, **kept_beside(kept)})
    events = begin_transition(planned, whole)
    return lambda: _written(orders, events(), kept)


def _written(
    orders: Sequence[ClaimedOrder], events: list[Event], kept: Sequence[Kept]
) -> tuple[list[ClaimedOrder], list[Event]]:
    for market in kept:
        market.committed()
    written = {event.order_id: event for event in events}
    return [arrived(order, written[order.id]) for order in orders], events


def _with_hash(planned: Change, tx_hash: str | None) -> Change:
    return planned._replace(fields={**planned.fields, "tx_hash": tx_hash})


def _point(beside: Beside, policy: Policy) -> None:
    """The same for orders that are BUILDING already."""
    session.later(
        f"""
        WITH {beside.ctes}
        UPDATE orders_order o
        SET tx_hash = s.tx_hash, lease_until = now() + %(lease_s)s::int * interval '1 second', claim_count = 1,
            due_at = now()
        FROM s WHERE o.id = s.order_id
        """,
        {**beside.values, "lease_s": policy.lease_s},
    )


# The rows of its wallets are locked, so that what is taken here are the nonces that were signed.
_STORED = f"""
    s AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(submissions)s::jsonb)
            AS s(id uuid, order_id uuid, wallet_id bigint, nonce bigint, raw bytea, tx_hash text,
                 deadline bigint, max_fee bigint, priority_fee bigint)
    ), held AS (
        INSERT INTO orders_submission (id, order_id, wallet_id, nonce)
        SELECT id, order_id, wallet_id, nonce FROM s
    ), signed AS (
        INSERT INTO orders_signedtransaction (submission_id, raw, tx_hash, deadline, max_fee, priority_fee)
        SELECT id, raw, tx_hash, deadline, max_fee, priority_fee FROM s
    ), taken AS (
        UPDATE orders_wallet w SET next_nonce = w.next_nonce + used.n
        FROM (SELECT wallet_id, count(*) AS n FROM s GROUP BY wallet_id) used WHERE w.id = used.wallet_id
    ), logged AS ({INSERT_ENTRIES})"""
# With the BUILDING of all its orders or not at all: this divides by 0 should one have moved behind the lock of its row.
_STORED_WHOLE = _STORED.replace(
    " WHERE w.id = used.wallet_id",
    " WHERE w.id = used.wallet_id AND (SELECT 1 / (count(*) = %(count)s::int)::int FROM moved) = 1",
)


def _values(submissions: Sequence[NewSubmission]) -> Mapping[str, Any]:
    rows = [
        {
            "id": submission.submission_id,
            "order_id": submission.order.id,
            "wallet_id": submission.wallet_id,
            "nonce": submission.signed.nonce,
            "raw": to_json(submission.signed.raw),
            "tx_hash": submission.signed.tx_hash,
            "deadline": submission.signed.deadline,
            "max_fee": submission.signed.fees.max_fee,
            "priority_fee": submission.signed.fees.priority_fee,
        }
        for submission in submissions
    ]
    entries = signature_entries(submission.signed for submission in submissions)
    return {"submissions": recordset(rows), "entries": recordset(entries)}
