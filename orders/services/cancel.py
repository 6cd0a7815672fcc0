"""Cancels orders that hold no nonce yet; later only the chain can end them, which `confirm` then asks it to do.

Either way nothing but a cancellation transaction is signed for them after the cancel is stored.
"""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from django.db import connection, transaction

from orders.audit.record import Actor as Actor
from orders.audit.record import Entry, record
from orders.database.recordset import id_array
from orders.event_log.event import Event
from orders.models import Account, Order
from orders.notify.push import push_events
from orders.notify.wake import wake
from orders.pipeline.transition import Change, transition
from orders.problems import Problem
from orders.states import OrderStatus, Stage, is_terminal


class CancelResult(StrEnum):
    """What became of a request to cancel."""

    CANCELLED = "cancelled"
    TOO_LATE = "too_late"
    ALREADY_ENDED = "already_ended"


def cancel_orders(
    order_ids: Sequence[UUID], *, actor: Actor, account: Account | None = None
) -> dict[UUID, CancelResult]:
    """Cancel what can be cancelled; unknown and foreign ids are missing from the answer.

    Where bytes may have left, a cancellation transaction is asked for at the same nonce: the order ends as the chain
    decides between the two. The row lock decides against a build that runs at the same time: the first to commit wins.
    The request is an event with a seq of its own, so that nothing decided on an older state is settled after it.
    """
    with transaction.atomic():
        rows = Order.objects.select_for_update().filter(pk__any_of=order_ids).order_by("pk")
        if account is not None:
            rows = rows.filter(account=account)
        orders = list(rows)
        results = {order.id: _result(order) for order in orders}
        new = [o for o in orders if o.cancel_requested_at is None and not is_terminal(o.status)]
        _store_request([order.id for order in new])
        late = [order for order in orders if results[order.id] is CancelResult.TOO_LATE]
        changes = [_cancelled(o, actor) for o in orders if results[o.id] is CancelResult.CANCELLED]
        events: list[Event] = transition([*changes, *(_requested(order) for order in late if order in new)])
        record(actor, [_entry(order, results[order.id]) for order in orders])
    push_events(events)
    for stage in {Stage.SUBMIT if order.status == OrderStatus.BUILDING else Stage.CONFIRM for order in late}:
        wake(stage)
    return results


def _store_request(order_ids: Sequence[UUID]) -> None:
    """From here on no swap is signed for these. The time is read behind their locks, as that of signatures is."""
    if order_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE orders_order SET cancel_requested_at = clock_timestamp() WHERE id = ANY(%s::uuid[])",
                [id_array(order_ids)],
            )


def _result(order: Order) -> CancelResult:
    if is_terminal(order.status):
        return CancelResult.ALREADY_ENDED
    return CancelResult.TOO_LATE if order.tx_hash else CancelResult.CANCELLED


def _requested(order: Order) -> Change:
    """The event of a cancel that the chain has to decide. It ends the lease: another look comes at once."""
    status = OrderStatus(order.status)
    return Change(order.id, status, status, order.updated_at, data={"cancel_requested": True}, seq=order.seq)


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
