"""Reads the chain's word on submitted orders: CONFIRMED, FAILED, or routed again. Nothing else ends them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from dex import BroadcastRejected, Engine, Receipt, RetryableError, legs_of
from orders.config import Policy
from orders.events import Event
from orders.problems import KINDS, Problem
from orders.recordset import recordset
from orders.routes import encode_legs
from orders.selectors import token_decimals
from orders.services.audit import record_signatures
from orders.services.claim import ClaimedOrder, release_orders
from orders.services.nodes import report_contradictions
from orders.services.settled import Settled, fail, move, retry
from orders.services.signed import (
    OpenHold,
    Stored,
    add_signed,
    close_submissions,
    load_holds,
    mark_absent,
    mark_mined,
    mark_resent,
)
from orders.services.silence import Closer, Silent, look_closer, needs_a_look, stuck_after_s
from orders.services.submit import broadcast
from orders.services.transition import Change, transition
from orders.services.wallets import pause_wallets, record_pauses
from orders.states import OrderStatus, Stage

# The shortest pause between two looks at the same transaction, whatever the chain's block time.
MIN_POLL_S = 0.05
# The longest one at an included transaction that is not final yet: a reorg that loses it must not go unnoticed.
MAX_DEPTH_WAIT_S = 1.0
IDLE = "the wallet did not act in batches any more when it was called"


@dataclass(slots=True)
class _Findings:
    changes: list[Change] = field(default_factory=list)
    closed: list[OpenHold] = field(default_factory=list)
    filled: list[tuple[ClaimedOrder, Receipt]] = field(default_factory=list)
    waiting: list[tuple[ClaimedOrder, float]] = field(default_factory=list)
    mined: list[tuple[str, int | None, str | None]] = field(default_factory=list)
    silent: list[Silent] = field(default_factory=list)
    lost: list[Stored] = field(default_factory=list)


def confirm_orders(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Settle every order whose receipt is final; look again at the others, and send silent bytes once more.

    All that was ever signed for an order is asked for: whichever of it a block took decides.
    """
    poll_s = _poll_s(engine)
    holds = load_holds(orders)
    held = [order for order in orders if order.id in holds]
    try:
        receipts = _receipts(holds.values(), engine)
    except RetryableError as error:
        release_orders((order, poll_s) for order in orders)
        return Settled(retry=error)
    found = _Findings()
    for order in held:
        _judge(order, holds[order.id], receipts, engine, policy, found)
    refused = _send_lost(found, engine)
    closer = _look_closer(found, refused, engine, policy, poll_s)
    report_contradictions(engine)
    events = _settle(found, closer)
    won = {event.order_id for event in events}
    # Stored and committed: now these bytes may leave. Should this process die first, the next look sends them.
    broadcast([renewal.signed for renewal in closer.renewals if renewal.change.order_id in won], engine)
    wakes = {(Stage.CONFIRM, wait_s) for _, wait_s in found.waiting}
    wakes |= {(Stage.CONFIRM, change.delay_s) for change in found.changes if change.target == OrderStatus.SUBMITTED}
    if any(event.status == OrderStatus.ROUTING for event in events):
        wakes.add((Stage.ROUTE, policy.retry_base_s))
    return Settled(events, wakes, retry=closer.retry)


def _receipts(holds: Iterable[OpenHold], engine: Engine) -> dict[str, Receipt]:
    """The receipts that there are, by hash, in one call."""
    hashes = [item.signed.tx_hash for hold in holds for item in hold.transactions]
    answers = engine.receipts(hashes)
    return {tx_hash: receipt for tx_hash, receipt in zip(hashes, answers, strict=True) if receipt is not None}


def _send_lost(found: _Findings, engine: Engine) -> set[str]:
    """Send bytes again that the chain may have lost; the hashes of those that it refuses for good, once more."""
    answers = broadcast([lost.signed for lost in found.lost], engine)
    return {
        lost.signed.tx_hash
        for lost, answer in zip(found.lost, answers, strict=True)
        if isinstance(answer, BroadcastRejected)
    }


def _look_closer(found: _Findings, refused: set[str], engine: Engine, policy: Policy, poll_s: float) -> Closer:
    stuck_s = stuck_after_s(engine, policy)
    doubtful = [
        (order, hold)
        for order, hold in found.silent
        if hold.newest.signed.tx_hash in refused or needs_a_look(order, hold, stuck_s)
    ]
    try:
        closer = look_closer(doubtful, refused, engine=engine, policy=policy, poll_s=poll_s)
    except RetryableError as error:
        closer = Closer(waiting=[order for order, _ in doubtful], retry=error)
    looked_at = {order.id for order, _ in doubtful}
    left = [order for order, _ in found.silent if order.id not in looked_at]
    found.waiting += [(order, poll_s) for order in (*closer.waiting, *left)]
    found.changes += closer.changes + [renewal.change for renewal in closer.renewals]
    found.closed += closer.closed
    return closer


def _settle(found: _Findings, closer: Closer) -> list[Event]:
    with transaction.atomic():
        events = transition(found.changes)
        won = {event.order_id for event in events}
        mark_mined(found.mined)
        mark_resent([lost.signed.tx_hash for lost in found.lost])
        mark_absent(closer.noted)
        renewals = [renewal for renewal in closer.renewals if renewal.change.order_id in won]
        add_signed((renewal.hold.submission_id, renewal.signed, renewal.is_noop) for renewal in renewals)
        _settle_fills(found, won)
        paused = pause_wallets({hold.wallet_id: f"somebody else used its nonce {hold.nonce}" for hold in closer.taken})
        release_orders(found.waiting)
        record_signatures(renewal.signed for renewal in renewals)
        record_pauses(paused)
    return events


def _judge(
    order: ClaimedOrder,
    hold: OpenHold,
    receipts: Mapping[str, Receipt],
    engine: Engine,
    policy: Policy,
    found: _Findings,
) -> None:
    """Sort one order by the receipts of its transactions, of which at most one can have one."""
    stored = next((item for item in hold.transactions if item.signed.tx_hash in receipts), None)
    receipt = receipts[stored.signed.tx_hash] if stored else None
    if receipt is not None and receipt.is_final:
        _judge_final(order, hold, receipt, policy, found)
        return
    taken_back = _note_mined(hold, receipt, found)
    if receipt is None and _is_due_again(order, hold, policy, is_taken_back=bool(taken_back)):
        found.lost.append(hold.newest)
    if taken_back:
        data = {"reorg": {"tx_hash": taken_back.signed.tx_hash, "block_number": taken_back.mined_block}}
        found.changes.append(move(order, OrderStatus.SUBMITTED, data=data, delay_s=_poll_s(engine)))
    elif receipt is None:
        found.silent.append((order, hold))
    else:
        found.waiting.append((order, depth_wait_s(receipt, engine)))


def _poll_s(engine: Engine) -> float:
    """How long a transaction that no block has taken yet is left alone."""
    return max(MIN_POLL_S, engine.chain.block_interval_s())


def depth_wait_s(receipt: Receipt, engine: Engine) -> float:
    """How long one is left alone that some blocks more will make final: until they are there, if that is soon."""
    missing = engine.chain.required_confirmations - receipt.confirmations
    poll_s = _poll_s(engine)
    return max(poll_s, min(MAX_DEPTH_WAIT_S, missing * poll_s))


def _note_mined(hold: OpenHold, receipt: Receipt | None, found: _Findings) -> Stored | None:
    """Note in which block each transaction is; the one that a reorg has taken out of its block."""
    taken_back = None
    for item in hold.transactions:
        is_it = receipt is not None and receipt.tx_hash == item.signed.tx_hash
        seen = (receipt.block_number, receipt.block_hash) if receipt is not None and is_it else (None, None)
        if seen != (item.mined_block, item.mined_hash):
            found.mined.append((item.signed.tx_hash, *seen))
            if item.mined_hash is not None:
                taken_back = item
    return taken_back


def _is_due_again(order: ClaimedOrder, hold: OpenHold, policy: Policy, *, is_taken_back: bool) -> bool:
    """Whether the newest bytes are to be sent again: the chain may have lost them.

    Not past their deadline, and no swap whose cancel is stored.
    """
    newest = hold.newest
    if order.is_cancel_requested and not newest.is_noop:
        return False
    silent_s = order.quiet_s if newest.resent_s is None else order.claimed_s - newest.resent_s
    return order.claimed_s <= newest.signed.deadline and (is_taken_back or silent_s >= policy.resend_s)


def _judge_final(order: ClaimedOrder, hold: OpenHold, receipt: Receipt, policy: Policy, found: _Findings) -> None:
    found.closed.append(hold)
    is_noop = any(item.is_noop and item.signed.tx_hash == receipt.tx_hash for item in hold.transactions)
    if is_noop:
        found.changes.append(_cancelled(order, hold, receipt))
    elif receipt.is_success and receipt.route is not None:
        found.filled.append((order, receipt))
        found.changes.append(_confirmed(order, receipt))
    else:
        found.changes.append(_undone(order, receipt, policy))


def _cancelled(order: ClaimedOrder, hold: OpenHold, receipt: Receipt) -> Change:
    """A final transaction that does nothing has used the nonce: the swap can never execute."""
    facts = {"tx_hash": receipt.tx_hash, "block_number": receipt.block_number}
    if order.is_cancel_requested:
        detail = "cancelled on the chain: a transaction that does nothing took its nonce before any block took the swap"
        return fail(order, Problem("cancelled", detail, facts=facts))
    count = sum(not item.is_noop for item in hold.transactions)
    return fail(order, Problem("not_included", f"no block took it at any of {count} bids", facts=facts))


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
    attempts = f"(attempt {order.attempt} of {policy.max_attempts}, nothing was swapped)"
    problem = Problem(
        code or "reverted",
        receipt.detail if is_unread else f"{IDLE if is_idle else receipt.detail} {attempts}",
        facts={"tx_hash": receipt.tx_hash, "block_number": receipt.block_number},
    )
    if order.is_cancel_requested:
        return fail(order, Problem("cancelled", f"cancelled; {problem.detail}", facts=problem.facts))
    if (code == "slippage" or is_idle) and order.attempt < policy.max_attempts and not order.is_expired:
        return retry(order, OrderStatus.ROUTING, problem, policy, fields={"tx_hash": None, "route": None})
    return fail(order, problem)


def _settle_fills(found: _Findings, moved: Iterable[UUID]) -> None:
    """Store executed amounts and close the holds of the orders that this run has moved.

    An order that was moved meanwhile, as by a cancel, keeps its hold: the next look settles both.
    """
    won = set(moved)
    close_submissions([hold.submission_id for hold in found.closed if hold.order_id in won])
    decimals = token_decimals() if found.filled else {}
    rows: list[dict[str, Any]] = []
    for order, receipt in found.filled:
        if order.id in won:
            assert receipt.route is not None
            legs = legs_of(receipt.route)
            rows += [
                {
                    "order_id": order.id,
                    "leg": i,
                    "amount_in": str(leg.amount_in),
                    "amount_out": str(leg.amount_out),
                    "hops": shown["hops"],
                    "tx_hash": receipt.tx_hash,
                    "block_number": receipt.block_number,
                    "block_hash": receipt.block_hash,
                }
                for i, (leg, shown) in enumerate(zip(legs, encode_legs(legs, decimals), strict=True))
            ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO orders_fill
                    (order_id, leg, amount_in, amount_out, hops, tx_hash, block_number, block_hash)
                SELECT * FROM jsonb_to_recordset(%s::jsonb)
                    AS v(order_id uuid, leg int, amount_in numeric, amount_out numeric, hops jsonb, tx_hash text,
                         block_number bigint, block_hash text)
                """,
                [recordset(rows)],
            )
