"""Writes what was found of a batch of submitted orders, in one transaction."""

from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from dex import Receipt, legs_of
from orders.audit.record import record_signatures
from orders.database.recordset import recordset, to_json
from orders.event_log.event import Event
from orders.pipeline.claim import ClaimedOrder, release_orders
from orders.pipeline.parents.rows import lock_orders, parents_of_ended
from orders.pipeline.planned import begin_planned, behind_planned, with_planned
from orders.pipeline.transition import Beside, Change, begin_transition
from orders.pipeline.unconfirmed import Resolution, Silent
from orders.plan import hops_to_json
from orders.signing.submissions import (
    OpenSubmission,
    Stored,
    add_signed,
    mark_absent,
    mark_mined,
    mark_resent,
)
from orders.signing.wallets import pause_wallets, record_pauses
from orders.states import OrderStatus


@dataclass(slots=True)
class Findings:
    """What the chain says of a batch, and what follows from it."""

    # Orders whose SUBMITTED is written with their end.
    planned: dict[UUID, ClaimedOrder] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    # What the final transaction of each cost; None where it is not ours.
    closed: list[tuple[OpenSubmission, int | None]] = field(default_factory=list)
    filled: list[tuple[ClaimedOrder, Receipt]] = field(default_factory=list)
    waiting: list[tuple[ClaimedOrder, float]] = field(default_factory=list)
    mined: list[tuple[str, int | None, str | None]] = field(default_factory=list)
    silent: list[Silent] = field(default_factory=list)
    lost: list[Stored] = field(default_factory=list)


def settle(found: Findings, resolution: Resolution) -> tuple[list[Event], set[UUID]]:
    """Write all of it in one transaction; the events, and the orders whose changes were not overtaken."""
    taken = {
        submission.wallet_id: f"another program used its nonce {submission.key}" for submission in resolution.taken
    }
    with transaction.atomic():
        parents = parents_of_ended(found.changes)
        if found.waiting or taken or parents:  # before wallets and accounts are locked, and all of them in their order
            ids = [*(change.order_id for change in found.changes), *(order.id for order, _ in found.waiting)]
            lock_orders([*ids, *found.planned, *parents])
        paused = pause_wallets(taken)
        both, alone = _planned(found)
        submitted = begin_planned(alone)
        moved = begin_transition(both, _beside(found))
        mark_mined(found.mined)
        mark_resent([lost.signed.tx_hash for lost in found.lost])
        mark_absent(resolution.noted)
        won = {event.order_id for event in moved()} if resolution.renewals else set()
        renewals = [renewal for renewal in resolution.renewals if renewal.change.order_id in won]
        add_signed((renewal.submission.submission_id, renewal.signed, renewal.is_cancellation) for renewal in renewals)
        release_orders(found.waiting)
        record_signatures(renewal.signed for renewal in renewals)
        record_pauses(paused)
    # Where no statement before it had to know, both came with COMMIT.
    ended = moved()
    return submitted() + ended, {event.order_id for event in ended}


def _planned(found: Findings) -> tuple[list[Change], list[ClaimedOrder]]:
    """The changes with or behind what is planned for their orders, and the orders whose planned change stands alone.

    SUBMITTED and CONFIRMED are one update with two events: each version of a row costs an entry in every index.
    """
    changes, alone = [], dict(found.planned)
    for change in found.changes:
        order = found.planned.get(change.order_id)
        if order is None:
            changes.append(change)
        elif change.target is OrderStatus.CONFIRMED:
            changes.append(with_planned(change, alone.pop(order.id)))
        else:
            changes.append(behind_planned(change, order))
    return changes, list(alone.values())


# IS TRUE has PostgreSQL look each id up in a table of those that moved, instead of comparing it with all of them.
_SETTLED = """
    ended AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(closed)s::jsonb) AS v(id uuid, order_id uuid, fee numeric)
        WHERE (order_id IN (SELECT id FROM moved)) IS TRUE
    ), closed AS (
        UPDATE orders_submission s SET closed_at = now(), fee_paid = v.fee
        FROM ended v
        WHERE s.id = ANY(ARRAY(SELECT id FROM ended)) AND s.id = v.id AND s.closed_at IS NULL
    ), filled AS (
        INSERT INTO orders_fill (order_id, leg, amount_in, amount_out, hops, tx_hash, block_number, block_hash)
        SELECT v.* FROM jsonb_to_recordset(%(fills)s::jsonb)
            AS v(order_id uuid, leg int, amount_in numeric, amount_out numeric, hops jsonb, tx_hash text,
                 block_number bigint, block_hash text)
        WHERE (order_id IN (SELECT id FROM moved)) IS TRUE
    )"""


def _beside(found: Findings) -> Beside | None:
    """Executed amounts, and the submissions that are closed, of the orders that this run moves.

    An order that was moved meanwhile, as by a cancel, keeps its submission open: the next look settles both.
    """
    if not found.closed:
        return None
    closed = [
        {"id": submission.submission_id, "order_id": submission.order_id, "fee": to_json(fee)}
        for submission, fee in found.closed
    ]
    fills = [
        {
            "order_id": order.id,
            "leg": i,
            "amount_in": str(leg.amount_in),
            "amount_out": str(leg.amount_out),
            "hops": hops_to_json(leg.hops),
            "tx_hash": receipt.tx_hash,
            "block_number": receipt.block_number,
            "block_hash": receipt.block_hash,
        }
        for order, receipt in found.filled
        if receipt.route is not None
        for i, leg in enumerate(legs_of(receipt.route))
    ]
    return Beside(_SETTLED, {"closed": recordset(closed), "fills": recordset(fills)})
