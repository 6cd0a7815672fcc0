"""A ladder on the simulated chain: its steps wait for their prices by themselves, and are filled at these or better."""

from decimal import Decimal
from typing import Any

import pytest

from dex import Engine
from orders.config import Policy
from orders.models import Account, Order
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.states import Stage
from orders.terms import NewOrder
from orders.tests.factories import terms
from orders.tests.pipeline.parents.families import check_books, children_of, place_parent, twap, work
from orders.waiting.trigger_pass import trigger_orders

pytestmark = pytest.mark.django_db(transaction=True)

AMOUNT = 10**9 + 3


def ladder(start: str, end: str, steps: int, **changes: Any) -> NewOrder:
    own = {"from": start, "to": end, "steps": steps}
    return terms(order_type="ladder", type_terms=own, amount=AMOUNT, time_in_force="gtc", **changes)


def test_steps_that_the_market_gives_are_filled_and_the_others_wait(
    account: Account, engine: Engine, policy: Policy
) -> None:
    """SOL is at about 144 USDC."""
    parent = place_parent(account, ladder("100", "1000", 4))
    work(engine, policy, Stage.CHILDREN)
    waiting = children_of(parent)
    assert [child.trigger_at_price for child in waiting] == [100, 400, 700, 1000]
    assert {(child.waiting_for, child.trigger_kind) for child in waiting} == {("price", "limit")}
    assert sum(child.amount for child in waiting) == AMOUNT

    trigger_orders(engine, policy, at_least_s=0.0)
    work(engine, policy)
    parent.refresh_from_db()
    first, *others = children_of(parent)

    assert (first.outcome, {child.outcome for child in others}) == ("filled", {None})
    assert (parent.status, parent.waiting_for, parent.slices_done) == ("PENDING", "children", 4)
    assert (parent.allotted, parent.filled_amount_in) == (AMOUNT, first.amount)
    price = Decimal(first.amount_out or 0) / Decimal(first.amount_in or 1) * 1000
    assert price >= 100
    check_books()

    assert cancel_orders([parent.id], actor=Actor("its owner")) == {parent.id: CancelResult.CANCELLED}
    parent.refresh_from_db()
    assert (parent.status, parent.outcome) == ("CONFIRMED", "partially_filled")
    assert not Order.objects.filter(outcome=None).exists()
    check_books()


def test_a_slice_with_a_limit_price_does_not_wait(account: Account, engine: Engine, policy: Policy) -> None:
    parent = place_parent(account, twap(2, limit_price="1000"))
    work(engine, policy)
    [child] = children_of(parent)

    assert (child.order_type, child.terms.time_in_force, child.outcome) == ("limit", "fok", "not_filled")
    parent.refresh_from_db()
    assert (parent.status, parent.allotted) == ("PENDING", 0)
