"""Linked orders: exactly one of a rank executes, the next rank follows a fill alone, and each answer is true."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection

from dex import Engine
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, Order, OrderEvent
from orders.models.waiting import NEVER_DUE
from orders.pipeline.claim import claim_orders
from orders.pipeline.life.links import settle_links
from orders.pipeline.maintenance import run_maintenance
from orders.services.cancel import cancel_orders
from orders.states import Stage
from orders.tests.http_client import GOOD, Api

pytestmark = pytest.mark.django_db(transaction=True)

ACTOR = Actor("owner")
FAR = GOOD | {"type": "limit", "limit_price": "99999"}
NEAR = GOOD | {"type": "limit", "limit_price": "0.001"}
CLIENTS = 50
# Each has a connection of its own.
AT_ONCE = 16


def link(api: Api, word: str, *bodies: dict[str, Any]) -> list[str]:
    answer = api.post("orders/batch", {"orders": list(bodies), "link": word})
    assert answer.status_code == 201, answer.content
    return [result["order"]["id"] for result in answer.json()["results"]]


def order(order_id: str) -> Order:
    return Order.objects.get(pk=order_id)


def reach(*order_ids: str) -> None:
    """As the trigger pass does with what a price reaches."""
    Order.objects.filter(pk__in=order_ids).update(due_at=datetime.now(UTC) - timedelta(seconds=1), waiting_for=None)


def settle(order_id: str) -> None:
    link_id = order(order_id).link_id
    assert link_id is not None
    settle_links([link_id])


def states(*order_ids: str) -> list[tuple[str, str | None, str | None]]:
    return [((row := order(one)).status, row.outcome, row.waiting_for) for one in order_ids]


def test_the_first_that_is_due_leaves_pending_and_the_other_waits_for_it(account: Account) -> None:
    api = Api(account)
    one, two = link(api, "one_cancels_other", FAR, FAR | {"limit_price": "88888"})
    shown = api.get(f"orders/{one}").json()
    assert (shown["link"], shown["link_rank"], shown["waiting_for"]) == ("one_cancels_other", 0, "price")
    assert shown["link_id"] == api.get(f"orders/{two}").json()["link_id"]
    reach(one, two)
    assert claim_orders(Stage.ROUTE, 10, 10, chain_id="simulated").orders == []

    settle(one)

    assert states(one, two) == [("ROUTING", None, None), ("PENDING", None, "sibling")]
    event = OrderEvent.objects.get(order_id=two, seq=2)
    assert event.data == {"waiting_for": "sibling", "sibling": one}
    (claimed,) = claim_orders(Stage.ROUTE, 10, 10, chain_id="simulated").orders
    assert str(claimed.id) == one


def test_the_fill_of_one_cancels_the_other(
    account: Account, engine: Engine, policy: Policy, drive: Callable[..., None]
) -> None:
    one, two = link(Api(account), "one_cancels_other", NEAR, FAR)
    reach(one)
    settle(one)
    drive(orders=[one])
    assert (order(one).outcome, order(two).status) == ("filled", "PENDING")  # the other one does not end by a stage

    Order.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1))
    run_maintenance(engine, policy, at_least_s=0.0)

    assert states(two) == [("FAILED", "cancelled", None)]
    assert OrderEvent.objects.filter(order_id=two).latest("seq").data["sibling"] == one
    assert order(one).due_at.year > 2999


def test_where_one_fails_with_nothing_filled_the_other_is_armed_again(account: Account) -> None:
    one, two = link(Api(account), "one_cancels_other", FAR, FAR | {"limit_price": "88888"})
    reach(one)
    settle(one)
    assert order(two).trigger_kind is None

    cancel_orders([order(one).id], actor=ACTOR)

    assert states(one, two) == [("FAILED", "cancelled", None), ("PENDING", None, "price")]
    assert (order(two).trigger_kind, order(two).trigger_at_price) == ("limit", Decimal(88888))
    assert order(two).due_at.year > 2999


def test_an_order_whose_limit_is_not_reached_waits_again_and_so_does_the_other(
    account: Account, engine: Engine, policy: Policy
) -> None:
    one, two = link(Api(account), "one_cancels_other", FAR, FAR)
    reach(one)
    settle(one)
    # As routing leaves an order whose limit is not reached.
    Order.objects.filter(pk=one).update(status="PENDING", seq=3, waiting_for="price", due_at=NEVER_DUE)

    Order.objects.filter(pk=two).update(due_at=datetime.now(UTC) - timedelta(seconds=1))
    run_maintenance(engine, policy, at_least_s=0.0)

    assert states(one, two) == [("PENDING", None, "price"), ("PENDING", None, "price")]


def test_an_order_is_placed_when_the_one_before_it_fills(account: Account, drive: Callable[..., None]) -> None:
    api = Api(account)
    entry, take, stop = link(api, "bracket", GOOD, FAR, FAR | {"limit_price": "88888"})
    shown = [api.get(f"orders/{one}").json() for one in (entry, take, stop)]
    assert [(one["link"], one["link_rank"], one["waiting_for"]) for one in shown] == [
        ("then", 0, None),  # a market order is due at once
        ("then", 1, "sibling"),
        ("then", 1, "sibling"),
    ]
    drive(orders=[entry])
    assert order(entry).outcome == "filled"
    settle(entry)

    assert states(take, stop) == [("PENDING", None, "price"), ("PENDING", None, "price")]
    reach(stop)
    settle(stop)
    assert states(take, stop) == [("PENDING", None, "sibling"), ("ROUTING", None, None)]


def test_what_follows_ends_with_an_order_that_ends_without_a_fill(account: Account) -> None:
    first, second, third = link(Api(account), "then", FAR, FAR, GOOD)

    cancel_orders([order(first).id], actor=ACTOR)

    assert states(first, second, third) == [("FAILED", "cancelled", None)] * 3


def test_a_cancel_of_what_follows_leaves_the_one_before(account: Account) -> None:
    first, second = link(Api(account), "then", FAR, FAR)

    cancel_orders([order(second).id], actor=ACTOR)

    assert states(first, second) == [("PENDING", None, "price"), ("FAILED", "cancelled", None)]


def test_a_linked_order_expires_where_it_waits(account: Account, engine: Engine, policy: Policy) -> None:
    one, two = link(Api(account), "one_cancels_other", FAR | {"expires_at": "2999-01-01T00:00:00Z"}, FAR)
    past = datetime.now(UTC) - timedelta(seconds=1)
    Order.objects.filter(pk=one).update(expires_at=past, due_at=past)

    run_maintenance(engine, policy, at_least_s=0.0)

    assert states(one, two) == [("FAILED", "expired", None), ("PENDING", None, "price")]


def test_what_is_stored_is_answered_though_its_group_cannot_be_settled_now(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: Any) -> None:
        raise OperationalError("the server is gone")

    monkeypatch.setattr("orders.pipeline.life.links._settle", lost)
    first, second = link(Api(account), "then", FAR, FAR)
    answer = Api(account).delete(f"orders/{first}")
    monkeypatch.undo()

    assert answer.status_code == 200
    assert states(second) == [("PENDING", None, "sibling")]
    run_maintenance(engine, policy, at_least_s=0.0)
    assert states(second) == [("FAILED", "cancelled", None)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"orders": [FAR], "link": "one_cancels_other"}, "fields_conflict"),
        ({"orders": [FAR, FAR], "link": "bracket"}, "fields_conflict"),
        ({"orders": [FAR, FAR], "link": "both"}, "invalid"),
        ({"orders": [FAR, FAR], "link": None}, "invalid"),
        ({"orders": [FAR, FAR], "link": "then", "atomic": False}, "fields_conflict"),
        ({"orders": [FAR, FAR | {"amount": "0"}], "link": "then"}, "batch_refused"),
    ],
)
def test_a_link_that_makes_no_sense_stores_nothing(account: Account, body: dict[str, Any], code: str) -> None:
    assert Api(account).post("orders/batch", body).json()["code"] == code
    assert not Order.objects.exists()


def test_a_repeat_of_the_request_has_its_answer_and_one_of_a_part_is_refused(account: Account) -> None:
    api = Api(account)
    bodies = [FAR | {"client_order_id": name} for name in ("a", "b")]
    body = {"orders": bodies, "link": "then"}
    first = api.post("orders/batch", body)

    assert api.post("orders/batch", body).json() == first.json()
    for other in (
        {"orders": bodies[::-1], "link": "then"},
        {"orders": bodies, "link": "one_cancels_other"},
        {"orders": [bodies[0], FAR], "link": "then"},
    ):
        answer = api.post("orders/batch", other)
        assert answer.json()["code"] == "batch_refused"
        codes = {item.get("error", {}).get("code") for item in answer.json()["facts"]["results"]}
        assert "client_order_id_reused" in codes
    assert Order.objects.count() == 2


def test_the_database_lets_one_of_a_rank_leave_pending_whoever_writes(account: Account) -> None:
    one, two = link(Api(account), "one_cancels_other", FAR, FAR)
    Order.objects.filter(pk=one).update(status="ROUTING", seq=2)

    with pytest.raises(IntegrityError):
        Order.objects.filter(pk=two).update(status="ROUTING", seq=2)


class Race:
    """Clients that act at once on a pair of linked orders, and what each was answered."""

    def __init__(self, api: Api, engine: Engine, policy: Policy) -> None:
        self.api, self.engine, self.policy = api, engine, policy
        self.pair = link(api, "one_cancels_other", FAR | {"expires_at": "2999-01-01T00:00:00Z"}, FAR)
        self.answers: list[tuple[str, str, int, Any]] = []

    def run(self, rng: random.Random) -> None:
        acts = [
            (rng.choice((self.cancel, self.replace, self.expire, self.trigger, self.look)), rng.choice(self.pair))
            for _ in range(CLIENTS)
        ]

        def act(index: int) -> None:
            try:
                acts[index][0](acts[index][1], index)
            finally:
                connection.close()

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(act, range(CLIENTS)))

    def cancel(self, target: str, index: int) -> None:
        answer = Api(self.api.account, text=self.api.text).delete(f"orders/{target}")
        self.answers.append(("cancel", target, answer.status_code, answer.json()))

    def replace(self, target: str, index: int) -> None:
        caller = Api(self.api.account, text=self.api.text)
        read = caller.get(f"orders/{target}")
        assert read.status_code == 200, read.content
        answer = caller.client.patch(
            f"/api/v1/orders/{target}",
            {"amount": f"2.{index + 10}1"},
            "application/json",
            headers={"If-Match": read.headers["ETag"]},
        )
        self.answers.append(("replace", target, answer.status_code, answer.json()))

    def expire(self, target: str, index: int) -> None:
        if index % 10 == 0:
            Order.objects.filter(pk=target, status="PENDING").update(expires_at=datetime.now(UTC))

    def trigger(self, target: str, index: int) -> None:
        waiting = Order.objects.filter(pk=target, status="PENDING", waiting_for="price")
        waiting.update(due_at=datetime.now(UTC), waiting_for=None)
        settle(target)

    def look(self, target: str, index: int) -> None:
        run_maintenance(self.engine, self.policy, at_least_s=0.0)

    def told(self, act: str, row: Order, status: int) -> list[Any]:
        return [
            answer for one, target, code, answer in self.answers if (one, target, code) == (act, str(row.pk), status)
        ]


def assert_answers_are_true(race: Race, row: Order) -> None:
    """Each replacement that was answered is one event after the one before; each cancel, the end."""
    events = list(OrderEvent.objects.filter(order_id=row.pk).order_by("seq"))
    assert [event.seq for event in events] == list(range(1, row.seq + 1))
    assert sum(event.outcome is not None for event in events) == (row.outcome is not None)
    replaced = [event.data["replaced"]["amount"] for event in events if "replaced" in event.data]
    assert sorted(pair[1] for pair in replaced) == sorted(one["amount"] for one in race.told("replace", row, 200))
    assert [pair[0] for pair in replaced[1:]] == [pair[1] for pair in replaced[:-1]]
    if replaced:
        assert row.amount == Decimal(replaced[-1][1]) * 10**9
    cancelled = race.told("cancel", row, 200)
    assert len(cancelled) <= 1
    assert not cancelled or row.outcome == "cancelled"
    assert len(cancelled) + len(race.told("cancel", row, 409)) == sum(
        (act, target) == ("cancel", str(row.pk)) for act, target, *_ in race.answers
    )


def test_of_fifty_clients_that_race_one_wins_and_each_answer_is_true(
    account: Account, engine: Engine, policy: Policy
) -> None:
    """Cancels, replaced terms, expiry, triggers and siblings, at once, on one pair of orders."""
    rng = random.Random(18)
    for _ in range(4):
        race = Race(Api(account), engine, policy)
        race.run(rng)
        for _ in range(3):
            settle(race.pair[0])

        rows = [order(one) for one in race.pair]
        assert sum(row.status == "ROUTING" for row in rows) <= 1
        for row in rows:
            assert_answers_are_true(race, row)
        assert all(status < 500 for _, _, status, _ in race.answers), race.answers
        cancel_orders([row.id for row in rows], actor=ACTOR)
