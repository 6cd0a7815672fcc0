"""What PATCH and links say of orders that are executed in parts, and of the parts."""

from typing import Any

import pytest

from dex import Engine
from orders.config import Policy
from orders.models import Account, Order
from orders.states import Stage
from orders.tests.http_client import Api
from orders.tests.pipeline.parents.families import children_of, minutes_pass, work

pytestmark = pytest.mark.django_db(transaction=True)

PAIR = {"token_in": "SOL", "token_out": "USDC"}
TWAP = PAIR | {"type": "twap", "amount": "9", "twap": {"slices": 3, "interval_s": 60}}
LADDER = PAIR | {"type": "ladder", "amount": "10", "from": "99990", "to": "99998", "steps": 5}
LIMIT = PAIR | {"type": "limit", "amount": "2", "limit_price": "99999"}


@pytest.fixture
def api(account: Account, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A caller whose requests meet the test's engine."""
    for module in ("orders", "batch", "life.replace"):
        monkeypatch.setattr(f"orders.api.{module}.get_engine", lambda: engine)
    return Api(account)


def placed(api: Api, body: dict[str, Any]) -> Order:
    answer = api.post("orders", body)
    assert answer.status_code == 201, answer.content
    return Order.objects.get(pk=answer.json()["id"])


def patch(api: Api, order: Order, body: dict[str, Any]) -> Any:
    order.refresh_from_db()
    headers = {"If-Match": f'"{order.seq}"'}
    return api.client.patch(f"/api/v1/orders/{order.pk}", body, "application/json", headers=headers)


def test_before_its_first_child_a_parents_amount_is_replaced_and_its_slices_follow(
    api: Api, engine: Engine, policy: Policy
) -> None:
    order = placed(api, TWAP)

    assert patch(api, order, {"amount": "12"}).status_code == 200
    for _ in range(3):
        work(engine, policy)
        minutes_pass(1)

    assert [child.amount for child in children_of(order)] == [4 * 10**9] * 3
    order.refresh_from_db()
    assert (order.outcome, order.amount_in) == ("filled", 12 * 10**9)


def test_after_its_first_child_it_is_not(api: Api, engine: Engine, policy: Policy) -> None:
    order = placed(api, TWAP)
    work(engine, policy, Stage.CHILDREN)

    answer = patch(api, order, {"amount": "12"})

    assert (answer.status_code, answer.json()["code"]) == (409, "order_not_waiting")
    order.refresh_from_db()
    assert order.amount == 9 * 10**9


def test_a_smaller_amount_is_refused_where_its_slices_are_not_worth_a_transaction(api: Api) -> None:
    order = placed(api, TWAP | {"twap": {"slices": 300, "interval_s": 60}, "amount": "900"})

    answer = patch(api, order, {"amount": "0.01"})

    assert (answer.status_code, answer.json()["code"]) == (422, "slice_too_small")
    assert 1 <= answer.json()["facts"]["most_slices"] < 300
    order.refresh_from_db()
    assert (order.amount, order.seq) == (900 * 10**9, 1)
    # Of the version that was read: what else it would be told is of no use.
    late = api.client.patch(
        f"/api/v1/orders/{order.pk}", {"amount": "0.01"}, "application/json", headers={"If-Match": '"7"'}
    )
    assert (late.status_code, late.json()["code"]) == (412, "version_changed")


def test_a_child_is_replaced_with_its_parent_alone(api: Api, engine: Engine, policy: Policy) -> None:
    order = placed(api, LADDER)
    work(engine, policy, Stage.CHILDREN)
    [child, *_] = children_of(order)

    answer = patch(api, child, {"limit_price": "88888"})

    assert (answer.status_code, answer.json()["code"]) == (409, "order_not_waiting")
    assert "part of another" in answer.json()["detail"]


def test_the_steps_of_a_ladder_must_be_worth_a_transaction_too(api: Api) -> None:
    answer = api.post("orders", LADDER | {"amount": "0.001", "steps": 100})

    assert (answer.status_code, answer.json()["code"]) == (422, "slice_too_small")
    assert answer.json()["errors"][0]["pointer"] == "/steps"


@pytest.mark.parametrize("parent", [TWAP, LADDER], ids=["twap", "ladder"])
@pytest.mark.parametrize("link", ["one_cancels_other", "then", "bracket"])
def test_what_is_executed_in_parts_is_not_linked(api: Api, parent: dict[str, Any], link: str) -> None:
    answer = api.post("orders/batch", {"orders": [LIMIT, LIMIT, parent], "link": link})

    assert answer.status_code == 422, answer.content
    assert answer.json()["code"] == "batch_refused"
    [why] = [item["error"] for item in answer.json()["facts"]["results"] if item.get("error")]
    assert (why["code"], why["errors"][0]["pointer"]) == ("invalid", "/link")
    assert not Order.objects.exists()
