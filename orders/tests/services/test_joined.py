"""Orders that are stored together: each has the answer that it would have had alone."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from orders.audit.record import Actor
from orders.models import Account, Order, OrderEvent
from orders.problems import Problem, ProblemError
from orders.risk.account_limits import set_limits
from orders.services import joined
from orders.services.joined import Asker, Outcome, place_joined
from orders.services.place import Placed, place_orders
from orders.terms import NewOrder
from orders.tests.factories import place, terms
from orders.tests.rivals import beside

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Actor("boss", reason="test", is_admin=True)


def code_of(outcome: Outcome) -> str:
    """`placed`, `repeat`, or the code of the problem."""
    if isinstance(outcome, Placed):
        return "repeat" if outcome.is_replay else "placed"
    problem = outcome.problem if isinstance(outcome, ProblemError) else outcome
    assert isinstance(problem, Problem), problem
    return problem.code


def named(name: str | None, **changes: Any) -> NewOrder:
    return replace(terms(**changes), client_order_id=name)


def statements(work: Callable[[], Any]) -> list[str]:
    """The statements of some work, by their first word."""
    seen: list[str] = []

    def note(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        seen.append(str(sql).split()[0])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        work()
    return seen


def test_they_are_stored_by_one_statement_in_their_order(account: Account) -> None:
    orders = [named(name) for name in ("a", None, "b")]

    outcomes: list[Any] = []

    seen = statements(lambda: outcomes.extend(place_joined(Asker(account, None), orders)))

    assert [code_of(outcome) for outcome in outcomes] == ["placed"] * 3
    assert [outcome.order.client_order_id for outcome in outcomes] == ["a", None, "b"]
    assert len(seen) == 1, seen
    assert len({event.xid for event in OrderEvent.objects.all()}) == 1
    assert Order.objects.count() == 3


def test_repeats_among_them_have_the_answer_of_what_is_stored(account: Account) -> None:
    place(account, named("known"))
    other = named("a", amount=7)

    outcomes = place_joined(Asker(account, None), [named("a"), named("a"), other, named("known"), named(None)])

    assert [code_of(outcome) for outcome in outcomes] == [
        "placed", "repeat", "client_order_id_reused", "repeat", "placed",
    ]  # fmt: skip
    assert Order.objects.count() == 3


def test_a_limit_refuses_those_that_do_not_fit(account: Account) -> None:
    set_limits(account, max_open_value=None, max_open_orders=2, actor=OPERATOR)

    outcomes = place_joined(Asker(account, None), [named(None) for _ in range(4)])

    assert [code_of(outcome) for outcome in outcomes] == ["placed", "placed", "limit_exceeded", "limit_exceeded"]
    account.refresh_from_db()
    assert (account.open_orders, Order.objects.count()) == (2, 2)


def test_one_whose_name_a_rival_holds_is_the_only_one_that_is_told_to_come_again(account: Account) -> None:
    holds, let_go = threading.Event(), threading.Event()

    def rival() -> None:
        with transaction.atomic():
            place_orders(account, [named("taken")])
            holds.set()
            assert let_go.wait(30)

    holder = beside(rival)
    try:
        assert holds.wait(10)
        outcomes = place_joined(Asker(account, None), [named("a"), named("taken"), named(None)])
    finally:
        let_go.set()
    holder.result()

    assert [code_of(outcome) for outcome in outcomes] == ["placed", "request_in_progress", "placed"]
    assert sorted(Order.objects.values_list("client_order_id", flat=True), key=str) == [None, "a", "taken"]


def test_one_that_cannot_be_stored_fails_alone(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def broken(account: Account, items: Sequence[Any], **more: Any) -> Any:
        calls.append(len(items))
        if any(item.client_order_id == "bad" for item in items):
            raise RuntimeError("of a row that nobody can read")
        return place_orders(account, items, **more)

    monkeypatch.setattr(joined, "place_orders", broken)

    good, bad, other = place_joined(Asker(account, None), [named("a"), named("bad"), named("c")])

    assert [code_of(good), str(bad), code_of(other)] == ["placed", "of a row that nobody can read", "placed"]
    assert calls == [3, 1, 1, 1]
    assert Order.objects.count() == 2


def test_after_a_while_the_others_share_the_error_of_all(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "ALONE_S", -1.0)

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(joined, "place_orders", broken)

    assert [str(outcome) for outcome in place_joined(Asker(account, None), [named(None)] * 3)] == ["broken"] * 3
    assert not Order.objects.exists()
