"""L0 for parents: workers stopped and killed between any two statements of making children, ending and collecting them.

Nobody is woken here, and time passes only where a test says so: what a child's end leaves to do must stand in the rows.
"""

import time
from contextlib import suppress
from typing import Any

import pytest
from django.db.models import F
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from dex import ReorgPastFinality, RetryableError
from orderengine.chaos.books import breaches, fee_differences, wallet_differences
from orderengine.chaos.tests.driving import DRAIN_LIMIT_S, POLICY, let_time_pass, post, run
from orderengine.chaos.tests.test_crashes import BUGS, SCENARIOS, SIDES, forget_everything
from orderengine.chaos.tests.workers import CONFIRMATIONS, Worker, new_engine, rows
from orders.models import Order, OrderEvent, Submission
from orders.pipeline.loop import run_stage
from orders.reconciliation.orders import audit_orders
from orders.services.cancel import Actor, cancel_orders
from orders.signing.nonces import clear_nonces
from orders.states import TERMINAL, Stage
from orders.tests.factories import new_account
from orders.tests.pipeline.parents.families import minutes_pass, twap

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("all_messages_lost", "supply_kept")]

AMOUNT = 10**9 + 1
# A parent that has not heard of the end of a child, and that nobody will look at soon.
OVERLOOKED = """
    SELECT p.id, p.due_at, p.allotted, c.held FROM orders_order p CROSS JOIN LATERAL (
        SELECT coalesce(sum(o.amount) FILTER (WHERE o.outcome IS NULL OR o.status = 'CONFIRMED'), 0) AS held,
            coalesce(sum(o.amount_in), 0) AS given
        FROM orders_order o WHERE o.parent_id = p.id
    ) c
    WHERE p.is_parent AND p.outcome IS NULL AND (c.held, c.given) <> (p.allotted, p.filled_amount_in)
        AND p.due_at > now() AND (p.lease_until IS NULL OR p.lease_until < now())
"""


def small(slices: int = 2, **changes: Any) -> Any:
    """A parent over few pools: what is tested is not the search."""
    return twap(slices, amount=AMOUNT, allow=["uniswap_v2"], **changes)


def drain() -> None:
    """One worker that lives works off what is left: what is due first, then minute by minute."""
    engine = new_engine()
    chain: Any = engine.chain
    ends_at, minutes = time.monotonic() + DRAIN_LIMIT_S, 0
    while Order.objects.filter(outcome=None).exists() or Submission.objects.filter(closed_at=None).exists():
        assert time.monotonic() < ends_at, list(Order.objects.filter(outcome=None).values())
        minutes_pass(minutes)
        minutes = 1
        Order.objects.filter(outcome=None, is_parent=False).update(due_at=Order.objects.earliest("id").created_at)
        chain.mine()
        for stage in Stage:
            with suppress(RetryableError):
                run_stage(stage, engine=engine, policy=POLICY)
        clear_nonces(engine, POLICY)


def check_the_end() -> None:
    """Every promise: nothing is made or lost, and each order has ended once, a parent after its children."""
    from dex.chains.simulated.market import default_market

    assert breaches(rows, is_over=True) == {}
    assert wallet_differences(rows, default_market()) == []
    assert fee_differences(rows) == []
    assert list(audit_orders()) == []
    for order in Order.objects.all():
        ends = OrderEvent.objects.filter(order=order, status__in=TERMINAL)
        assert ends.count() == 1
        if order.is_parent:
            children = Order.objects.filter(parent=order)
            filled = [child for child in children if child.outcome == "filled"]
            assert sum(child.amount for child in filled) <= order.amount
            assert (order.amount_in or 0) == sum(child.amount_in or 0 for child in filled)
            assert (order.outcome == "filled") == (sum(child.amount for child in filled) == order.amount)


def carried(*stages: Stage) -> None:
    """These stages by a worker that lives, each with what it is carried to."""
    for stage in stages:
        with suppress(RetryableError):
            run_stage(stage, engine=new_engine(), policy=POLICY)


@pytest.mark.parametrize("moment", ["making", "collecting", "ending"])
def test_a_worker_that_dies_at_any_statement_makes_no_child_twice_and_loses_none(moment: str) -> None:
    """Each stop of the stage of parents in turn: with a child to make, one to collect, or the last one collected."""
    stops, has_ended = 0, False
    while not has_ended:
        forget_everything()
        post(new_account(), [small()])
        if moment != "making":
            carried(Stage.CHILDREN, Stage.ROUTE)
            let_time_pass()
            new_engine().chain.mine(CONFIRMATIONS)  # type: ignore[attr-defined]
            carried(Stage.CONFIRM)
        if moment == "ending":
            minutes_pass(1)
            carried(Stage.CHILDREN, Stage.ROUTE)
            let_time_pass()
            new_engine().chain.mine(CONFIRMATIONS)  # type: ignore[attr-defined]
            carried(Stage.CONFIRM)
            assert not Order.objects.filter(outcome=None, is_parent=False).exists()
        worker = Worker()
        worker.begin(run(Stage.CHILDREN))
        worker.go_on(stops)
        has_ended = not worker.is_busy
        worker.kill()
        assert breaches(rows, is_over=False) == {}
        assert rows(OVERLOOKED) == []
        assert worker.errors == []
        drain()
        check_the_end()
        assert set(Order.objects.values_list("outcome", flat=True)) == {"filled"}
        assert Order.objects.filter(is_parent=False).count() == 2
        stops += 1
    assert stops > 4


@pytest.mark.parametrize("stage", [Stage.CONFIRM, Stage.ROUTE])
def test_a_worker_that_ends_a_child_and_dies_at_any_statement_leaves_the_parent_due(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the last stage, or from the claim of a child to be routed on, where one block is enough."""
    if stage is Stage.ROUTE:
        monkeypatch.setattr("orderengine.chaos.tests.workers.CONFIRMATIONS", 1)
    stops, has_ended = 0, False
    while not has_ended:
        forget_everything()
        post(new_account(), [small()])
        carried(Stage.CHILDREN)
        if stage is Stage.CONFIRM:
            carried(Stage.ROUTE)
            let_time_pass()
            new_engine().chain.mine(CONFIRMATIONS)  # type: ignore[attr-defined]
        worker = Worker()
        worker.begin(run(stage))
        worker.go_on(stops)
        has_ended = not worker.is_busy
        worker.kill()
        assert breaches(rows, is_over=False) == {}
        assert rows(OVERLOOKED) == []
        assert worker.errors == []
        drain()
        check_the_end()
        assert set(Order.objects.values_list("outcome", flat=True)) == {"filled"}
        stops += 1
    assert stops > 4


class Families(RuleBasedStateMachine):
    """Parents come in, they and their children are cancelled, while two workers run, stop, die and are overtaken."""

    def __init__(self) -> None:
        super().__init__()
        forget_everything()
        self.account = new_account()
        self.workers = {"first": Worker(), "second": Worker()}

    @rule(
        slices=st.integers(2, 4),
        catch_up=st.sampled_from(("skip", "immediate")),
        jitter=st.sampled_from((0, 50)),
        scenario=st.sampled_from(SCENARIOS),
    )
    def place(self, slices: int, catch_up: str, jitter: int, scenario: str) -> None:
        """Somebody posts a parent."""
        post(self.account, [small(slices, catch_up=catch_up, jitter_percent=jitter, scenario=scenario)])

    @rule(side=SIDES, stage=st.sampled_from([Stage.CHILDREN, *Stage]), stops=st.integers(0, 12))
    def work(self, side: str, stage: Stage, stops: int) -> None:
        """A worker that is free begins, any goes on for a while."""
        worker = self.workers[side]
        if not worker.is_busy:
            worker.begin(run(stage))
        worker.go_on(stops)

    @rule(side=SIDES)
    def let_finish(self, side: str) -> None:
        """A worker comes to its end, unless the other one holds what it waits for."""
        self.workers[side].go_on(200)

    @rule(side=SIDES)
    def kill(self, side: str) -> None:
        """A worker dies where it stands."""
        self.workers[side].kill()

    @rule(minutes=st.integers(0, 2))
    def time_passes(self, minutes: int) -> None:
        """Turns come, and all leases run out, also those of workers that are only slow."""
        if not self.anybody_holds_rows():
            minutes_pass(minutes)

    @rule(count=st.integers(1, CONFIRMATIONS))
    def blocks_pass(self, count: int) -> None:
        """The chain goes on by itself."""
        if not self.anybody_holds_rows():
            chain: Any = new_engine().chain
            chain.mine(count)

    @rule(depth=st.integers(1, CONFIRMATIONS - 1))
    def reorg(self, depth: int) -> None:
        """The chain takes blocks back that are not final."""
        if not self.anybody_holds_rows():
            chain: Any = new_engine().chain
            with suppress(ReorgPastFinality):
                chain.reorg(depth, None)

    @rule(number=st.integers(0, 20))
    def cancel(self, number: int) -> None:
        """An owner changes their mind, on a parent or on one slice."""
        ids = list(Order.objects.order_by("id").values_list("id", flat=True))
        if self.anybody_holds_rows() or not ids:
            return
        cancel_orders([ids[number % len(ids)]], actor=Actor("its owner"))

    @invariant()
    def every_promise_holds(self) -> None:
        """Asked between any two steps."""
        assert breaches(rows, is_over=False) == {}
        assert rows(BUGS) == []
        assert rows(OVERLOOKED) == []
        assert [worker.errors for worker in self.workers.values()] == [[], []]

    @invariant()
    def a_cancelled_parent_makes_no_child(self) -> None:
        """Each child of it was made before the cancel was stored."""
        late = Order.objects.filter(created_at__gt=F("parent__cancel_requested_at"))
        assert list(late) == []

    def anybody_holds_rows(self) -> bool:
        """Whether a worker stands inside a transaction."""
        return any(worker.in_transaction for worker in self.workers.values())

    def teardown(self) -> None:
        """Both die; a third one finishes."""
        for worker in self.workers.values():
            worker.kill()
        drain()
        check_the_end()


def test_two_workers_on_parents_stopped_and_killed_anywhere_keep_every_promise() -> None:
    limits = settings(
        max_examples=20,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Families, settings=limits)
