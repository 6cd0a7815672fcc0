"""Cancels and workers side by side, on connections of their own: one of them wins, and the sums stay right."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from dex import Engine, RetryableError
from orders.config import Policy
from orders.models import Account, Order, OrderEvent
from orders.pipeline.claim import claim_orders
from orders.pipeline.loop import run_stage
from orders.pipeline.parents.stage import advance_parents
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.states import TERMINAL, Stage
from orders.tests.factories import let_leases_run_out
from orders.tests.pipeline.parents.families import check_books, children_of, minutes_pass, place_parent, twap, work
from orders.tests.rivals import beside, in_thread, wait_for_lock

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = Actor("its owner")
CLIENTS = 50


def test_fifty_clients_cancel_while_workers_make_children(account: Account, engine: Engine, policy: Policy) -> None:
    """Of five parents, whose turns come meanwhile; two workers run all stages."""
    parents = [place_parent(account, twap(5, allow=["uniswap_v2"])) for _ in range(5)]
    work(engine, policy, Stage.CHILDREN)
    minutes_pass(1)

    def cancel(number: int) -> CancelResult:
        try:
            target = parents[number % 5].id
            if number % 3 == 0:
                target = Order.objects.filter(parent=target).latest("id").id
            return cancel_orders([target], actor=OWNER)[target]
        finally:
            connection.close()

    def run_stages(_: int) -> None:
        try:
            for stage in tuple(Stage) * 3:
                with suppress(RetryableError):
                    run_stage(stage, engine=engine, policy=policy)
        finally:
            connection.close()

    with ThreadPoolExecutor(CLIENTS + 2) as pool:
        workers = [pool.submit(run_stages, i) for i in range(2)]
        results = [pool.submit(cancel, i) for i in range(CLIENTS)]
        answers = {result.result() for result in results}
        for worker in workers:
            worker.result()
    check_books()
    for _ in range(6):
        let_leases_run_out()
        Order.objects.filter(outcome=None).update(due_at=F("created_at"))
        work(engine, policy)

    assert answers <= set(CancelResult)
    assert not Order.objects.filter(outcome=None).exists()
    assert set(Order.objects.filter(is_parent=True).values_list("outcome", flat=True)) <= {
        "cancelled",
        "partially_filled",
    }
    assert not Order.objects.filter(created_at__gt=F("parent__cancel_requested_at")).exists()
    for parent in parents:
        assert OrderEvent.objects.filter(order=parent, status__in=TERMINAL).count() == 1
    check_books()


def test_two_messages_make_one_child(account: Account, engine: Engine, policy: Policy) -> None:
    """The second worker claims while the first one holds the claim, and after it has worked."""
    parent = place_parent(account)
    claim = claim_orders(Stage.CHILDREN, 10, 60, chain_id="simulated")
    in_thread(lambda: run_stage(Stage.CHILDREN, engine=engine, policy=policy))
    assert children_of(parent) == []

    advance_parents(claim.orders, engine=engine, policy=policy)
    run_stage(Stage.CHILDREN, engine=engine, policy=policy)
    again = advance_parents(claim.orders, engine=engine, policy=policy)

    assert (again.events, len(children_of(parent))) == ([], 1)
    check_books()


def test_a_worker_whose_lease_was_taken_over_makes_no_child(account: Account, engine: Engine, policy: Policy) -> None:
    parent = place_parent(account)
    slow = claim_orders(Stage.CHILDREN, 10, 60, chain_id="simulated")
    let_leases_run_out()
    run_stage(Stage.CHILDREN, engine=engine, policy=policy)

    assert advance_parents(slow.orders, engine=engine, policy=policy).events == []
    assert len(children_of(parent)) == 1


def test_a_cancel_that_comes_behind_the_claim_wins(account: Account, engine: Engine, policy: Policy) -> None:
    parent = place_parent(account)
    claim = claim_orders(Stage.CHILDREN, 10, 60, chain_id="simulated")
    assert cancel_orders([parent.id], actor=OWNER)[parent.id] is CancelResult.CANCELLED

    assert advance_parents(claim.orders, engine=engine, policy=policy).events == []
    assert children_of(parent) == []


def test_a_cancel_waits_for_a_child_that_is_being_made_and_cancels_it(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker holds the parent's lock; the cancel comes behind it and finds the new child."""
    parent = place_parent(account)
    rivals: list[Any] = []
    real: Callable[..., Any] = advance_parents.__globals__["transition"]

    def transition_beside_a_cancel(*args: Any) -> Any:
        rivals.append(beside(lambda: cancel_orders([parent.id], actor=OWNER)))
        wait_for_lock()
        return real(*args)

    monkeypatch.setattr("orders.pipeline.parents.stage.transition", transition_beside_a_cancel)
    run_stage(Stage.CHILDREN, engine=engine, policy=policy)
    answer = rivals[0].result()

    [child] = children_of(parent)
    parent.refresh_from_db()
    assert answer == {parent.id: CancelResult.CANCELLED}
    assert (child.outcome, parent.outcome) == ("cancelled", "cancelled")
    check_books()


def test_an_end_that_comes_while_the_parent_is_looked_at_makes_it_due_again(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child ends when its parent has been added up and not written: the end waits, and the parent is due then."""
    parent = place_parent(account, twap(2))
    run_stage(Stage.CHILDREN, engine=engine, policy=policy)
    minutes_pass(1)
    [child] = children_of(parent)
    rivals: list[Any] = []
    real: Callable[..., Any] = advance_parents.__globals__["transition"]

    def transition_beside_an_end(*args: Any) -> Any:
        rivals.append(beside(lambda: cancel_orders([child.id], actor=OWNER)))
        wait_for_lock()
        return real(*args)

    monkeypatch.setattr("orders.pipeline.parents.stage.transition", transition_beside_an_end)
    claim = claim_orders(Stage.CHILDREN, 10, 60, chain_id="simulated")
    advance_parents(claim.orders, engine=engine, policy=policy)
    rivals[0].result()

    parent.refresh_from_db()
    assert parent.slices_done == 2
    assert parent.due_at <= datetime.now(parent.due_at.tzinfo)
    check_books()
