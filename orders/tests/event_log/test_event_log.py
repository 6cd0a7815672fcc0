"""The order of the log: what counts already, and events of one order that run against the order of transactions."""

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, transaction

from orders.event_log.cursor import BEGINNING, WHOLE, Cursor, Position, parse_cursor
from orders.event_log.log import Page, newest, read_page
from orders.models import Account, Order, OrderEvent
from orders.services.cancel import Actor, cancel_orders
from orders.tests.factories import new_account, place
from orders.tests.rivals import wait_for_lock

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]


def seen(account: Account, limit: int, after: Position = BEGINNING) -> list[tuple[object, int]]:
    """Every event from `after` on, read in pages of `limit`, each resumed from the cursor of a random-looking entry."""
    found: list[tuple[object, int]] = []
    for _ in range(1000):
        page = read_page(account.pk, after, limit)
        if not page.entries and not page.is_full:
            return found
        # A client that was cut off in the middle of the page: it goes on from the last entry that it has.
        kept = page.entries[: 1 + len(found) % 3] if page.entries else []
        found += [(entry.event.order_id, entry.event.seq) for entry in kept]
        after = kept[-1].position if kept else page.end.position
    raise AssertionError("the log has no end")


def assert_each_once_in_order(found: list[tuple[object, int]], account: Account) -> None:
    rows = OrderEvent.objects.filter(account=account).values_list("order_id", "seq")
    assert sorted(map(str, found)) == sorted(map(str, rows))
    for order_id in {order_id for order_id, _ in found}:
        seqs = [seq for one, seq in found if one == order_id]
        assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_show_each_event_once_in_order(account: Account, drive: Drive, limit: int) -> None:
    place(account)
    place(new_account())
    drive()
    place(account)

    found = seen(account, limit)

    assert len(found) == 6
    assert_each_once_in_order(found, account)


def rewrite_places(account: Account, places: dict[int, tuple[int, int]]) -> Order:
    """One order with events at these (xid, id), by seq: any that transactions may come to."""
    [order] = place(account)
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("ALTER TABLE orders_orderevent DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM orders_orderevent WHERE order_id = %s", [order.id])
        for seq, (xid, row_id) in places.items():
            cursor.execute(
                "INSERT INTO orders_orderevent (id, order_id, account_id, seq, xid, status, attempt, at, took_ms, data)"
                " VALUES (%s, %s, %s, %s, %s::text::xid8, 'ROUTING', 1, now(), 0, '{}')",
                [row_id, order.id, account.pk, seq, str(xid)],
            )
        cursor.execute("ALTER TABLE orders_orderevent ENABLE TRIGGER USER")
    return order


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize(
    "places",
    [
        {1: (3, 11), 2: (5, 12), 3: (4, 13)},
        {1: (9, 11), 2: (8, 12), 3: (7, 13), 4: (6, 14)},
        {1: (3, 11), 2: (9, 12), 3: (5, 13), 4: (7, 14), 5: (4, 15), 6: (10, 16)},
        {1: (5, 14), 2: (5, 13), 3: (5, 12)},
    ],
)
def test_transactions_that_began_early_and_wrote_late_do_not_disturb_an_order(
    account: Account, places: dict[int, tuple[int, int]], limit: int
) -> None:
    rewrite_places(account, places)

    found = seen(account, limit)

    assert [seq for _, seq in found] == sorted(places)


def test_a_cancel_of_several_orders_that_waited_for_another_writer(account: Account) -> None:
    """The real race: the cancel has its transaction id from the first order, and waits for the second."""
    first, second = sorted(place(account) + place(account), key=lambda order: order.id)
    holder = psycopg.connect(**_parameters())
    holder.execute("SELECT 1 FROM orders_order WHERE id = %s FOR UPDATE", [second.id])
    cancelling = threading.Thread(target=_cancel, args=([first.id, second.id],))
    cancelling.start()
    wait_for_lock()

    holder.execute("UPDATE orders_order SET status = 'ROUTING', seq = 2 WHERE id = %s", [second.id])
    holder.execute(
        "INSERT INTO orders_orderevent (order_id, account_id, seq, status, attempt, at, took_ms, data)"
        " VALUES (%s, %s, 2, 'ROUTING', 1, now(), 0, '{}')",
        [second.id, account.pk],
    )
    # Later by its events, earlier by its transaction: an id of its own comes after the cancel's.
    holder.commit()
    holder.close()
    cancelling.join(timeout=10)

    assert OrderEvent.objects.get(order=second, seq=3).status == "FAILED"
    for limit in (1, 2, 100):
        assert_each_once_in_order(seen(account, limit), account)


def test_a_row_counts_once_nothing_older_is_open(account: Account) -> None:
    older = psycopg.connect(**_parameters())
    older.execute("SELECT pg_current_xact_id()")
    place(account)
    held: Page = read_page(account.pk, BEGINNING, 10)

    older.rollback()
    older.close()

    assert held.entries == []
    assert [entry.event.seq for entry in read_page(account.pk, BEGINNING, 10).entries] == [1]


def test_nothing_is_left_before_the_newest_cursor(account: Account) -> None:
    place(account)
    end = newest().position
    place(account)

    assert len(read_page(account.pk, end, 10).entries) == 1


@pytest.mark.parametrize("position", [BEGINNING, Position(7, 8), Position(2**40, 2**50, 3)])
def test_a_cursor_is_read_as_it_was_written(position: Position) -> None:
    cursor = Cursor("0123456789ab", position)

    assert parse_cursor(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "1.2",
        "zz.1.2",
        "0123456789ab.1.-2",
        "0123456789ab.1.2.3.4",
        "0123456789ab.1.٣",
        f"0123456789ab.{2**63}.1",
    ],
)
def test_anything_else_is_no_cursor(text: str) -> None:
    assert parse_cursor(text) is None


def test_what_was_sent_of_a_row_lies_before_the_row() -> None:
    assert Position(5, 6, 2) < Position(5, 6) < Position(5, 7, 1)
    assert Position(5, 6).seq == WHOLE


def _parameters() -> dict[str, Any]:
    wanted = connections["default"].get_connection_params()
    return {name: value for name, value in wanted.items() if name not in {"cursor_factory", "context"}}


def _cancel(order_ids: list[object]) -> None:
    try:
        cancel_orders(order_ids, actor=Actor("t"))  # type: ignore[arg-type]
    finally:
        connection.close()
