"""Cancels orders that hold no nonce yet; later only the chain can end them, which `confirm` then asks it to do."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from orders.events import Event, push_events
from orders.models import Account, Order
from orders.problems import Problem
from orders.services.audit import Actor as Actor
from orders.services.audit import Entry, record
from orders.services.transition import Change, transition
from orders.states import OrderStatus, Stage, is_terminal
from orders.wake import wake


class CancelResult(StrEnum):
    """What became of a request to cancel."""

    CANCELLED = "cancelled"
    TOO_LATE = "too_late"
    ALREADY_ENDED = "already_ended"


def cancel_orders(
    order_ids: Sequence[UUID], *, actor: Actor, account: Account | None = None
) -> dict[UUID, CancelResult]:
    """Cancel what can be cancelled; unknown and foreign ids are missing from the answer.

    Where bytes may have left, a transaction that does nothing is asked for at the same nonce: the order ends as the
    chain decides between the two. The row lock decides against a build that runs at the same time: whoever commits
    first wins.
    """
    with transaction.atomic():
        rows = Order.objects.select_for_update().filter(pk__in=order_ids).order_by("pk")
        if account is not None:
            rows = rows.filter(account=account)
        orders = list(rows)
        results = {order.id: _result(order) for order in orders}
        changes = [_cancelled(o, actor) for o in orders if results[o.id] is CancelResult.CANCELLED]
        late = [order.id for order in orders if results[order.id] is CancelResult.TOO_LATE]
        _request(late)
        events: list[Event] = transition(changes)
        record(actor, [_entry(order, results[order.id]) for order in orders])
    push_events(events)
    if late:
        wake(Stage.CONFIRM)
    return results


def _request(order_ids: Sequence[UUID]) -> None:
    """Have `confirm` use up the orders' nonces; what it works on at this moment it looks at again soon."""
    if order_ids:
        Order.objects.filter(pk__in=order_ids, cancel_requested_at__isnull=True).update(
            cancel_requested_at=Now(), due_at=Now()
        )


def _result(order: Order) -> CancelResult:
    if is_terminal(order.status):
        return CancelResult.ALREADY_ENDED
    return CancelResult.TOO_LATE if order.tx_hash else CancelResult.CANCELLED


def _cancelled(order: Order, actor: Actor) -> Change:
    who = actor.name if actor.is_admin else "its owner"
    detail = f"cancelled by {who} before anything was sent" + (f": {actor.reason}" if actor.reason else "")
    failure = Problem("cancelled", detail).to_json()
    return Change(
        order.id,
        OrderStatus(order.status),
        OrderStatus.FAILED,
        order.updated_at,
        fields={"outcome": "cancelled", "failure": failure},
        data={"failure": failure},
        seq=order.seq,
    )


def _entry(order: Order, result: CancelResult) -> Entry:
    after = OrderStatus.FAILED if result is CancelResult.CANCELLED else order.status
    return Entry("order.cancel", f"order:{order.id}", order.status, after, order.account_id)
