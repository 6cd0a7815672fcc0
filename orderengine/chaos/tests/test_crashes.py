"""L0: two workers on real PostgreSQL, stopped and killed between any two statements; every promise is asked after."""

from collections.abc import Set
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from dex import RetryableError
from orderengine.chaos.tests.driving import POLICY, drain, let_time_pass, post, swap
from orderengine.chaos.tests.machines import (
    BUGS,
    SCENARIOS,
    SIDES,
    TwoWorkers,
    check_books,
    die_at_each_statement,
    forget_everything,
    run_machine,
)
from orderengine.chaos.tests.workers import CONFIRMATIONS, Worker, new_engine, rows
from orders.models import Order, Submission
from orders.pipeline.loop import run_stage
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.states import Stage
from orders.tests.factories import new_account

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("all_messages_lost", "supply_kept")]

OUTCOMES = {"slippage": {"slippage", "filled"}}


def check_the_end(
    placed: dict[UUID, str], cancelled: Set[UUID] = frozenset(), asked_to_cancel: Set[UUID] = frozenset()
) -> None:
    """Every promise, and each order ended as its scenario says."""
    check_books()
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


class Orders(TwoWorkers):
    """Orders come in and are cancelled meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.placed: dict[UUID, str] = {}
        self.cancelled: set[UUID] = set()
        self.asked_to_cancel: set[UUID] = set()

    @rule(scenarios=st.lists(st.sampled_from(SCENARIOS), min_size=1, max_size=3))
    def place(self, scenarios: list[str]) -> None:
        """A client posts orders."""
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
        """Any stage."""
        self.go_on(side, stage, stops)

    @rule()
    def time_passes(self) -> None:
        """All leases run out, also those of workers that are only slow."""
        if not self.has_locks():
            let_time_pass()

    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        """An owner changes their mind."""
        if self.has_locks() or not self.placed:
            return
        order_id = list(self.placed)[number % len(self.placed)]
        result = cancel_orders([order_id], actor=Actor("its owner"))[order_id]
        if result is CancelResult.CANCELLED:
            self.cancelled.add(order_id)
        elif result is CancelResult.TOO_LATE:
            self.asked_to_cancel.add(order_id)

    def finish(self) -> None:
        """Each order ends as it must."""
        drain()
        check_the_end(self.placed, self.cancelled, self.asked_to_cancel)


@pytest.fixture(params=[CONFIRMATIONS, 1], ids=["final-later", "final-at-once"])
def finality(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether an order is SUBMITTED first, or its end is written in one transaction with that."""
    monkeypatch.setattr("orderengine.chaos.tests.workers.CONFIRMATIONS", request.param)


@pytest.mark.usefixtures("finality")
def test_two_workers_stopped_and_killed_anywhere_keep_every_promise() -> None:
    run_machine(Orders)


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

    def prepare() -> dict[UUID, str]:
        placed = dict(zip(post(new_account(), [swap(scenario=s) for s in scenarios]), scenarios, strict=True))
        for earlier in tuple(Stage)[: tuple(Stage).index(stage)]:
            with suppress(RetryableError):
                run_stage(earlier, engine=new_engine(), policy=POLICY, carries_to={})
            let_time_pass()
        return placed

    def check(placed: dict[UUID, str]) -> None:
        drain()
        check_the_end(placed)

    die_at_each_statement(stage, prepare, check)
