"""Prices of a pair over time, as GET /prices shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from orders.amounts import shown_price
from orders.event_log.event import timestamp
from orders.presentation.amounts import amount
from orders.presentation.price import price
from orders.shapes import Shape, integer, listed, nested, text, texts, time, uuid

PRICE = "Units of the pair's second token for one of its first."


@dataclass(frozen=True)
class MarketPrice:
    """Mid prices within a bucket, in token units."""

    first: Decimal
    low: Decimal
    high: Decimal
    last: Decimal


@dataclass(frozen=True)
class Fills:
    """An account's orders that were filled within a bucket in one direction, in atoms.

    `is_sale`: they gave the pair's first token. `decimals` are those of what they gave and got; `newest` is the order
    that was filled last.
    """

    is_sale: bool
    orders: int
    amount_in: int
    amount_out: int
    decimals: tuple[int, int]
    newest: UUID

    @property
    def average_price(self) -> str:
        """As the pair's price, whichever way they swapped."""
        given, got = (self.amount_in, self.decimals[0]), (self.amount_out, self.decimals[1])
        base, counter = (given, got) if self.is_sale else (got, given)
        return price(base[0], counter[0], base[1], counter[1])


@dataclass(frozen=True)
class Bucket:
    """What is known of a bucket that begins at a time; at least one of the three is."""

    at: datetime
    market: MarketPrice | None
    sold: Fills | None
    bought: Fills | None


@dataclass(frozen=True)
class Series:
    """A pair's buckets from one time to another; those of which nothing is known are left out.

    `fills_since`: fills from before are left out, for there are too many; None: all are counted.
    """

    pair: tuple[str, str]
    chain_id: str
    start: datetime
    end: datetime
    width_s: int
    buckets: Sequence[Bucket]
    fills_since: datetime | None
    archived: Sequence[date]


MARKET_PRICE = Shape[MarketPrice](
    "MarketPriceShape",
    "Mid prices that were noted within the bucket: before any cost, as triggers compare them.",
    {
        "first": text(lambda found: shown_price(found.first), PRICE),
        "low": text(lambda found: shown_price(found.low), PRICE),
        "high": text(lambda found: shown_price(found.high), PRICE),
        "last": text(lambda found: shown_price(found.last), PRICE),
    },
)
FILLS = Shape[Fills](
    "FillsShape",
    "The caller's orders that were filled within the bucket in one direction.",
    {
        "orders": integer(about="How many."),
        **amount("amount_in", lambda fills: fills.amount_in, lambda fills: fills.decimals[0], "What they gave."),
        **amount("amount_out", lambda fills: fills.amount_out, lambda fills: fills.decimals[1], "What they got."),
        "average_price": text(about=f"{PRICE} 12 significant digits, for display only."),
        "newest_order_id": uuid(lambda fills: str(fills.newest), "The order that was filled last."),
    },
)
BUCKET = Shape[Bucket](
    "PriceBucketShape",
    "From `at` on, for `bucket_s` seconds.",
    {
        "at": time(lambda bucket: timestamp(bucket.at)),
        "market": nested(MARKET_PRICE, lambda bucket: bucket.market and MARKET_PRICE.render(bucket.market), null=True),
        "sold": nested(FILLS, lambda bucket: bucket.sold and FILLS.render(bucket.sold), null=True),
        "bought": nested(FILLS, lambda bucket: bucket.bought and FILLS.render(bucket.bought), null=True),
    },
)
PRICES = Shape[Series](
    "PricesShape",
    "A pair's prices over time: the market's, which are the same for all callers, and those of the caller's own fills.",
    {
        "pair": text(lambda series: "/".join(series.pair), "`SOL/USDC`: prices are USDC for one SOL."),
        "chain": text(lambda series: series.chain_id),
        "from": time(lambda series: timestamp(series.start), "Where the first bucket begins."),
        "to": time(lambda series: timestamp(series.end)),
        "bucket_s": integer(lambda series: series.width_s, "Seconds that a bucket is wide."),
        "results": listed(
            BUCKET,
            lambda series: [BUCKET.render(bucket) for bucket in series.buckets],
            "Oldest first, without those of which nothing is known: a gap is no price of 0.",
        ),
        "fills_since": time(
            lambda series: series.fills_since and timestamp(series.fills_since),
            "Older fills of the range are left out, for there are too many; null: none is.",
            null=True,
        ),
        "archived_months": texts(lambda series: [f"{month:%Y-%m}" for month in series.archived]),
    },
)
