"""What an order waits for that is armed now, by its type and its terms: at first, again, or with other terms."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from orders.models import Order
from orders.models.waiting import NEVER_DUE, trigger_columns
from orders.order_types import ORDER_TYPES, Trigger, trigger_of, waits

SIBLING = "sibling"


class Armed(NamedTuple):
    """The public word for what it waits for (None: nothing that is stored), in how many seconds it is due, columns."""

    waiting_for: str | None
    delay_s: float
    columns: dict[str, Any]


def arm(order: Order, *, has_fired: bool = False) -> Armed:
    """By the order's present terms; `has_fired`: its trigger was reached before, and is not waited for again."""
    trigger: Trigger | None = trigger_of(order.order_type, order)
    if has_fired:
        trigger = ORDER_TYPES[order.order_type].after_trigger(order)
    now = datetime.now(UTC)
    if trigger is not None:
        columns = trigger_columns(trigger.kind, trigger.price)
        return Armed(trigger.waiting_for, until_end_s(order, now), columns)
    wait = waits(order.order_type, order, now)
    if wait is None:
        return Armed(None, 0.0, trigger_columns(None))
    due_s = max(0.0, (wait.until - now).total_seconds())
    return Armed(wait.waiting_for, min(due_s, until_end_s(order, now)), trigger_columns(None))


def has_fired(order: Order) -> bool:
    """Whether the trigger of a waiting order was reached: then it waits for it no more."""
    trigger = trigger_of(order.order_type, order)
    is_real = trigger is not None and trigger.kind != "limit"
    return is_real and order.waiting_for != SIBLING and order.trigger_kind in (None, "limit")


def until_end_s(order: Order, now: datetime) -> float:
    """Seconds until the order is looked at for its end: a second late, or it would be too early."""
    end = NEVER_DUE.timestamp() if order.expires_at is None else order.expires_at.timestamp() + 1
    return max(0.0, end - now.timestamp())
