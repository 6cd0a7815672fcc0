"""What is known around an order when it is explained: the market, pauses, workers, and the orders that it hangs on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from orders.models import Order


class PriceNow(NamedTuple):
    """A price of the order's pair: token_out for one token_in, in token units.

    `kind` is marginal, mid or reference (docs/glossary.md). `block` is that of the market it was read from; None: it is
    from the prices that the trigger pass notes.
    """

    kind: str
    price: Decimal
    block: int | None = None


class Pause(NamedTuple):
    """A pause that may hold the order."""

    scope: str
    name: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Around:
    """As of `at`. `price_doubt` says why there is no `price` where the order waits for one; empty: it is not asked for.

    `worker_age_s` is how long ago a worker of its chain was seen; None: never.
    """

    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    price: PriceNow | None = None
    price_doubt: str = ""
    pauses: Sequence[Pause] = ()
    worker_age_s: float | None = None
    siblings: Sequence[Order] = ()
    children: Sequence[Order] = ()
