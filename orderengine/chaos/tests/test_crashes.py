"""L0: two workers on real PostgreSQL, stopped and killed between any two statements; every promise is asked after."""

from collections.abc import Set
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from dex import ReorgPastFinality, RetryableError
from orderengine.chaos.books import breaches, fee_differences, wallet_differences
from orderengine.chaos.tests.driving import POLICY, drain, let_time_pass, post, run, swap
from orderengine.chaos.tests.workers import CONFIRMATIONS, Worker, new_engine, rows
from orders.models import Order, Submission
from orders.pipeline.loop import run_stage
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.states import Stage
from orders.tests.factories import new_account

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("all_messages_lost", "supply_kept")]

TABLES = ("order", "orderevent", "submission", "signedtransaction", "fill", "wallet")
OUTCOMES = {"slippage": {"slippage", "filled"}}
# An exception that nobody foresaw is tried again, so that it would not show in the end.
BUGS = "SELECT order_id, seq FROM orders_orderevent WHERE data -> 'retry' ->> 'code' = 'internal_error'"


def forget_everything() -> None:
    """Rows only: the chain's blocks and pools stay, wallets are of new accounts."""
    names = ", ".join(f"orders_{table}" for table in TABLES)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {names}, simulated_chaintransaction CASCADE")


def check_the_end(
    placed: dict[UUID, str], cancelled: Set[UUID] = frozenset(), asked_to_cancel: Set[UUID] = frozenset()
) -> None:
    """Every promise, and each order ended as its scenario says."""
    from dex.chains.simulated.market import default_market

    assert breaches(rows, is_over=True) == {}
    assert wallet_differences(rows, default_market()) == []
    assert fee_differences(rows) == []
    outcomes = dict(Order.objects.values_list("id", "outcome"))
    expected = {
        order_id: {"cancelled"} if order_id in cancelled else OUTCOMES.get(scenario, {"filled"})
        for order_id, scenario in placed.items()
    }
    for order_id in asked_to_cancel - cancelled:
        expected[order_id] = expected[order_id] | {"cancelled"}
    wrong = {
        order_id: outcomes.get(order_id) for order_id, may in expected.items() if outcomes.get(order_id) not in may
    }
    assert wrong == {}
    assert outcomes.keys() == placed.keys()


SCENARIOS = ("none", "none", "slippage", "network", "timeout", "dropped")
SIDES = st.sampled_from(("first", "second"))


class TwoWorkers(RuleBasedStateMachine):
    """Orders come in and are cancelled while two workers run, stop, die and are overtaken."""

    def __init__(self) -> None:
        super().__init__()
        forget_everything()
        self.account = new_account()
        self.workers = {"first": Worker(), "second": Worker()}
        self.placed: dict[UUID, str] = {}
        self.cancelled: set[UUID] = set()
        self.asked_to_cancel: set[UUID] = set()

    @rule(scenarios=st.lists(st.sampled_from(SCENARIOS), min_size=1, max_size=3))
    def place(self, scenarios: list[str]) -> None:
        """Somebody posts orders."""
        ids = post(self.account, [swap(scenario=scenario) for scenario in scenarios])
        self.placed |= dict(zip(ids, scenarios, strict=True))

    @rule(stops=st.integers(0, 8))
    def place_in_a_process_that_dies(self, stops: int) -> None:
        """The POST's process is killed on the way; the client sends the same again."""
        items = [swap(client_order_id=str(uuid4()))]
        web = Worker()
        web.begin(lambda _: post(self.account, items))
        web.go_on(stops)
        web.kill()
        first, again = post(self.account, items), post(self.account, items)
        assert first == again
        self.placed[first[0]] = "none"

    @rule(side=SIDES, stage=st.sampled_from(list(Stage)), stops=st.integers(0, 12))
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

    @rule()
    def time_passes(self) -> None:
        """All leases run out, also those of workers that are only slow."""
        if not self.anybody_holds_rows():
            let_time_pass()

    @rule(count=st.integers(1, CONFIRMATIONS))
    def blocks_pass(self, count: int) -> None:
        """The chain goes on by itself."""
        if self.anybody_holds_rows():
            return
        chain: Any = new_engine().chain
        chain.mine(count)

    @rule(depth=st.integers(1, CONFIRMATIONS - 1), has_amnesia=st.booleans())
    def reorg(self, depth: int, has_amnesia: bool) -> None:
        """The chain takes blocks back that are not final, sometimes with their transactions."""
        if self.anybody_holds_rows():
            return
        chain: Any = new_engine().chain
        with suppress(ReorgPastFinality):
            chain.reorg(depth, None if has_amnesia else ())

    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        """An owner changes their mind."""
        if self.anybody_holds_rows() or not self.placed:
            return
        order_id = list(self.placed)[number % len(self.placed)]
        result = cancel_orders([order_id], actor=Actor("its owner"))[order_id]
        if result is CancelResult.CANCELLED:
            self.cancelled.add(order_id)
        elif result is CancelResult.TOO_LATE:
            self.asked_to_cancel.add(order_id)

    @invariant()
    def every_promise_holds(self) -> None:
        """Asked between any two steps."""
        assert breaches(rows, is_over=False) == {}
        assert rows(BUGS) == []
        assert [worker.errors for worker in self.workers.values()] == [[], []]

    def anybody_holds_rows(self) -> bool:
        """Whether a worker stands inside a transaction."""
        return any(worker.in_transaction for worker in self.workers.values())

    def teardown(self) -> None:
        """Both die; a third one finishes."""
        for worker in self.workers.values():
            worker.kill()
        drain()
        check_the_end(self.placed, self.cancelled, self.asked_to_cancel)


@pytest.fixture(params=[CONFIRMATIONS, 1], ids=["final-later", "final-at-once"])
def finality(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether an order is SUBMITTED first, or its end is written in one transaction with that."""
    monkeypatch.setattr("orderengine.chaos.tests.workers.CONFIRMATIONS", request.param)


@pytest.mark.usefixtures("finality")
def test_two_workers_stopped_and_killed_anywhere_keep_every_promise() -> None:
    limits = settings(
        max_examples=20,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(TwoWorkers, settings=limits)


def test_nonces_come_from_the_rows_and_not_from_the_chain() -> None:
    """The first order holds a nonce of which the chain has never heard when the second one takes its own."""
    forget_everything()
    account = new_account()
    placed: dict[UUID, str] = {}
    for _ in range(2):
        placed |= dict.fromkeys(post(account, [swap()]), "none")
        for stage in (Stage.ROUTE, Stage.BUILD):
            run_stage(stage, engine=new_engine(), policy=POLICY, carries_to={})
            if stage is Stage.ROUTE:
                let_time_pass()

    assert sorted(Submission.objects.values_list("key", flat=True)) == [0, 1]
    drain()
    check_the_end(placed)
    assert rows(BUGS) == []


@pytest.mark.usefixtures("finality")
@pytest.mark.parametrize("stage", [Stage.ROUTE, Stage.SUBMIT])
def test_a_worker_that_dies_at_any_statement_loses_and_doubles_nothing(stage: Stage) -> None:
    """Each stop of a run in turn, from the stage's claim on to where it carries the orders."""
    scenarios = ("none", "network", "timeout")
    stops, has_ended = 0, False
    while not has_ended:
        forget_everything()
        account = new_account()
        placed = dict(zip(post(account, [swap(scenario=name) for name in scenarios]), scenarios, strict=True))
        for earlier in tuple(Stage)[: tuple(Stage).index(stage)]:
            with suppress(RetryableError):
                run_stage(earlier, engine=new_engine(), policy=POLICY, carries_to={})
            let_time_pass()
        worker = Worker()
        worker.begin(run(stage))
        worker.go_on(stops)
        has_ended = not worker.is_busy
        worker.kill()
        assert breaches(rows, is_over=False) == {}
        assert worker.errors == []
        drain()
        check_the_end(placed)
        stops += 1
    assert stops > 4
