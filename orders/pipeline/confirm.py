"""Reads the chain's word on submitted orders: CONFIRMED, FAILED, or routed again. Nothing else ends them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from dex import BroadcastRejected, Engine, Receipt, RetryableError, Token
from orders.config import Policy
from orders.event_log.event import Event
from orders.pipeline.claim import ClaimedOrder, release_orders
from orders.pipeline.planned import write_planned
from orders.pipeline.polling import depth_wait_s, poll_interval_s
from orders.pipeline.results import Settled, fail, may_try_again, move, retry, with_paid_fee
from orders.pipeline.settle import Findings, settle
from orders.pipeline.submit import submissions_of
from orders.pipeline.transition import Change
from orders.pipeline.unconfirmed import Resolution, needs_resolution, resolve
from orders.problems import KINDS, Problem
from orders.reconciliation.nodes import report_contradictions
from orders.signing.broadcast import broadcast
from orders.signing.replacement import stuck_after_s
from orders.signing.submissions import OpenSubmission, Stored
from orders.states import OrderStatus, Stage

IDLE = "the wallet did not act in batches any more when it was called"


def confirm_orders(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Settle every order whose receipt is final; look again at the others, and send silent bytes once more.

    All that was ever signed for an order is asked for: whichever of it a block took decides.
    """
    poll_s = poll_interval_s(engine)
    submissions = submissions_of(orders)
    try:
        receipts = _receipts(submissions.values(), engine)
    except RetryableError as error:
        orders, events = write_planned(orders)
        release_orders((order, poll_s) for order in orders)
        return Settled(events, retry=error)
    orders, events = _submitted_at_once(orders, submissions, receipts)
    held = [order for order in orders if order.id in submissions]
    found = Findings(planned={order.id: order for order in held if order.planned is not None})
    for order in held:
        _judge(order, submissions[order.id], receipts, engine, policy, found)
    refused = _send_lost(found, engine)
    resolution = _resolve(found, refused, engine, policy, poll_s)
    report_contradictions(engine)
    settled, won = settle(found, resolution)
    events += settled
    # Stored and committed: now these bytes may leave. Should this process die first, the next look sends them.
    broadcast([renewal.signed for renewal in resolution.renewals if renewal.change.order_id in won], engine)
    wakes = {(Stage.CONFIRM, wait_s) for _, wait_s in found.waiting}
    wakes |= {(Stage.CONFIRM, change.delay_s) for change in found.changes if change.target == OrderStatus.SUBMITTED}
    if any(event.status == OrderStatus.ROUTING for event in events):
        wakes.add((Stage.ROUTE, policy.retry_base_s))
    return Settled(events, wakes, retry=resolution.retry)


def _submitted_at_once(
    orders: Sequence[ClaimedOrder], submissions: Mapping[UUID, OpenSubmission], receipts: Mapping[str, Receipt]
) -> tuple[list[ClaimedOrder], list[Event]]:
    """Write SUBMITTED of those that were just sent and have no final receipt; all orders then, and the events."""
    final = {tx_hash for tx_hash, receipt in receipts.items() if receipt.is_final}
    unknown = [
        order
        for order in orders
        if order.planned is not None
        and final.isdisjoint(item.signed.tx_hash for item in submissions[order.id].transactions)
    ]
    if not unknown:
        return list(orders), []
    written, events = write_planned(unknown)
    ids = {order.id for order in unknown}
    return [order for order in orders if order.id not in ids] + written, events


def _receipts(submissions: Iterable[OpenSubmission], engine: Engine) -> dict[str, Receipt]:
    """The receipts that there are, by hash, in one call."""
    hashes = [item.signed.tx_hash for submission in submissions for item in submission.transactions]
    answers = engine.receipts(hashes)
    return {tx_hash: receipt for tx_hash, receipt in zip(hashes, answers, strict=True) if receipt is not None}


def _send_lost(found: Findings, engine: Engine) -> set[str]:
    """Send bytes again that the chain may have lost; the hashes of those that it refuses for good, once more."""
    answers = broadcast([lost.signed for lost in found.lost], engine)
    return {
        lost.signed.tx_hash
        for lost, answer in zip(found.lost, answers, strict=True)
        if isinstance(answer, BroadcastRejected)
    }


def _resolve(found: Findings, refused: set[str], engine: Engine, policy: Policy, poll_s: float) -> Resolution:
    stuck_s = stuck_after_s(engine, policy)
    doubtful = [
        (order, submission)
        for order, submission in found.silent
        if submission.newest.signed.tx_hash in refused or needs_resolution(order, submission, stuck_s)
    ]
    try:
        resolution = resolve(doubtful, refused, engine=engine, policy=policy, poll_s=poll_s)
    except RetryableError as error:
        resolution = Resolution(waiting=[order for order, _ in doubtful], retry=error)
    looked_at = {order.id for order, _ in doubtful}
    left = [order for order, _ in found.silent if order.id not in looked_at]
    found.waiting += [(order, poll_s) for order in (*resolution.waiting, *left)]
    found.changes += resolution.changes + [renewal.change for renewal in resolution.renewals]
    found.closed += [(submission, None) for submission in resolution.closed]
    return resolution


def _judge(
    order: ClaimedOrder,
    submission: OpenSubmission,
    receipts: Mapping[str, Receipt],
    engine: Engine,
    policy: Policy,
    found: Findings,
) -> None:
    """Sort one order by the receipts of its transactions, of which at most one can have one."""
    stored = next((item for item in submission.transactions if item.signed.tx_hash in receipts), None)
    receipt = receipts[stored.signed.tx_hash] if stored else None
    if stored is not None and receipt is not None and receipt.is_final:
        fee_paid = engine.fee_paid(stored.signed, receipt)
        if fee_paid != receipt.fee_paid:
            receipt = replace(receipt, fee_paid=fee_paid)
        _judge_final(order, submission, receipt, engine.chain.native, policy, found)
        return
    taken_back = _note_mined(submission, receipt, found)
    if receipt is None and _is_due_again(order, submission, policy, is_taken_back=bool(taken_back)):
        found.lost.append(submission.newest)
    if taken_back:
        data = {"reorg": {"tx_hash": taken_back.signed.tx_hash, "block_number": taken_back.mined_block}}
        found.changes.append(move(order, OrderStatus.SUBMITTED, data=data, delay_s=poll_interval_s(engine)))
    elif receipt is None:
        found.silent.append((order, submission))
    else:
        found.waiting.append((order, depth_wait_s(receipt, engine)))


def _note_mined(submission: OpenSubmission, receipt: Receipt | None, found: Findings) -> Stored | None:
    """Note in which block each transaction is; the one that a reorg has taken out of its block."""
    taken_back = None
    for item in submission.transactions:
        is_it = receipt is not None and receipt.tx_hash == item.signed.tx_hash
        seen = (receipt.block_number, receipt.block_hash) if receipt is not None and is_it else (None, None)
        if seen != (item.mined_block, item.mined_hash):
            found.mined.append((item.signed.tx_hash, *seen))
            if item.mined_hash is not None:
                taken_back = item
    return taken_back


def _is_due_again(order: ClaimedOrder, submission: OpenSubmission, policy: Policy, *, is_taken_back: bool) -> bool:
    """Whether the newest bytes are to be sent again: the chain may have lost them.

    Not past their deadline, and no swap whose cancel is stored.
    """
    newest = submission.newest
    if order.is_cancel_requested and not newest.is_cancellation:
        return False
    idle_s = order.quiet_s if newest.resent_s is None else order.claimed_s - newest.resent_s
    return order.claimed_s <= newest.signed.deadline and (is_taken_back or idle_s >= policy.resend_s)


def _judge_final(
    order: ClaimedOrder, submission: OpenSubmission, receipt: Receipt, native: Token, policy: Policy, found: Findings
) -> None:
    found.closed.append((submission, receipt.fee_paid))
    is_cancellation = any(
        item.is_cancellation and item.signed.tx_hash == receipt.tx_hash for item in submission.transactions
    )
    if is_cancellation:
        change = _cancelled(order, submission, receipt)
    elif receipt.is_success and receipt.route is not None:
        found.filled.append((order, receipt))
        change = _confirmed(order, receipt)
    else:
        change = _undone(order, receipt, policy)
    found.changes.append(with_paid_fee(change, order, receipt.fee_paid, native))


def _cancelled(order: ClaimedOrder, submission: OpenSubmission, receipt: Receipt) -> Change:
    """A final cancellation transaction has consumed the nonce: the swap can never execute."""
    facts = {"tx_hash": receipt.tx_hash, "block_number": receipt.block_number}
    if order.is_cancel_requested:
        detail = "cancelled on the chain: a cancellation transaction took its nonce before any block took the swap"
        return fail(order, Problem("cancelled", detail, facts=facts))
    count = sum(not item.is_cancellation for item in submission.transactions)
    return fail(order, Problem("not_included", f"no block took any of its {count} transactions", facts=facts))


def _confirmed(order: ClaimedOrder, receipt: Receipt) -> Change:
    fields: dict[str, Any] = {"outcome": "filled", "amount_in": receipt.amount_in, "amount_out": receipt.amount_out}
    if receipt.tx_hash != order.tx_hash:
        fields["tx_hash"] = receipt.tx_hash
    data = {
        "tx_hash": receipt.tx_hash,
        "block_number": receipt.block_number,
        "amount_in_raw": str(receipt.amount_in),
        "amount_out_raw": str(receipt.amount_out),
        "quoted_amount_in_raw": str(order.quoted_amount_in),
        "quoted_amount_out_raw": str(order.quoted_amount_out),
    }
    return move(order, OrderStatus.CONFIRMED, fields=fields, data=data)


def _undone(order: ClaimedOrder, receipt: Receipt, policy: Policy) -> Change:
    """A final receipt that swapped nothing: routed again when the price was to blame and attempts are left.

    A call that went through and did nothing met a wallet that does not act in batches any more: routed again too.
    One that did what cannot be read never is.
    """
    code = receipt.code if receipt.code in KINDS else "reverted"
    is_unread = receipt.is_success and receipt.detail != ""
    is_idle = receipt.is_success and not is_unread
    may_again = may_try_again(order, policy)
    attempts = f"(attempt {order.attempt}{'' if may_again else ', the last one'}; nothing was swapped)"
    problem = Problem(
        code or "reverted",
        receipt.detail if is_unread else f"{IDLE if is_idle else receipt.detail} {attempts}",
        facts={"tx_hash": receipt.tx_hash, "block_number": receipt.block_number},
    )
    if order.is_cancel_requested:
        return fail(order, Problem("cancelled", f"cancelled; {problem.detail}", facts=problem.facts))
    if (code == "slippage" or is_idle) and may_again and not order.is_expired:
        return retry(order, OrderStatus.ROUTING, problem, policy, fields={"tx_hash": None, "route": None})
    return fail(order, problem)
