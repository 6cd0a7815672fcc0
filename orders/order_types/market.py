"""Market order: execute at once at the best price within the guards, whole or not at all."""

from orders.order_types.base import OrderType, Refusal
from orders.order_types.fields import NoTerms


class Market(OrderType[NoTerms]):
    """Routes are atomic, so `ioc` and `fok` mean the same; `gtd` adds the time after which it must not execute."""

    name = "market"
    examples = ({}, {"time_in_force": "fok"}, {"expires_at": "2999-01-01T00:00:00Z"})
    refusals = (Refusal({"time_in_force": "gtd"}, "/expires_at", "time_in_force"),)
