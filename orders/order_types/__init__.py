"""The order types there are, by their public name."""

from orders.order_types.base import OrderType
from orders.order_types.market import Market

ORDER_TYPES: dict[str, OrderType] = {"market": Market()}

__all__ = ["ORDER_TYPES", "OrderType"]
