"""POST /orders/cancel: what a filter finds and nothing else, an answer for each, and never all orders by omission."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.api.life import cancel
from orders.cli.cancelling import cancel_many, filter_of, is_many
from orders.models import Account, AuditEntry, Order, OrderEvent
from orders.order_list.pages import cancellable_ids
from orders.order_list.wanted import Wanted
from orders.services.cancel import Actor, cancel_orders
from orders.tests.factories import in_flight, new_account, place, terms
from orders.tests.http_client import Api

pytestmark = pytest.mark.django_db(transaction=True)

ACTOR = Actor("owner")


def results(answer: Any) -> dict[str, str]:
    assert answer.status_code == 200, answer.content
    return {one["id"]: one["result"] for one in answer.json()["results"]}


def test_each_filter_finds_what_it_names(account: Account) -> None:
    sol, other, tagged = place(
        account,
        terms(client_order_id="one"),
        terms(token_in="ETH", decimals_in=18, amount=10**18),
        terms(tags={"book": "eu"}),
    )
    stranger = place(new_account())[0]
    api = Api(account)

    assert results(api.post("orders/cancel", {"pair": "ETH/USDC"})) == {str(other.id): "cancelled"}
    assert results(api.post("orders/cancel", {"tag": "book:us"})) == {}
    assert results(api.post("orders/cancel", {"tag": "book:eu", "type": "market"})) == {str(tagged.id): "cancelled"}
    assert results(api.post("orders/cancel", {"client_order_id": "one", "status": "ROUTING"})) == {}
    before, after = sol.created_at - timedelta(seconds=1), sol.created_at + timedelta(seconds=1)
    assert results(api.post("orders/cancel", {"created_before": before.isoformat()})) == {}
    assert results(api.post("orders/cancel", {"created_after": after.isoformat()})) == {}
    span = {"created_after": before.isoformat(), "created_before": after.isoformat(), "status": ["PENDING"]}
    assert results(api.post("orders/cancel", span)) == {str(sol.id): "cancelled"}
    assert list(Order.objects.exclude(status="FAILED").values_list("id", flat=True)) == [stranger.id]


def test_each_order_has_its_answer_and_a_stored_cancel_is_not_asked_for_again(account: Account) -> None:
    waiting, late, ended = place(account, *(terms() for _ in range(3)))
    in_flight(late)
    cancel_orders([ended.id], actor=ACTOR)
    api = Api(account)

    answer = api.post("orders/cancel", {"all": True, "reason": "end of day"})

    assert results(answer) == {str(waiting.id): "cancelled", str(late.id): "too_late"}
    assert answer.json()["has_more"] is False
    (shown,) = [one for one in answer.json()["results"] if one["id"] == str(waiting.id)]
    waiting.refresh_from_db()
    assert (shown["status"], shown["outcome"], shown["version"]) == ("FAILED", "cancelled", waiting.seq)
    assert waiting.failure is not None
    assert "end of day" in waiting.failure["detail"]
    entries = AuditEntry.objects.filter(action="order.cancel", reason="end of day")
    assert {entry.subject for entry in entries} == {f"order:{waiting.id}", f"order:{late.id}"}
    assert results(api.post("orders/cancel", {"all": True})) == {}


def test_more_than_fit_into_one_call_are_said_to_be_left_and_the_oldest_go_first(account: Account) -> None:
    orders = place(account, *(terms() for _ in range(5)))
    api = Api(account)

    first = api.post("orders/cancel", {"all": True, "limit": 3})
    second = api.post("orders/cancel", {"all": True, "limit": 2})

    assert list(results(first)) == [str(order.id) for order in orders[:3]]
    assert first.json()["has_more"] is True
    assert list(results(second)) == [str(order.id) for order in orders[3:]]
    assert second.json()["has_more"] is False


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, (422, "fields_conflict")),
        ({"reason": "no filter"}, (422, "fields_conflict")),
        ({"all": False}, (422, "fields_conflict")),
        ({"all": True, "pair": "SOL/USDC"}, (422, "fields_conflict")),
        ({"status": "CONFIRMED"}, (400, "invalid")),
        ({"status": []}, (400, "invalid")),
        ({"outcome": "filled"}, (400, "unknown_field")),
        ({"pair": None}, (400, "invalid")),
        ({"limit": 1001, "all": True}, (400, "invalid")),
        ({"all": True, "reason": " "}, (400, "invalid")),
    ],
)
def test_a_filter_that_says_nothing_or_something_senseless_cancels_nothing(
    account: Account, body: dict[str, Any], refusal: tuple[int, str]
) -> None:
    place(account)

    answer = Api(account).post("orders/cancel", body)

    assert (answer.status_code, answer.json()["code"]) == refusal, answer.content
    assert Order.objects.get().status == "PENDING"


def test_an_unknown_pair_or_type_is_refused(account: Account) -> None:
    api = Api(account)

    assert api.post("orders/cancel", {"pair": "SOL/NONE"}).json()["code"] == "unknown_token"
    assert api.post("orders/cancel", {"type": "none"}).json()["code"] == "unknown_order_type"


def test_a_repeat_with_its_key_cancels_nothing_more_and_has_the_first_answer(account: Account) -> None:
    place(account)
    api = Api(account)
    first = api.post("orders/cancel", {"all": True}, **{"Idempotency-Key": "a"})
    (later,) = place(account)

    again = api.post("orders/cancel", {"all": True}, **{"Idempotency-Key": "a"})

    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    later.refresh_from_db()
    assert later.status == "PENDING"


def test_what_fails_on_the_way_cancels_nothing_and_tells_nobody(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(account)
    told: list[Any] = []
    monkeypatch.setattr("orders.services.cancel.push_events", told.append)
    monkeypatch.setattr(cancel, "_many", lambda *_: 1 / 0)

    assert Api(account).post("orders/cancel", {"all": True}).status_code == 500

    assert told == []
    assert OrderEvent.objects.count() == 1
    monkeypatch.undo()


def test_it_takes_a_key_that_may_cancel(account: Account) -> None:
    assert Api(account, scopes=["read", "trade"]).post("orders/cancel", {"all": True}).json()["code"] == "scope"
    assert Api(account, scopes=["cancel"]).post("orders/cancel", {"all": True}).status_code == 200


def test_the_filter_is_read_by_an_index(account: Account) -> None:
    """The rows that have ended, which are most, are not read."""
    place(account)
    with CaptureQueriesContext(connection) as queries:
        cancellable_ids(account.pk, Wanted(pair=("SOL", "USDC")), 10)
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(f"EXPLAIN {queries.captured_queries[0]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET enable_seqscan")

    assert "order_by_" not in plan
    assert "Index" in plan
    assert "Seq Scan" not in plan


class FakeClient:
    """A server that has more for two calls."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []

    def call(self, method: str, path: str, body: Any) -> dict[str, Any]:
        self.bodies.append(body)
        return {"results": [{"id": "x", "result": "cancelled"}], "has_more": len(self.bodies) < 3}


def test_the_command_line_goes_on_until_none_is_left() -> None:
    client = FakeClient()
    stated = [filter_of("status=PENDING"), filter_of("status=ROUTING"), filter_of("pair=SOL/USDC")]
    options = {"filter": stated, "all": False, "reason": "why", "json": False, "order_id": None}

    assert is_many(options)
    assert list(cancel_many(client, options)) == ["3 cancelled"]  # type: ignore[arg-type]
    assert client.bodies[0] == {"status": ["PENDING", "ROUTING"], "pair": "SOL/USDC", "reason": "why"}
    with pytest.raises(CommandError):
        is_many({"order_id": None, "filter": [], "all": False})
    with pytest.raises(CommandError):
        is_many({"order_id": "x", "filter": [], "all": True})
