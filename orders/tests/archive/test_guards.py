"""Nothing is deleted but what is archived, by any writer, and what is archived is never placed or signed again."""

from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from orders.archive.months import lowest_id
from orders.models import Account, ArchivedOrder, ArchiveFile, Order, Wallet
from orders.reconciliation.wallets import _compare, _forget_what_is_final_again
from orders.signing.nonces import _missing
from orders.tests.archive.past import BEFORE, LATER, live, load_past, run
from orders.tests.factories import place, terms
from orders.tests.history import History

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = ("order", "orderevent", "fill", "submission", "signedtransaction")


def sealed_file() -> int:
    file = ArchiveFile.objects.create(name="f", month=BEFORE, order_count=1, event_count=1, size=1, sha256="0" * 64)
    return file.id


def run_sql(*statements: tuple[str, Any]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement, values in statements:
            cursor.execute(statement, values)


def note(history: History, i: int, file_id: int, own_id: str | None = None) -> tuple[str, Any]:
    """The statement that says that an order is archived."""
    return (
        "INSERT INTO orders_archivedorder (order_id, account_id, client_order_id, file_id) VALUES (%s, %s, %s, %s)",
        [history.order_id(i), history.owner(i).pk, own_id, file_id],
    )


@pytest.mark.parametrize("table", TABLES)
def test_no_row_of_an_order_can_be_deleted(table: str) -> None:
    load_past(3)
    before = live()

    with pytest.raises(DatabaseError, match="the order is in no archive"):
        run_sql((f"DELETE FROM orders_{table}", []))

    assert live() == before


@pytest.mark.parametrize("table", ["orderevent", "fill"])
def test_what_is_appended_cannot_be_changed_even_of_an_archived_order(table: str) -> None:
    history = load_past(3)

    with pytest.raises(DatabaseError, match="Cannot update rows"):
        run_sql(note(history, 1, sealed_file()), (f"UPDATE orders_{table} SET order_id = order_id", []))


def test_a_note_without_a_move_is_refused_at_the_commit() -> None:
    history = load_past(3)
    file_id = sealed_file()
    one = history.order_id(1)
    before = live()

    with pytest.raises(IntegrityError, match="rows of it are left"):
        run_sql(note(history, 1, file_id))
    for kept in ("orderevent", "submission", "fill"):
        gone = [table for table in ("fill", "orderevent", "submission") if table != kept]
        deletes = [(f"DELETE FROM orders_{table} WHERE order_id = %s", [one]) for table in gone]
        with pytest.raises(IntegrityError, match="rows of it are left"):
            run_sql(note(history, 1, file_id), *deletes, ("DELETE FROM orders_order WHERE id = %s", [one]))

    assert live() == before


def test_an_order_can_be_noted_only_as_it_is() -> None:
    history = load_past(6)
    file_id = sealed_file()
    other = history.other.pk
    notes = {
        "no such file": note(history, 1, file_id + 1),
        "not its client_order_id": note(history, 3, file_id),
        "no such order": (note(history, 1, file_id)[0], [lowest_id(BEFORE), other, None, file_id]),
        "not its account": (note(history, 1, file_id)[0], [history.order_id(1), other, None, file_id]),
    }

    for words, statement in notes.items():
        with pytest.raises(IntegrityError, match="cannot be archived"):
            run_sql(statement)
        assert not ArchivedOrder.objects.exists(), words


def test_neither_an_open_order_nor_one_that_holds_a_nonce_can_be_noted(account: Account) -> None:
    [order] = place(account)
    history, file_id = load_past(3), sealed_file()
    statement, _ = note(history, 1, file_id)

    with pytest.raises(IntegrityError, match="must have ended"):
        run_sql((statement, [order.pk, account.pk, None, file_id]))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_submission SET closed_at = NULL WHERE order_id = %s", [history.order_id(1)])
    with pytest.raises(IntegrityError, match="hold no nonce"):
        run_sql(note(history, 1, file_id))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM orders_archivedorder",
        "UPDATE orders_archivedorder SET client_order_id = NULL",
        "DELETE FROM orders_archivefile",
        "UPDATE orders_archivefile SET sha256 = ''",
        "DELETE FROM orders_archivedevents",
    ],
)
def test_what_is_said_of_archives_stays(tmp_path: Path, statement: str) -> None:
    load_past(3)
    run(tmp_path, LATER)

    with pytest.raises(DatabaseError, match="Cannot"):
        run_sql((statement, []))


def test_the_client_order_id_of_an_archived_order_stays_taken_for_every_writer(tmp_path: Path) -> None:
    history = load_past(4)
    run(tmp_path, LATER)
    other = place(history.other, terms(client_order_id="own-3"))[0]

    with pytest.raises(IntegrityError, match="belongs to an archived order"):
        insert_copy(other, history.account)

    assert not Order.objects.filter(account=history.account).exists()


def insert_copy(order: Order, account: Account) -> None:
    order.pk, order.account, order._state.adding = lowest_id(LATER), account, True
    order.save(force_insert=True)


# --- Nonces ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def archived(tmp_path: Path) -> Wallet:
    """A wallet with nonces 0 to 9, all archived; 10 and 11 are handed out and nowhere."""
    history = load_past(10)
    Wallet.objects.filter(pk=history.wallet.pk).update(next_nonce=12)
    run(tmp_path, LATER)
    return Wallet.objects.get(pk=history.wallet.pk)


def looked(wallet: Wallet, nonce: int) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()::text")
        at = cursor.fetchone()[0]
    return [{"id": wallet.pk, "nonce": nonce, "final_nonce": nonce, "at": at}]


@pytest.mark.parametrize(
    ("chain_nonce", "has_gap", "has_lost_final"),
    [(12, None, None), (10, True, False), (7, True, True), (0, True, True)],
)
def test_archived_nonces_are_no_gap_and_lost_where_the_chain_has_them_no_more(
    archived: Wallet, chain_nonce: int, has_gap: bool | None, has_lost_final: bool | None
) -> None:
    found = _compare(looked(archived, chain_nonce))

    assert [(finding.has_gap, finding.has_lost_final) for finding in found] == (
        [] if has_gap is None else [(has_gap, has_lost_final)]
    )
    # Nothing is ever signed for a nonce that an archived order has used.
    assert _missing(archived.pk, chain_nonce, 12) == [nonce for nonce in (10, 11) if nonce >= chain_nonce]


def test_what_was_reported_lost_is_remembered_while_archived_nonces_are_gone(archived: Wallet) -> None:
    Wallet.objects.filter(pk=archived.pk).update(lost_from=4)

    _forget_what_is_final_again(looked(archived, 7))
    assert Wallet.objects.get(pk=archived.pk).lost_from == 7
    _forget_what_is_final_again(looked(archived, 10))
    assert Wallet.objects.get(pk=archived.pk).lost_from is None
