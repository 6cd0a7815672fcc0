"""The transition table holds for every writer: the service, and the database behind it."""

from itertools import product
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from orders.models import Account, Order, OrderEvent
from orders.pipeline.transition import Change, transition
from orders.states import TERMINAL, TRANSITIONS, IllegalTransition, OrderStatus
from orders.tests.factories import place, terms

# What a row must hold besides the status for its check constraints.
EXTRAS: dict[OrderStatus, dict[str, Any]] = {
    OrderStatus.SUBMITTED: {"tx_hash": "0x1"},
    OrderStatus.CONFIRMED: {"outcome": "filled", "amount_in": 1, "amount_out": 1, "tx_hash": "0x1"},
    OrderStatus.FAILED: {"outcome": "network"},
}
# A legal way from PENDING to each status.
WAYS: dict[OrderStatus, list[str]] = {
    OrderStatus.PENDING: [],
    OrderStatus.ROUTING: ["ROUTING"],
    OrderStatus.BUILDING: ["ROUTING", "BUILDING"],
    OrderStatus.SUBMITTED: ["ROUTING", "BUILDING", "SUBMITTED"],
    OrderStatus.CONFIRMED: ["ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"],
    OrderStatus.FAILED: ["FAILED"],
}


def bring_to(order: Order, status: OrderStatus) -> None:
    for target in map(OrderStatus, WAYS[status]):
        order.refresh_from_db()
        source = OrderStatus(order.status)
        assert transition([Change(order.id, source, target, order.updated_at, fields=EXTRAS.get(target, {}))])


@pytest.mark.parametrize(("source", "target"), list(product(OrderStatus, OrderStatus)))
def test_database_and_service_agree_on_every_edge(account: Account, source: OrderStatus, target: OrderStatus) -> None:
    [order] = place(account)
    bring_to(order, source)
    order.refresh_from_db()
    is_legal = target in TRANSITIONS[source]
    values: dict[str, Any] = {"outcome": None, "amount_in": None, "amount_out": None, **EXTRAS.get(target, {})}
    assignments = ", ".join(f"{name} = %s" for name in values)

    def write() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE orders_order SET status = %s, seq = seq + 1, {assignments} WHERE id = %s",
                [target, *values.values(), order.id],
            )

    if is_legal:
        write()
    else:
        with pytest.raises(IntegrityError):
            write()
        with pytest.raises(IllegalTransition):
            transition([Change(order.id, source, target, order.updated_at)])


@pytest.mark.parametrize(("source", "target"), list(product(OrderStatus, OrderStatus)))
def test_two_edges_are_one_write_on_one_way_alone(account: Account, source: OrderStatus, target: OrderStatus) -> None:
    """Each pair counted twice: only what is final as soon as it is sent is CONFIRMED from BUILDING."""
    [order] = place(account)
    bring_to(order, source)
    values: dict[str, Any] = {"outcome": None, "amount_in": None, "amount_out": None, **EXTRAS.get(target, {})}
    assignments = ", ".join(f"{name} = %s" for name in values)
    before = Order.objects.get(pk=order.pk).seq

    def write() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE orders_order SET status = %s, seq = seq + 2, {assignments} WHERE id = %s",
                [target, *values.values(), order.id],
            )

    if (source, target) == (OrderStatus.BUILDING, OrderStatus.CONFIRMED):
        write()
        assert Order.objects.get(pk=order.pk).seq == before + 2
    else:
        with pytest.raises(IntegrityError):
            write()


@pytest.mark.parametrize("held", [None, 5])
def test_a_move_that_passes_a_status_has_both_events(account: Account, held: int | None) -> None:
    """Numbered and told in their sequence, also where what the order held against limits is given back, once."""
    orders = place(account, *(terms() for _ in range(3)))
    for order in orders:
        bring_to(order, OrderStatus.BUILDING)
    Order.objects.update(held_value=held)
    Account.objects.filter(pk=account.pk).update(is_counted=True, open_orders=3, open_value=15)
    sent = [
        Change(order.id, "BUILDING", OrderStatus.SUBMITTED, None, data={"nonce": n}) for n, order in enumerate(orders)
    ]
    changes = [
        Change(order.id, "BUILDING", OrderStatus.CONFIRMED, None, seq=3, data={"done": n})
        for n, order in enumerate(orders)
    ]
    fields = EXTRAS[OrderStatus.CONFIRMED]

    events = transition(
        [change._replace(passes=passed, fields=fields) for change, passed in zip(changes, sent, strict=True)]
    )

    for n, order in enumerate(orders):
        stored = list(
            OrderEvent.objects.filter(order=order, seq__gt=3).order_by("id").values_list("seq", "status", "data")
        )
        assert stored == [(4, "SUBMITTED", {"nonce": n}), (5, "CONFIRMED", {"done": n})]
        told = [(event.seq, event.status, event.data) for event in events if event.order_id == order.id]
        assert told == stored
    account.refresh_from_db()
    assert (account.open_orders, account.open_value) == ((3, 15) if held is None else (0, 0))


@pytest.mark.parametrize(
    ("source", "passed", "target"), [("ROUTING", "BUILDING", "SUBMITTED"), ("BUILDING", "SUBMITTED", "FAILED")]
)
def test_the_service_refuses_two_edges_on_any_other_way(
    account: Account, source: str, passed: str, target: str
) -> None:
    [order] = place(account)
    bring_to(order, OrderStatus(source))
    way = Change(order.id, source, OrderStatus(passed), None)

    with pytest.raises(IllegalTransition, match=f"{source} -> {passed} -> {target}"):
        transition([way._replace(target=OrderStatus(target), passes=way)])


@pytest.mark.parametrize("step", [0, 2, -1])
def test_seq_moves_by_one_with_the_status(account: Account, step: int) -> None:
    [order] = place(account)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET status = 'ROUTING', seq = seq + %s WHERE id = %s", [step, order.id])

    order.refresh_from_db()
    assert (order.status, order.seq) == (OrderStatus.PENDING, 1)


@pytest.mark.parametrize(
    ("status", "seq", "words"),
    [
        ("'SUBMITTED'", "seq + 1", "illegal transition ROUTING -> SUBMITTED"),
        ("'CONFIRMED'", "seq + 1", "illegal transition ROUTING -> CONFIRMED"),
        ("'LIMBO'", "seq + 1", "illegal transition ROUTING -> LIMBO"),
        ("NULL", "seq + 1", "illegal transition ROUTING -> <NULL>"),
        ("'ROUTING'", "seq - 1", "seq must go from 2 to 3 with the status, not to 1"),
        ("'BUILDING'", "seq", "seq must go from 2 to 3 with the status, not to 2"),
        ("'BUILDING'", "seq + 2", "seq must go from 2 to 3 with the status, not to 4"),
        ("'BUILDING'", "NULL", "seq must go from 2 to 3 with the status, not to <NULL>"),
    ],
)
def test_a_statement_that_moves_one_of_its_orders_wrongly_moves_none(
    account: Account, status: str, seq: str, words: str
) -> None:
    """The others go from ROUTING to BUILDING, as they may."""
    orders = place(account, *(terms() for _ in range(3)))
    for order in orders:
        bring_to(order, OrderStatus.ROUTING)

    with pytest.raises(IntegrityError, match=words), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE orders_order SET status = CASE WHEN id = %(wrong)s THEN {status} ELSE 'BUILDING' END,
                seq = CASE WHEN id = %(wrong)s THEN {seq} ELSE seq + 1 END
            """,
            {"wrong": orders[1].id},
        )

    assert set(Order.objects.values_list("status", "seq")) == {(OrderStatus.ROUTING, 2)}


def test_a_statement_that_takes_a_cancelled_order_on_moves_none(account: Account) -> None:
    """The claim of PENDING orders, and their end, may."""
    orders = place(account, *(terms() for _ in range(3)))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET cancel_requested_at = now() WHERE id = %s", [orders[1].id])
        cursor.execute("UPDATE orders_order SET status = 'ROUTING', seq = seq + 1")

    with (
        pytest.raises(IntegrityError, match=f"order {orders[1].id} is to be cancelled"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE orders_order SET status = 'BUILDING', seq = seq + 1")

    assert set(Order.objects.values_list("status", "seq")) == {(OrderStatus.ROUTING, 2)}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET status = 'FAILED', outcome = 'cancelled', seq = seq + 1")
    assert set(Order.objects.values_list("status", "seq")) == {(OrderStatus.FAILED, 3)}


@pytest.mark.parametrize("source", [*OrderStatus])
def test_what_is_no_move_is_let_through(account: Account, source: OrderStatus) -> None:
    """As leases, due times, and the request of a cancel."""
    [order] = place(account)
    bring_to(order, source)

    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET status = status, lease_until = now(), cancel_requested_at = now()")

    order.refresh_from_db()
    assert (order.status, order.cancel_requested_at is not None) == (source, True)


def test_terminal_statuses_have_no_way_out() -> None:
    assert {status for status, targets in TRANSITIONS.items() if not targets} == set(TERMINAL)


def test_events_cannot_be_changed_or_removed(account: Account) -> None:
    [order] = place(account)
    [event] = OrderEvent.objects.filter(order=order)

    for statement in (
        "UPDATE orders_orderevent SET seq = 9 WHERE id = %s",
        "DELETE FROM orders_orderevent WHERE id = %s",
    ):
        refused = pytest.raises(DatabaseError, match=r"Cannot (update|delete) rows from orders_orderevent table")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [event.id])

    event.refresh_from_db()
    assert event.seq == 1


def test_a_change_whose_order_moved_on_is_dropped_whole(account: Account) -> None:
    first, second = place(account)[0], place(account)[0]
    bring_to(first, OrderStatus.ROUTING)

    events = transition([Change(o.id, OrderStatus.PENDING, OrderStatus.ROUTING, o.updated_at) for o in (first, second)])

    assert [event.order_id for event in events] == [second.id]
    assert list(OrderEvent.objects.filter(order=first).values_list("seq", flat=True)) == [1, 2]


def test_a_change_that_saw_an_older_event_is_dropped(account: Account) -> None:
    """The order is in the same status again, by another way: a decision from before that has lost."""
    [order] = place(account)
    bring_to(order, OrderStatus.BUILDING)
    order.refresh_from_db()
    seen = order.seq
    assert transition([Change(order.id, "BUILDING", OrderStatus.BUILDING, order.updated_at, seq=seen)])

    late = Change(order.id, "BUILDING", OrderStatus.FAILED, order.updated_at, seq=seen, fields={"outcome": "network"})

    assert transition([late]) == []
    order.refresh_from_db()
    assert (order.status, order.seq) == ("BUILDING", seen + 1)
