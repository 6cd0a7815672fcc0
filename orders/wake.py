"""Wake-ups: at most one message per stage and slot of time says that there may be work. Losing one costs little.

The first wake-up of a slot is sent at once, so that a lone order never waits; those that come after it share one for
the beginning of the next slot. A busy engine so takes its orders in batches, and pays half as much for each.
"""

import time
from datetime import timedelta

from celery import current_app

from orders.breaker import hints, redis_client
from orders.states import Stage

SLOT_S = 0.1
MESSAGE_EXPIRES_S = 30


def task_name(stage: Stage) -> str:
    """Name of the Celery task that runs the stage."""
    return f"orders.{stage}"


def wake(stage: Stage, delay_s: float = 0.0) -> None:
    """Have the stage's task run `delay_s` from now, or up to two slots later. Never raises, never waits long."""
    hints.attempt(lambda: _send(stage, delay_s))


def _send(stage: Stage, delay_s: float) -> None:
    # By this process's own clock: where two differ, there is a message too many and no harm.
    now = time.time()
    slot = int((now + delay_s) / SLOT_S)
    for number, countdown_s in ((slot, delay_s), (slot + 1, (slot + 1) * SLOT_S - now)):
        lives = timedelta(seconds=(number + 1) * SLOT_S - now + SLOT_S)
        if redis_client().set(f"wake:{stage}:{number}", "", nx=True, px=lives):
            current_app.send_task(
                task_name(stage),
                retry=False,
                expires=MESSAGE_EXPIRES_S,
                countdown=countdown_s or None,
                ignore_result=True,
            )
            return
