"""Stop order: from the moment that the pair's price reaches its trigger, a market order."""

from dataclasses import dataclass
from decimal import Decimal

from orders.order_types.base import OrderLike, OrderType, Refusal, Trigger, price_error
from orders.order_types.fields import PRICE, choice, request_field
from orders.problems import FieldError
from orders.terms import NewOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTerms:
    """What makes it a market order."""

    trigger_price: Decimal = request_field(PRICE, "The price of the pair that triggers it.", required=True)
    trigger: str = request_field(
        choice("above", "below"), "Triggered at the price or `below` it (the default), or `above`.", default="below"
    )
    trigger_source: str = request_field(
        choice("reference", "last"),
        "Compared with the `reference` price, a median over time (the default), or with the `last` block's mid price.",
        default="reference",
    )


class Stop(OrderType[StopTerms]):
    """A sale falls to its stop: `below`. It fires once; what the market does afterwards changes nothing."""

    name = "stop"
    terms_class = StopTerms
    times_in_force = ("gtc", "gtd")
    waits_for = ("price",)
    examples = (
        {"trigger_price": "130"},
        {"trigger_price": "150.5", "trigger": "above", "trigger_source": "last"},
        {"trigger_price": "0.5", "trigger": "below", "expires_at": "2999-01-01T00:00:00Z"},
    )
    refusals = (Refusal({"trigger_price": "0." + 60 * "0" + "1"}, "/trigger_price", "invalid"),)

    def check(self, order: NewOrder) -> FieldError | None:
        """The price must be one that can be kept."""
        return price_error("/trigger_price", self.own(order).trigger_price)

    def trigger(self, order: OrderLike) -> Trigger | None:
        """The price, from the side that it is stated for."""
        own = self.own(order)
        kind = ("last_" if own.trigger_source == "last" else "") + ("rises" if own.trigger == "above" else "falls")
        return Trigger("price", kind, own.trigger_price)
