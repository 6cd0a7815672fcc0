"""How an account's newest orders went: how long they took, and what came of them by venue. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from orders.event_log.event import timestamp
from orders.measures import cost, share_bps
from orders.presentation.amounts import bps
from orders.shapes import Field, Shape, integer, listed, text, time

# A trend has so many parts.
PARTS = 10
# Ends that say nothing of the market: their owner's, or the clock's.
CALLED_OFF = frozenset({"cancelled", "expired"})


class Ended(NamedTuple):
    """An order that has ended, no parent. Amounts are atoms of the side that is not fixed."""

    outcome: str
    side: str
    # Whether it was to be executed at once: a market order of its own.
    is_immediate: bool
    created_at: datetime
    took_ms: int
    # Venues of its last route, and how long its first one was looked for; none where it was not routed.
    venues: frozenset[str]
    quote_ms: int | None
    quoted: int | None
    executed: int | None

    @property
    def vs_quote(self) -> Fraction | None:
        """Its cost against its quote, as a share of that."""
        lost = cost(self.side, self.quoted, self.executed)
        return None if lost is None or not self.quoted else Fraction(lost, self.quoted)


@dataclass(frozen=True, slots=True)
class AtVenue:
    """The orders whose routes went through a venue, of `all` that are looked at, newest first."""

    venue: str
    orders: Sequence[Ended]
    all: Sequence[Ended]

    @property
    def judged(self) -> list[Ended]:
        """Those that the market has decided."""
        return [order for order in self.orders if order.outcome not in CALLED_OFF]

    @property
    def filled(self) -> int:
        """Of these."""
        return sum(order.executed is not None for order in self.judged)

    @property
    def vs_quote_bps(self) -> str | None:
        """The median."""
        found = sorted(share for order in self.orders if (share := order.vs_quote) is not None)
        middle = found[(len(found) - 1) // 2] if found else None
        return None if middle is None else share_bps(middle.numerator, middle.denominator)

    @property
    def trend(self) -> list[int]:
        """How many orders of each part of all went through it, oldest part first."""
        counts = [0] * PARTS
        for place, order in enumerate(reversed(self.all)):
            counts[place * PARTS // len(self.all)] += self.venue in order.venues
        return counts


@dataclass(frozen=True, slots=True)
class Recent:
    """An account's newest orders that have ended, newest first."""

    orders: Sequence[Ended]

    @property
    def immediate(self) -> list[int]:
        """How long those took that were to be executed at once, in milliseconds."""
        return [order.took_ms for order in self.orders if order.is_immediate and order.outcome not in CALLED_OFF]

    @property
    def venues(self) -> list[AtVenue]:
        """By venue, in the order of their names."""
        names = sorted({venue for order in self.orders for venue in order.venues})
        return [AtVenue(name, [order for order in self.orders if name in order.venues], self.orders) for name in names]


def quantile(values: Sequence[int], percent: int) -> int | None:
    """The least value that is not below so many percent of them; None where there is none."""
    return sorted(values)[-(-len(values) * percent // 100) - 1] if values else None


def _integers(about: str) -> Field[AtVenue]:
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": PARTS, "maxItems": PARTS, "description": about}
    return Field(schema, lambda at_venue: at_venue.trend)


AT_VENUE = Shape[AtVenue](
    "VenueRecordShape",
    "Orders whose routes went through a venue.",
    {
        "venue": text(),
        "orders": integer(lambda at: len(at.orders)),
        "filled": integer(about="Of these."),
        "failed": integer(lambda at: len(at.judged) - at.filled, "Of these; not those that were cancelled or expired."),
        "fill_rate_bps": bps(
            lambda at: share_bps(at.filled, len(at.judged)), "Filled, of filled and failed ones; null: none.", null=True
        ),
        "quote_ms_p50": integer(
            lambda at: quantile([each.quote_ms for each in at.orders if each.quote_ms is not None], 50),
            "Median time until their first route was found, in milliseconds; null: none is known.",
            null=True,
        ),
        "vs_quote_bps": bps(about="Median cost of executed orders against their quotes: positive is lost.", null=True),
        "trend": _integers("Of each tenth of all orders, how many went through it; the oldest tenth first."),
    },
)
RECENT = Shape[Recent](
    "RecentShape",
    "How the newest orders that have ended went, 200 at most; without parents, whose children are among them.",
    {
        "orders": integer(lambda recent: len(recent.orders)),
        "since": time(
            lambda recent: timestamp(recent.orders[-1].created_at) if recent.orders else None,
            "When the oldest of them was placed; null: there is none.",
            null=True,
        ),
        "measured": integer(
            lambda recent: len(recent.immediate), "Market orders among them, without parts and linked ones."
        ),
        "took_ms_p50": integer(
            lambda recent: quantile(recent.immediate, 50), "Of these, from acceptance to the end.", null=True
        ),
        "took_ms_p99": integer(lambda recent: quantile(recent.immediate, 99), "Of these.", null=True),
        "venues": listed(AT_VENUE, lambda recent: [AT_VENUE.render(at) for at in recent.venues]),
    },
)
