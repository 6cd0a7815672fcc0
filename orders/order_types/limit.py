"""Limit order: executed at its limit price or a better one; until the market gives that it waits.

Whole, or with `allow_partial` in parts, as the market gives them: then it is a parent, and each part a limit order of
its own, which is filled at once and whole or not at all. One part is open at a time: what a part in flight takes from
the market must not be counted a second time.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from orders.order_types.base import (
    Child,
    OrderLike,
    OrderType,
    Part,
    Progress,
    Refusal,
    Step,
    Trigger,
    Wait,
    limit_error,
    share_down,
    share_up,
)
from orders.order_types.fields import FLAG, PRICE, request_field
from orders.problems import FieldError
from orders.terms import NewOrder, SwapTerms

# How a part can fail that the market was asked for: it has moved, or the chain did not take the transaction in time.
# The order waits on. Any other end of a part is one that the next part would meet too.
PASSING = frozenset(
    (
        *("not_filled", "slippage", "price_impact", "price_deviation", "no_route"),
        *("expired", "cancelled", "network", "fees_too_high", "not_included"),
    )
)
# After a part that failed, in seconds: doubled with each that fails in a row, and the longest.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1, 600


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitTerms:
    """The worst price, and whether less than all may be filled at it."""

    limit_price: Decimal = request_field(
        PRICE, "The worst average price, token_out for one token_in, after fees and price impact.", required=True
    )
    allow_partial: bool = request_field(
        FLAG,
        "Filled in parts: as much as the market gives at the limit price or better, and the rest waits.",
        default=False,
    )


class Limit(OrderType[LimitTerms]):
    """With `ioc` and `fok` it does not wait: what the market does not give now is not filled."""

    name = "limit"
    terms_class = LimitTerms
    times_in_force = ("gtc", "gtd", "ioc", "fok")
    waits_for = ("price", "children")
    examples = (
        {"limit_price": "120"},
        {"limit_price": "120.5", "time_in_force": "ioc"},
        {"limit_price": "0.000001", "time_in_force": "fok"},
        {"limit_price": "140.000000", "expires_at": "2999-01-01T00:00:00Z"},
        {"limit_price": "120", "allow_partial": True},
        {"limit_price": "120", "allow_partial": True, "time_in_force": "ioc"},
        {"limit_price": "120", "allow_partial": True, "expires_at": "2999-01-01T00:00:00Z"},
    )
    refusals = (
        Refusal({"limit_price": "0." + 60 * "0" + "1"}, "/limit_price", "invalid"),
        Refusal(
            {"limit_price": "120", "allow_partial": True, "time_in_force": "fok"}, "/allow_partial", "time_in_force"
        ),
    )

    def check(self, order: NewOrder) -> FieldError | None:
        """The price must be one that can be kept, and met by a whole number of atoms; fok is whole or not at all."""
        own = self.own(order)
        if own.allow_partial and order.terms.time_in_force == "fok":
            detail = "fok is filled whole or not at all, which allow_partial contradicts: ioc fills what it can"
            return FieldError("/allow_partial", "time_in_force", detail)
        return limit_error("/limit_price", own.limit_price, order)

    def trigger(self, order: OrderLike) -> Trigger | None:
        """The market's best marginal price: no amount trades at a better one."""
        return Trigger("price", "limit", self.own(order).limit_price) if self.waits_on(order) else None

    def limit_price(self, order: OrderLike) -> Decimal | None:
        """As stated."""
        return self.own(order).limit_price

    def is_parent(self, order: OrderLike) -> bool:
        """Whether it is filled in parts."""
        return self.own(order).allow_partial

    def slices(self, order: OrderLike) -> int | None:
        """The market decides."""
        return None if self.is_parent(order) else super().slices(order)

    def asks(self, order: OrderLike, progress: Progress) -> Part | None:
        """All that is left, while no part is open. With ioc once."""
        left = order.amount - progress.allotted
        is_over = _is_hopeless(progress) or (progress.slices_done > 0 and not self.waits_on(order))
        if not self.is_parent(order) or progress.has_open or left <= 0 or is_over or _pause(progress) is not None:
            return None
        return Part(left, _terms(order, progress, left))

    def step(self, order: OrderLike, progress: Progress) -> Step:
        """What the market gives, as one part; the rest waits."""
        done = progress.slices_done
        if progress.has_open or progress.allotted >= order.amount:
            return Step((), done)
        if self.asks(order, progress) is not None and progress.offered is not None:
            own = {"limit_price": format(self.own(order).limit_price, "f")}
            terms = _terms(order, progress, progress.offered)
            return Step(
                [Child("limit", progress.offered, replace(terms, time_in_force="fok", type_terms=own))], done + 1
            )
        if _is_hopeless(progress):
            return Step((), done, ends_as=progress.last_outcome or "not_filled")
        if not self.waits_on(order):
            return Step((), done, ends_as="expired")
        return Step((), done, _pause(progress) or self.trigger(order))


def _is_hopeless(progress: Progress) -> bool:
    """Whether the last part failed as the next one would."""
    return progress.failures > 0 and progress.last_outcome not in PASSING


def _pause(progress: Progress) -> Wait | None:
    """After a part that failed."""
    if not progress.failures or progress.failed_at is None:
        return None
    pause_s = min(FIRST_PAUSE_S * 2 ** min(progress.failures - 1, 30), LONGEST_PAUSE_S)
    until = progress.failed_at + timedelta(seconds=pause_s)
    return Wait("price", until) if until > progress.at else None


def _terms(order: OrderLike, progress: Progress, amount: int) -> SwapTerms:
    """The order's terms for a part: limits on amounts by its share; all that is left of the one on network fees."""
    terms = order.terms
    return replace(
        terms,
        min_amount_out=share_up(terms.min_amount_out, amount, order.amount),
        max_amount_in=share_down(terms.max_amount_in, amount, order.amount),
        max_network_fee=progress.fee_left,
    )
