"""What keeps orders going without beat and without messages; tests/field/outages/test_drain.py: without a broker."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dex import Engine
from orders.config import Policy
from orders.models import Account, Heartbeat
from orders.pipeline import maintenance
from orders.pipeline.maintenance import LATE_S, run_maintenance, run_maintenance_if_late
from orders.states import Stage
from orders.tests.factories import place

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[Stage]:
    """Stages that were woken, of which no message goes out."""
    found: list[Stage] = []
    monkeypatch.setattr("orders.pipeline.maintenance.wake", lambda stage, _delay_s: found.append(stage))
    return found


def let_pass(seconds: float) -> None:
    Heartbeat.objects.update(at=datetime.now(UTC) - timedelta(seconds=seconds))


def test_one_right_after_another_does_nothing(
    account: Account, engine: Engine, policy: Policy, woken: list[Stage]
) -> None:
    """So that as many workers as there are may ask for it."""
    place(account)

    for _ in range(3):
        run_maintenance(engine, policy)
    assert woken == [Stage.ROUTE]

    let_pass(1)
    run_maintenance(engine, policy)
    assert woken == [Stage.ROUTE] * 2


def test_where_there_is_nothing_to_do_it_is_one_statement(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.pipeline.maintenance.count_if_late", list)
    for did in (True, False):
        with CaptureQueriesContext(connection) as seen:
            assert run_maintenance(engine, policy) is did
        assert len(seen.captured_queries) == 1, seen.captured_queries


def test_a_busy_process_does_it_only_where_nobody_else_has(
    account: Account, engine: Engine, policy: Policy, woken: list[Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    place(account)
    run_maintenance(engine, policy)

    monkeypatch.setattr(maintenance._Asked, "at", 0.0)
    run_maintenance_if_late(engine, policy)
    assert woken == [Stage.ROUTE]

    let_pass(LATE_S + 1)
    run_maintenance_if_late(engine, policy)
    assert woken == [Stage.ROUTE]  # it has just asked

    monkeypatch.setattr(maintenance._Asked, "at", 0.0)
    run_maintenance_if_late(engine, policy)
    assert woken == [Stage.ROUTE] * 2
