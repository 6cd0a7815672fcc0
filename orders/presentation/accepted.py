"""The answer that accepts an order. Most are like one before in all that their owner did not number or measure."""

from typing import Any

from orders.amounts import format_units
from orders.event_log.event import timestamp
from orders.models import Order
from orders.presentation.amounts import fixed_decimals
from orders.presentation.orders import order_json

# What an order has of its own, and what its row has besides that no answer shows.
OWN = ("id", "client_order_id", "amount", "created_at", "updated_at")
_UNSHOWN = ("_state", "request_hash", "due_at")
_NO_OWN = dict.fromkeys((*OWN, *_UNSHOWN))
# Of other types an amount or a time may decide on more than the fields that show it.
PLAIN = "market"
MOST = 256

# By pair, side and account: the rest of an order's row, and its answer.
_before: dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, Any]]] = {}


def accepted_order_json(order: Order) -> dict[str, Any]:
    """`order_json` of an order that was stored just now, for the moment at which it was. Parts may be shared."""
    if order.order_type != PLAIN:
        return order_json(order, at=order.created_at)
    row = order.__dict__
    kind = (row["token_in"], row["token_out"], row["side"], row["account_id"])
    rest = {**row, **_NO_OWN}
    known = _before.get(kind)
    if known is None or known[0] != rest:
        known = rest, order_json(order, at=order.created_at)
        if len(_before) >= MOST:
            _before.clear()
        _before[kind] = known
    return known[1] | {
        "id": str(order.id),
        "client_order_id": order.client_order_id,
        "amount": format_units(order.amount, fixed_decimals(order)),
        "amount_raw": str(order.amount),
        "created_at": timestamp(order.created_at),
        "updated_at": timestamp(order.updated_at),
    }
