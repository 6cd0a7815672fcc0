"""Which orders are due in which stage: stated once, for claims, partial indexes and every reader of open orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q

from orders.states import OrderStatus, Stage


@dataclass(frozen=True, slots=True)
class Due:
    """The orders that one stage works on: their statuses, and whether a transaction is signed; None: either."""

    statuses: tuple[OrderStatus, ...]
    is_signed: bool | None = None

    @property
    def q(self) -> Q:
        """The condition for querysets and indexes."""
        more = {} if self.is_signed is None else {"tx_hash__isnull": not self.is_signed}
        if len(self.statuses) == 1:
            return Q(status=self.statuses[0], **more)
        return Q(status__in=self.statuses, **more)

    @property
    def sql(self) -> str:
        """The condition as SQL, in the very form that PostgreSQL matches with the partial index."""
        names = ", ".join(f"'{status.value}'" for status in self.statuses)
        status = f"status = {names}" if len(self.statuses) == 1 else f"status IN ({names})"
        if self.is_signed is None:
            return status
        return f"{status} AND tx_hash IS {'NOT ' if self.is_signed else ''}NULL"


DUE: Mapping[Stage, Due] = {
    Stage.ROUTE: Due((OrderStatus.PENDING, OrderStatus.ROUTING)),
    Stage.BUILD: Due((OrderStatus.BUILDING,), is_signed=False),
    Stage.SUBMIT: Due((OrderStatus.BUILDING,), is_signed=True),
    Stage.CONFIRM: Due((OrderStatus.SUBMITTED,)),
}

# Orders that have not ended, as alternatives of which each has a partial index of its own: open orders are few, all
# orders are many.
OPEN: Q = reduce(or_, (due.q for due in DUE.values()))
OPEN_SQL: str = " OR ".join(f"({due.sql})" for due in DUE.values())
