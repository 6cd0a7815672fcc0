"""Wake-ups: at most one queued message per stage says that there may be work. Losing one costs a second."""

from celery import current_app

from orders.breaker import hints, redis_client
from orders.states import Stage

# A wake-up that was lost with its worker or broker blocks the next one at most this long.
QUEUED_MS = 250
MESSAGE_EXPIRES_S = 30


def task_name(stage: Stage) -> str:
    """Name of the Celery task that runs the stage."""
    return f"orders.{stage}"


def wake(stage: Stage, delay_s: float = 0.0) -> None:
    """Queue the stage's task unless one waits already. Never raises, never waits long."""
    hints.attempt(lambda: _send(stage, delay_s))


def _send(stage: Stage, delay_s: float) -> None:
    # A wake-up for later must not stand in for one that is wanted now, so each kind has a flag of its own.
    key, lives_ms = (f"wake-later:{stage}", int(delay_s * 1000)) if delay_s >= 0.001 else (_key(stage), QUEUED_MS)
    if redis_client().set(key, "1", nx=True, px=lives_ms):
        current_app.send_task(task_name(stage), retry=False, expires=MESSAGE_EXPIRES_S, countdown=delay_s or None)


def started(stage: Stage) -> None:
    """The stage looks for work from now on: whoever adds some must send a new wake-up."""
    hints.attempt(lambda: redis_client().delete(_key(stage)))


def _key(stage: Stage) -> str:
    return f"wake:{stage}"
