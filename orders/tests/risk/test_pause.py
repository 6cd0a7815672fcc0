"""The kill switch: after a pause has returned nothing new is signed; orders wait, what is on its way is tracked."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from dex import Engine
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, AuditEntry, Order, Submission, TradingControl, Wallet
from orders.pipeline.claim import claim_orders
from orders.pipeline.loop import STAGES, run_stage
from orders.pipeline.outlook import due_stages
from orders.pipeline.store import store
from orders.problems import ProblemError
from orders.risk.pause import find_target, pause, resume
from orders.states import Stage
from orders.tests.factories import api_key, let_leases_run_out, new_account, place, terms
from orders.tests.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
OPERATOR = Actor("boss", "192.0.2.1", "drill", is_admin=True)


def run_all(engine: Engine, policy: Policy, rounds: int = 3) -> None:
    for _ in range(rounds):
        for stage in Stage:
            run_stage(stage, engine=engine, policy=policy)
        let_leases_run_out()


def target_of(scope: str, account: Account, engine: Engine) -> Any:
    names = {"global": "", "chain": "simulated", "venue": "raydium", "account": account.name}
    if scope == "wallet":
        return find_target(scope, Wallet.objects.get(account=account).address, engine)
    return find_target(scope, names[scope], engine)


@pytest.mark.parametrize("scope", ["global", "chain", "account", "wallet"])
def test_orders_wait_and_go_on(account: Account, engine: Engine, policy: Policy, drive: Drive, scope: str) -> None:
    place(account)
    drive()
    target = target_of(scope, account, engine)
    pause(target, OPERATOR)
    [order] = place(account)

    run_all(engine, policy)

    order.refresh_from_db()
    assert (order.status, order.attempt) == ("PENDING", 1)
    assert Submission.objects.count() == 1
    assert due_stages("simulated") == {}, "no worker is woken for orders that wait"
    client = Client(headers={"Authorization": f"Bearer {api_key(account)}"})
    assert client.get(f"/api/v1/orders/{order.id}").json()["waiting_for"] == "halt"
    assert [o["waiting_for"] for o in client.get("/api/v1/orders").json()["results"]] == ["halt", None]

    assert resume(target, OPERATOR)
    drive()

    order.refresh_from_db()
    assert order.status == "CONFIRMED"
    assert [e.action for e in AuditEntry.objects.filter(action__startswith="halt").order_by("id")] == [
        "halt.set", "halt.lift",
    ]  # fmt: skip


def test_others_are_not_held_up(account: Account, engine: Engine, policy: Policy) -> None:
    pause(find_target("account", account.name, engine), OPERATOR)
    [waiting] = place(account)
    [other] = place(new_account())

    run_all(engine, policy)

    assert Order.objects.get(pk=other.pk).status == "CONFIRMED"
    assert Order.objects.get(pk=waiting.pk).status == "PENDING"


def test_routes_go_round_a_paused_venue(account: Account, engine: Engine, policy: Policy) -> None:
    [through] = place(account, terms(allow=["raydium", "orca"]))
    run_all(engine, policy)
    through.refresh_from_db()
    assert through.plan is not None
    assert "raydium" in through.plan.venues

    pause(find_target("venue", "raydium", engine), OPERATOR)
    [around] = place(account, terms(allow=["raydium", "orca"]))
    run_all(engine, policy)

    around.refresh_from_db()
    assert around.plan is not None
    assert (around.status, around.plan.venues) == ("CONFIRMED", frozenset({"orca"}))


def test_an_order_that_only_a_paused_venue_can_serve_waits(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    target = find_target("venue", "raydium", engine)
    pause(target, OPERATOR)
    [order] = place(account, terms(allow=["raydium"]))
    [hopeless] = place(account, terms(allow=["raydium"], min_amount_out=10**30))

    run_all(engine, policy)

    order.refresh_from_db()
    hopeless.refresh_from_db()
    assert (order.status, order.outcome) == ("ROUTING", None)
    assert (hopeless.status, hopeless.outcome) == ("FAILED", "slippage"), "the pause is not why it has no route"
    client = Client(headers={"Authorization": f"Bearer {api_key(account)}"})
    assert client.get(f"/api/v1/orders/{order.id}").json()["waiting_for"] == "halt"

    resume(target, OPERATOR)
    Order.objects.filter(pk=order.pk).update(due_at=datetime.now(UTC) - timedelta(seconds=1))
    drive()
    order.refresh_from_db()
    assert order.status == "CONFIRMED"


@pytest.mark.parametrize("scope", ["global", "venue"])
def test_a_pause_between_route_and_build_sends_the_order_back(
    account: Account, engine: Engine, policy: Policy, drive: Drive, scope: str
) -> None:
    [order] = place(account, terms(allow=["raydium", "orca"]))
    drive(Stage.ROUTE)
    claimed = claim_orders(Stage.BUILD, 10, 10, chain_id="simulated").orders

    pause(target_of(scope, account, engine), OPERATOR)
    STAGES[Stage.BUILD](claimed, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.attempt, order.route) == ("ROUTING", 1, None)
    assert not Submission.objects.exists()
    resume(target_of(scope, account, engine), OPERATOR)
    drive()
    order.refresh_from_db()
    assert order.status == "CONFIRMED"


def test_what_is_on_its_way_is_tracked_to_its_end(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    signed, sent = place(account, terms(), terms())
    drive(Stage.ROUTE)
    drive(Stage.BUILD)
    pause(find_target("global", "", engine), OPERATOR)

    run_all(engine, policy)

    assert {Order.objects.get(pk=o.pk).status for o in (signed, sent)} == {"CONFIRMED"}


def test_an_order_whose_time_is_up_still_expires(account: Account, engine: Engine, policy: Policy) -> None:
    pause(find_target("global", "", engine), OPERATOR)
    [order] = place(account, terms(expires_at=datetime.now(UTC) - timedelta(seconds=1)))

    run_all(engine, policy)

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "expired")


def test_no_submission_commits_after_a_pause_has_returned(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    """Workers sign as fast as they can while trading is paused and resumed: none signs in between."""
    place(account, *(terms() for _ in range(60)))
    target = find_target("global", "", engine)
    is_over = threading.Event()
    small = Policy(batch_size=3, retry_base_s=0.001, retry_cap_s=0.001, resend_s=0.0)

    def work() -> None:
        try:
            while not is_over.is_set():
                for stage in Stage:
                    run_stage(stage, engine=engine, policy=small)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(work) for _ in range(3)]
        pauses = grown = 0
        ends_at = time.monotonic() + 10
        while Order.objects.exclude(status="CONFIRMED").exists() and time.monotonic() < ends_at:
            pause(target, OPERATOR)
            before = Submission.objects.count()
            time.sleep(0.03)
            grown += Submission.objects.count() - before
            pauses += 1
            resume(target, OPERATOR)
            time.sleep(0.02)
        is_over.set()
        for worker in workers:
            worker.result()

    assert pauses >= 3
    assert grown == 0
    drive()
    assert Order.objects.filter(status="CONFIRMED").count() == 60


def test_a_pause_waits_for_a_build_that_is_under_way(
    account: Account, engine: Engine, policy: Policy, drive: Drive, monkeypatch: Any
) -> None:
    """The build holds the lock when the pause comes: the pause returns after its commit, and sees its submission."""
    place(account)
    drive(Stage.ROUTE)
    seen: list[int] = []

    def rival() -> None:
        try:
            pause(find_target("global", "", engine), OPERATOR)
            seen.append(Submission.objects.count())
        finally:
            connection.close()

    thread = threading.Thread(target=rival)

    def store_late(*args: Any) -> Any:
        thread.start()
        time.sleep(0.2)
        assert seen == [], "the pause did not wait"
        return store(*args)

    monkeypatch.setattr("orders.pipeline.build.store", store_late)
    run_stage(Stage.BUILD, engine=engine, policy=policy, carries_to={})
    thread.join(5)

    assert seen == [1]


# --- Over HTTP, from the command line, in the admin ---------------------------------------------------------


class Caller:
    def __init__(self, account: Account, *scopes: str) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {api_key(account, scopes=list(scopes))}"})

    def ask(self, method: str, body: Any = None) -> Any:
        return self.client.generic(method, "/api/v1/halt", json.dumps(body), content_type="application/json")


def test_an_account_pauses_and_resumes_itself(account: Account, engine: Engine) -> None:
    owner, other = Caller(account, "read", "cancel", "trade"), Caller(new_account(), "read")

    halted = owner.ask("POST", {"reason": "too many"})
    again = owner.ask("POST", {"reason": "too many"})

    assert (halted.status_code, again.status_code) == (200, 200)
    [shown] = halted.json()["results"]
    assert (shown["scope"], shown["account"], shown["reason"], shown["is_by_owner"]) == (
        "account", account.name, "too many", True,
    )  # fmt: skip
    assert other.client.get("/api/v1/halt").json() == {"results": []}
    assert owner.ask("DELETE", {"reason": "fine"}).json() == {"results": []}
    assert owner.ask("DELETE", {"reason": "fine"}).status_code == 404
    assert [(e.action, e.reason) for e in AuditEntry.objects.order_by("id")] == [
        ("halt.set", "too many"), ("halt.lift", "fine"),
    ]  # fmt: skip


def test_only_an_admin_pauses_others_and_an_owner_cannot_lift_it(account: Account, engine: Engine) -> None:
    admin = Caller(new_account(), "read", "cancel", "trade", "admin")
    owner = Caller(account, "read", "cancel", "trade")

    for scope, name in (("global", ""), ("chain", "simulated"), ("venue", "orca"), ("account", new_account().name)):
        named = {"name": name} if name else {}
        answer = owner.ask("POST", {"scope": scope, "reason": "x", **named})
        assert (answer.status_code, answer.json()["code"]) == (403, "scope")
    assert not TradingControl.objects.exists()

    assert admin.ask("POST", {"scope": "account", "name": account.name, "reason": "x"}).status_code == 200
    assert owner.ask("DELETE", {"reason": "x"}).status_code == 404
    assert [row["scope"] for row in owner.client.get("/api/v1/halt").json()["results"]] == ["account"]
    assert admin.ask("DELETE", {"scope": "account", "name": account.name, "reason": "x"}).status_code == 200
    assert not TradingControl.objects.exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid"),
        ({"reason": ""}, "invalid"),
        ({"reason": "x", "scope": "moon"}, "invalid"),
        ({"reason": "x", "scope": "venue", "name": "nowhere"}, "invalid"),
        ({"reason": "x", "scope": "wallet", "name": "\u0000"[:0]}, "invalid"),
        ({"reason": "x", "why": 1}, "unknown_field"),
    ],
)
def test_a_halt_that_names_nothing_is_refused(account: Account, engine: Engine, body: Any, code: str) -> None:
    answer = Caller(account, "cancel", "admin").ask("POST", body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not TradingControl.objects.exists()


def test_pausing_from_the_command_line_needs_a_reason(account: Account, engine: Engine) -> None:
    with pytest.raises(CommandError):
        call_command("pause", "global")
    with pytest.raises(CommandError, match="say why"):
        call_command("pause", "global", "--reason", " ")
    with pytest.raises(CommandError, match="no venue"):
        call_command("pause", "venue", "nowhere", "--reason", "x")

    call_command("pause", "venue", "orca", "--reason", "drill")
    assert TradingControl.objects.get().venue == "orca"
    call_command("resume", "venue", "orca", "--reason", "over")
    with pytest.raises(CommandError, match="not paused"):
        call_command("resume", "venue", "orca", "--reason", "over")

    assert [(e.action, e.subject, e.reason) for e in AuditEntry.objects.order_by("id")] == [
        ("halt.set", "halt:venue:orca", "drill"), ("halt.lift", "halt:venue:orca", "over"),
    ]  # fmt: skip


def test_an_unknown_target_is_no_pause_of_everything(engine: Engine) -> None:
    for scope in ("account", "wallet", "venue", "chain", "other"):
        with pytest.raises(ProblemError):
            find_target(scope, "nobody", engine)


def test_the_admin_pauses_with_a_reason_and_resumes(admin_client: Client, account: Account, engine: Engine) -> None:
    add = "/admin/orders/tradingcontrol/add/"
    body = {"scope": "account", "account": str(account.pk), "venue": "", "reason": ""}

    assert admin_client.get(add).status_code == 200
    assert admin_client.post(add, body).status_code == 200
    assert not TradingControl.objects.exists()
    assert admin_client.post(add, body | {"reason": "drill"}).status_code == 302
    row = TradingControl.objects.get()
    assert (row.scope, row.actor, row.reason) == ("account", "admin", "drill")
    assert account.name in admin_client.get("/admin/orders/tradingcontrol/").content.decode()
    resume_page = f"/admin/orders/tradingcontrol/resume/?ids={row.pk}"
    assert resume_page in admin_client.get(f"/admin/orders/tradingcontrol/{row.pk}/change/").content.decode()

    deleted = admin_client.post(f"/admin/orders/tradingcontrol/{row.pk}/delete/", {"post": "yes"})
    selected = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    admin_client.post("/admin/orders/tradingcontrol/", selected)
    unexplained = admin_client.post(resume_page, {"reason": ""})

    assert (deleted.status_code, unexplained.status_code) == (403, 200)
    assert TradingControl.objects.exists()
    asked = admin_client.post(
        "/admin/orders/tradingcontrol/", {"action": "resume_selected", "_selected_action": [str(row.pk)]}
    )
    assert asked.headers["Location"] == resume_page
    assert admin_client.post(resume_page, {"reason": "drill is over"}).status_code == 302
    assert not TradingControl.objects.exists()
    entries = AuditEntry.objects.order_by("id")
    assert [(e.action, e.reason) for e in entries] == [("halt.set", "drill"), ("halt.lift", "drill is over")]


def test_who_may_not_resume_gets_no_page_for_it(
    client: Client, django_user_model: Any, account: Account, engine: Engine
) -> None:
    row = pause(find_target("account", account.name, engine), OPERATOR)
    viewer = django_user_model.objects.create_user("viewer", password="only looks around", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_tradingcontrol"))
    sign_in(client, viewer)

    answer = client.post(f"/admin/orders/tradingcontrol/resume/?ids={row.pk}", {"reason": "mine"})

    assert answer.status_code == 403
    assert TradingControl.objects.exists()
    assert "Resume …" not in client.get(f"/admin/orders/tradingcontrol/{row.pk}/change/").content.decode()
