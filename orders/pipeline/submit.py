"""Hands stored bytes to the chain: BUILDING -> SUBMITTED as soon as they may have arrived.

Where blocks are made at once, the stage that looks for receipts writes it: with CONFIRMED, if that is so already.

An order that holds a nonce is never failed from here: only the chain's own word ends it (confirm.py).
"""

import logging
from collections.abc import Sequence
from uuid import UUID

from dex import DexError, Engine, RetryableError, UnknownOutcome
from orders.config import Policy
from orders.pipeline.claim import ClaimedOrder
from orders.pipeline.results import Settled, move
from orders.pipeline.transition import Change, transition
from orders.pipeline.waiting import Unasked, wait
from orders.signing.broadcast import broadcast
from orders.signing.submissions import OpenSubmission, load_submissions
from orders.states import OrderStatus, Stage

logger = logging.getLogger(__name__)


def submit_orders(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Broadcast in nonce order. Sending the same bytes again is harmless: they are one transaction.

    Where blocks take time, the orders are left to be looked at after one; else they are carried on to be confirmed.
    Of orders whose cancel is stored nothing is sent from here: `confirm` signs what takes their nonce.
    """
    interval_s = engine.chain.timing.block_s
    settled = Settled(wakes={(Stage.CONFIRM, interval_s)} if interval_s else set())
    keeps_lease_s = 0 if interval_s else policy.lease_s
    submissions = submissions_of(orders)
    held = sorted((o for o in orders if o.id in submissions), key=lambda o: submissions[o.id].key)
    sent = [order for order in held if not order.is_cancel_requested]
    changes = [_withheld(order, submissions[order.id], keeps_lease_s) for order in held if order.is_cancel_requested]
    if changes:
        settled.wakes.add((Stage.CONFIRM, 0.0))
    unasked: list[Unasked] = []
    for order, answer in zip(
        sent, broadcast([submissions[order.id].newest.signed for order in sent], engine), strict=True
    ):
        if isinstance(answer, RetryableError):
            unasked.append((order, answer))
        else:
            changes.append(_submitted(order, submissions[order.id], answer, keeps_lease_s))
    waits = wait(unasked, Stage.SUBMIT, policy, settled, is_signed=True)
    if not keeps_lease_s:
        settled.events = transition(changes + waits)
        return settled
    settled.events = transition(waits)
    planned = {change.order_id: change for change in changes}
    settled.carried = [
        order._replace(quiet_s=0.0, planned=planned[order.id], submission=submissions[order.id])
        for order in held
        if order.id in planned
    ]
    return settled


def submissions_of(orders: Sequence[ClaimedOrder]) -> dict[UUID, OpenSubmission]:
    """Each order's open submission: as this worker has just stored it, else as its rows say."""
    known = {order.id: order.submission for order in orders if order.submission is not None}
    missing = [order.id for order in orders if order.id not in known]
    return known | load_submissions(missing) if missing else known


def submission_event(submission: OpenSubmission, doubt: DexError | None) -> dict[str, object]:
    """What the SUBMITTED event tells: hash, nonce, and what was unclear about the answer."""
    data: dict[str, object] = {"tx_hash": submission.newest.signed.tx_hash, "nonce": submission.key}
    if doubt is not None:
        data["doubt"] = {"code": doubt.code, "detail": f"{doubt.detail}; looked up by its hash, never sent as another"}
    return data


def _withheld(order: ClaimedOrder, submission: OpenSubmission, keeps_lease_s: int) -> Change:
    """Its cancel was stored before this worker sent it. A worker that died may have: the chain decides."""
    data = submission_event(submission, None) | {"withheld": True}
    return move(order, OrderStatus.SUBMITTED, data=data, keeps_lease_s=keeps_lease_s)


def _submitted(order: ClaimedOrder, submission: OpenSubmission, doubt: DexError | None, keeps_lease_s: int) -> Change:
    if doubt is not None and not isinstance(doubt, UnknownOutcome):
        # The chain refuses these bytes for good, yet their nonce is ours: confirm uses it up.
        logger.error("order %s: the chain refuses its transaction: %s", order.id, doubt.detail)
    data = submission_event(submission, doubt)
    return move(order, OrderStatus.SUBMITTED, data=data, keeps_lease_s=keeps_lease_s)
