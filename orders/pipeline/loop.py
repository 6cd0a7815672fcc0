"""The one stage loop: claim, work, settle, push, wake. A message only starts it; the rows say what there is to do."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from django.db import Error as DatabaseError
from django.db import connection

from dex import Engine, RetryableError
from dex.deadline import within
from orders.config import Policy
from orders.database.errors import is_unavailable
from orders.event_log.event import Event
from orders.notify.push import MAX_EVENTS, News, news_of, push_news
from orders.notify.wake import wake
from orders.pipeline.build import build_orders
from orders.pipeline.claim import ClaimedOrder, acquit_orders, claim_orders, release_orders, suspect_order
from orders.pipeline.confirm import confirm_orders
from orders.pipeline.outlook import is_worth_it, read_ahead
from orders.pipeline.parents.stage import advance_parents
from orders.pipeline.planned import write_planned
from orders.pipeline.quarantine import quarantine_orders
from orders.pipeline.results import Settled, fail, retry
from orders.pipeline.route import route_orders
from orders.pipeline.submit import submit_orders
from orders.pipeline.transition import Change, transition
from orders.problems import Problem, UnreadableRow
from orders.states import OrderStatus, Stage, is_terminal

logger = logging.getLogger(__name__)

# Of so few orders all events to their ends fit one message. Where the chain answers at once they share it: each more is
# a wake-up of Redis and of every web process, on whose core the order itself is waiting.
SHARED_BY = MAX_EVENTS // len(Stage)


class StageWork(Protocol):
    """What a stage does to a batch: work without a transaction, then settle in one."""

    def __call__(self, orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled: ...


STAGES: Mapping[Stage, StageWork] = {
    Stage.CHILDREN: advance_parents,
    Stage.ROUTE: route_orders,
    Stage.BUILD: build_orders,
    Stage.SUBMIT: submit_orders,
    Stage.CONFIRM: confirm_orders,
}
# Where the worker that settled a batch takes it on at once, under the same lease. Should it die on the way, the
# lease runs out and the next stage's own claim finds the rows.
CARRIES_TO: Mapping[Stage, Stage] = {
    Stage.ROUTE: Stage.BUILD,
    Stage.BUILD: Stage.SUBMIT,
    Stage.SUBMIT: Stage.CONFIRM,
}


def run_stage(
    stage: Stage,
    *,
    engine: Engine,
    policy: Policy,
    works: Mapping[Stage, StageWork] = STAGES,
    carries_to: Mapping[Stage, Stage] = CARRIES_TO,
) -> None:
    """Work off the stage's due orders, batch by batch, until none is left or the run's time is up.

    A batch that a stage passes on stays with this worker: no message, no second claim, and often no commit between.
    Raises: RetryableError once, after everything is settled, when orders wait for another try: the task's
    back-off then wakes the stage again. Database errors pass through; leases run out by themselves.
    """
    ends_at = time.monotonic() + policy.run_s
    chain_id, answers_within_s = engine.chain.chain_id, engine.chain.timing.answer_s
    policy = policy.on_a_chain(answers_within_s)
    retry_error: RetryableError | None = None
    while True:
        if (prepared := _prepared(stage, works, engine)) is None:
            break
        claim = claim_orders(stage, policy.batch_size, policy.lease_of(stage, answers_within_s), chain_id=chain_id)
        pushes = _Pushes(holds=len(claim.orders) <= SHARED_BY and engine.answers_at_once)
        pushes.add(claim.events)
        if claim.has_more:
            wake(stage)  # a free worker begins with the rest now, while this batch waits for its chain
        try:
            for settled in _carry(stage, claim.orders, engine, policy, prepared, carries_to, pushes):
                retry_error = settled.retry or retry_error
        finally:
            pushes.end()
        if not claim.has_more:
            break
        if time.monotonic() >= ends_at:
            wake(stage)
            break
    if retry_error is not None:
        raise retry_error


def _prepared(stage: Stage, works: Mapping[Stage, StageWork], engine: Engine) -> Mapping[Stage, StageWork] | None:
    """The works for what is claimed next, with a market that is read ahead or along; None: nothing is to be claimed.

    Call `claim_orders` next: a market along with it is a round trip less.
    """
    if stage is not Stage.ROUTE:
        return works
    if engine.reads_slowly and not is_worth_it(engine.chain.chain_id):
        return None
    with within(engine.chain.timing.answer_s):
        ahead = read_ahead(engine) if engine.reads_slowly else engine.ask_along()
    route: Any = works[stage]
    return works if ahead is None else {**works, stage: partial(route, ahead=ahead)}


def _carry(
    stage: Stage | None,
    batch: Sequence[ClaimedOrder],
    engine: Engine,
    policy: Policy,
    works: Mapping[Stage, StageWork],
    carries_to: Mapping[Stage, Stage],
    pushes: "_Pushes",
) -> Iterator[Settled]:
    """Take a batch through the stage and those it is carried to, as long as there is time."""
    ends_at = time.monotonic() + policy.carry_s
    while stage is not None and batch:
        settled = _run_batch(stage, works[stage], batch, engine, policy)
        next_stage, is_late = carries_to.get(stage), time.monotonic() >= ends_at
        if next_stage is None or is_late:
            settled.carried, events = write_planned(settled.carried)
            settled.events += events
        pushes.add(settled.events)
        for woken, delay_s in settled.wakes:
            wake(woken, delay_s)
        if settled.retry is not None:
            # The task's back-off wakes the stage that it was sent for; one further on is woken here.
            wake(stage, policy.retry_base_s)
        yield settled
        stage, batch = next_stage, settled.carried
        if stage is not None and batch and is_late:
            release_orders((order, 0.0) for order in batch)
            wake(stage)
            return


class _Pushes:
    """The events of one batch on their way. With `holds` they share a message, which goes out at the end.

    It is made on the session that they were committed on, as they come, so that behind the last commit little is left
    to do: another session may be of another database, in which they are not.
    """

    def __init__(self, *, holds: bool) -> None:
        self._holds = holds
        self._held: list[News] = []
        self._session: Any = None

    def add(self, events: Sequence[Event]) -> None:
        """Take events that are committed. Never raises."""
        if events:
            self._held.append(news_of(events))
            self._session = connection.connection
            if not self._holds:
                self.end()

    def end(self) -> None:
        """Send what is held. Never raises."""
        held, self._held = self._held, []
        if connection.connection is self._session:
            push_news(held)


def _run_batch(
    stage: Stage, work: StageWork, orders: Sequence[ClaimedOrder], engine: Engine, policy: Policy
) -> Settled:
    if orders[0].claim_count > policy.max_claims:
        if _may_fail(stage):
            return Settled(transition([fail(order, _poison(order, stage)) for order in orders]))
        quarantine_orders(orders, policy.park_s)
    try:
        # One limit of time for all that the stage asks of the chain: a slow one makes it end, not its worker.
        _require_readable(orders)
        with within(engine.chain.timing.answer_s):
            return work(orders, engine=engine, policy=policy)
    except Exception as bug:
        if is_unavailable(bug):
            with suppress(DatabaseError):
                acquit_orders(orders)
            raise
        if len(orders) == 1:
            logger.exception("stage %s failed on order %s", stage, orders[0].id)
            return _settle_bug(stage, orders[0], bug, policy)
        logger.warning("stage %s met a %s in %d orders: half of them at a time", stage, type(bug).__name__, len(orders))
    return _in_halves(stage, work, orders, engine, policy)


def _settle_bug(stage: Stage, order: ClaimedOrder, bug: Exception, policy: Policy) -> Settled:
    """End the order or have it tried again apart from others. Of one whose bytes were sent, that is told first."""
    left, events = ([order], []) if _may_fail(stage) else write_planned([order])
    for order in left:
        change = _after_bug(stage, order, bug, policy)
        events += transition([change])
        if not is_terminal(change.target):
            suspect_order(change.order_id)
    return Settled(events)


def _require_readable(orders: Sequence[ClaimedOrder]) -> None:
    """Raises: UnreadableRow for stored terms or a plan that cannot be read, which is handled as any other bug."""
    for order in orders:
        if order.unreadable is not None:
            raise UnreadableRow(order.unreadable)


def _in_halves(
    stage: Stage, work: StageWork, orders: Sequence[ClaimedOrder], engine: Engine, policy: Policy
) -> Settled:
    """A bug that one order brings out must not hold back its batch, nor make it as slow as single orders are."""
    total = Settled()
    middle = len(orders) // 2
    for half in (orders[:middle], orders[middle:]):
        settled = _run_batch(stage, work, half, engine, policy)
        total.events += settled.events
        total.carried += settled.carried
        total.wakes |= settled.wakes
        total.retry = settled.retry or total.retry
    return total


def _after_bug(stage: Stage, order: ClaimedOrder, error: Exception, policy: Policy) -> Change:
    problem = Problem("internal_error", f"the {stage} stage met a {type(error).__name__}")
    if _may_fail(stage) and order.attempt >= policy.max_attempts:
        return fail(order, problem)
    # A route that was not signed with is exchanged: its age would be counted from this event.
    target = OrderStatus.ROUTING if stage is Stage.BUILD else OrderStatus(order.status)
    return retry(order, target, problem, policy)


def _may_fail(stage: Stage) -> bool:
    """Only while no bytes can have left; from then on the chain decides. A parent's children may have sent some."""
    return stage in {Stage.ROUTE, Stage.BUILD}


def _poison(order: ClaimedOrder, stage: Stage) -> Problem:
    return Problem("poison", f"its worker died {order.claim_count - 1} times in the {stage} stage; nothing was sent")
