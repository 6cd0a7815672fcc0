"""Works without a broker: while Redis is away, or where messages are lost, a worker finds due rows itself.

Each process of a worker has one thread for it, which looks at two values in memory four times a second and else sleeps.
"""

import logging
import mmap
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from django.db import Error as DatabaseError
from django.db import connection

from dex import Engine, RetryableError
from orders.config import Policy, get_policy
from orders.database.errors import DATABASE
from orders.engine import freeze_gc, get_engine
from orders.models import heartbeat_name
from orders.notify.breaker import hints, write_probe
from orders.pipeline.loop import run_stage
from orders.pipeline.maintenance import LATE_S, run_maintenance, run_maintenance_if_late
from orders.pipeline.outlook import due_stages
from orders.pipeline.periodic import JOBS, Job
from orders.reconciliation.heartbeat import beat

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
PAUSE_S = 0.05
# After an error, such as of a database that is away too.
ERROR_PAUSE_S = 1.0
STOP_WITHIN_S = 5.0

_TIME = struct.Struct("d")
# When a task last began or ended in any process of this worker; made before they fork, so that all of them share it.
_last_task = mmap.mmap(-1, _TIME.size)


class _Task:
    """Whether this process works on a message: then it needs no thread that does so too, and takes turns with it."""

    is_running = False


def note_task(*, is_running: bool = False) -> None:
    """A message has come, or was worked off: until now this worker was not idle."""
    _Task.is_running = is_running
    _TIME.pack_into(_last_task, 0, time.monotonic())


def idle_s() -> float:
    """Seconds since a message came to this worker, or was worked off."""
    return time.monotonic() - float(_TIME.unpack_from(_last_task, 0)[0])


class Drain:
    """The thread of one process; `jobs` are those that run without their messages."""

    def __init__(self, jobs: Mapping[str, Job] = JOBS) -> None:
        self._jobs = jobs
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
            drain_without_broker(get_engine(), get_policy(), self._stop.wait, self._jobs)
        elif not _Task.is_running and idle_s() >= LATE_S <= time.monotonic() - self._looked_at:
            self._looked_at = time.monotonic()
            if hints.attempt(write_probe):
                drain_if_idle(get_engine(), get_policy(), self._jobs)


def drain_without_broker(
    engine: Engine, policy: Policy, pause: Callable[[float], bool], jobs: Mapping[str, Job] = JOBS
) -> None:
    """Work off what is due until Redis is back, or `pause` answers that it is time to stop. Raises: DatabaseError."""
    freeze_gc()
    try:
        while hints.is_open and not pause(PAUSE_S):
            with DATABASE.watched():
                _work(engine, policy, jobs)
    finally:
        connection.close()


def drain_if_idle(engine: Engine, policy: Policy, jobs: Mapping[str, Job] = JOBS) -> None:
    """Once, where no worker has run maintenance: messages get lost although Redis takes them. Raises: DatabaseError."""
    try:
        with DATABASE.watched():
            if run_maintenance(engine, policy, LATE_S):
                _work(engine, policy, jobs)
    finally:
        connection.close()


def _work(engine: Engine, policy: Policy, jobs: Mapping[str, Job]) -> None:
    for stage, delay_s in due_stages(engine.chain.chain_id).items():
        if not delay_s:
            # Its orders have their own back-off.
            with suppress(RetryableError):
                run_stage(stage, engine=engine, policy=policy)
    run_maintenance_if_late(engine, policy)
    for name, job in jobs.items():
        if beat(heartbeat_name(f"{name} without a broker", engine.chain.chain_id), at_least_s=job.every_s):
            job.run(engine, policy)
