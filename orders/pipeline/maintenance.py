"""Keeps orders moving when messages are lost: each second, and between stages where no maintenance message arrives."""

import time

from dex import Engine
from orders.config import Policy
from orders.database.statistics import count_if_late
from orders.notify.push import push_events
from orders.notify.wake import wake, wake_trigger_pass
from orders.pipeline.life.deadman import fire_due
from orders.pipeline.life.links import settle_due
from orders.pipeline.outlook import due_stages, end_dead_leases, look
from orders.pipeline.resend import send_unsent
from orders.states import Stage

# One that comes sooner after another has nothing to do.
PAUSE_S = 0.5
# Where all processes of all workers are busy with stages, one of them does it between two.
LATE_S = 1.5


class _Asked:
    """When this process last asked whether maintenance is late."""

    at = 0.0


def run_maintenance(engine: Engine, policy: Policy, at_least_s: float = PAUSE_S) -> bool:
    """Free what dead workers held, wake every stage that has rows to look at, and send what was stored and not sent.

    Dead-man switches that are due fire here, and linked orders decide on each other: with a broker or without.

    False, and nothing done, where any process has done so less than `at_least_s` ago.
    """
    chain_id = engine.chain.chain_id
    seen = look(chain_id, at_least_s)
    if seen is None:
        return False
    due = seen.due
    if seen.has_dead_leases:
        end_dead_leases(policy.on_a_chain(engine.chain.timing.answer_s).lease_s, chain_id=chain_id)
        due = due_stages(chain_id)
    # The safety net: every stage that has rows of the chain to look at, also where its messages were lost.
    for stage, delay_s in due.items():
        wake(stage, delay_s)
    if seen.has_waiting:
        wake_trigger_pass()
    if seen.has_unsent:
        send_what_is_unsent(engine)
    if seen.has_due_switches:
        fire_due()
    if seen.has_due_links:
        settle_due(chain_id)
    count_if_late()
    return True


def run_maintenance_if_late(engine: Engine, policy: Policy) -> None:
    """The same, where it is late. Costs a statement every `LATE_S`."""
    now = time.monotonic()
    if now - _Asked.at >= LATE_S:
        _Asked.at = now
        run_maintenance(engine, policy, LATE_S)


def send_what_is_unsent(engine: Engine) -> None:
    """Send stored bytes whose worker may have died on the way, and tell of it."""
    events = send_unsent(engine)
    if events:
        push_events(events)
        wake(Stage.CONFIRM, engine.chain.timing.block_s)
