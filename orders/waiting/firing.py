"""The change by which a trigger of any kind fires: once, with what it has seen."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from orders.models.waiting import trigger_columns
from orders.order_types import ORDER_TYPES
from orders.pipeline.transition import Change
from orders.states import OrderStatus
from orders.waiting.reached import Fired

logger = logging.getLogger(__name__)


def firing_of(order: Fired, seen: Callable[[], Mapping[str, Any]]) -> Change | None:
    """The trigger is over, and the order due at once: as a market order, or one that waits for its limit.

    None for an order that brings out a bug, in `seen` or in its type, which must not hold back the others.
    """
    try:
        then = ORDER_TYPES[order.order_type].after_trigger(order)
        return Change(
            order.id,
            OrderStatus.PENDING,
            OrderStatus.PENDING,
            order.since,
            fields=trigger_columns(None) if then is None else trigger_columns(then.kind, then.price),
            data={"triggered": {"kind": order.trigger_kind, **seen()}},
            seq=order.seq,
        )
    except Exception:
        logger.exception("the trigger of order %s cannot fire", order.id)
        return None
