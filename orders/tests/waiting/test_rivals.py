"""A cancel or an expiry at any statement of a pass and of what follows: one of them decides, nothing comes twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from orders.audit.record import Actor
from orders.models import Account, Fill, Order, OrderEvent, SeenPool
from orders.services.cancel import CancelResult, cancel_orders
from orders.states import Stage
from orders.tests.factories import new_account
from orders.tests.rivals import in_thread
from orders.tests.waiting.market import Market, limit, put, statuses, typed
from orders.tests.waiting.pools import pool, sniper

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PERSON = Actor("person", reason="test", is_admin=True)


class Rival:
    """Acts once, on a connection of its own, before the n-th statement that stands in no transaction."""

    def __init__(self, step: int, act: Callable[[], Any]) -> None:
        self.step, self.act, self.count = step, act, 0
        self.result: Any = None

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not connection.in_atomic_block:
            self.count += 1
            if self.count == self.step:
                self.result = in_thread(self.act)
        return execute(sql, params, many, context)


def waiting(account: Account) -> list[Order]:
    """One order of each way to wait, all reached at 120, where a new pool comes, too."""
    above = {"trigger_price": "115", "trigger": "above", "trigger_source": "last"}
    stop_limit = typed("stop_limit", above | {"limit_price": "112"})
    return put(account, limit("110"), typed("stop", above), stop_limit, sniper("999"))


def run_beside(market: Market, step: int, act: Callable[[], Any]) -> Rival:
    """A pass and all that follows from it, with the rival at a step of it."""
    market.set("100")
    market.trigger()
    market.set("120")
    market.chain.pools += (pool(f"new {SeenPool.objects.count()}"),)
    rival = Rival(step, act)
    with connection.execute_wrapper(rival):
        market.trigger()
        market.work(Stage.ROUTE)
    return rival


def whole(orders: list[Order]) -> None:
    """Each trigger has fired at most once, each order has one end at most, and its events have no hole."""
    for order in Order.objects.filter(pk__in=[order.pk for order in orders]):
        events = list(OrderEvent.objects.filter(order=order).order_by("seq"))
        assert [event.seq for event in events] == list(range(1, order.seq + 1))
        assert sum("triggered" in event.data for event in events) <= 1
        assert sum(event.outcome is not None for event in events) <= 1
        assert Fill.objects.filter(order=order).exists() == (order.outcome == "filled")


def test_a_cancel_or_the_trigger_wins(market: Market) -> None:
    step, was_early = 1, True
    seen = set()
    while was_early:
        orders = waiting(new_account())
        ids = [order.id for order in orders]
        rival = run_beside(market, step, lambda ids=ids: cancel_orders(ids, actor=PERSON))  # type: ignore[misc]
        was_early = rival.result is not None
        market.step()

        whole(orders)
        for order, outcome in zip(orders, statuses(orders), strict=True):
            result = rival.result[order.id] if rival.result else None
            seen.add((result, outcome))
            if result is CancelResult.CANCELLED:
                assert outcome == "cancelled", (step, order.order_type)
            else:
                assert outcome in {"filled", "cancelled"}, (step, order.order_type)
        step += 1
    assert {(CancelResult.CANCELLED, "cancelled"), (None, "filled")} <= seen


def test_the_end_of_its_time_or_the_trigger_wins(market: Market) -> None:
    """What has ended is not executed, at any price."""
    step, was_early = 1, True
    while was_early:
        orders = waiting(new_account())
        past = datetime.now(UTC) - timedelta(seconds=1)
        rows = Order.objects.filter(pk__in=[order.pk for order in orders])

        def end(rows: Any = rows, past: datetime = past) -> int:
            ended: int = rows.filter(status="PENDING").update(expires_at=past, due_at=past)
            return ended

        rival = run_beside(market, step, end)
        was_early = rival.result is not None
        market.step()

        whole(orders)
        outcomes = statuses(orders)
        assert set(outcomes) <= {"filled", "expired"}, step
        if step == 1:
            assert outcomes == ["expired"] * 4
        step += 1
    assert step > 5
