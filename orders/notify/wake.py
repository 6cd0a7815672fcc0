"""Wake-ups: messages that a stage may have work. A lost one costs the time to the next maintenance run, never an order.

Each stage has a queue of its own, with at most one message that no worker has taken yet. It speaks for everything that
was committed before it is taken, since its worker looks for due rows only then. So a lone order never waits, and while
all workers are busy any number of orders shares one message: the next free one takes all that is due. One for later is
kept in this process until its time: in the queue it would hold the place of one that is wanted now.
"""

from base64 import b64encode
from collections.abc import Callable
from functools import cache
from uuid import uuid4

import orjson
from celery import current_app
from kombu.serialization import dumps

from orders.config import broker_redis_url
from orders.notify.breaker import hints
from orders.notify.kept import Command, kept
from orders.notify.later import later
from orders.notify.linger import HAND_OVER, waiting_key
from orders.states import Stage

# Beyond this the rows are left to maintenance, so that what waits in a process stays few.
LONGEST_S = 60.0
# What is woken beside the stages, as one of them.
TRIGGERS = "triggers"

_IF_NONE_WAITS = "return redis.call('LLEN', KEYS[1]) == 0 and redis.call('LPUSH', KEYS[1], ARGV[1])"
_SEND = HAND_OVER + _IF_NONE_WAITS
_ID = "00000000-0000-0000-0000-000000000000"


def task_name(work: str) -> str:
    """Name of the Celery task that runs the stage, or the trigger pass."""
    return f"orders.{work}"


def queue_name(work: str) -> str:
    """The queue of a stage's wake-ups, or of the trigger pass, and of nothing else."""
    return f"orders.{work}"


def wake_trigger_pass(delay_s: float = 0.0) -> None:
    """Have the prices that orders wait for compared with the market `delay_s` from now. Never raises."""
    _wake(TRIGGERS, delay_s)


def wake(stage: Stage, delay_s: float = 0.0) -> None:
    """Have the stage's task run `delay_s` from now. Never raises, never waits long."""
    _wake(stage, delay_s)


def begin_waking(stage: Stage) -> Callable[[], None]:
    """Have the stage's task run now; the call learns whether that was heard, and says it again where not.

    What is done between the two need not wait for Redis. Neither raises.
    """
    begun: list[Callable[[], object]] = []
    hints.attempt(lambda: begun.append(kept(broker_redis_url()).begin(_commands(stage))))

    def hear() -> None:
        if begun:
            hints.attempt(lambda: begun.pop()() if begun else _send(stage))

    return hear


def _wake(work: str, delay_s: float) -> None:
    if delay_s <= 0:
        hints.attempt(lambda: _send(work))
    elif delay_s <= LONGEST_S and not hints.is_open:
        later().call(delay_s, lambda: hints.attempt(lambda: _send(work)))


def _send(work: str) -> None:
    kept(broker_redis_url()).send(_commands(work))


def _commands(work: str) -> list[Command]:
    queue = queue_name(work)
    return [("EVAL", _SEND, 2, queue, waiting_key(queue), message(work))]


def message(work: str) -> str:
    """A message as Celery itself would send it, with an id of its own."""
    return str(uuid4()).join(_template(work))


@cache
def _template(work: str) -> list[str]:
    """The parts of a message between which its id goes. Celery takes ten times as long to make one."""
    headers, properties, body, _ = current_app.amqp.as_task_v2(_ID, task_name(work), ignore_result=True)
    content_type, encoding, text = dumps(body, serializer="json")
    whole = {
        "body": b64encode(text.encode()).decode(),
        "content-encoding": encoding,
        "content-type": content_type,
        "headers": headers,
        "properties": {
            **properties,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue_name(work)},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": _ID,
        },
    }
    return orjson.dumps(whole).decode().split(_ID)
