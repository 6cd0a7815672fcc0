"""What becomes of an order of every registered type: accepted, stored, shown, held until it is due, executed."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from dex import Engine
from orders.config import Policy
from orders.models import Account, Order
from orders.models.waiting import LEAST_PRICE, NEVER_DUE
from orders.order_types import ORDER_TYPES, MarketView, OrderType, Wait, waits
from orders.pipeline import route
from orders.pipeline.claim import claim_orders
from orders.pipeline.loop import run_stage
from orders.pipeline.outlook import due_stages
from orders.pipeline.parents import stage as parents
from orders.pipeline.parents.family import Family, read_families
from orders.states import Stage
from orders.tests.factories import api_key
from orders.tests.order_types.requests import body, each_example, each_type
from orders.waiting.trigger_pass import trigger_orders

pytestmark = pytest.mark.django_db(transaction=True)


class Api:
    """A caller with a key."""

    def __init__(self, account: Account) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {api_key(account)}"}, raise_request_exception=False)

    def post(self, fields: Mapping[str, Any]) -> Any:
        return self.client.post("/api/v1/orders", fields, content_type="application/json")

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.content
        return answer.json()


@each_example
def test_an_order_is_held_until_it_is_due_and_executed_then(
    order_type: OrderType[Any],
    example: Mapping[str, Any],
    account: Account,
    engine: Engine,
    policy: Policy,
    drive: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = Api(account)
    answer = api.post(body(order_type, example) | {"client_order_id": "one"})
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    order = Order.objects.get(pk=shown["id"])
    trigger = order_type.trigger(order)
    wait = trigger or order_type.due(order, MarketView(order.created_at))

    assert api.post(body(order_type, example) | {"client_order_id": "one"}).json() == shown
    assert api.get(f"orders/{order.id}") == shown
    for other in ORDER_TYPES:
        listed = api.get(f"orders?type={other}")["results"]
        assert listed == ([shown] if other == order_type.name else [])
    assert shown["waiting_for"] == (wait.waiting_for if wait else "worker")
    if trigger is not None:
        _is_held_until_triggered(order, engine, policy)
        Order.objects.exclude(trigger_kind="limit").update(trigger_kind="last_rises", trigger_at_price=LEAST_PRICE)
        assert trigger_orders(engine, policy, at_least_s=0.0)
    elif isinstance(wait, Wait):
        _is_held(order, wait, engine, policy)
        # Its time has come.
        at = max(wait.until, datetime.now(UTC))
        Order.objects.update(due_at=order.created_at, lease_until=None)
        monkeypatch.setattr(route, "waits", lambda name, order, _: waits(name, order, at))
    if order.is_parent:
        # And that of all its slices.
        later = (wait.until if isinstance(wait, Wait) else order.created_at) + timedelta(days=366)
        monkeypatch.setattr(parents, "read_families", lambda ids: at_a_time(later, ids))
        run_stage(Stage.CHILDREN, engine=engine, policy=policy)
        trigger_orders(engine, policy, at_least_s=0.0)
    drive()

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("CONFIRMED", "filled"), order.failure


def at_a_time(at: datetime, order_ids: Iterable[UUID]) -> dict[UUID, Family]:
    """The parents as the database would read them at another time."""
    return {order_id: family._replace(at=at) for order_id, family in read_families(order_ids).items()}


def _is_held(order: Order, wait: Wait, engine: Engine, policy: Policy) -> None:
    """No worker takes it up before it is due, and one that is made to does nothing with it."""
    assert order.due_at == (min(wait.until, order.expires_at) if order.expires_at else wait.until)
    stage = Stage.CHILDREN if order.is_parent else Stage.ROUTE
    assert claim_orders(stage, 10, 60, chain_id=order.chain_id).orders == []
    assert due_stages(order.chain_id) == {}
    Order.objects.update(due_at=order.created_at)
    run_stage(stage, engine=engine, policy=policy)
    held = Order.objects.get(pk=order.pk)
    assert (held.status, held.route, held.lease_until) == ("PENDING" if order.is_parent else "ROUTING", None, None)
    assert not Order.objects.filter(parent=order).exists()
    assert abs((held.due_at - wait.until).total_seconds()) < 5


def _is_held_until_triggered(order: Order, engine: Engine, policy: Policy) -> None:
    """No worker takes it up before, and one that is made to puts it back; a limit is what routing itself decides on."""
    assert order.due_at == (order.expires_at or NEVER_DUE)
    for stage in (Stage.CHILDREN, Stage.ROUTE):
        assert claim_orders(stage, 10, 60, chain_id=order.chain_id).orders == []
    assert due_stages(order.chain_id) == {}
    if order.trigger_kind == "limit":
        return
    Order.objects.update(due_at=order.created_at)
    run_stage(Stage.ROUTE, engine=engine, policy=policy)
    held = Order.objects.get(pk=order.pk)
    assert (held.status, held.route, held.waiting_for, held.lease_until) == (("PENDING", None, order.waiting_for, None))
    assert (held.trigger_kind, held.trigger_at_price) == (order.trigger_kind, order.trigger_at_price)
    assert abs((held.due_at - order.due_at).total_seconds()) < 5


@each_type
def test_an_order_that_is_held_can_be_cancelled(order_type: OrderType[Any], account: Account) -> None:
    api = Api(account)
    order_id = api.post(body(order_type, order_type.examples[0])).json()["id"]

    answer = api.client.delete(f"/api/v1/orders/{order_id}")

    assert (answer.status_code, answer.json()["outcome"]) == (200, "cancelled")
    assert due_stages("simulated") == {}


def test_a_dry_run_asks_for_the_same(account: Account, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.api.orders.get_engine", lambda: engine)
    for order_type in ORDER_TYPES.values():
        for example in order_type.examples:
            answer = Api(account).client.post(
                "/api/v1/orders?dry_run=true", body(order_type, example), content_type="application/json"
            )
            assert answer.status_code == 200, answer.content
            is_parent = answer.json()["outline"] is not None
            waits = answer.json()["waiting_for"] is not None
            assert answer.json()["status"] == ("PENDING" if is_parent or waits else "BUILDING")
            assert order_type.is_sliced == (answer.json()["slices_total"] is not None)
            assert answer.json()["quoted_amount_out"] is not None
    assert not Order.objects.exists()
