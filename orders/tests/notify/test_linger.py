"""A process that waits for the next wake-up: it gets it in place of the queue, and none is lost by that."""

import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
import redis

from orders.notify import linger
from orders.notify.breaker import Breaker
from orders.notify.linger import share_seat, take_part, waiting_key, wake_ups
from orders.notify.wake import queue_name, wake
from orders.states import Stage

QUEUE = queue_name(Stage.ROUTE)
HOLDS_LOCK = "import fcntl, sys; fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def seat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linger._Seat, "file", None)
    monkeypatch.setattr(linger._Seat, "is_for_me", False)
    share_seat(2)
    take_part()


def when_it_waits(broker: Any, act: Any) -> threading.Thread:
    """Act as soon as a process waits."""

    def run() -> None:
        ends_at = time.monotonic() + 4
        while not broker.zcard(waiting_key(QUEUE)) and time.monotonic() < ends_at:
            pass
        act()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_wake_up_goes_to_who_waits_and_not_to_the_queue(broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linger, "WAIT_S", 5.0)
    ups = wake_ups(QUEUE)

    waker = when_it_waits(broker, lambda: wake(Stage.ROUTE))
    next(ups)
    waker.join()

    assert (broker.llen(QUEUE), broker.zcard(waiting_key(QUEUE))) == (0, 0)
    # It works now, so the next one is for another process.
    wake(Stage.ROUTE)
    assert broker.llen(QUEUE) == 1
    ups.close()


def test_a_message_that_is_in_the_queue_already_is_taken(broker: Any) -> None:
    wake(Stage.ROUTE)

    next(wake_ups(QUEUE))

    assert (broker.llen(QUEUE), broker.zcard(waiting_key(QUEUE))) == (0, 0)


def test_it_ends_when_none_comes_and_then_nothing_is_handed_over(broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linger, "WAIT_S", 0.02)

    assert list(wake_ups(QUEUE)) == []

    wake(Stage.ROUTE)
    assert broker.llen(QUEUE) == 1


def test_one_that_is_handed_over_at_the_last_moment_is_not_lost(broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the wait has ended, and before the process has said so."""
    monkeypatch.setattr(linger, "WAIT_S", 0.02)
    connection = linger._own(os.getpid())[0]
    send = connection.send

    def slow(commands: Any) -> Any:
        if commands[0][0] == "ZREM":
            broker.zadd(waiting_key(QUEUE), {commands[0][2]: 1e15})
            wake(Stage.ROUTE)
        return send(commands)

    monkeypatch.setattr(connection, "send", slow)

    next(wake_ups(QUEUE))

    assert broker.llen(QUEUE) == 0


def test_one_that_died_while_it_waited_is_passed_over(broker: Any) -> None:
    broker.zadd(waiting_key(QUEUE), {"orders.waits.dead": 1, "orders.waits.dead too": 2})

    wake(Stage.ROUTE)

    assert (broker.llen(QUEUE), broker.zcard(waiting_key(QUEUE)), broker.keys("orders.waits.*")) == (1, 0, [])


def test_one_child_of_a_worker_waits_at_a_time(broker: Any) -> None:
    file = linger._Seat.file
    assert file is not None
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_LOCK, str(file.fileno())],
        pass_fds=[file.fileno()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        other.stdout.readline()
        wake(Stage.ROUTE)

        assert list(wake_ups(QUEUE)) == []
        assert broker.llen(QUEUE) == 1
        other.kill()
        other.wait()

    next(wake_ups(QUEUE))
    assert broker.llen(QUEUE) == 0


@pytest.mark.parametrize("is_child", [True, False], ids=["one process", "no child"])
def test_who_would_keep_other_tasks_waiting_does_not_wait(
    broker: Any, monkeypatch: pytest.MonkeyPatch, *, is_child: bool
) -> None:
    """The only child of a worker, and the processes of pools without children."""
    share_seat(1 if is_child else 2)
    monkeypatch.setattr(linger._Seat, "is_for_me", is_child)
    wake(Stage.ROUTE)

    assert list(wake_ups(QUEUE)) == []
    assert broker.llen(QUEUE) == 1


def test_nobody_waits_for_a_redis_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_commands: Any) -> Any:
        raise redis.ConnectionError

    breaker = Breaker(lambda: None)
    monkeypatch.setattr(linger, "hints", breaker)
    monkeypatch.setattr(linger._own(os.getpid())[0], "send", refuse)

    assert list(wake_ups(QUEUE)) == []


def test_another_process_has_its_turn_after_a_while(broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery ends and replaces its processes between two tasks alone."""
    monkeypatch.setattr(linger, "LONGEST_S", 0.0)
    wake(Stage.ROUTE)

    assert list(wake_ups(QUEUE)) == []
    assert broker.llen(QUEUE) == 1
