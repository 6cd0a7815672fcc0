"""Limit order: executed at its limit price or a better one, whole; until the market gives that it waits."""

from dataclasses import dataclass
from decimal import Decimal

from orders.order_types.base import OrderLike, OrderType, Refusal, Trigger, limit_error
from orders.order_types.fields import PRICE, request_field
from orders.problems import FieldError
from orders.terms import NewOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitTerms:
    """The worst price."""

    limit_price: Decimal = request_field(
        PRICE, "The worst average price, token_out for one token_in, after fees and price impact.", required=True
    )


class Limit(OrderType[LimitTerms]):
    """With `ioc` and `fok` it does not wait: the market gives the whole amount now, or the order ends."""

    name = "limit"
    terms_class = LimitTerms
    times_in_force = ("gtc", "gtd", "ioc", "fok")
    waits_for = ("price",)
    examples = (
        {"limit_price": "120"},
        {"limit_price": "120.5", "time_in_force": "ioc"},
        {"limit_price": "0.000001", "time_in_force": "fok"},
        {"limit_price": "140.000000", "expires_at": "2999-01-01T00:00:00Z"},
    )
    refusals = (Refusal({"limit_price": "0." + 60 * "0" + "1"}, "/limit_price", "invalid"),)

    def check(self, order: NewOrder) -> FieldError | None:
        """The price must be one that can be kept, and met by a whole number of atoms."""
        return limit_error("/limit_price", self.own(order).limit_price, order)

    def trigger(self, order: OrderLike) -> Trigger | None:
        """The market's best marginal price: no amount trades at a better one."""
        return Trigger("price", "limit", self.own(order).limit_price) if self.waits_on(order) else None

    def limit_price(self, order: OrderLike) -> Decimal | None:
        """As stated."""
        return self.own(order).limit_price
