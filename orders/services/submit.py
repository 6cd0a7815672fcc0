"""Hands stored bytes to the chain: BUILDING -> SUBMITTED as soon as they may have arrived.

An order that holds a nonce is never failed from here: only the chain's own word ends it (confirm.py).
"""

import logging
from collections.abc import Sequence

from dex import DexError, Engine, RetryableError, SignedTransaction, UnknownOutcome
from orders.config import Policy
from orders.services.claim import ClaimedOrder
from orders.services.settled import Settled, move, problem_of, retry
from orders.services.signed import Stored, load_signed
from orders.services.transition import Change, transition
from orders.states import OrderStatus, Stage

logger = logging.getLogger(__name__)


def submit_orders(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Broadcast in nonce order. Sending the same bytes again is harmless: they are one transaction.

    Where blocks take time, the orders are left to be looked at after one; else they are carried on to be confirmed.
    """
    interval_s = engine.chain.block_interval_s()
    settled = Settled(wakes={Stage.CONFIRM: interval_s} if interval_s else {})
    keeps_lease_s = 0 if interval_s else policy.lease_s
    stored = load_signed(orders)
    held = sorted((o for o in orders if o.id in stored), key=lambda o: stored[o.id].signed.nonce)
    answers = broadcast([stored[order.id].signed for order in held], engine)
    changes: list[Change] = []
    for order, answer in zip(held, answers, strict=True):
        if answer is None or isinstance(answer, UnknownOutcome):
            changes.append(_submitted(order, stored[order.id], answer, keeps_lease_s))
        else:
            changes.append(_not_sent(order, answer, policy))
            if isinstance(answer, RetryableError):
                settled.retry = answer
    settled.events = transition(changes)
    if keeps_lease_s:
        submitted = {event.order_id: event for event in settled.events if event.status == OrderStatus.SUBMITTED}
        settled.carried = [
            order._replace(status=OrderStatus.SUBMITTED, since=submitted[order.id].at, quiet_s=0.0)
            for order in held
            if order.id in submitted
        ]
    return settled


def broadcast(transactions: Sequence[SignedTransaction], engine: Engine) -> Sequence[DexError | None]:
    """One answer per transaction; a failure of the whole call is everybody's answer."""
    if not transactions:
        return []
    try:
        return engine.submit(transactions)
    except DexError as error:
        return [error] * len(transactions)


def _submitted(order: ClaimedOrder, stored: Stored, doubt: DexError | None, keeps_lease_s: int) -> Change:
    data: dict[str, object] = {"tx_hash": stored.signed.tx_hash, "nonce": stored.signed.nonce}
    if doubt is not None:
        data["doubt"] = {"code": doubt.code, "detail": f"{doubt.detail}; looked up by its hash, never sent as another"}
    return move(order, OrderStatus.SUBMITTED, data=data, keeps_lease_s=keeps_lease_s)


def _not_sent(order: ClaimedOrder, error: DexError, policy: Policy) -> Change:
    if not isinstance(error, RetryableError):
        # The chain refuses these bytes for good, yet their nonce is ours: a person must look.
        logger.error("order %s: the chain refuses its transaction: %s", order.id, error.detail)
    return retry(order, OrderStatus.BUILDING, problem_of(error), policy)
