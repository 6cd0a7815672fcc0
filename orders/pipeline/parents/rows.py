"""Locks orders in the one order that all writers keep, by id: a parent, whose id is older, before its children.

What ends a child locks the parent too, and what makes a child or reads children does so behind the parent's lock. So
no holder of that lock overlooks an end: either it is committed and seen, or it makes the parent due afterwards.
"""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from django.db import connection, transaction

from orders.database.recordset import id_array
from orders.notify.wake import wake
from orders.states import Stage, is_terminal


class _Moving(Protocol):
    @property
    def parent_id(self) -> UUID | None: ...
    @property
    def target(self) -> str: ...


class _Known(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def parent_id(self) -> UUID | None: ...


def lock_orders(order_ids: Iterable[UUID]) -> None:
    """Lock rows in the order that all writers keep, before statements that would lock some of them one after the other.

    Needs a transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM orders_order WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE", [id_array(order_ids)]
        )


def with_parents(orders: Iterable[_Known]) -> list[UUID]:
    """The orders' ids, and those of the parents of children among them."""
    return [id_ for order in orders for id_ in (order.id, order.parent_id) if id_ is not None]


def parents_of_ended(changes: Iterable[_Moving]) -> set[UUID]:
    """The parents of children that these changes end."""
    return {change.parent_id for change in changes if change.parent_id is not None and is_terminal(change.target)}


def make_due(parents: Iterable[UUID]) -> None:
    """Have parents look at their children once this transaction is committed. Their rows are locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_order SET due_at = now()"
            " WHERE id = ANY(%s::uuid[]) AND outcome IS NULL AND parked_at IS NULL",
            [id_array(parents)],
        )
    transaction.on_commit(lambda: wake(Stage.CHILDREN))
