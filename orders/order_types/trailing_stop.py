"""Trailing stop: a market order once the pair's price is `trail_bps` below the best since the order was placed."""

from dataclasses import dataclass
from decimal import Decimal

from orders.order_types.base import LEAST_PRICE, OrderLike, OrderType, Refusal, Trigger
from orders.order_types.fields import BPS, request_field
from orders.order_types.triggered import kind_by, source_field
from orders.problems import FieldError
from orders.terms import NewOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailingStopTerms:
    """How far it stays behind."""

    # By this name the trigger pass finds it, too (orders/waiting/reached.py).
    trail_bps: Decimal = request_field(
        BPS, "How far below the best price since it was placed it is triggered, in basis points.", required=True
    )
    trigger_source: str = source_field()


class TrailingStop(OrderType[TrailingStopTerms]):
    """Its trigger rises with each new best price of the pair, and never falls."""

    name = "trailing_stop"
    terms_class = TrailingStopTerms
    times_in_force = ("gtc", "gtd")
    waits_for = ("price",)
    examples = (
        {"trail_bps": "150"},
        {"trail_bps": "0.5", "trigger_source": "last"},
        {"trail_bps": "9999", "expires_at": "2999-01-01T00:00:00Z"},
    )
    refusals = (
        Refusal({"trail_bps": "0"}, "/trail_bps", "invalid"),
        Refusal({"trail_bps": "10000"}, "/trail_bps", "invalid"),
    )

    def check(self, order: NewOrder) -> FieldError | None:
        """Neither at the price itself nor at nothing."""
        if 0 < self.own(order).trail_bps < 10_000:
            return None
        return FieldError("/trail_bps", "invalid", "it must be more than 0 and less than 10000 basis points")

    def trigger(self, order: OrderLike) -> Trigger | None:
        """As good as none until the first pass has seen a price."""
        return Trigger("price", kind_by(self.own(order).trigger_source, "trails"), LEAST_PRICE)
