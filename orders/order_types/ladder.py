"""Ladder: limit orders at even steps from one price to another, of which each trades an even share of the amount."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Context, Decimal

from orders.order_types.base import (
    Child,
    OrderLike,
    OrderType,
    Progress,
    Refusal,
    Slice,
    Step,
    limit_error,
    share_down,
    share_up,
)
from orders.order_types.fields import PRICE, request_field, whole
from orders.problems import FieldError
from orders.terms import NewOrder

MOST_STEPS = 100
# What the price of a step is rounded to where the way from one end to the other does not part evenly.
FINEST = Decimal(1).scaleb(-60)


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderTerms:
    """The prices of its ends."""

    from_: Decimal = request_field(
        PRICE, "The limit price of the first step, token_out for one token_in.", required=True
    )
    to: Decimal = request_field(PRICE, "The limit price of the last step.", required=True)
    steps: int = request_field(whole(2, MOST_STEPS), "How many limit orders, the two ends among them.", required=True)


class Ladder(OrderType[LadderTerms]):
    """A parent whose children are placed at once, and wait for their prices by themselves."""

    name = "ladder"
    terms_class = LadderTerms
    times_in_force = ("gtc", "gtd")
    waits_for = ("children",)
    is_sliced = True
    examples = (
        {"from": "120", "to": "130", "steps": 5},
        {"from": "130.5", "to": "120", "steps": 4, "expires_at": "2999-01-01T00:00:00Z"},
    )
    refusals = (
        Refusal({"from": "120", "to": "130", "steps": 3, "amount": "0.000000002"}, "/steps", "slice_too_small"),
        Refusal({"from": "120", "to": "120.00", "steps": 3}, "/to", "type_field"),
        Refusal({"from": "0." + 60 * "0" + "1", "to": "130", "steps": 3}, "/from", "invalid"),
    )

    def check(self, order: NewOrder) -> FieldError | None:
        """Each step has an atom at least, and a price that can be kept and met."""
        own = self.own(order)
        if order.amount < own.steps:
            detail = f"the amount is {order.amount} atoms, so {own.steps} steps would have none each"
            return FieldError("/steps", "slice_too_small", detail)
        if own.from_ == own.to:
            return FieldError("/to", "type_field", "a ladder leads from one price to another one; else place a limit")
        least = replace(order, amount=order.amount // own.steps)
        return limit_error("/from", own.from_, least) or limit_error("/to", own.to, least)

    def slices(self, order: OrderLike) -> int:
        """Its steps."""
        return self.own(order).steps

    def step(self, order: OrderLike, progress: Progress) -> Step:
        """All of its children, once."""
        own = self.own(order)
        if progress.slices_done:
            return Step((), progress.slices_done)
        fee = None if progress.fee_left is None else progress.fee_left // own.steps
        children = []
        for index, amount in enumerate(_amounts(order.amount, own.steps)):
            terms = replace(
                order.terms,
                min_amount_out=share_up(order.terms.min_amount_out, amount, order.amount),
                max_amount_in=share_down(order.terms.max_amount_in, amount, order.amount),
                max_network_fee=fee,
                type_terms={"limit_price": format(_price(own, index), "f")},
            )
            children.append(Child("limit", amount, terms))
        return Step(children, own.steps)

    def outline(self, order: OrderLike, progress: Progress) -> Sequence[Slice]:
        """All at once: each waits for its price."""
        return [Slice(progress.placed_at, amount) for amount in _amounts(order.amount, self.own(order).steps)]


def _amounts(amount: int, steps: int) -> list[int]:
    """Even shares, whose sum is the amount."""
    return [amount * (index + 1) // steps - amount * index // steps for index in range(steps)]


def _price(own: LadderTerms, index: int) -> Decimal:
    """The price of a step: exact where it can be written, else rounded up, in favour of its owner, who sells at it."""
    exact = Context(prec=300)
    part = exact.divide(Decimal(index), Decimal(own.steps - 1)) if index < own.steps - 1 else Decimal(1)
    price = exact.add(own.from_, exact.multiply(exact.subtract(own.to, own.from_), part))
    return price.quantize(FINEST, context=Context(prec=300, rounding=ROUND_CEILING)).normalize(exact)
