"""A parent from its first child to its end: amounts, events, what it shows, and what it counts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.db.models.functions import Now

from dex import Engine, Side
from orders.config import Policy
from orders.models import Account, Order, OrderEvent, Token
from orders.order_list.pages import read_page
from orders.order_list.wanted import Wanted
from orders.presentation.orders import first_answer_json, order_json
from orders.risk.account_limits import set_limits
from orders.risk.pause import Target, pause, resume
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.services.place import place_orders
from orders.states import Stage
from orders.tests.factories import in_flight
from orders.tests.http_client import Api
from orders.tests.pipeline.parents.families import (
    check_books,
    children_of,
    minutes_pass,
    place_parent,
    twap,
    work,
)
from orders.values import MICRO

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = Actor("its owner")
Work = Callable[..., None]


@pytest.fixture
def step(engine: Engine, policy: Policy) -> Work:
    """Let minutes pass, then have workers do what is due."""

    def pass_and_work(minutes: float = 1.0, *stages: Stage) -> None:
        minutes_pass(minutes)
        work(engine, policy, *stages)

    return pass_and_work


def test_its_children_fill_it_exactly_and_each_step_is_an_event(account: Account, step: Work) -> None:
    parent = place_parent(account, twap(3, amount=1_000_000_001))
    for minutes in (0.0, 1.0, 1.0):
        step(minutes)

    parent.refresh_from_db()
    children = children_of(parent)
    events = list(OrderEvent.objects.filter(order=parent).order_by("seq"))
    assert [child.amount for child in children] == [333_333_333, 333_333_334, 333_333_334]
    assert {(child.status, child.outcome, child.order_type) for child in children} == {
        ("CONFIRMED", "filled", "market")
    }
    assert (parent.status, parent.outcome, parent.amount_in) == ("CONFIRMED", "filled", 1_000_000_001)
    assert parent.amount_out == sum(child.amount_out or 0 for child in children)
    assert parent.network_fee_paid == sum(child.network_fee_paid or 0 for child in children)
    assert [event.seq for event in events] == list(range(1, 8))
    assert [event.status for event in events] == ["PENDING"] * 6 + ["CONFIRMED"]
    made = [event.data["children"][0] for event in events if "children" in event.data]
    assert [item["order_id"] for item in made] == [str(child.id) for child in children]
    told = [int(event.data["filled_amount_in_raw"]) for event in events[1:]]
    assert told == sorted(told)
    assert told[-1] == 1_000_000_001
    check_books()


def test_it_shows_how_far_it_is(account: Account, step: Work) -> None:
    parent = place_parent(account, twap(4, amount=10**9))
    first = order_json(parent, at=parent.created_at)
    assert (first["waiting_for"], first["slices_done"], first["slices_total"]) == ("worker", 0, 4)
    step(0.0)
    parent.refresh_from_db()
    [child] = children_of(parent)
    shown, of_child = order_json(parent), order_json(child)

    assert (shown["waiting_for"], shown["status"], shown["slices_done"]) == ("schedule", "PENDING", 1)
    assert (shown["filled_amount_in"], shown["filled_amount_in_raw"]) == ("0.25", "250000000")
    assert shown["filled_amount_out_raw"] == str(child.amount_out)
    assert shown["amount_in"] is None
    price = Decimal(child.amount_out or 0) / 10**6 / Decimal("0.25")
    assert abs(Decimal(shown["average_price"]) - price) < Decimal("1e-6")
    assert first_answer_json(parent) == first
    assert (of_child["parent_id"], of_child["slices_total"], of_child["average_price"]) == (str(parent.id), None, None)
    assert (of_child["tags"], of_child["sim"]) == (shown["tags"], shown["sim"])


def test_what_a_slice_leaves_goes_to_the_later_ones(account: Account, step: Work) -> None:
    """Evenly, or all of it to the next one."""
    even = place_parent(account, twap(4, amount=900))
    next_one = place_parent(account, twap(4, amount=900, catch_up="immediate"))
    step(0.0, Stage.CHILDREN)
    for parent in (even, next_one):
        [first] = children_of(parent)
        assert cancel_orders([first.id], actor=OWNER) == {first.id: CancelResult.CANCELLED}
    for _ in range(3):
        step(1.0, Stage.CHILDREN)

    assert [child.amount for child in children_of(even)] == [225, 300, 300, 300]
    assert [child.amount for child in children_of(next_one)] == [225, 450, 225, 225]
    check_books()


def test_turns_that_passed_without_a_worker_make_no_slice_of_their_own(account: Account, step: Work) -> None:
    skips = place_parent(account, twap(4, amount=400))
    catches_up = place_parent(account, twap(4, amount=400, catch_up="immediate"))
    for minutes in (0.0, 2.2, 0.8):
        step(minutes, Stage.CHILDREN)

    assert [child.amount for child in children_of(skips)] == [100, 150, 150]
    assert [child.amount for child in children_of(catches_up)] == [100, 200, 100]
    skips.refresh_from_db()
    assert (skips.slices_done, skips.waiting_for, skips.allotted) == (4, "children", 400)


def test_nothing_is_traded_at_a_worse_price_than_its_limit(account: Account, step: Work) -> None:
    parent = place_parent(account, twap(2, limit_price="1000000"))
    step(0.0)
    step()
    parent.refresh_from_db()

    assert (parent.status, parent.outcome) == ("FAILED", "not_filled")
    assert (parent.allotted, parent.slices_done) == (0, 2)
    assert parent.failure is not None
    assert parent.failure["code"] == "not_filled"
    assert [child.amount for child in children_of(parent)] == [5 * 10**8, 10**9]
    [first, second] = children_of(parent)
    assert second.failure is not None
    assert second.failure["detail"] in parent.failure["detail"]
    assert first.outcome == "not_filled"
    check_books()


def test_exact_out_buys_its_amount(account: Account, step: Work) -> None:
    parent = place_parent(account, twap(2, amount=30_000_000, side=Side.EXACT_OUT, max_amount_in=10**9))
    step(0.0)
    step()
    parent.refresh_from_db()

    assert (parent.status, parent.outcome) == ("CONFIRMED", "filled"), parent.failure
    assert [child.amount for child in children_of(parent)] == [15_000_000] * 2
    assert [child.terms.max_amount_in for child in children_of(parent)] == [5 * 10**8] * 2
    assert (parent.filled_amount_out or 0) >= 30_000_000
    check_books()


def test_a_cancel_before_the_first_child_ends_it_at_once(account: Account, step: Work) -> None:
    parent = place_parent(account)

    assert cancel_orders([parent.id], actor=OWNER) == {parent.id: CancelResult.CANCELLED}
    step()
    parent.refresh_from_db()

    assert (parent.status, parent.outcome, children_of(parent)) == ("FAILED", "cancelled", [])
    check_books()


def test_a_cancel_of_one_whose_children_have_filled_all_of_it_comes_too_late(account: Account, step: Work) -> None:
    """Though no worker has noticed yet: it ends as filled by the cancel itself, and the answer says so."""
    parent = place_parent(account, twap(2))
    step(0.0)
    minutes_pass(1)
    step(0.0, Stage.CHILDREN, Stage.ROUTE)
    parent.refresh_from_db()
    assert (parent.status, [child.outcome for child in children_of(parent)]) == ("PENDING", ["filled", "filled"])

    api = Api(account)
    answer = api.delete(f"orders/{parent.pk}")

    assert (answer.status_code, answer.json()["code"]) == (409, "order_terminal")
    parent.refresh_from_db()
    assert (parent.status, parent.outcome, parent.cancel_requested_at) == ("CONFIRMED", "filled", None)
    assert parent.amount_in == parent.amount
    check_books()


def test_a_cancel_takes_its_open_children_with_it(account: Account, step: Work) -> None:
    """Of the children one is filled, one can be cancelled at once: the parent ends with what is filled."""
    parent = place_parent(account)
    step(0.0)
    step(1.0, Stage.CHILDREN)
    second = children_of(parent)[1]

    assert cancel_orders([parent.id], actor=OWNER) == {parent.id: CancelResult.CANCELLED}
    parent.refresh_from_db()
    second.refresh_from_db()

    assert (second.status, second.outcome) == ("FAILED", "cancelled")
    assert (parent.status, parent.outcome, parent.amount_in) == ("CONFIRMED", "partially_filled", 250_000_000)
    last = OrderEvent.objects.filter(order=parent).latest("seq")
    assert (last.data["unfilled"]["code"], last.data["unfilled"]["amount_raw"]) == ("cancelled", "750000000")
    assert cancel_orders([parent.id], actor=OWNER) == {parent.id: CancelResult.ALREADY_ENDED}
    step(5.0)
    assert len(children_of(parent)) == 2
    check_books()


def test_a_cancel_waits_for_a_child_whose_bytes_are_out(account: Account, step: Work) -> None:
    parent = place_parent(account)
    step(0.0, Stage.CHILDREN)
    [child] = children_of(parent)
    in_flight(child)

    assert cancel_orders([parent.id], actor=OWNER) == {parent.id: CancelResult.TOO_LATE}
    assert cancel_orders([parent.id], actor=OWNER) == {parent.id: CancelResult.TOO_LATE}
    step(1.0, Stage.CHILDREN)
    parent.refresh_from_db()
    child.refresh_from_db()

    assert (parent.status, parent.waiting_for, len(children_of(parent))) == ("PENDING", "children", 1)
    assert parent.cancel_requested_at is not None
    assert child.cancel_requested_at is not None
    asked = [event.data.get("cancel_requested") for event in OrderEvent.objects.filter(order=parent)]
    assert asked.count(True) == 1


def test_it_expires_with_its_children(account: Account, step: Work) -> None:
    expires_at = datetime.now(UTC) + timedelta(minutes=10)
    filled = place_parent(account, twap(4, expires_at=expires_at))
    step(0.0)
    empty = place_parent(account, twap(4, expires_at=expires_at + timedelta(minutes=1)))
    step(0.0, Stage.CHILDREN)
    step(60.0)
    filled.refresh_from_db()
    empty.refresh_from_db()

    assert (filled.status, filled.outcome) == ("CONFIRMED", "partially_filled")
    assert (empty.status, empty.outcome) == ("FAILED", "expired")
    assert {child.outcome for child in children_of(empty)} == {"expired"}
    check_books()


def test_it_counts_once_from_its_start_to_its_end(account: Account, step: Work) -> None:
    """Under limits on what is open, its children count with it."""
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    set_limits(account, max_open_value=200 * MICRO, max_open_orders=3, actor=Actor("t", reason="because"))
    account.refresh_from_db()
    parent = place_parent(account, twap(2, value=100 * MICRO))
    step(0.0, Stage.CHILDREN)
    account.refresh_from_db()
    [child] = children_of(parent)

    assert (account.open_orders, account.open_value) == (1, 100 * MICRO)
    assert (child.held_value, child.counted_fee) == (None, None)
    check_books()
    step(0.0)
    step()
    account.refresh_from_db()
    assert (account.open_orders, account.open_value) == (0, 0)
    check_books()


def test_limits_that_begin_count_no_child_beside_its_parent(account: Account, step: Work) -> None:
    Token.objects.filter(symbol__in=("SOL", "USDC")).update(value=10**12)
    place_parent(account)
    step(0.0, Stage.CHILDREN)

    set_limits(account, max_open_orders=10, actor=Actor("t", reason="because"))
    account.refresh_from_db()

    assert (account.open_orders, account.open_value) == (1, MICRO)
    cancel_orders([order.id for order in Order.objects.all()], actor=OWNER)
    account.refresh_from_db()
    assert (account.open_orders, account.open_value) == (0, 0)
    check_books()


def test_while_trading_is_paused_no_child_is_made_and_a_cancel_ends_it(account: Account, step: Work) -> None:
    operator = Actor("t", reason="because", is_admin=True)
    held, ended = place_parent(account), place_parent(account)
    step(0.0, Stage.CHILDREN)
    in_flight(children_of(ended)[0])
    pause(Target("account", account.name, account_id=account.pk), operator)
    cancel_orders([ended.id], actor=OWNER)
    step(1.0, Stage.CHILDREN)
    assert (len(children_of(held)), len(children_of(ended))) == (1, 1)

    Order.objects.filter(parent=ended).update(status="FAILED", outcome="expired", seq=F("seq") + 1)
    Order.objects.filter(pk=ended.pk).update(due_at=Now())
    step(0.0, Stage.CHILDREN)
    ended.refresh_from_db()
    assert (ended.status, ended.outcome) == ("FAILED", "cancelled")

    resume(Target("account", account.name, account_id=account.pk), operator)
    step(0.0, Stage.CHILDREN)
    assert len(children_of(held)) == 2


def test_a_repeat_of_its_client_order_id_is_the_same_parent(account: Account, step: Work) -> None:
    new = twap(client_order_id="dca")
    first = place_parent(account, new)
    step(0.0)

    [again] = place_orders(account, [new])

    assert again.order.id == first.id  # type: ignore[union-attr]
    assert Order.objects.filter(is_parent=True).count() == 1


def test_lists_show_children_and_what_was_filled_in_part(account: Account, step: Work) -> None:
    parent = place_parent(account)
    step(0.0)
    cancel_orders([parent.id], actor=OWNER)
    [child] = children_of(parent)

    def found(wanted: Wanted) -> list[Order]:
        return read_page(account.pk, wanted, 10)

    assert found(Wanted()) == [child, parent]
    assert found(Wanted(parent=parent.id)) == [child]
    assert found(Wanted(parent=child.id)) == []
    assert found(Wanted(parent=parent.id, outcome="cancelled")) == []
    assert found(Wanted(statuses=frozenset({"CONFIRMED"}))) == [child, parent]
    assert found(Wanted(statuses=frozenset({"FAILED"}))) == []
    assert found(Wanted(statuses=frozenset({"FAILED", "CONFIRMED"}))) == [child, parent]
    assert found(Wanted(outcome="partially_filled")) == [parent]
    assert found(Wanted(outcome="partially_filled", statuses=frozenset({"FAILED"}))) == []
    api = Api(account)
    assert [row["id"] for row in api.get(f"orders?parent={parent.id}").json()["results"]] == [str(child.id)]
