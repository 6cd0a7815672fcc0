"""Wake-ups: none goes unheard, none waits for a time, and any number of them shares one message."""

import json
import os
import threading
import time
from typing import Any

import pytest
import redis
from celery import current_app
from django.conf import settings
from redis.exceptions import ReadOnlyError

from orders.notify import wake as wakes
from orders.notify.breaker import Breaker
from orders.notify.kept import Kept
from orders.notify.later import Later
from orders.notify.wake import LONGEST_S, message, queue_name, wake
from orders.states import Stage


def waiting(broker: Any, stage: Stage = Stage.CONFIRM) -> int:
    return int(broker.llen(queue_name(stage)))


def test_one_message_waits_however_many_want_it(broker: Any) -> None:
    for _ in range(5):
        wake(Stage.CONFIRM)
    wake(Stage.ROUTE)

    assert [waiting(broker, stage) for stage in Stage] == [0, 1, 0, 0, 1]


def test_a_message_that_was_taken_covers_nobody_any_more(broker: Any) -> None:
    wake(Stage.CONFIRM)
    assert broker.rpop(queue_name(Stage.CONFIRM)) is not None

    wake(Stage.CONFIRM)

    assert waiting(broker) == 1


def test_many_threads_at_once_leave_one_message(broker: Any) -> None:
    ready = threading.Barrier(8)

    def call() -> None:
        ready.wait()
        for _ in range(50):
            wake(Stage.CONFIRM)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert waiting(broker) == 1


def test_one_for_later_does_not_stand_in_for_one_that_is_wanted_now(
    broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the queue it would, and the worker that took it would wait."""
    calls: list[tuple[float, Any]] = []

    class Noted:
        def call(self, delay_s: float, act: Any) -> None:
            calls.append((delay_s, act))

    monkeypatch.setattr(wakes, "later", Noted)
    wake(Stage.CONFIRM, 0.5)
    wake(Stage.CONFIRM, LONGEST_S + 1)  # maintenance finds its rows
    assert waiting(broker) == 0
    wake(Stage.CONFIRM)
    assert broker.rpop(queue_name(Stage.CONFIRM)) is not None

    [(delay_s, act)] = calls
    act()

    assert (delay_s, waiting(broker)) == (0.5, 1)


def test_one_for_later_comes(broker: Any) -> None:
    """On a busy machine one may be lost, as Redis is not waited for: the next comes."""
    ends_at = time.monotonic() + 30
    is_there = False
    while not is_there and time.monotonic() < ends_at:
        wake(Stage.CONFIRM, 0.01)
        is_there = broker.blpop(queue_name(Stage.CONFIRM), timeout=2) is not None

    assert is_there


def test_calls_come_in_the_order_of_their_times() -> None:
    calls: list[str] = []
    done = threading.Event()
    later = Later()
    later.call(0.3, done.set)
    later.call(0.2, lambda: calls.append("last"))
    later.call(0.05, lambda: calls.append("first"))
    later.call(0.1, lambda: calls.append("second"))

    assert done.wait(5)
    assert calls == ["first", "second", "last"]


@pytest.mark.parametrize("stage", Stage)
def test_a_message_is_as_celery_makes_it(broker: Any, stage: Stage) -> None:
    """All that a worker reads of it, to the last field."""
    name = queue_name(stage)
    current_app.send_task(f"orders.{stage}", queue=name, ignore_result=True)
    theirs, ours = json.loads(broker.lpop(name)), json.loads(message(stage))

    ids = [ours["headers"]["id"], ours["headers"]["root_id"], ours["properties"]["correlation_id"]]
    assert len({*ids, ours["properties"]["delivery_tag"]}) == 1
    assert json.loads(message(stage))["headers"]["id"] != ids[0]
    # Limits of time are the worker's own, unless a sender that knows the task states them.
    assert ours["headers"]["timelimit"] == [None, None]
    for one in (ours, theirs):
        del one["headers"]["timelimit"], one["headers"]["origin"]
        del one["headers"]["id"], one["headers"]["root_id"]
        del one["properties"]["correlation_id"], one["properties"]["delivery_tag"], one["properties"]["reply_to"]
    assert ours == theirs


def test_a_connection_that_died_while_idle_loses_no_wake_up(broker: Any) -> None:
    for stage in Stage:
        wake(stage)
    broker.flushdb()
    broker.client_kill_filter(_type="normal", skipme=True)

    for stage in Stage:
        wake(stage)

    assert [waiting(broker, stage) for stage in Stage] == [1, 1, 1, 1, 1]


def test_after_an_error_no_open_connection_is_used_again(broker: Any) -> None:
    """The server behind them may have been demoted: the address may lead to another by now."""
    connections = Kept(settings.REDIS_BROKER_URL)
    before = {int(connections.send([("CLIENT", "ID")])[0])}
    with pytest.raises(redis.ResponseError):
        connections.send([("PING",), ("LPUSH", "key"), ("PING",)])

    answers = connections.send([("CLIENT", "ID"), ("PING",)])

    assert answers[1] == b"PONG"
    assert answers[0] not in before


def test_a_forked_process_has_connections_of_its_own(broker: Any) -> None:
    wake(Stage.CONFIRM)
    child = os.fork()
    if not child:
        wake(Stage.ROUTE)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

    wake(Stage.BUILD)

    assert [waiting(broker, stage) for stage in Stage] == [0, 1, 1, 0, 1]


def test_nothing_is_raised_and_nothing_waits_while_redis_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Stage] = []

    def refuse(stage: Stage) -> None:
        calls.append(stage)
        raise ReadOnlyError("READONLY")

    monkeypatch.setattr(wakes, "_send", refuse)
    monkeypatch.setattr(wakes, "hints", Breaker(lambda: None))
    for _ in range(5):
        wake(Stage.CONFIRM)

    assert len(calls) <= 2
