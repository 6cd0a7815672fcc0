"""Time-weighted order: equal slices at even times, each a child order at the market of its own time.

A slice trades its even share of what is not filled yet, so what one slice leaves the later ones trade. With a long
interval it is a savings plan (dollar-cost averaging).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from dex import Side
from orders.order_types.base import (
    Child,
    MarketView,
    OrderLike,
    OrderType,
    Progress,
    Refusal,
    Slice,
    Step,
    Wait,
    share_down,
    share_up,
)
from orders.order_types.fields import PRICE, TIME, choice, group, request_field, whole
from orders.problems import FieldError
from orders.terms import NewOrder

MOST_SLICES = 500
LONGEST_INTERVAL_S = 366 * 24 * 60 * 60
SKIP, IMMEDIATE = "skip", "immediate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When its slices have their turns."""

    slices: int = request_field(whole(2, MOST_SLICES), "How many child orders.", required=True)
    interval_s: int = request_field(
        whole(1, LONGEST_INTERVAL_S), "Seconds from the turn of one slice to that of the next.", required=True
    )
    start_at: datetime | None = request_field(TIME, "The first slice's turn; at once without one.")
    jitter_percent: int = request_field(
        whole(0, 100), "Each slice comes later by a random share of the interval, up to this percentage.", default=0
    )
    catch_up: str = request_field(
        choice(SKIP, IMMEDIATE),
        "What slices have left that had no turn, or were not filled: all slices to come share it (skip), or the next"
        " one trades it (immediate).",
        default=SKIP,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TwapTerms:
    """The schedule, and the worst price of each slice."""

    twap: Schedule = request_field(group(Schedule), "When its slices are traded.", required=True)
    limit_price: Decimal | None = request_field(
        PRICE, "token_out per token_in in token units: nothing is traded at a worse price."
    )


class Twap(OrderType[TwapTerms]):
    """A parent: it is never executed itself."""

    name = "twap"
    terms_class = TwapTerms
    times_in_force = ("gtc", "gtd")
    waits_for = ("schedule", "children")
    is_sliced = True
    examples = (
        {"twap": {"slices": 2, "interval_s": 1}},
        {
            "twap": {"slices": 3, "interval_s": 60, "jitter_percent": 10, "catch_up": "immediate"},
            "limit_price": "0.5",
            "expires_at": "2999-01-01T00:00:00Z",
        },
        {"twap": {"slices": 5, "interval_s": 86400, "start_at": "2999-01-01T00:00:00Z", "catch_up": "skip"}},
    )
    refusals = (
        Refusal({"twap": {"slices": 2, "interval_s": 60}, "amount": "0.000000001"}, "/twap/slices", "slice_too_small"),
        Refusal(
            {
                "twap": {"slices": 2, "interval_s": 60, "start_at": "2999-01-01T00:00:00Z"},
                "expires_at": "2999-01-01T00:01:00Z",
            },
            "/expires_at",
            "already_expired",
        ),
        Refusal(
            {"twap": {"slices": 2, "interval_s": 60, "start_at": "9999-12-31T23:59:30Z"}},
            "/twap/start_at",
            "type_field",
        ),
    )

    def check(self, order: NewOrder) -> FieldError | None:
        """Each slice has an atom at least, and the last its turn before the order expires, as far as that is known."""
        own = self.own(order).twap
        if order.amount < own.slices:
            detail = f"the amount is {order.amount} atoms, so {own.slices} slices would have none each"
            return FieldError("/twap/slices", "slice_too_small", f"{detail}; {order.amount} slices are the most")
        if own.start_at is None:
            return None
        try:
            last = own.start_at + timedelta(seconds=own.interval_s * own.slices)
        except OverflowError:
            last = None
        if last is None or last.year > 9000:
            return FieldError("/twap/start_at", "type_field", "the schedule must end before the year 9000")
        if order.expires_at is not None and order.expires_at <= own.start_at + _turn_after(own, own.slices - 1):
            return FieldError("/expires_at", "already_expired", "the order would expire before its last slice")
        return None

    def due(self, order: OrderLike, market: MarketView) -> Wait | None:
        """From its start on."""
        start_at = self.own(order).twap.start_at
        return None if start_at is None or start_at <= market.at else Wait("schedule", until=start_at)

    def slices(self, order: OrderLike) -> int:
        """As stated."""
        return self.own(order).twap.slices

    def step(self, order: OrderLike, progress: Progress) -> Step:
        """The slice whose turn it is, if it has not had it. Turns that have passed before that are counted as had."""
        own, done = self.own(order), progress.slices_done
        turns = [turn(own.twap, progress, i) for i in range(done, own.twap.slices)]
        come = done + sum(at <= progress.at for at in turns)
        wait = Wait("schedule", until=turns[come - done]) if come < own.twap.slices else None
        if come == done:
            return Step((), done, wait)
        amount = self._amount(order, progress, come - 1)
        children = [self._child(order, progress, amount, own.twap.slices - come + 1)] if amount else []
        return Step(children, come, wait)

    def outline(self, order: OrderLike, progress: Progress) -> Sequence[Slice]:
        """At the times of the schedule, before chance delays them."""
        own, allotted, planned = self.own(order).twap, 0, []
        for index in range(own.slices):
            amount = self._amount(order, replace(progress, allotted=allotted), index)
            planned.append(Slice((own.start_at or progress.placed_at) + _turn_after(own, index), amount))
            allotted += amount
        return planned

    def _amount(self, order: OrderLike, progress: Progress, index: int) -> int:
        own = self.own(order).twap
        left = max(0, order.amount - progress.allotted)
        if own.catch_up == SKIP:
            return left // (own.slices - index)
        return max(0, order.amount * (index + 1) // own.slices - progress.allotted)

    def _child(self, order: OrderLike, progress: Progress, amount: int, slices_left: int) -> Child:
        terms = order.terms
        least = most = None
        if order.side == Side.EXACT_IN:
            least = share_up(terms.min_amount_out, amount, order.amount)
        else:
            most = share_down(terms.max_amount_in, amount, order.amount)
        price = self.own(order).limit_price
        in_force = "gtd" if terms.time_in_force == "gtd" else "ioc"
        return Child(
            "market" if price is None else "limit",
            amount,
            replace(
                terms,
                min_amount_out=least,
                max_amount_in=most,
                max_network_fee=None if progress.fee_left is None else progress.fee_left // slices_left,
                # At its limit now, or the later slices trade it.
                time_in_force=in_force if price is None else "fok",
                type_terms={} if price is None else {"limit_price": format(price, "f")},
            ),
        )


def turn(own: Schedule, progress: Progress, index: int) -> datetime:
    """When a slice has its turn. The order of slices is that of their turns, for no jitter is above an interval."""
    chance = int.from_bytes(sha256(progress.seed + index.to_bytes(4)).digest()[:8])
    jitter_us = own.interval_s * 10_000 * own.jitter_percent * chance >> 64
    return (own.start_at or progress.placed_at) + _turn_after(own, index) + timedelta(microseconds=jitter_us)


def _turn_after(own: Schedule, index: int) -> timedelta:
    return timedelta(seconds=own.interval_s * index)
