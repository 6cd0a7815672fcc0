"""What order types share whose trigger is a price of the pair: the fields that say which price, and their meaning."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from orders.order_types.base import OrderLike, OrderType, Trigger, price_error
from orders.order_types.fields import PRICE, choice, request_field
from orders.problems import FieldError
from orders.terms import NewOrder


def source_field() -> Any:
    """The request field `trigger_source`."""
    return request_field(
        choice("reference", "last"),
        "Compared with the `reference` price, a median over time (the default), or with the `last` block's mid price.",
        default="reference",
    )


def kind_by(source: str, kind: str) -> str:
    """The trigger's kind (models/waiting.py) for a `trigger_source`."""
    return f"last_{kind}" if source == "last" else kind


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggeredTerms:
    """The price that triggers it."""

    trigger_price: Decimal = request_field(PRICE, "The price of the pair that triggers it.", required=True)
    trigger: str = request_field(
        choice("above", "below"), "Triggered at the price or `below` it (the default), or `above`.", default="below"
    )
    trigger_source: str = source_field()


Priced = TypeVar("Priced", bound=TriggeredTerms)


class Triggered(OrderType[Priced]):
    """Waits until the pair's price reaches `trigger_price`, once; later prices change nothing."""

    times_in_force = ("gtc", "gtd")
    waits_for = ("price",)

    def check(self, order: NewOrder) -> FieldError | None:
        """The trigger price must be one that can be stored exactly."""
        return price_error("/trigger_price", self.own(order).trigger_price)

    def trigger(self, order: OrderLike) -> Trigger | None:
        """The price, from the side that it is stated for."""
        own = self.own(order)
        return Trigger(
            "price", kind_by(own.trigger_source, "rises" if own.trigger == "above" else "falls"), own.trigger_price
        )
