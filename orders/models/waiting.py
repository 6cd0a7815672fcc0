"""The words by which waiting and linked orders are stored."""

from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any

# When an order is due that waits for something else than time, and has no time limit.
NEVER_DUE = datetime(9000, 1, 1, tzinfo=UTC)
# What `trigger_at_price` has room for.
_EXACT = Context(prec=200, rounding=ROUND_FLOOR)
LEAST_PRICE = Decimal(1).scaleb(-60)
MOST_PRICE = _EXACT.subtract(Decimal(10) ** 60, LEAST_PRICE)

# Which price of the pair reaches an order's `trigger_at_price`, and from which side.
#   limit:      the best marginal price of the market rises to it (routing decides then whether the limit is met);
#   rises, falls:           the reference price, a median over a window, is at it or beyond;
#   last_rises, last_falls: the mid price of the newest block is;
#   trails, last_trails:    as falls and last_falls, and it follows the best price at a distance.
# Or not a price, but what a new pool of the pair holds, in units of a token, rises to it:
#   pool, pool_out:         of token_in; of token_out. How old the pool may be stands in the order's own terms.
POOL_KINDS = ("pool", "pool_out")
TRIGGER_KINDS = ("limit", "rises", "falls", "trails", "last_rises", "last_falls", "last_trails", *POOL_KINDS)
# one_cancels_other: exactly one executes. then: each is placed when the one before has filled.
LINKS = ("one_cancels_other", "then")


def trigger_columns(kind: str | None, price: Decimal | None = None) -> dict[str, Any]:
    """The columns of what an order waits for; None: for no price. Rounded down, to what the column has room for."""
    if kind is None or price is None:
        return {"trigger_kind": None, "trigger_at_price": None}
    return {"trigger_kind": kind, "trigger_at_price": stored_price(price)}


def stored_price(price: Decimal) -> Decimal:
    """A price as the database keeps it: rounded down, never zero."""
    return min(max(price.quantize(LEAST_PRICE, context=_EXACT), LEAST_PRICE), MOST_PRICE)
