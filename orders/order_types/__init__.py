"""The order types there are, by their public name."""

from typing import Any

from orders.order_types.base import OrderType
from orders.order_types.market import Market
from orders.scalars import ScalarError, shown

ORDER_TYPES: dict[str, OrderType] = {"market": Market()}

__all__ = ["ORDER_TYPES", "OrderType", "read_type"]


def read_type(value: Any) -> str:
    """The name of an order type. Raises: ScalarError, with `unknown_order_type` for text that names none."""
    if not isinstance(value, str) or not value:
        raise ScalarError("must be the name of an order type")
    if value not in ORDER_TYPES:
        raise ScalarError(f"there is no type {shown(value)}; there are {', '.join(ORDER_TYPES)}", "unknown_order_type")
    return value
