"""Wake-ups: messages that a stage may have work. A lost one costs the time to the next maintenance run, never an order.

Few of them leave at once, so that a lone order never waits. Where many come, all of a slot of time share one message at
its end: a busy engine so takes its orders in batches, and pays half as much for each.
"""

import time

from celery import current_app

from orders.notify.breaker import hints, redis_client
from orders.states import Stage

SLOT_S = 0.1
# More wake-ups of a stage in one slot are many: they share a message, and so do all of the next slot. Those for later
# may as well come a little later.
FEW, FEW_FOR_LATER = 2, 1
MESSAGE_EXPIRES_S = 30


def task_name(stage: Stage) -> str:
    """Name of the Celery task that runs the stage."""
    return f"orders.{stage}"


def wake(stage: Stage, delay_s: float = 0.0) -> None:
    """Have the stage's task run `delay_s` from now, or up to a slot later. Never raises, never waits long."""
    promised: set[str] = set()
    hints.attempt(lambda: _send(stage, delay_s, promised))


def _send(stage: Stage, delay_s: float, promised: set[str]) -> None:
    """Send one, or have it share one; `promised` are the shared ones that an attempt before could not send after all.

    By this process's own clock. A machine whose clock is behind may count on a message that has run by then: its
    orders wait for maintenance.
    """
    now = time.time()
    slot = int((now + delay_s) / SLOT_S)
    lives_ms = int((delay_s + 3 * SLOT_S) * 1000)
    with redis_client().pipeline(transaction=False) as redis:
        redis.incr(_key(stage, slot))
        redis.pexpire(_key(stage, slot), lives_ms)
        redis.get(_key(stage, slot - 1))
        count, _, before = redis.execute()
    if max(count, int(before or 0)) > (FEW_FOR_LATER if delay_s else FEW):
        shared = f"{_key(stage, slot)}:shared"
        if shared not in promised and not redis_client().set(shared, "", nx=True, px=lives_ms):
            return
        promised.add(shared)
        delay_s = (slot + 1) * SLOT_S - now
    current_app.send_task(
        task_name(stage), retry=False, expires=MESSAGE_EXPIRES_S, countdown=delay_s or None, ignore_result=True
    )


def _key(stage: Stage, slot: int) -> str:
    return f"wake:{stage}:{slot}"
