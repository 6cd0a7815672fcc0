"""A worker that dies at any statement between a price that is reached and the route: each trigger fires once."""

from typing import Any

import pytest
from django.db import connection

from orders.models import Account, Order, OrderEvent
from orders.states import Stage
from orders.tests.factories import let_leases_run_out, new_account
from orders.tests.waiting.market import Market, limit, put, statuses, typed
from orders.tests.waiting.pools import pool, sniper

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LAST = {"trigger_source": "last"}


class Killed(BaseException):
    """As the end of a process: nothing is cleaned up."""


class Death:
    """Ends the program before or after its n-th statement."""

    def __init__(self, step: int, is_after: bool) -> None:
        self.step, self.is_after, self.count = step, is_after, 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.count += 1
        if self.count == self.step and not self.is_after:
            raise Killed
        answer = execute(sql, params, many, context)
        if self.count == self.step:
            raise Killed
        return answer


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_killed_at_each_statement_and_run_again_each_fires_once(market: Market, is_after: bool) -> None:
    step, was_killed = 1, True
    while was_killed:
        account = new_account()
        market.set("100")
        orders = put(
            account,
            limit("110"),
            typed("stop", {"trigger_price": "115", "trigger": "above"} | LAST),
            typed("stop_limit", {"trigger_price": "115", "trigger": "above", "limit_price": "112"} | LAST),
            limit("150"),
        )
        orders += put(account, sniper("999"))
        market.trigger()
        market.set("120")
        market.chain.pools += (pool(f"new {step} {is_after}"),)
        was_killed = False
        try:
            with connection.execute_wrapper(Death(step, is_after)):
                market.trigger()
                market.work(Stage.ROUTE)
        except Killed:
            was_killed = True
            connection.close()
        let_leases_run_out()

        market.step()
        market.step()

        assert statuses(orders) == ["filled", "filled", "filled", "PENDING", "filled"], step
        fired = OrderEvent.objects.filter(order__in=orders, data__has_key="triggered")
        assert sorted(fired.values_list("order_id", flat=True)) == sorted(orders[i].pk for i in (1, 2, 4)), step
        assert _edges(account) == [], step
        Order.objects.filter(pk=orders[3].pk).update(status="FAILED", seq=2, outcome="cancelled")
        step += 1
    assert step > 10


def _edges(account: Account) -> list[str]:
    """Events that do not continue the one before them."""
    wrong = []
    for order in Order.objects.filter(account=account):
        numbers = list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("seq", flat=True))
        if numbers != list(range(1, order.seq + 1)):
            wrong.append(f"{order.order_type}: {numbers} of {order.seq}")
    return wrong
