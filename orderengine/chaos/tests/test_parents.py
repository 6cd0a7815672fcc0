"""L0 for parents: workers stopped and killed between any two statements of making children, ending and collecting them.

No worker is woken here, and time passes only where a test says so: what a child's end leaves to do must stand in
the rows.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, repeat
from typing import Any

import pytest
from django.db.models import F
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from dex import RetryableError
from orderengine.chaos.tests import driving
from orderengine.chaos.tests.driving import POLICY, let_time_pass, post
from orderengine.chaos.tests.machines import (
    SCENARIOS,
    SIDES,
    TwoWorkers,
    check_books,
    die_at_each_statement,
    run_machine,
)
from orderengine.chaos.tests.workers import CONFIRMATIONS, new_engine, rows
from orders.models import Order, OrderEvent
from orders.pipeline.loop import run_stage
from orders.reconciliation.orders import audit_orders
from orders.services.cancel import Actor, cancel_orders
from orders.states import TERMINAL, Stage
from orders.tests.factories import new_account
from orders.tests.pipeline.parents.families import minutes_pass, twap

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("all_messages_lost", "supply_kept")]

AMOUNT = 10**9 + 1
# A parent that has not heard of the end of a child, and that no worker will look at soon.
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
    minutes: Iterator[int] = chain([0], repeat(1))

    def turns_come() -> None:
        minutes_pass(next(minutes))
        Order.objects.filter(outcome=None, is_parent=False).update(due_at=Order.objects.earliest("id").created_at)

    driving.drain(turns_come)


def check_the_end() -> None:
    """Every promise: nothing is made or lost, and each order has ended once, a parent after its children."""
    check_books()
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


def blocks_make_it_final() -> None:
    """All leases run out, and what was sent is under enough blocks."""
    let_time_pass()
    new_engine().chain.mine(CONFIRMATIONS)  # type: ignore[attr-defined]


def confirm_what_is_sent() -> None:
    """Its end, by a worker that lives."""
    blocks_make_it_final()
    carried(Stage.CONFIRM)


@pytest.mark.parametrize("moment", ["making", "collecting", "ending"])
def test_a_worker_that_dies_at_any_statement_makes_no_child_twice_and_loses_none(moment: str) -> None:
    """Each stop of the stage of parents in turn: with a child to make, one to collect, or the last one collected."""

    def prepare() -> None:
        post(new_account(), [small()])
        if moment != "making":
            carried(Stage.CHILDREN, Stage.ROUTE)
            confirm_what_is_sent()
        if moment == "ending":
            minutes_pass(1)
            carried(Stage.CHILDREN, Stage.ROUTE)
            confirm_what_is_sent()
            assert not Order.objects.filter(outcome=None, is_parent=False).exists()

    def check(_: None) -> None:
        drain()
        check_the_end()
        assert set(Order.objects.values_list("outcome", flat=True)) == {"filled"}
        assert Order.objects.filter(is_parent=False).count() == 2

    die_at_each_statement(Stage.CHILDREN, prepare, check, overlooked=OVERLOOKED)


@pytest.mark.parametrize("stage", [Stage.CONFIRM, Stage.ROUTE])
def test_a_worker_that_ends_a_child_and_dies_at_any_statement_leaves_the_parent_due(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the last stage, or from the claim of a child to be routed on, where one block is enough."""
    if stage is Stage.ROUTE:
        monkeypatch.setattr("orderengine.chaos.tests.workers.CONFIRMATIONS", 1)

    def prepare() -> None:
        post(new_account(), [small()])
        carried(Stage.CHILDREN)
        if stage is Stage.CONFIRM:
            carried(Stage.ROUTE)
            blocks_make_it_final()

    def check(_: None) -> None:
        drain()
        check_the_end()
        assert set(Order.objects.values_list("outcome", flat=True)) == {"filled"}

    die_at_each_statement(stage, prepare, check, overlooked=OVERLOOKED)


class Families(TwoWorkers):
    """Parents come in, they and their children are cancelled meanwhile."""

    @rule(
        slices=st.integers(2, 4),
        catch_up=st.sampled_from(("skip", "immediate")),
        jitter=st.sampled_from((0, 50)),
        scenario=st.sampled_from(SCENARIOS),
    )
    def place(self, slices: int, catch_up: str, jitter: int, scenario: str) -> None:
        """A client posts a parent."""
        post(self.account, [small(slices, catch_up=catch_up, jitter_percent=jitter, scenario=scenario)])

    @rule(side=SIDES, stage=st.sampled_from([Stage.CHILDREN, *Stage]), stops=st.integers(0, 12))
    def work(self, side: str, stage: Stage, stops: int) -> None:
        """Any stage, that of parents as often as two others."""
        self.go_on(side, stage, stops)

    @rule(minutes=st.integers(0, 2))
    def time_passes(self, minutes: int) -> None:
        """Turns come, and all leases run out, also those of workers that are only slow."""
        if not self.has_locks():
            minutes_pass(minutes)

    @rule(number=st.integers(0, 20))
    def cancel(self, number: int) -> None:
        """An owner changes their mind, on a parent or on one slice."""
        ids = list(Order.objects.order_by("id").values_list("id", flat=True))
        if self.has_locks() or not ids:
            return
        cancel_orders([ids[number % len(ids)]], actor=Actor("its owner"))

    @invariant()
    def no_end_of_a_child_is_overlooked(self) -> None:
        """A parent either knows of it or is due."""
        assert rows(OVERLOOKED) == []

    @invariant()
    def a_cancelled_parent_makes_no_child(self) -> None:
        """Each child of it was made before the cancel was stored."""
        late = Order.objects.filter(created_at__gt=F("parent__cancel_requested_at"))
        assert list(late) == []

    def finish(self) -> None:
        """Each family ends as it must."""
        drain()
        check_the_end()


def test_two_workers_on_parents_stopped_and_killed_anywhere_keep_every_promise() -> None:
    run_machine(Families)
