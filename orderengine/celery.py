"""The Celery app: where stage tasks run. Its settings stand in settings.py under the CELERY_ prefix."""

import logging
import os
import warnings
from typing import Any

from celery import Celery, bootsteps, signals
from celery.exceptions import CPendingDeprecationWarning
from kombu.exceptions import OperationalError
from redis import RedisError

from orderengine.broker import meanwhile

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
    """Before a worker's first child: those that come after a killed one must not look through all of it again."""
    from orders.engine import keep_loaded

    keep_loaded()


@signals.worker_process_init.connect
def watch_for_silence(**_: object) -> None:
    """In each process of a worker: orders go on while the broker is away, for however long."""
    from orders.drain import Drain

    drain = Drain()
    drain.start()
    # Kept by the reference, as a signal would let go of it.
    signals.worker_process_shutdown.connect(lambda **_: drain.stop(), weak=False)


@signals.task_prerun.connect
def note_task(**_: object) -> None:
    """A message has come to this worker."""
    from orders.drain import note_task

    note_task()


logger = logging.getLogger(__name__)

UPKEEP_EVERY_S = 1.0
UPKEEP: dict[str, Any] = {"queue": "orders", "expires": 2 * UPKEEP_EVERY_S, "retry": False}


class Clock(bootsteps.StartStopStep):
    """Every worker asks for the upkeep by itself each second, so that orders need nobody else alive, beat included."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **_: Any) -> None:
        super().__init__(consumer)
        self._entry: Any = None
        # While the broker is away, the event loop stands still in which dead processes are replaced.
        meanwhile[:] = [lambda: _replace_dead_processes(consumer)]

    def start(self, consumer: Any) -> None:
        """With each connection to the broker, of which a new one may have lost all messages."""
        self.stop(consumer)
        _ask_for_upkeep()
        self._entry = consumer.timer.call_repeatedly(UPKEEP_EVERY_S, _ask_for_upkeep)

    def stop(self, consumer: Any) -> None:
        """When the connection ends."""
        entry, self._entry = self._entry, None
        if entry is not None:
            entry.cancel()


def _replace_dead_processes(consumer: Any) -> None:
    pool: Any = getattr(consumer.pool, "_pool", None)
    if hasattr(pool, "maintain_pool"):
        pool.maintain_pool()


def _ask_for_upkeep() -> None:
    try:
        app.send_task("orders.upkeep", **UPKEEP)
    except (OperationalError, RedisError) as error:
        logger.debug("the broker is away: %s", error)


app = Celery("orderengine", amqp="orderengine.broker:Amqp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add(Clock)
