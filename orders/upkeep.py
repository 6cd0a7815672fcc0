"""What keeps orders going whatever became of a message: each second, and on the way where nobody comes to it."""

import time

from dex import Engine
from orders.config import Policy
from orders.events import push_events
from orders.selectors import UPKEEP
from orders.services.claim import due_stages, end_dead_leases
from orders.services.heartbeat import beat
from orders.services.resend import send_unsent
from orders.states import Stage
from orders.wake import wake

# One that comes sooner after another has nothing to do.
PAUSE_S = 0.5
# Where all processes of all workers are busy with stages, one of them does it between two.
LATE_S = 1.5


class _Asked:
    """When this process last asked whether the upkeep is late."""

    at = 0.0


def keep_up(engine: Engine, policy: Policy, at_least_s: float = PAUSE_S) -> bool:
    """Free what dead workers held, wake every stage that has rows to look at, and send what was stored and not sent.

    False, and nothing done, where any process has done so less than `at_least_s` ago.
    """
    if not beat(UPKEEP, at_least_s=at_least_s):
        return False
    end_dead_leases(policy.on_a_chain(engine.chain.answers_within_s()).lease_s)
    wake_due_stages()
    send_what_is_unsent(engine)
    return True


def keep_up_if_late(engine: Engine, policy: Policy) -> None:
    """The same, where nobody has come to it. Costs a statement every `LATE_S`."""
    now = time.monotonic()
    if now - _Asked.at >= LATE_S:
        _Asked.at = now
        keep_up(engine, policy, LATE_S)


def wake_due_stages() -> None:
    """The safety net: wake every stage that has rows to look at, whatever became of its messages."""
    for stage, delay_s in due_stages().items():
        wake(stage, delay_s)


def send_what_is_unsent(engine: Engine) -> None:
    """Send stored bytes whose worker may have died on the way, and tell of it."""
    events = send_unsent(engine)
    if events:
        push_events(events)
        wake(Stage.CONFIRM, engine.chain.block_interval_s())
