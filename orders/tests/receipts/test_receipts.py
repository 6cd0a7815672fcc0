"""The receipt of an order: given at its end, signed, the same for good, and true."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from dex import Engine
from orders.config import Policy, get_policy
from orders.management.commands import doctor
from orders.models import Account, MarketRecord, Order, OrderEvent, Receipt, Submission
from orders.receipts import issue
from orders.receipts.check import check_market, check_route
from orders.receipts.document import verified
from orders.receipts.issue import rotate_key
from orders.receipts.keys import PrivateKey, PublicKey, make_private_key, read_keys
from orders.services.cancel import Actor
from orders.tests.archive.past import load_past, run
from orders.tests.factories import new_account, place, terms
from orders.tests.pipeline.parents.families import minutes_pass, place_parent, twap, work
from orders.tests.receipts.conftest import Ask

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]


def keys() -> Any:
    """As anybody gets them, without an API key."""
    return read_keys(Client().get("/.well-known/jwks.json").json())


def test_a_filled_order_has_a_receipt_that_holds_with_its_market(
    account: Account, drive: Drive, ask: Ask, key: PrivateKey
) -> None:
    first, second = place(account, terms(amount=900 * 10**9), terms(side="exact_out", amount=5_000 * 10**6))
    drive()

    for order in (first, second):
        order.refresh_from_db()
        answer = ask(order, "receipt")
        said = verified(answer.content, keys())
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert said["key_id"] == key.public.key_id
        assert said["order"]["id"] == str(order.id)
        assert said["outcome"]["amount_out_raw"] == str(order.amount_out)
        assert [event["status"] for event in said["events"]] == [
            *("PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED")
        ]
        assert [row["tx_hash"] for row in said["transactions"]] == [order.tx_hash]
        assert [int(fill["amount_in_raw"]) for fill in said["fills"]] == [fill.amount_in for fill in order.fills.all()]
        market, read = check_market(said, ask(order, "snapshot").content)
        assert market.holds, market
        assert read is not None
        assert [(finding.what, finding.holds) for finding in check_route(said, read)] == [
            ("amounts", True),
            ("route", True),
        ]


def test_the_second_of_a_batch_names_the_market_that_the_first_leaves(
    account: Account, drive: Drive, ask: Ask, key: PrivateKey
) -> None:
    orders = place(account, *(terms(amount=400 * 10**9) for _ in range(3)))
    drive()

    # Orders that were placed at one moment are routed in any order.
    files = sorted(
        (json.loads(ask(order, "snapshot").content) for order in orders), key=lambda file: len(file["swaps"])
    )
    names = [json.loads(ask(order, "receipt").content)["market"]["hash"] for order in orders]

    assert MarketRecord.objects.count() == 1
    assert [len(file["swaps"]) for file in files] == [0, 1, 2]
    assert files[1]["swaps"] == files[2]["swaps"][:1]
    assert len(set(names)) == 3


def test_it_stays_the_same_to_the_byte_over_a_rotation_and_the_end_of_its_market(
    account: Account, drive: Drive, ask: Ask, key: PrivateKey, settings: Any
) -> None:
    asked, later = place(account, terms(), terms())
    drive()
    before = ask(asked, "receipt").content

    _, new = rotate_key(Path(settings.RECEIPT_KEY_FILE), Actor("t", reason="test"))
    MarketRecord.objects.all().delete()

    assert ask(asked, "receipt").content == before
    assert verified(before, keys())["key_id"] == key.public.key_id
    said = verified(ask(later, "receipt").content, keys())
    assert said["key_id"] == new.key_id
    assert said["market"]["routing"] is None
    assert list(keys()) == [key.public.key_id, new.key_id]
    assert ask(later, "snapshot").json()["code"] == "market_not_kept"


def test_an_order_that_has_not_ended_has_none(account: Account, ask: Ask, key: PrivateKey) -> None:
    [order] = place(account)

    answer = ask(order, "receipt")

    assert (answer.status_code, answer.json()["code"]) == (409, "receipt_not_ready")
    assert not Receipt.objects.exists()


def test_one_whose_nonce_is_open_has_none_yet(account: Account, drive: Drive, ask: Ask, key: PrivateKey) -> None:
    [order] = place(account)
    drive()
    Submission.objects.filter(order=order).update(closed_at=None)

    assert ask(order, "receipt").json()["code"] == "receipt_not_ready"


def test_one_that_failed_says_why_and_names_no_market(
    account: Account, drive: Drive, ask: Ask, key: PrivateKey
) -> None:
    [order] = place(account, terms(amount=10**9, allow=["curve"]))
    drive()

    said = verified(ask(order, "receipt").content, keys())

    assert said["outcome"]["outcome"] == "no_route"
    assert said["outcome"]["failure"]["code"] == "no_route"
    assert (said["route"], said["market"], said["fills"]) == (None, None, [])
    assert said["outcome"]["amount_out_raw"] is None
    assert ask(order, "snapshot").status_code == 404


def test_the_market_of_an_order_that_is_not_filled_is_given_when_those_before_it_are_sent(
    account: Account, drive: Drive, ask: Ask
) -> None:
    """It shows what others swap. Those of a batch are sent together, or within the time of a lease."""
    place(new_account())
    [order] = place(account, terms(scenario="slippage"))
    for _ in range(get_policy().max_attempts):
        Order.objects.filter(outcome=None).update(due_at=timezone.now())
        drive()
    order.refresh_from_db()
    assert (order.outcome, order.plan is None) == ("slippage", False)

    early = [ask(order, "snapshot"), ask(order, "replay", {})]
    ended_before = timedelta(seconds=get_policy().lease_s)
    Order.objects.filter(pk=order.pk).update(updated_at=order.updated_at - ended_before)

    assert [(answer.status_code, answer.json()["code"]) for answer in early] == [(409, "receipt_not_ready")] * 2
    assert [ask(order, "snapshot").status_code, ask(order, "replay", {}).status_code] == [200, 200]


def test_of_another_account_there_is_none(drive: Drive, account: Account, ask: Ask, key: PrivateKey) -> None:
    [order] = place(new_account())
    drive()

    assert [
        ask(order, what, body).status_code for what, body in (("receipt", None), ("snapshot", None), ("replay", {}))
    ] == [*(404, 404, 404)]


def test_without_a_key_nothing_is_signed_and_orders_go_on(
    account: Account, drive: Drive, ask: Ask, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [order] = place(account)
    drive()
    order.refresh_from_db()
    open_file = tmp_path / "open.pem"
    make_private_key(open_file)
    open_file.chmod(0o644)

    said = []
    for path in ("", str(tmp_path / "none.pem"), str(open_file)) * 2:
        settings.RECEIPT_KEY_FILE = path
        answer = ask(order, "receipt")
        said.append((answer.status_code, answer.json()["code"]))
        assert str(tmp_path) not in answer.content.decode()
        assert "Retry-After" not in answer

    assert order.status == "CONFIRMED"
    assert said == [(501, "no_receipt_key")] * 6
    assert "RECEIPT_KEY_FILE" in answer.json()["try"]
    # What is wrong with a file is said once; requests alone are no errors.
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert [str(tmp_path) in line for line in errors] == [True, True]
    assert Client().get("/.well-known/jwks.json").json() == {"keys": []}


def test_a_retired_key_signs_no_more(account: Account, drive: Drive, ask: Ask, key: PrivateKey, settings: Any) -> None:
    """As on a machine that the new file did not reach."""
    [order] = place(account)
    drive()
    path = Path(settings.RECEIPT_KEY_FILE)
    old = path.read_bytes()
    rotate_key(path, Actor("t", reason="test"))
    path.write_bytes(old)

    answer = ask(order, "receipt")

    assert (answer.status_code, answer.json()["code"]) == (501, "no_receipt_key")
    assert not Receipt.objects.exists()


def test_what_is_given_cannot_be_changed(account: Account, drive: Drive, ask: Ask, key: PrivateKey) -> None:
    [order] = place(account)
    drive()
    ask(order, "receipt")

    for statement in (
        "UPDATE orders_receipt SET document = ''",
        "DELETE FROM orders_receipt",
        "UPDATE orders_receiptkey SET public = ''",
        "DELETE FROM orders_receiptkey",
    ):
        with pytest.raises(Exception, match="Cannot"), connection.cursor() as cursor:
            cursor.execute(statement)


def test_no_market_is_recorded_where_none_is_kept(
    account: Account, drive: Drive, ask: Ask, key: PrivateKey, settings: Any
) -> None:
    settings.SNAPSHOT_RETENTION_DAYS = 0
    [order] = place(account)
    drive()

    said = verified(ask(order, "receipt").content, keys())

    assert said["route"] is not None
    assert said["market"] is None
    assert not MarketRecord.objects.exists()
    assert (ask(order, "replay", {}).status_code, ask(order, "snapshot").status_code) == (410, 410)


def test_an_order_routed_by_an_earlier_version_has_one_without_a_market(
    account: Account, drive: Drive, ask: Ask, key: PrivateKey
) -> None:
    [order] = place(account)
    drive()
    order.refresh_from_db()
    assert order.route is not None
    Order.objects.filter(pk=order.pk).update(route={k: v for k, v in order.route.items() if k != "market"})

    said = verified(ask(order, "receipt").content, keys())

    assert (said["market"], said["route"]["swaps"] != []) == (None, True)


def test_a_parent_names_its_children(
    account: Account, engine: Engine, policy: Policy, ask: Ask, key: PrivateKey
) -> None:
    parent = place_parent(account, twap(2, amount=4 * 10**9))
    for _ in range(3):
        work(engine, policy)
        minutes_pass(1)
    parent.refresh_from_db()

    said = verified(ask(parent, "receipt").content, keys())

    assert parent.outcome == "filled"
    assert len(said["children"]) == 2
    assert sum(int(child["amount_in_raw"]) for child in said["children"]) == 4 * 10**9
    assert said["outcome"]["filled_amount_in_raw"] == str(4 * 10**9)
    assert OrderEvent.objects.filter(order=parent).count() == len(said["events"])


def test_one_that_was_given_outlives_its_order_in_the_tables(
    account: Account, ask: Ask, key: PrivateKey, tmp_path: Path
) -> None:
    """An archived order has the receipt that it had; one that had none is said to be archived."""
    history = load_past(40)
    orders = Order.objects.filter(pk__in=[history.order_id(0), history.order_id(1)]).order_by("pk")
    asked, silent = orders.all()
    Order.objects.filter(pk__in=[asked.pk, silent.pk]).update(account=account)
    before = ask(asked, "receipt")
    assert before.status_code == 200, before.content
    run(tmp_path)
    assert not orders.exists()

    assert ask(asked, "receipt").content == before.content
    assert (ask(silent, "receipt").status_code, ask(silent, "receipt").json()["code"]) == (410, "archived")


def test_a_fee_that_is_added_while_it_is_asked_for_is_in_it(
    account: Account, drive: Drive, ask: Ask, key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last nonce is closed between the read of the order and the look for open ones."""
    [order] = place(account)
    drive()
    require_settled = issue._require_settled

    def late(read: Order) -> None:
        Order.objects.filter(pk=read.pk).update(network_fee_paid=123_456_789)
        require_settled(read)

    monkeypatch.setattr(issue, "_require_settled", late)

    said = verified(ask(order, "receipt").content, keys())

    assert said["outcome"]["network_fee_paid"]["amount_raw"] == "123456789"


def test_an_order_that_is_archived_while_it_is_asked_for_has_none(
    account: Account, ask: Ask, key: PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No receipt without the rows that it is made of is signed for good."""
    [order] = Order.objects.filter(pk=load_past(40).order_id(0))
    Order.objects.filter(pk=order.pk).update(account=account)
    register = issue.register

    def meanwhile(public: PublicKey) -> None:
        register(public)
        run(tmp_path)

    monkeypatch.setattr(issue, "register", meanwhile)

    assert (ask(order, "receipt").json()["code"], Receipt.objects.exists()) == ("archived", False)


def test_doctor_says_who_signs_receipts(db: None, settings: Any, tmp_path: Path) -> None:
    settings.RECEIPT_KEY_FILE = ""
    assert "no key is named" in doctor._receipts()
    path = tmp_path / "other.pem"
    settings.RECEIPT_KEY_FILE = str(path)
    with pytest.raises(doctor.Missing):
        doctor._receipts()
    made = make_private_key(path)
    assert doctor._receipts() == f"signed by {made.public.key_id}"
    old = path.read_bytes()
    rotate_key(path, Actor("t", reason="test"))
    assert "signed by" in doctor._receipts()
    path.write_bytes(old)
    with pytest.raises(doctor.Missing, match=f"the key {made.public.key_id} is retired"):
        doctor._receipts()
