"""Parents for tests, and the time that passes for them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from dex import Engine, RetryableError
from orders.config import Policy
from orders.models import Account, Order
from orders.order_types import ORDER_TYPES
from orders.pipeline.loop import run_stage
from orders.reconciliation.orders import audit_orders
from orders.risk.account_limits import miscounted
from orders.services.place import place_orders
from orders.states import Stage
from orders.terms import NewOrder
from orders.tests.factories import terms

Advance = Callable[..., None]
MINUTE_S = 60


def twap(slices: int = 4, *, limit_price: str | None = None, **changes: Any) -> NewOrder:
    """Terms of a twap with a slice each minute; names of the schedule and of `terms` are changes."""
    schedule: dict[str, Any] = {"slices": slices, "interval_s": MINUTE_S, "catch_up": "skip", "jitter_percent": 0}
    for name in ("start_at", "jitter_percent", "catch_up"):
        if name in changes:
            schedule[name] = changes.pop(name)
    own = {"twap": schedule} | ({} if limit_price is None else {"limit_price": limit_price})
    in_force = "gtd" if changes.get("expires_at") else "gtc"
    new = terms(order_type="twap", time_in_force=in_force, type_terms=own, **changes)
    assert ORDER_TYPES["twap"].check(new) is None
    return new


def place_parent(account: Account, new: NewOrder | None = None) -> Order:
    """A parent as POST stores it."""
    [placed] = place_orders(account, [new or twap()])
    return placed.order  # type: ignore[union-attr]


def minutes_pass(minutes: float) -> None:
    """For all orders, as far as parents and leases go: what is to come comes sooner by that time."""
    by = timedelta(minutes=minutes)
    Order.objects.filter(outcome=None, is_parent=True).update(created_at=F("created_at") - by, due_at=F("due_at") - by)
    Order.objects.filter(outcome=None, is_parent=True, expires_at__isnull=False).update(expires_at=F("expires_at") - by)
    Order.objects.filter(outcome=None, parent__isnull=False, expires_at__isnull=False).update(
        expires_at=F("expires_at") - by
    )
    Order.objects.filter(lease_until__isnull=False).update(lease_until=Now() - timedelta(seconds=1))


def work(engine: Engine, policy: Policy, *stages: Stage) -> None:
    """What is due now, as a worker does; none named: all stages, until they find nothing more."""
    for stage in stages or tuple(Stage) * 4:
        try:
            run_stage(stage, engine=engine, policy=policy)
        except RetryableError:
            Order.objects.filter(outcome=None, is_parent=False).update(due_at=Now())


def children_of(parent: Order) -> list[Order]:
    """Oldest first."""
    return list(Order.objects.filter(parent=parent).order_by("id"))


def check_books() -> None:
    """What every reader of the rows relies on, while all orders are in the tables."""
    assert list(audit_orders()) == []
    assert miscounted() == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.id FROM orders_order p WHERE p.is_parent AND (SELECT sum(c.amount) FROM orders_order c"
            " WHERE c.parent_id = p.id AND (c.outcome IS NULL OR c.status = 'CONFIRMED')) > p.amount"
        )
        assert cursor.fetchall() == []
