"""A worker without a broker finds what is due by itself, for as long as Redis is away, and does what beat asks for."""

import time
from collections.abc import Callable

import pytest
from redis.exceptions import BusyLoadingError, ConnectionError, OutOfMemoryError, ReadOnlyError, ResponseError

from dex import Engine
from orders.config import Policy
from orders.models import Account, Heartbeat, heartbeat_name
from orders.notify.breaker import SAY_AGAIN_S, Breaker
from orders.notify.redis_errors import redis_reason
from orders.pipeline.drain import Drain, drain_if_idle, drain_without_broker, idle_s, note_task
from orders.pipeline.maintenance import run_maintenance
from orders.pipeline.periodic import JOBS
from orders.tests.factories import place

pytestmark = pytest.mark.django_db(transaction=True)


def pause(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def away(monkeypatch: pytest.MonkeyPatch, is_back: Callable[[], None]) -> Breaker:
    hints = Breaker(is_back)
    for module in ("pipeline.drain", "notify.wake", "notify.push"):
        monkeypatch.setattr(f"orders.{module}.hints", hints)
    hints.attempt(is_back)
    return hints


def test_orders_end_without_a_broker_however_long_it_is_away(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until Redis is back, here once the order has ended. It was ten seconds, and nobody where all were idle."""
    [order] = place(account)

    def is_back() -> None:
        order.refresh_from_db()
        if order.status != "CONFIRMED":
            raise ReadOnlyError("no")

    hints = away(monkeypatch, is_back)
    drain_without_broker(engine, policy, pause)

    order.refresh_from_db()
    assert (order.status, hints.is_open) == ("CONFIRMED", False)
    done = set(Heartbeat.objects.values_list("name", flat=True))
    assert {heartbeat_name(f"{name} without a broker", "simulated") for name in JOBS} <= done


def test_an_idle_process_begins_by_itself(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)

    def no_write() -> None:
        raise OutOfMemoryError("command not allowed")

    hints = Breaker(no_write)
    monkeypatch.setattr("orders.pipeline.drain.hints", hints)
    monkeypatch.setattr("orders.notify.wake.hints", hints)
    monkeypatch.setattr("orders.pipeline.drain.write_probe", no_write)
    monkeypatch.setattr("orders.pipeline.drain.get_engine", lambda: engine)
    monkeypatch.setattr("orders.pipeline.drain.get_policy", lambda: policy)
    monkeypatch.setattr("orders.pipeline.drain.LATE_S", 0.3)
    thread = Drain()
    thread.start()
    ends_at = time.monotonic() + 10
    while order.status != "CONFIRMED" and time.monotonic() < ends_at:
        time.sleep(0.05)
        order.refresh_from_db()
    thread.stop()
    monkeypatch.setattr(hints, "_probe", lambda: None)

    assert order.status == "CONFIRMED"


def test_where_redis_takes_writes_and_no_message_comes_the_worker_looks_too(
    account: Account, engine: Engine, policy: Policy
) -> None:
    [order] = place(account)

    drain_if_idle(engine, policy)

    order.refresh_from_db()
    assert order.status == "CONFIRMED"


def test_a_silent_worker_leaves_the_work_to_one_that_does_it(account: Account, engine: Engine, policy: Policy) -> None:
    run_maintenance(engine, policy)
    [order] = place(account)

    drain_if_idle(engine, policy)

    order.refresh_from_db()
    assert order.status == "PENDING"


def test_every_message_is_noted_in_all_processes_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.pipeline.drain.time.monotonic", lambda: 1000.0)
    note_task()
    monkeypatch.setattr("orders.pipeline.drain.time.monotonic", lambda: 1002.5)

    assert idle_s() == 2.5


def test_a_process_that_works_on_a_message_does_not_look_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run of a busy worker is no silence: a second one beside it would only take turns with it."""
    looks: list[None] = []
    monkeypatch.setattr("orders.pipeline.drain.drain_if_idle", lambda *_: looks.append(None))
    monkeypatch.setattr("orders.pipeline.drain.get_engine", lambda: None)
    monkeypatch.setattr("orders.pipeline.drain.idle_s", lambda: 60.0)
    drain = Drain()

    note_task(is_running=True)
    drain._look()
    assert looks == []

    note_task()
    drain._look()
    assert looks == [None]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ReadOnlyError("You can't write against a read only replica."), "READONLY"),
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "OOM"),
        (ResponseError("NOREPLICAS Not enough good replicas to write."), "NOREPLICAS"),
        (ResponseError("Command # 1 (SET a) of pipeline caused error: MISCONF Valkey is configured"), "MISCONF"),
        (ResponseError("WRONGPASS invalid username-password pair for user at 10.0.0.1"), "WRONGPASS"),
        (ResponseError("NOAUTH Authentication required."), "NOAUTH"),
        (BusyLoadingError("Redis is loading the dataset in memory"), "LOADING"),
        (ConnectionError("Error 111 connecting to 10.0.0.1:6379"), "ConnectionError"),
    ],
)
def test_the_reason_is_the_servers_code_and_no_address(error: Exception, reason: str) -> None:
    assert redis_reason(error) == reason


def test_a_redis_that_comes_and_goes_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> None:
        raise ReadOnlyError("no")

    hints = Breaker(lambda: None)
    for _ in range(3):
        hints.attempt(refuse)
        while hints.is_open:
            time.sleep(0.05)

    assert [record.message for record in caplog.records] == [
        "Redis is away (READONLY): orders go on, workers look for what is due by themselves",
        "Redis is back",
    ]
    hints._said = (hints._said[0], hints._said[1] - SAY_AGAIN_S)
    hints.attempt(refuse)
    assert len(caplog.records) == 3
