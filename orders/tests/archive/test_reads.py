"""What callers are told of archived orders, and of cursors before archived events."""

import json
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import Client

from orders.archive import move
from orders.archive.months import lowest_id
from orders.archive.move import empty, unfinished_files
from orders.archive.records import read_records
from orders.archive.run import archive
from orders.event_log import log
from orders.event_log.archived import EventsArchived
from orders.event_log.cursor import BEGINNING, Position
from orders.event_log.log import read_page
from orders.models import Account, Order
from orders.problems import Problem, ProblemError
from orders.services.idempotency import Answer, Idempotency, answer_once
from orders.services.joined import Asker, place_joined
from orders.services.place import place_orders
from orders.tests.archive.past import ACTOR, BEFORE, LATER, age, assert_nothing_lost, filed, live, load_past, run
from orders.tests.factories import api_key, new_account, place, terms
from orders.tests.history import History
from orders.tests.rivals import beside, wait_for_lock

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = {"token_in": "SOL", "token_out": "USDC", "amount": "1"}


@pytest.fixture
def history(tokens: None, tmp_path: Path) -> History:
    """Orders of which all but the last are archived."""
    history = load_past(10, days=9)
    with connection.cursor() as cursor:
        # It ended too late for the run.
        cursor.execute("UPDATE orders_order SET updated_at = now() WHERE id = %s", [history.order_id(9)])
    assert run(tmp_path, LATER) == 9
    return history


def caller(account: Account) -> Client:
    return Client(headers={"Authorization": f"Bearer {api_key(account)}"})


# --- Orders ---------------------------------------------------------------------------------------------------------


def test_an_archived_order_is_410_with_its_month_for_its_owner_alone(history: History) -> None:
    owner, stranger = caller(history.account), caller(new_account())
    order_id = history.order_id(3)
    address = f"/api/v1/orders/{order_id}"
    asked: list[tuple[Callable[..., Any], str]] = [
        (owner.get, address),
        (owner.delete, address),
        (owner.get, f"{address}/events"),
        (owner.get, "/api/v1/orders/by-client-id/own-3"),
    ]

    for ask, where in asked:
        answer = ask(where)
        assert (answer.status_code, answer.json()["code"]) == (410, "archived"), where
        assert answer.json()["facts"] == {"order_id": str(order_id), "month": "2024-06"}
        assert answer.json()["try"] == "Ask the operator for it: manage.py archive show"
        assert getattr(stranger, ask.__name__)(where).status_code == 404
    assert owner.get(f"/api/v1/orders/{lowest_id(BEFORE)}").status_code == 404
    assert [order["id"] for order in owner.get("/api/v1/orders").json()["results"]] == [str(history.order_id(9))]


def test_a_repeat_of_an_archived_order_is_told_so_and_stores_nothing(history: History) -> None:
    owner, before = caller(history.account), Order.objects.count()

    alone = owner.post("/api/v1/orders", ORDER | {"client_order_id": "own-3"}, "application/json")
    unfit = owner.post("/api/v1/orders", ORDER | {"client_order_id": "own-3", "token_out": "NOPE"}, "application/json")
    batch = owner.post(
        "/api/v1/orders/batch",
        {"orders": [ORDER | {"client_order_id": name} for name in ("own-3", "new", "own-6")]},
        "application/json",
    )

    assert (alone.status_code, alone.json()["code"]) == (410, "archived")
    assert (unfit.status_code, unfit.json()["code"]) == (410, "archived")
    assert alone.json()["facts"] == {"order_id": str(history.order_id(3)), "month": "2024-06"}
    told = [item.get("error", {}).get("code") for item in batch.json()["results"]]
    assert told == ["archived", None, "archived"]
    assert Order.objects.count() == before + 1
    # Of another account the same words mean nothing.
    assert caller(new_account()).post(
        "/api/v1/orders", ORDER | {"client_order_id": "own-3"}, "application/json"
    ).status_code == 201  # fmt: skip


def test_both_ways_to_place_tell_it_and_under_limits_too(history: History) -> None:
    items = [terms(client_order_id=name) for name in ("own-3", "new", "own-6")]

    joined = place_joined(Asker(history.account, None), items)
    Account.objects.filter(pk=history.account.pk).update(is_counted=True, max_open_orders=1, open_orders=0)
    limited = place_orders(history.account, [terms(client_order_id=name) for name in ("own-3", "newer", "own-6")])
    refused = place_orders(history.account, [terms(client_order_id="own-3")])

    def codes(answers: Any) -> list[str | None]:
        return [answer.code if isinstance(answer, Problem) else None for answer in answers]

    assert codes(joined) == ["archived", None, "archived"]
    # The one place under the limit is for the order that is new.
    assert codes(limited) == ["archived", None, "archived"]
    assert codes(refused) == ["archived"]


@pytest.mark.parametrize("door", ["single", "joined"])
def test_an_order_that_is_archived_while_its_repeat_comes_is_never_placed_again(
    tokens: None, tmp_path: Path, door: str
) -> None:
    """The repeat waits for the row that goes, and finds the id free; then the database refuses it."""
    history = load_past(4, days=9)
    repeat = terms(client_order_id="own-3")

    def post() -> Any:
        if door == "joined":
            return place_joined(Asker(history.account, None), [repeat])[0]
        try:
            return answer_once(
                history.account,
                Idempotency("k", b"1" * 32),
                lambda: Answer(201, [place_orders(history.account, [repeat])]),
            )
        except ProblemError as error:
            return error

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("orders.archive.run.empty", lambda file, folder: 0)
        list(archive(LATER, tmp_path, ACTOR))
    [file] = unfinished_files()
    texts = {item.order_id: item.text for item in read_records([history.order_id(3)])}
    with transaction.atomic():
        assert move.move(texts, file.pk) == 1
        rival = beside(post)
        wait_for_lock()
    wait([rival])

    told = rival.result()
    assert isinstance(told, ProblemError)
    assert told.problem.code in {"request_in_progress", "archived"}
    assert not Order.objects.filter(client_order_id="own-3").exists()
    assert empty(file, tmp_path) == 3
    [again] = place_orders(history.account, [repeat])
    assert isinstance(again, Problem)
    assert again.code == "archived"


# --- Events ---------------------------------------------------------------------------------------------------------


def test_a_cursor_before_archived_events_is_410_with_where_to_go_on(history: History) -> None:
    owner = caller(history.account)
    kept = owner.get("/api/v1/events").json()

    gap = owner.get("/api/v1/events", {"after": "0"})

    assert (gap.status_code, gap.json()["code"]) == (410, "cursor_unknown")
    assert gap.json()["detail"] == "events after this cursor have been archived"
    oldest = gap.json()["facts"]["oldest"]
    assert owner.get("/api/v1/events", {"after": oldest}).json() == kept
    assert owner.get("/api/v1/events", {"after": gap.json()["facts"]["cursor"]}).json()["results"] == []
    epoch, xid, row = oldest.split(".")
    before = f"{epoch}.{xid}.{int(row) - 1}"
    assert owner.get("/api/v1/events", {"after": before}).status_code == 410
    assert owner.get("/api/v1/events", {"after": f"{oldest}.1"}).status_code == 410
    # Whose events are all here misses nothing.
    assert caller(new_account()).get("/api/v1/events", {"after": "0"}).status_code == 200


def test_every_event_after_the_mark_is_there(history: History, drive: Callable[..., None]) -> None:
    oldest = caller(history.account).get("/api/v1/events", {"after": "0"}).json()["facts"]["oldest"]
    [order] = place(history.account)

    found = caller(history.account).get("/api/v1/events", {"after": oldest}).json()["results"]

    assert [(event["order_id"], event["seq"]) for event in found if event["order_id"] == str(order.pk)] == [
        (str(order.pk), 1)
    ]


def test_events_that_go_between_two_reads_are_missed_by_nobody(
    tokens: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are read, then archived, then the mark is read: no page ends where events are missing."""
    history = load_past(5, days=9)
    page = read_page(history.account.pk, BEGINNING, 7)
    rows = log._rows

    def archive_after(statement: str, values: Any = ()) -> list[Any]:
        found = rows(statement, values)
        if statement == log.PAGE:
            run(tmp_path, LATER)
        return found

    monkeypatch.setattr(log, "_rows", archive_after)

    with pytest.raises(EventsArchived) as gap:
        read_page(history.account.pk, page.end.position, 7)
    assert gap.value.oldest > page.end.position
    assert read_page(history.account.pk, Position(*gap.value.oldest), 7).entries == []


def test_real_orders_are_archived_as_their_owner_saw_them(
    account: Account, drive: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = iter([UUID(int=lowest_id(BEFORE).int + i) for i in range(2)])
    monkeypatch.setattr("orders.services.inserting.new_id", lambda: next(ids))
    owner = caller(account)
    orders = place(account, terms(tags={"book": "eu"}), terms(scenario="slippage"))
    drive()
    seen = [owner.get(f"/api/v1/orders/{order.pk}/events").json()["results"] for order in orders]
    age(orders, BEFORE)
    before = live()

    assert run(tmp_path, LATER) == 2

    assert not Order.objects.exists()
    assert_nothing_lost(before, tmp_path)
    kept = [json.loads(filed(tmp_path)[order.pk]) for order in orders]
    assert [[(event["seq"], event["status"], event["data"]) for event in one["events"]] for one in kept] == [
        [(event["seq"], event["status"], event["data"]) for event in events] for events in seen
    ]
    assert [len(one["fills"]) > 0 for one in kept] == [True, False]
    assert [sorted(label["label"] for label in one["labels"]) for one in kept] == [["4:book", "4:book:eu"], []]
    signed = [item for one in kept for submission in one["submissions"] for item in submission["transactions"]]
    assert orders[0].pk in {UUID(one["order"]["id"]) for one in kept if one["submissions"]}
    assert all(item["raw"].startswith("\\x") for item in signed)
