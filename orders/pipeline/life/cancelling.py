"""Ends waiting orders for another reason than their owner's word: each with an event that says it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from orders.audit.record import Actor, Entry, record
from orders.database.recordset import id_array
from orders.event_log.event import Event
from orders.models import Order
from orders.pipeline.parents.rows import lock_orders, with_parents
from orders.pipeline.transition import EMPTY, Change, transition
from orders.problems import Problem, outcome_of
from orders.states import OrderStatus


def store_request(order_ids: Sequence[UUID]) -> None:
    """From here on no swap is signed for these. The time is read behind their locks, as that of signatures is."""
    if order_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE orders_order SET cancel_requested_at = clock_timestamp() WHERE id = ANY(%s::uuid[])",
                [id_array(order_ids)],
            )


def ended(order: Order, problem: Problem, data: Mapping[str, Any] = EMPTY) -> Change:
    """The end of a locked order for which nothing is signed."""
    failure = problem.to_json()
    return Change(
        order.id,
        OrderStatus(order.status),
        OrderStatus.FAILED,
        order.updated_at,
        fields={"outcome": outcome_of(problem.code), "failure": failure},
        data={"failure": failure, **data},
        seq=order.seq,
        parent_id=order.parent_id,
    )


def requested(order: Order, data: Mapping[str, Any] = EMPTY) -> Change:
    """The event of a cancel that others have to carry out. It ends the lease: another look comes at once."""
    status = OrderStatus(order.status)
    return Change(order.id, status, status, order.updated_at, data={"cancel_requested": True, **data}, seq=order.seq)


def cancel_waiting(
    order_ids: Sequence[UUID], problem: Problem, actor: Actor, data: Mapping[str, Any] = EMPTY
) -> list[Event]:
    """Cancel those that are still PENDING; who has left that meanwhile goes on. Needs a transaction.

    A parent ends when its children have: its cancel is stored, and it makes no more of them.
    """
    rows = Order.objects.filter(pk__any_of=order_ids).order_by("pk")
    # The end of a child makes its parent due.
    lock_orders(with_parents(rows.only("id", "parent_id")))
    orders = [one for one in rows if one.status == OrderStatus.PENDING and one.cancel_requested_at is None]
    store_request([order.id for order in orders])
    events = transition(
        [requested(order, data) if order.is_parent else ended(order, problem, data) for order in orders]
    )
    entries = [
        Entry("order.cancel", f"order:{one.id}", one.status, "PENDING" if one.is_parent else "FAILED", one.account_id)
        for one in orders
    ]
    record(actor, entries)
    return events
