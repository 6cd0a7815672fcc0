"""The dead-man switch: it fires once, cancels what waits and nothing else; a renewal is in time or says it was not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from dex import Engine
from orders.config import Policy
from orders.models import Account, AuditEntry, DeadMansSwitch, Order, OrderEvent
from orders.pipeline.claim import claim_orders
from orders.pipeline.life import deadman
from orders.pipeline.life.deadman import fire_due, renew
from orders.pipeline.maintenance import run_maintenance
from orders.services.cancel import Actor
from orders.states import Stage
from orders.tests.factories import in_flight, new_account, place, terms
from orders.tests.http_client import Api
from orders.tests.rivals import beside, in_thread, wait_for_lock

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = Actor("owner")


def run_out(account: Account) -> None:
    DeadMansSwitch.objects.filter(account=account).update(due_at=datetime.now(UTC) - timedelta(seconds=1))


def states(account: Account) -> list[str | None]:
    return [order.outcome for order in Order.objects.filter(account=account).order_by("pk")]


def test_it_is_armed_renewed_shown_and_disarmed(account: Account) -> None:
    api = Api(account)
    assert api.get("deadman").json()["state"] == "disarmed"

    armed = api.post("deadman", {"timeout_s": 30}).json()
    due_at = datetime.fromisoformat(armed["due_at"])
    assert (armed["state"], armed["timeout_s"], armed["fired_at"], armed["is_cancelling"]) == ("armed", 30, None, False)
    assert due_at - datetime.fromisoformat(armed["renewed_at"]) == timedelta(seconds=30)
    renewed = api.post("deadman", {"timeout_s": 30}).json()
    assert datetime.fromisoformat(renewed["due_at"]) >= due_at
    assert api.get("deadman").json() == renewed
    api.post("deadman", {"timeout_s": 86_400})
    assert api.delete("deadman").json()["state"] == "disarmed"
    assert api.delete("deadman").json()["state"] == "disarmed"

    assert api.get("deadman").json()["state"] == "disarmed"
    audited = AuditEntry.objects.filter(action__startswith="deadman").order_by("pk")
    assert [(one.action, one.before, one.after) for one in audited] == [
        ("deadman.arm", None, {"timeout_s": 30}),
        ("deadman.arm", {"timeout_s": 30}, {"timeout_s": 86_400}),
        ("deadman.disarm", {"timeout_s": 86_400}, None),
    ]


@pytest.mark.parametrize("body", [{}, {"timeout_s": 0}, {"timeout_s": 86_401}, {"timeout_s": "30"}, {"timeout": 30}])
def test_a_senseless_time_arms_nothing(account: Account, body: dict[str, Any]) -> None:
    assert Api(account).post("deadman", body).status_code == 400
    assert not DeadMansSwitch.objects.exists()


def test_a_key_that_cancels_renews_and_one_that_trades_disarms(account: Account) -> None:
    canceller, trader = Api(account, scopes=["cancel"]), Api(account, scopes=["trade"])

    assert canceller.post("deadman", {"timeout_s": 30}).status_code == 200
    assert trader.post("deadman", {"timeout_s": 30}).json()["code"] == "scope"
    assert canceller.delete("deadman").json()["code"] == "scope"
    assert trader.delete("deadman").status_code == 200


def test_it_cancels_what_waits_of_its_account_once_and_says_so(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadman, "BATCH", 2)
    waiting = place(account, *(terms() for _ in range(5)))
    sent = place(account)[0]
    in_flight(sent)
    stranger = place(new_account())[0]
    renew(account, 30, OWNER)
    run_maintenance(engine, policy, at_least_s=0.0)
    assert states(account) == [None] * 6
    run_out(account)

    run_maintenance(engine, policy, at_least_s=0.0)
    run_maintenance(engine, policy, at_least_s=0.0)

    assert states(account) == ["cancelled"] * 5 + [None]
    stranger.refresh_from_db()
    assert stranger.outcome is None
    shown = Api(account).get("deadman").json()
    assert (shown["state"], shown["is_cancelling"]) == ("fired", False)
    event = OrderEvent.objects.filter(order_id=waiting[0].pk).latest("seq")
    assert event.data["deadman"] == {"fired_at": shown["fired_at"]}
    assert "dead-man switch" in event.data["failure"]["detail"]
    assert AuditEntry.objects.filter(action="deadman.fire").count() == 1
    assert AuditEntry.objects.filter(action="order.cancel", actor="dead-man switch").count() == 5


def test_whoever_is_there_goes_on_where_its_worker_died(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """After any batch, and before the first one; and what is placed after it has fired is left alone."""
    monkeypatch.setattr(deadman, "BATCH", 1)
    place(account, *(terms() for _ in range(3)))
    renew(account, 30, OWNER)
    run_out(account)
    deadman._fire(account.pk)
    place(account)

    for cancelled in (1, 2, 3):
        fire_due(run_s=0.0)
        assert states(account).count("cancelled") == cancelled
    fire_due()

    assert states(account) == ["cancelled"] * 3 + [None]
    assert AuditEntry.objects.filter(action="deadman.fire").count() == 1


def test_a_renewal_after_it_fired_says_so_arms_it_again_and_it_fires_again(account: Account) -> None:
    api = Api(account)
    api.post("deadman", {"timeout_s": 30})
    run_out(account)
    fire_due()
    fired_at = api.get("deadman").json()["fired_at"]

    again = api.post("deadman", {"timeout_s": 30}).json()
    assert (again["state"], again["fired_at"]) == ("armed", fired_at)
    assert api.post("deadman", {"timeout_s": 30}).json()["fired_at"] is None
    place(account)
    fire_due()
    assert states(account) == [None]
    run_out(account)
    fire_due()

    assert states(account) == ["cancelled"]
    assert AuditEntry.objects.filter(action="deadman.fire").count() == 2


def test_disarmed_while_it_cancels_it_still_cancels_what_it_had_begun(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadman, "BATCH", 1)
    place(account, terms(), terms())
    api = Api(account)
    for renewals in (0, 1):
        api.post("deadman", {"timeout_s": 30})
        run_out(account)
        fire_due(run_s=0.0)
        if renewals:
            api.post("deadman", {"timeout_s": 30})
        answer = api.delete("deadman").json()
        assert (answer["state"], answer["is_cancelling"]) == ("fired", True)
        fire_due()
        assert set(states(account)) == {"cancelled"}
        assert api.delete("deadman").json()["state"] == "disarmed"
        place(account, terms(), terms())


def test_a_renewal_that_waits_for_the_firing_says_that_it_came_too_late(account: Account) -> None:
    place(account)
    renew(account, 30, OWNER)
    run_out(account)
    with transaction.atomic():
        deadman._fire(account.pk)
        late = beside(lambda: Api(account).post("deadman", {"timeout_s": 30}).json())
        in_thread(wait_for_lock)

    assert late.result()["fired_at"] is not None
    fire_due()
    assert states(account) == ["cancelled"]


def test_a_firing_passes_over_a_renewal_that_is_first(account: Account) -> None:
    place(account)
    renew(account, 30, OWNER)
    run_out(account)
    with transaction.atomic():
        _, fired_before = renew(account, 30, OWNER)
        in_thread(fire_due)
    fire_due()

    assert fired_before is None
    assert states(account) == [None]


def test_of_many_renewals_and_firings_side_by_side_each_tells_the_truth(account: Account) -> None:
    """Each firing is told to exactly one renewal, and orders are cancelled if and only if it fired."""
    renew(account, 30, OWNER)
    told: list[Any] = []

    def one(index: int) -> None:
        try:
            if index % 2:
                fire_due()
            else:
                told.append(renew(account, 30, OWNER)[1])
        finally:
            connection.close()

    for _ in range(10):
        before = AuditEntry.objects.filter(action="deadman.fire").count()
        (order,) = place(account)
        run_out(account)
        told.clear()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, range(8)))
        fired = AuditEntry.objects.filter(action="deadman.fire").count() - before
        fire_due()
        order.refresh_from_db()
        assert fired in {0, 1}
        assert order.outcome == ("cancelled" if fired else None)
        switch = deadman.read_switch(account)
        assert switch is not None
        assert len([at for at in told if at is not None]) == fired - (switch.fired_at is not None)


def test_an_order_that_a_stage_takes_up_first_goes_on(account: Account) -> None:
    place(account)
    renew(account, 30, OWNER)
    run_out(account)
    claim_orders(Stage.ROUTE, 10, 60, chain_id="simulated")

    fire_due()

    assert Order.objects.get().status == "ROUTING"
    assert states(account) == [None]
