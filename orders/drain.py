"""Works without a broker: while Redis is away, or no message comes for whatever reason, a worker finds due rows itself.

Each process of a worker has one thread for it, which looks at two values in memory four times a second and else sleeps.
"""

import logging
import mmap
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import Error as DatabaseError
from django.db import connection

from dex import Engine, RetryableError
from orders.breaker import hints, write_probe
from orders.config import Policy, get_policy
from orders.database_errors import DATABASE
from orders.engine import get_engine, keep_loaded
from orders.periodic import JOBS
from orders.pipeline import run_stage
from orders.services.claim import due_stages
from orders.services.heartbeat import beat
from orders.upkeep import LATE_S, keep_up, keep_up_if_late

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
PAUSE_S = 0.05
# After an error, such as of a database that is away too.
ERROR_PAUSE_S = 1.0
STOP_WITHIN_S = 5.0

_TIME = struct.Struct("d")
# When a task last began in any process of this worker; made before they fork, so that all of them share it.
_last_task = mmap.mmap(-1, _TIME.size)


def note_task() -> None:
    """A message has come."""
    _TIME.pack_into(_last_task, 0, time.monotonic())


def silent_s() -> float:
    """Seconds since a message came to this worker."""
    return time.monotonic() - float(_TIME.unpack_from(_last_task, 0)[0])


class Drain:
    """The thread of one process."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self._looked_at = 0.0

    def start(self) -> None:
        """Begin to look. Once."""
        note_task()
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand."""
        self._stop.set()
        self._thread.join(STOP_WITHIN_S)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            try:
                self._look()
            except DatabaseError:
                self._stop.wait(ERROR_PAUSE_S)  # said already
            except Exception:
                logger.exception("the work without a broker met an error")
                self._stop.wait(ERROR_PAUSE_S)

    def _look(self) -> None:
        if hints.is_open:
            drain_without_broker(get_engine(), get_policy(), self._stop.wait)
        elif silent_s() >= LATE_S <= time.monotonic() - self._looked_at:
            self._looked_at = time.monotonic()
            if hints.attempt(write_probe):
                work_if_nobody_does(get_engine(), get_policy())


def drain_without_broker(engine: Engine, policy: Policy, pause: Callable[[float], bool]) -> None:
    """Work off what is due until Redis is back, or `pause` answers that it is time to stop. Raises: DatabaseError."""
    keep_loaded()
    try:
        while hints.is_open and not pause(PAUSE_S):
            with DATABASE.watched():
                _work(engine, policy)
    finally:
        connection.close()


def work_if_nobody_does(engine: Engine, policy: Policy) -> None:
    """Once, where no worker has done the upkeep: messages get lost although Redis takes them. Raises: DatabaseError."""
    try:
        with DATABASE.watched():
            if keep_up(engine, policy, LATE_S):
                _work(engine, policy)
    finally:
        connection.close()


def _work(engine: Engine, policy: Policy) -> None:
    for stage, delay_s in due_stages().items():
        if not delay_s:
            # Its orders have their own back-off, and nobody can be asked to come again.
            with suppress(RetryableError):
                run_stage(stage, engine=engine, policy=policy)
    keep_up_if_late(engine, policy)
    for name, job in JOBS.items():
        if beat(f"{name} without a broker", at_least_s=job.every_s):
            job.run(engine, policy)
