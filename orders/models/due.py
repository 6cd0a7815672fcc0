"""Which orders are due in which stage: stated once, for claims, partial indexes and every reader of open orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q

from orders.states import OrderStatus, Stage


@dataclass(frozen=True, slots=True)
class Due:
    """The orders that one stage works on: their statuses, whether a transaction is signed, whether they are parents.

    None: either. `index` is the name of the partial index over them.
    """

    index: str
    statuses: tuple[OrderStatus, ...]
    is_signed: bool | None = None
    is_parent: bool | None = None

    @property
    def q(self) -> Q:
        """The condition for querysets and indexes."""
        more = {} if self.is_signed is None else {"tx_hash__isnull": not self.is_signed}
        if self.is_parent is not None:
            more["is_parent"] = self.is_parent
        if len(self.statuses) == 1:
            return Q(status=self.statuses[0], **more)
        return Q(status__in=self.statuses, **more)

    @property
    def sql(self) -> str:
        """The condition as SQL, in the very form that PostgreSQL matches with the partial index."""
        names = ", ".join(f"'{status.value}'" for status in self.statuses)
        status = f"status = {names}" if len(self.statuses) == 1 else f"status IN ({names})"
        if self.is_signed is not None:
            status += f" AND tx_hash IS {'NOT ' if self.is_signed else ''}NULL"
        if self.is_parent is not None:
            status += f" AND {'' if self.is_parent else 'NOT '}is_parent"
        return status


DUE: Mapping[Stage, Due] = {
    Stage.CHILDREN: Due("order_due_children", (OrderStatus.PENDING,), is_parent=True),
    Stage.ROUTE: Due("order_due_to_route", (OrderStatus.PENDING, OrderStatus.ROUTING), is_parent=False),
    Stage.BUILD: Due("order_due_build", (OrderStatus.BUILDING,), is_signed=False),
    Stage.SUBMIT: Due("order_due_submit", (OrderStatus.BUILDING,), is_signed=True),
    Stage.CONFIRM: Due("order_due_confirm", (OrderStatus.SUBMITTED,)),
}

# Orders that have not ended, as alternatives of which each has a partial index of its own: open orders are few, all
# orders are many.
OPEN: Q = reduce(or_, (due.q for due in DUE.values()))
OPEN_SQL: str = " OR ".join(f"({due.sql})" for due in DUE.values())
