"""The Celery app: where stage tasks run. Its settings stand in settings.py under the CELERY_ prefix."""

import logging
import os
import warnings
from typing import Any

from celery import Celery, bootsteps, signals
from celery.exceptions import CPendingDeprecationWarning
from kombu.exceptions import OperationalError
from redis import RedisError

from orderengine.jobs.broker import meanwhile

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orderengine.settings")
# A worker would run all of Django's checks, for which it loads every view, and read none of the answers.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")


@signals.celeryd_init.connect
@signals.beat_init.connect
def refuse_unsafe_start(**_: object) -> None:
    """Before a worker or beat does anything. Imported here, since the checks need the loaded apps."""
    import django

    django.setup(set_prefix=False)
    from orderengine.startup import refuse_unsafe

    refuse_unsafe()


@signals.worker_ready.connect
def say_less(**_: object) -> None:
    """Nine lines at each loss of the broker, about a setting that is left alone on purpose.

    Celery asks for all such warnings while it sets its log up, so this comes after that.
    """
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)


@signals.worker_before_create_process.connect
def share_what_is_loaded(**_: object) -> None:
    """Before a worker's first child: those that come after a killed one must not look through all of it again.

    The drain is loaded here for the moment that its processes share: when any of them had a message.
    """
    import orders.pipeline.drain  # noqa: F401
    from orders.engine import freeze_gc

    freeze_gc()


@signals.celeryd_after_setup.connect
def let_one_process_wait(instance: Any, **_: object) -> None:
    """Before a worker's first child."""
    from orders.notify.linger import share_seat

    share_seat(instance.min_concurrency)


@signals.worker_process_init.connect
def watch_for_silence(**_: object) -> None:
    """In each process of a worker: orders go on while the broker is away, for however long."""
    from orders.notify.linger import take_part
    from orders.pipeline.drain import Drain
    from orders.waiting.trigger_pass import JOBS

    take_part()
    drain = Drain(JOBS)
    drain.start()
    # Kept by the reference, as a signal would let go of it.
    signals.worker_process_shutdown.connect(lambda **_: drain.stop(), weak=False)


@signals.task_prerun.connect
def begin_task(**_: object) -> None:
    """A message has come to this worker."""
    from orders.pipeline.drain import note_task

    note_task(is_running=True)


@signals.task_postrun.connect
def end_task(**_: object) -> None:
    """It was worked off, however that ended."""
    from orders.pipeline.drain import note_task

    note_task()


logger = logging.getLogger(__name__)

MAINTENANCE_EVERY_S = 1.0
MAINTENANCE: dict[str, Any] = {"queue": "orders", "expires": 2 * MAINTENANCE_EVERY_S, "retry": False}


class Replacement(bootsteps.StartStopStep):
    """Dead processes of a worker are replaced while the broker is away, in which time the event loop stands still."""

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        """Before the worker looks for its broker.

        Celery tells the pool of the event loop at the first connection. Until then the pool keeps the place of a dead
        process taken, and the worker ends as it looks for a free one.
        """
        worker.pool.register_with_event_loop(worker.hub)
        meanwhile[:] = [worker.pool.maintain_pool]


class Clock(bootsteps.StartStopStep):
    """Every worker requests maintenance by itself each second, so that orders go on without beat."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **_: Any) -> None:
        super().__init__(consumer)
        self._entry: Any = None

    def start(self, consumer: Any) -> None:
        """With each connection to the broker, of which a new one may have lost all messages."""
        self.stop(consumer)
        _request_maintenance()
        self._entry = consumer.timer.call_repeatedly(MAINTENANCE_EVERY_S, _request_maintenance)

    def stop(self, consumer: Any) -> None:
        """When the connection ends."""
        entry, self._entry = self._entry, None
        if entry is not None:
            entry.cancel()


def _request_maintenance() -> None:
    try:
        app.send_task("orders.maintenance", **MAINTENANCE)
    except (OperationalError, RedisError) as error:
        logger.debug("the broker is away: %s", error)


app = Celery("orderengine", amqp="orderengine.jobs.broker:Amqp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(Replacement)
app.steps["consumer"].add(Clock)
