"""Stop-limit order: from the moment that the pair's price reaches its trigger, a limit order."""

from dataclasses import dataclass
from decimal import Decimal

from orders.order_types.base import OrderLike, Refusal, Trigger, limit_error
from orders.order_types.fields import PRICE, request_field
from orders.order_types.triggered import Triggered, TriggeredTerms
from orders.problems import FieldError
from orders.terms import NewOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLimitTerms(TriggeredTerms):
    """The price that makes it a limit order, and its limit."""

    limit_price: Decimal = request_field(
        PRICE, "The worst average price, token_out for one token_in, after fees and price impact.", required=True
    )


class StopLimit(Triggered[StopLimitTerms]):
    """It fires once; then it waits for its limit as a limit order does."""

    name = "stop_limit"
    terms_class = StopLimitTerms
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
        """The limit as well, which whole atoms must be able to meet."""
        return super().check(order) or limit_error("/limit_price", self.own(order).limit_price, order)

    def after_trigger(self, order: OrderLike) -> Trigger | None:
        """The limit."""
        return Trigger("price", "limit", self.own(order).limit_price)

    def limit_price(self, order: OrderLike) -> Decimal | None:
        """As stated."""
        return self.own(order).limit_price
