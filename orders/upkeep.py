"""What keeps orders going whatever became of a message: each second, and on the way where nobody comes to it."""

import time
from contextlib import suppress

from dex import Engine, RetryableError
from orders.breaker import hints
from orders.config import Policy
from orders.events import push_events
from orders.pipeline import run_stage
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
# Without a broker a worker goes on for so long, well below the time that a task may take.
ALONE_S = 10.0
ALONE_PAUSE_S = 0.05


class _Asked:
    """When this process last asked whether the upkeep is late."""

    at = 0.0


def keep_up(engine: Engine, policy: Policy, at_least_s: float = PAUSE_S) -> None:
    """Free what dead workers held, wake every stage that has rows to look at, and send what was stored and not sent.

    Nothing where any process has done so less than `at_least_s` ago.
    """
    if not beat(UPKEEP, at_least_s=at_least_s):
        return
    end_dead_leases(policy.lease_s)
    wake_due_stages()
    send_what_is_unsent(engine)


def keep_up_if_late(engine: Engine, policy: Policy) -> None:
    """The same, where nobody has come to it. Costs a statement every `LATE_S`."""
    now = time.monotonic()
    if now - _Asked.at >= LATE_S:
        _Asked.at = now
        keep_up(engine, policy, LATE_S)


def go_on_alone(engine: Engine, policy: Policy) -> None:
    """While Redis is away no message comes: whoever works at that moment looks for what is due by itself."""
    ends_at = time.monotonic() + ALONE_S
    while hints.is_open and time.monotonic() < ends_at:
        for stage, delay_s in due_stages().items():
            if not delay_s:
                with suppress(
                    RetryableError
                ):  # its orders have their own back-off, and nobody can be asked to come again
                    run_stage(stage, engine=engine, policy=policy)
        keep_up_if_late(engine, policy)
        time.sleep(ALONE_PAUSE_S)


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
