"""What a list of orders is narrowed to, and the parts in which the rows lie. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from orders.states import LIVE, OrderStatus

FILLED_OUTCOME = "filled"
# Of a parent that is CONFIRMED and not filled whole: its row lies with those that failed.
PARTIAL_OUTCOME = "partially_filled"


class Part(Enum):
    """Each order is in one of these, and moves once: from the first to another. They are told by the outcome."""

    OPEN = "open"
    FILLED = "filled"
    FAILED = "failed"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Each of them empty for everything; `tag` is a name, and a value or None for any."""

    statuses: frozenset[str] = frozenset()
    outcome: str | None = None
    order_type: str | None = None
    pair: tuple[str, str] | None = None
    tag: tuple[str, str | None] | None = None
    client_order_id: str | None = None
    parent: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def parts(self) -> Iterator[Part]:
        """Where there can be orders that fit: an open one has no outcome, one that has ended has the status of it."""
        if self.outcome is None and (not self.statuses or self.statuses & set(LIVE)):
            yield Part.OPEN
        for part, status, fits in (
            (Part.FILLED, OrderStatus.CONFIRMED, self.outcome in {None, FILLED_OUTCOME}),
            (Part.FAILED, OrderStatus.FAILED, self.outcome not in {FILLED_OUTCOME, PARTIAL_OUTCOME}),
            (Part.PARTIAL, OrderStatus.CONFIRMED, self.outcome in {None, PARTIAL_OUTCOME}),
        ):
            if fits and (not self.statuses or status in self.statuses):
                yield part

    @property
    def has_all_ended(self) -> bool:
        """Whether orders of any outcome fit that has ended: those of two parts then lie in one index, in order."""
        ended = {OrderStatus.CONFIRMED, OrderStatus.FAILED}
        return self.outcome is None and (not self.statuses or ended <= self.statuses)

    @property
    def live_statuses(self) -> list[str]:
        """Those of open orders; empty for all of them."""
        named = self.statuses & set(LIVE)
        return [] if len(named) == len(LIVE) else sorted(named)
