"""The scheduled audit: it finds what contradicts itself, old or new, at a bounded cost, and says it once."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dex import Engine
from orders.audit.record import Actor
from orders.models import Account, AuditEntry, Heartbeat, Order, TradingControl
from orders.reconciliation.ledger_check import check_ledger
from orders.risk.account_limits import set_limits
from orders.risk.pause import find_target, resume
from orders.tasks import check_ledger_invariants
from orders.tests.factories import place, terms

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
BOSS = Actor("boss", "192.0.2.1", "seen to", is_admin=True)
MICRO = 1_000_000


def incidents() -> list[tuple[str, str]]:
    rows = AuditEntry.objects.filter(action__startswith="incident").order_by("id")
    return [(row.action, row.subject) for row in rows]


def damage(order: Order) -> None:
    """A hand in the database: nothing else writes an attempt without its event."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET attempt = attempt + 1 WHERE id = %s", [order.id])


def test_beat_looks_each_few_minutes() -> None:
    schedule: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE["check-ledger"]

    assert schedule["task"] == check_ledger_invariants.name
    assert 60 <= schedule["schedule"] <= 300


def test_a_contradiction_is_an_incident_once(account: Account, drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    [fine, damaged] = place(account, terms(), terms())
    drive()
    check_ledger_invariants()
    assert incidents() == []

    damage(damaged)
    with caplog.at_level(logging.ERROR):
        check_ledger_invariants()
        check_ledger_invariants()

    assert incidents() == [("incident.order", f"order:{damaged.id}")]
    assert len([record for record in caplog.records if str(damaged.id) in record.getMessage()]) == 1
    assert str(fine.id) not in caplog.text
    entry = AuditEntry.objects.get(action="incident.order")
    assert entry.actor == "engine"
    assert "its events end at" in (entry.after or {})["detail"]
    damage(damaged)
    assert check_ledger() == 1, "it is damaged otherwise now"
    assert Order.objects.get(pk=damaged.pk).status == "CONFIRMED", "an audit repairs nothing"


def test_old_orders_are_looked_at_in_turn_and_live_ones_always(account: Account, drive: Drive) -> None:
    ended = place(account, *(terms() for _ in range(5)))
    drive()
    live = place(account, *(terms() for _ in range(3)))
    damage(ended[3])
    damage(live[0])

    found = [check_ledger(slice_size=1) for _ in range(4)]

    assert found == [1, 0, 0, 1], "the oldest live one at once, the fourth of all at its turn"
    assert {subject for _, subject in incidents()} == {f"order:{live[0].id}", f"order:{ended[3].id}"}
    damage(ended[0])
    assert [check_ledger(slice_size=1) for _ in range(6)] == [0, 0, 0, 0, 0, 1], "round and round"


def test_a_look_costs_the_same_however_many_orders_there_are(account: Account) -> None:
    place(account, *(terms() for _ in range(3)))
    with CaptureQueriesContext(
        connection,
    ) as few:
        check_ledger(slice_size=2)
    place(account, *(terms() for _ in range(40)))
    with CaptureQueriesContext(connection) as many:
        check_ledger(slice_size=2)

    assert len(few) == len(many) == 16
    assert Heartbeat.objects.get(name="examine").position is not None


def test_a_wrong_count_pauses_its_account_once(account: Account, engine: Engine) -> None:
    set_limits(account, max_open_value=10 * MICRO, max_open_orders=None, actor=BOSS)
    place(account, terms(value=MICRO))
    assert check_ledger() == 0
    Account.objects.update(open_value=3 * MICRO)

    assert check_ledger() == 1

    assert incidents() == [("incident.limits", f"account:{account.name}")]
    assert AuditEntry.objects.latest("id").after == {"open_orders_off": 0, "open_value_off": str(2 * MICRO)}
    row = TradingControl.objects.get()
    assert (row.scope, row.account_id, row.is_by_owner) == ("account", account.id, False)
    assert resume(find_target("account", account.name, engine), BOSS)
    place(account, terms(value=MICRO))
    assert check_ledger() == 0, "still off by as much, and reported already"
    assert not TradingControl.objects.exists()
    Account.objects.update(open_value=5 * MICRO)
    assert check_ledger() == 1
    assert TradingControl.objects.count() == 1
