"""Reads the chain's word on submitted orders: CONFIRMED, FAILED, or routed again. Nothing else ends them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from dex import Engine, Receipt, RetryableError, legs_of
from orders.config import Policy
from orders.problems import KINDS, Problem
from orders.recordset import recordset
from orders.routes import encode_legs
from orders.selectors import token_decimals
from orders.services.claim import ClaimedOrder, release_orders
from orders.services.settled import Settled, fail, move, retry
from orders.services.signed import Stored, close_submissions, load_signed, mark_mined, mark_resent
from orders.services.submit import broadcast
from orders.services.transition import Change, transition
from orders.states import OrderStatus, Stage

# The shortest pause between two looks at the same transaction, whatever the chain's block time.
MIN_POLL_S = 0.05


@dataclass(slots=True)
class _Findings:
    changes: list[Change] = field(default_factory=list)
    closed: list[UUID] = field(default_factory=list)
    filled: list[tuple[ClaimedOrder, Receipt]] = field(default_factory=list)
    waiting: list[ClaimedOrder] = field(default_factory=list)
    mined: list[tuple[str, int | None, str | None]] = field(default_factory=list)
    lost: list[Stored] = field(default_factory=list)


def confirm_orders(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Settle every order whose receipt is final; look again at the others, and send silent bytes once more."""
    poll_s = max(MIN_POLL_S, engine.chain.block_interval_s())
    stored = load_signed(orders)
    held = [order for order in orders if order.id in stored]
    try:
        receipts = engine.receipts([stored[order.id].signed.tx_hash for order in held])
    except RetryableError as error:
        release_orders(orders, poll_s)
        return Settled(retry=error)
    found = _Findings()
    for order, receipt in zip(held, receipts, strict=True):
        _judge(order, stored[order.id], receipt, engine.chain.required_confirmations, policy, found)
    broadcast([lost.signed for lost in found.lost], engine)
    with transaction.atomic():
        mark_mined(found.mined)
        mark_resent([lost.signed.tx_hash for lost in found.lost])
        events = transition(found.changes)
        _settle_fills(found, {event.order_id for event in events})
        release_orders(found.waiting, poll_s)
    wakes = {Stage.CONFIRM: poll_s} if found.waiting else {}
    if any(event.status == OrderStatus.ROUTING for event in events):
        wakes[Stage.ROUTE] = policy.retry_base_s
    return Settled(events, wakes)


def _judge(
    order: ClaimedOrder, stored: Stored, receipt: Receipt | None, confirmations: int, policy: Policy, found: _Findings
) -> None:
    if receipt is None or receipt.confirmations < confirmations:
        found.waiting.append(order)
        seen = (receipt.block_number, receipt.block_hash) if receipt else (None, None)
        if seen != (stored.mined_block, stored.mined_hash):
            found.mined.append((stored.signed.tx_hash, *seen))
        silent_s = order.quiet_s if stored.resent_s is None else order.claimed_s - stored.resent_s
        if receipt is None and silent_s >= policy.resend_s:
            found.lost.append(stored)
        return
    found.closed.append(stored.submission_id)
    if receipt.is_success:
        found.filled.append((order, receipt))
        found.changes.append(_confirmed(order, receipt))
    else:
        found.changes.append(_undone(order, receipt, policy))


def _confirmed(order: ClaimedOrder, receipt: Receipt) -> Change:
    fields = {"outcome": "filled", "amount_in": receipt.amount_in, "amount_out": receipt.amount_out}
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
    """A final receipt that swapped nothing: routed again when the price was to blame and attempts are left."""
    code = receipt.code if receipt.code in KINDS else "reverted"
    problem = Problem(
        code or "reverted",
        f"{receipt.detail} (attempt {order.attempt} of {policy.max_attempts}, nothing was swapped)",
        facts={"tx_hash": receipt.tx_hash, "block_number": receipt.block_number},
    )
    if code == "slippage" and order.attempt < policy.max_attempts and not order.is_expired:
        return retry(order, OrderStatus.ROUTING, problem, policy, fields={"tx_hash": None, "route": None})
    return fail(order, problem)


def _settle_fills(found: _Findings, moved: Iterable[UUID]) -> None:
    """Store executed amounts and close the holds of the orders that this run has moved."""
    close_submissions(found.closed)
    decimals = token_decimals() if found.filled else {}
    won = set(moved)
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
                }
                for i, (leg, shown) in enumerate(zip(legs, encode_legs(legs, decimals), strict=True))
            ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO orders_fill (order_id, leg, amount_in, amount_out, hops, tx_hash, block_number)
                SELECT * FROM jsonb_to_recordset(%s::jsonb)
                    AS v(order_id uuid, leg int, amount_in numeric, amount_out numeric, hops jsonb, tx_hash text,
                         block_number bigint)
                """,
                [recordset(rows)],
            )
