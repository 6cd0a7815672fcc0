"""PATCH /orders/{id}: terms of what waits, against the version that was read, judged and counted as a new order's."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management.base import CommandError

from orders.audit.record import Actor
from orders.cli.replacing import replace_terms
from orders.models import Account, AuditEntry, Order, OrderEvent, Token
from orders.risk.account_limits import set_limits
from orders.services.cancel import cancel_orders
from orders.services.replace import TYPE_FIELDS
from orders.tests.factories import new_account, place, terms
from orders.tests.http_client import Api

pytestmark = pytest.mark.django_db(transaction=True)

ACTOR = Actor("boss", reason="test")
LIMIT = {"token_in": "SOL", "token_out": "USDC", "amount": "2.5", "type": "limit", "limit_price": "999"}
SOON = "2999-01-01T00:00:00.000Z"


class Waiting(Api):
    """A caller with an order that waits."""

    def __init__(self, account: Account, **fields: Any) -> None:
        super().__init__(account)
        answer = self.post("orders", LIMIT | fields)
        assert answer.status_code == 201, answer.content
        assert answer.headers["ETag"] == '"1"'
        self.order_id = answer.json()["id"]

    def patch(self, body: Any, version: Any = 1) -> Any:
        headers = {} if version is None else {"If-Match": str(version) if isinstance(version, str) else f'"{version}"'}
        return self.client.patch(f"/api/v1/orders/{self.order_id}", body, "application/json", headers=headers)

    @property
    def order(self) -> Order:
        return Order.objects.get(pk=self.order_id)


@pytest.fixture
def api(account: Account) -> Waiting:
    return Waiting(account)


def test_the_new_terms_hold_and_the_event_says_what_they_were(api: Waiting) -> None:
    answer = api.patch({"limit_price": "888", "amount": "3", "guards": {"max_slippage_bps": "10"}})

    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert (answer.headers["ETag"], shown["version"], shown["status"]) == ('"2"', 2, "PENDING")
    assert (shown["limit_price"], shown["amount"], shown["amount_raw"]) == ("888", "3", "3000000000")
    assert shown["guards"]["max_slippage_bps"] == "10"
    assert shown["guards"]["max_price_impact_bps"] == "1000"
    assert shown["waiting_for"] == "price"
    assert api.order.trigger_at_price == 888
    assert api.get(f"orders/{api.order_id}").headers["ETag"] == '"2"'
    replaced = OrderEvent.objects.get(order_id=api.order_id, seq=2).data["replaced"]
    assert replaced["limit_price"] == ["999", "888"]
    assert replaced["amount"] == ["2.5", "3"]
    assert replaced["guards"][1] == shown["guards"]
    entry = AuditEntry.objects.get(action="order.replace")
    assert entry.after is not None
    assert entry.after["limit_price"] == "888"


def test_a_time_limit_comes_and_goes_with_its_time_in_force(api: Waiting) -> None:
    given = api.patch({"expires_at": SOON}).json()
    assert (given["time_in_force"], given["expires_at"]) == ("gtd", SOON)
    assert api.order.due_at.year == 2999
    taken = api.patch({"expires_at": None}, 2).json()
    assert (taken["time_in_force"], taken["expires_at"]) == ("gtc", None)
    assert api.order.due_at.year > 2999


def test_what_changes_nothing_writes_nothing(api: Waiting) -> None:
    answer = api.patch({"limit_price": "999", "amount": "2.5"})

    assert (answer.status_code, answer.json()["version"]) == (200, 1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "fields_conflict"),
        ({"token_in": "ETH"}, "unknown_field"),
        ({"amount": 3}, "amount_must_be_string"),
        ({"amount": "0.0000000001"}, "amount_too_fine"),
        ({"limit_price": "0"}, "amount_not_positive"),
        ({"limit_price": "0." + 60 * "0" + "1"}, "invalid"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "already_expired"),
        ({"guards": {"max_amount_in": "1"}}, "guard_side"),
        ({"guards": {"max_slippage": "1"}}, "unknown_field"),
        ([], "invalid"),
    ],
)
def test_terms_that_a_new_order_could_not_have_are_refused(api: Waiting, body: Any, code: str) -> None:
    answer = api.patch(body)

    assert answer.json()["code"] == code, answer.content
    assert api.order.seq == 1


def test_the_version_is_asked_for_and_held_against_the_order(api: Waiting) -> None:
    assert (answer := api.patch({"amount": "3"}, None)).status_code == 428
    assert answer.json()["code"] == "precondition_required"
    for malformed in ("*", "1", 'W/"1"', '"1", "2"', '"x"'):
        assert api.patch({"amount": "3"}, malformed).json()["code"] == "invalid"
    assert api.patch({"amount": "3"}).status_code == 200
    late = api.patch({"amount": "4"})
    assert (late.status_code, late.json()["code"], late.json()["facts"]["version"]) == (412, "version_changed", 2)
    assert api.order.amount == 3 * 10**9


def test_what_does_not_wait_is_left_as_it_is(api: Waiting, account: Account) -> None:
    (market,) = place(account, terms())
    path = f"/api/v1/orders/{market.id}"
    answer = api.client.patch(path, {"amount": "3"}, "application/json", headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["code"]) == (409, "order_not_waiting")
    Order.objects.filter(pk=api.order_id).update(status="ROUTING", seq=2)
    assert api.patch({"amount": "3"}, 2).json()["code"] == "order_not_waiting"
    cancel_orders([api.order.id], actor=ACTOR)
    ended = api.patch({"amount": "3"}, 3)
    assert (ended.status_code, ended.json()["code"]) == (409, "order_terminal")


def test_another_account_does_not_find_it_and_a_key_that_cancels_may_not(api: Waiting, account: Account) -> None:

    path = f"/api/v1/orders/{api.order_id}"
    for caller, code in ((Api(new_account()), "not_found"), (Api(account, scopes=["cancel"]), "scope")):
        answer = caller.client.patch(path, {"amount": "3"}, "application/json", headers={"If-Match": '"1"'})
        assert answer.json()["code"] == code


def test_the_first_request_again_has_the_first_answer(account: Account) -> None:
    api = Waiting(account, client_order_id="one")
    first = api.get(f"orders/{api.order_id}").json()
    api.patch({"amount": "3", "limit_price": "888", "expires_at": SOON})
    api.patch({"amount": "4", "guards": {"max_slippage_bps": "1"}}, 2)

    again = api.post("orders", LIMIT | {"client_order_id": "one"})

    assert (again.status_code, again.json()) == (201, first)


def test_what_is_open_follows_the_amount_within_the_limit(account: Account) -> None:
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    Token.objects.filter(symbol="USDC").update(value=10**12)
    set_limits(account, max_open_value=1000 * 10**6, actor=ACTOR)
    api = Waiting(account)

    def is_open() -> tuple[int, int]:
        account.refresh_from_db()
        held = api.order.held_value
        assert held is not None
        return int(account.open_value), held

    assert is_open() == (250 * 10**6, 250 * 10**6)
    assert api.patch({"amount": "10"}).status_code == 200
    assert is_open() == (1000 * 10**6, 1000 * 10**6)
    refused = api.patch({"amount": "10.1"}, 2)
    assert (refused.json()["code"], refused.json()["facts"]["limit"]) == ("limit_exceeded", "open_value")
    assert is_open() == (1000 * 10**6, 1000 * 10**6)
    set_limits(account, max_open_value=100 * 10**6, actor=ACTOR)
    assert api.patch({"amount": "9"}, 2).status_code == 200
    cancel_orders([api.order.id], actor=ACTOR)
    account.refresh_from_db()
    assert (int(account.open_value), account.open_orders) == (0, 0)


def test_what_an_order_grows_by_counts_to_the_day_of_the_key_that_does_it(account: Account) -> None:
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    api = Waiting(account)
    limited = Api(account, max_day_value=500 * 10**6)
    path = f"/api/v1/orders/{api.order_id}"

    def patch(amount: str, version: int) -> Any:
        headers = {"If-Match": f'"{version}"'}
        return limited.client.patch(path, {"amount": amount}, "application/json", headers=headers)

    assert patch("5.5", 1).status_code == 200  # 300 of 500
    assert patch("1", 2).status_code == 200  # nothing is given back
    assert patch("3.1", 3).json()["facts"]["limit"] == "day_value"
    assert patch("3", 3).status_code == 200


def test_an_order_that_was_replaced_is_executed_by_its_new_terms(api: Waiting, drive: Callable[..., None]) -> None:
    assert api.patch({"limit_price": "1", "amount": "1"}).status_code == 200
    Order.objects.update(due_at=api.order.created_at)

    drive()

    assert (api.order.outcome, api.order.amount_in) == ("filled", 10**9)


class FakeClient:
    """A server with one order."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def call(self, method: str, path: str) -> dict[str, Any]:
        self.asked.append((method, path))
        return {"version": 7}

    def patch(self, path: str, body: Any, version: int) -> dict[str, Any]:
        self.asked.append((path, body, version))
        return {}


def test_the_command_line_reads_the_version_unless_it_is_stated() -> None:
    order_id = "01a22ce1-14ef-7691-bf0d-07fa78b09870"
    guards = ("slippage_bps", "min_amount_out", "max_amount_in")
    stated = dict.fromkeys((*TYPE_FIELDS, "version", "amount", "expires_at", *guards))
    options: dict[str, Any] = {**stated, "order_id": order_id, "amount": "3", "expires_at": "none"}
    client: Any = FakeClient()

    replace_terms(client, options)
    replace_terms(client, options | {"version": 5, "expires_at": None, "min_amount_out": "9"})

    assert client.asked == [
        ("GET", f"orders/{order_id}"),
        (f"orders/{order_id}", {"amount": "3", "expires_at": None}, 7),
        (f"orders/{order_id}", {"amount": "3", "guards": {"min_amount_out": "9"}}, 5),
    ]
    with pytest.raises(CommandError):
        replace_terms(client, {**stated, "order_id": order_id})
