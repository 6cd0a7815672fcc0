"""A process that has just worked waits a moment for the next wake-up itself.

On the usual way Celery takes a message in the worker's main process and hands it to a child through a pipe: 1.5 ms of
CPU and most of a millisecond for an order that comes alone. So a child that is done says in Redis that it waits, and
who wakes the stage hands the message to it. One child of a worker waits at most, and only where there are others: they
take what else Celery sends. A wake-up that goes to a child which dies is lost as any other message may be.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Generator
from functools import cache
from typing import IO, Any
from uuid import uuid4

from orders.config import broker_redis_url
from orders.notify.breaker import hints
from orders.notify.kept import Kept

# Of four orders a second and more each finds its worker waiting.
WAIT_S = 0.25
# Beyond this another child is asked: Celery limits the time of a task, and ends its workers between two.
LONGEST_S = 2.0
# How much longer an answer may take than it was waited for.
ANSWER_S = 0.2

# Says that a process waits, unless a message is in the queue: that one is its own then.
_BEGIN = """
    local message = redis.call('RPOP', KEYS[1])
    if message then
        redis.call('LPUSH', KEYS[3], message)
    else
        local now = redis.call('TIME')
        redis.call('ZADD', KEYS[2], now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[1], KEYS[3])
        redis.call('PEXPIRE', KEYS[2], ARGV[1])
    end
"""
# What a wake-up does first: one that waits, and has not died meanwhile, gets the message.
HAND_OVER = """
    local one = redis.call('ZPOPMAX', KEYS[2])
    if one[1] then
        local now = redis.call('TIME')
        if tonumber(one[2]) > now[1] * 1000 + math.floor(now[2] / 1000) then
            redis.call('LPUSH', one[1], ARGV[1])
            return redis.call('PEXPIRE', one[1], 1000)
        end
        redis.call('DEL', KEYS[2])
    end
"""


def waiting_key(queue: str) -> str:
    """Where those stand who wait for a message of the queue, with the time until which they do."""
    return f"{queue}.waiting"


class _Seat:
    """What a child must hold to wait: a lock that ends with its process, on a file that all of them share."""

    file: IO[bytes] | None = None
    is_for_me = False


def share_seat(processes: int) -> None:
    """Have one of a worker's children wait at a time, of fewer than two none. Called before there are any."""
    _Seat.file = tempfile.TemporaryFile() if processes > 1 else None  # noqa: SIM115 - for as long as the worker runs


def take_part() -> None:
    """Called in each child."""
    _Seat.is_for_me = True


def wake_ups(queue: str) -> Generator[None]:
    """One for each wake-up that comes while this process waits; ends when none has come for a while. Never raises."""
    if hints.is_open or not _sit():
        return
    try:
        ends_at = time.monotonic() + LONGEST_S
        while time.monotonic() < ends_at and _wait(queue):
            yield
    finally:
        _rise()


def _wait(queue: str) -> bool:
    """Whether a wake-up has come."""
    connection, own = _own(os.getpid())
    waiting, milliseconds = waiting_key(queue), round(WAIT_S * 1000)
    came: list[Any] = []

    def wait() -> None:
        begin = ("EVAL", _BEGIN, 3, queue, waiting, own, milliseconds)
        if connection.send([begin, ("BRPOP", own, str(WAIT_S))])[1] is None:
            # Until now one may have been handed over.
            came.extend(connection.send([("ZREM", waiting, own), ("RPOP", own)])[1:])
        else:
            came.append(own)

    return hints.attempt(wait) and came != [None]


def _sit() -> bool:
    if _Seat.file is None or not _Seat.is_for_me:
        return False
    try:
        fcntl.lockf(_Seat.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _rise() -> None:
    if _Seat.file is not None:
        fcntl.lockf(_Seat.file, fcntl.LOCK_UN)


@cache
def _own(pid: int) -> tuple[Kept, str]:
    """This process's connection, and its key."""
    return Kept(broker_redis_url(), WAIT_S + ANSWER_S), f"orders.waits.{uuid4()}"
