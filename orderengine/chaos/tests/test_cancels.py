"""What the harness asks of cancels, and that it notices what breaks it."""

from datetime import UTC, datetime, timedelta

import pytest

from orderengine.chaos.books import breaches
from orderengine.chaos.cancels import broken_cancels
from orderengine.chaos.tests.driving import drain, post, swap
from orderengine.chaos.tests.workers import rows
from orders.models import Order, SignedTransaction
from orders.tests.factories import new_account

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("all_messages_lost", "supply_kept")]


@pytest.mark.parametrize(
    ("code", "outcome", "is_stored", "is_kept"),
    [
        (200, "cancelled", True, True),
        (200, "cancelled", False, False),
        (200, "filled", True, False),
        (200, None, True, False),
        (202, "cancelled", True, True),
        (202, "filled", True, True),
        (202, "expired", True, True),
        (202, "slippage", True, False),
        (202, "filled", False, False),
        (202, None, True, False),
        (409, "filled", False, True),
        (409, None, False, False),
    ],
)
def test_an_answered_cancel_says_how_the_order_may_end(
    code: int, outcome: str | None, is_stored: bool, is_kept: bool
) -> None:
    found = broken_cancels(lambda question: [("a", outcome, is_stored)], {"a": code})

    assert (found == []) is is_kept


def test_an_order_that_is_gone_is_a_broken_cancel() -> None:
    assert len(broken_cancels(lambda question: [], {"a": 200})) == 1


@pytest.mark.parametrize("late", [False, True])
def test_a_swap_that_is_signed_after_its_cancel_is_noticed(late: bool) -> None:
    [order_id] = post(new_account(), [swap()])
    drain()
    assert breaches(rows, is_over=True) == {}
    signed = SignedTransaction.objects.get()

    Order.objects.update(cancel_requested_at=signed.created_at + timedelta(seconds=-1 if late else 1))

    found = breaches(rows, is_over=True)
    assert list(found) == (["signed_after_cancel"] if late else [])
    assert not late or str(order_id) in found["signed_after_cancel"][0]


def test_a_swap_that_is_signed_after_the_end_is_noticed() -> None:
    post(new_account(), [swap()])
    drain()

    SignedTransaction.objects.update(created_at=datetime.now(UTC) + timedelta(hours=1))

    assert list(breaches(rows, is_over=True)) == ["signed_after_cancel"]
