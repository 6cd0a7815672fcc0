"""Stop-limit order: from the moment that the pair's price reaches its trigger, a limit order."""

from dataclasses import dataclass
from decimal import Decimal

from orders.order_types.base import OrderLike, OrderType, Refusal, Trigger, limit_error, price_error
from orders.order_types.fields import PRICE, choice, request_field
from orders.problems import FieldError
from orders.terms import NewOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLimitTerms:
    """What makes it a limit order, and its limit."""

    trigger_price: Decimal = request_field(PRICE, "The price of the pair that triggers it.", required=True)
    limit_price: Decimal = request_field(
        PRICE, "The worst average price, token_out for one token_in, after fees and price impact.", required=True
    )
    trigger: str = request_field(
        choice("above", "below"), "Triggered at the price or `below` it (the default), or `above`.", default="below"
    )
    trigger_source: str = request_field(
        choice("reference", "last"),
        "Compared with the `reference` price, a median over time (the default), or with the `last` block's mid price.",
        default="reference",
    )


class StopLimit(OrderType[StopLimitTerms]):
    """It fires once; then it waits for its limit as a limit order does."""

    name = "stop_limit"
    terms_class = StopLimitTerms
    times_in_force = ("gtc", "gtd")
    waits_for = ("price",)
    examples = (
        {"trigger_price": "130", "limit_price": "120"},
        {"trigger_price": "150", "limit_price": "120", "trigger": "above", "trigger_source": "last"},
        {"trigger_price": "130", "limit_price": "0.5", "expires_at": "2999-01-01T00:00:00Z"},
    )
    refusals = (
        Refusal({"trigger_price": "0." + 60 * "0" + "1", "limit_price": "1"}, "/trigger_price", "invalid"),
        Refusal({"trigger_price": "1", "limit_price": "0." + 60 * "0" + "1"}, "/limit_price", "invalid"),
    )

    def check(self, order: NewOrder) -> FieldError | None:
        """Both prices must be such that can be kept, and the limit one that whole atoms can meet."""
        own = self.own(order)
        return price_error("/trigger_price", own.trigger_price) or limit_error("/limit_price", own.limit_price, order)

    def trigger(self, order: OrderLike) -> Trigger | None:
        """The price, from the side that it is stated for."""
        own = self.own(order)
        kind = ("last_" if own.trigger_source == "last" else "") + ("rises" if own.trigger == "above" else "falls")
        return Trigger("price", kind, own.trigger_price)

    def after_trigger(self, order: OrderLike) -> Trigger | None:
        """The limit."""
        return Trigger("price", "limit", self.own(order).limit_price)

    def limit_price(self, order: OrderLike) -> Decimal | None:
        """As stated."""
        return self.own(order).limit_price
