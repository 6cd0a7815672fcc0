"""A run moves what is final and old, all of it, once, wherever it is ended; what is not stays."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from orders.archive import files, move, records, seal
from orders.archive.files import ArchiveError, Draft, find_line
from orders.archive.months import after, begin, lowest_id, month_of
from orders.archive.verify import contradictions
from orders.models import (
    Account,
    ArchivedEvents,
    ArchivedOrder,
    ArchiveFile,
    AuditEntry,
    Order,
    OrderEvent,
    OrderLabel,
    SignedTransaction,
    Submission,
    Wallet,
)
from orders.models.triggers import nothing_left
from orders.reconciliation.orders import audit_orders
from orders.risk.account_limits import miscounted
from orders.tests.archive.past import ACTOR, BEFORE, LATER, assert_nothing_lost, filed, live, load_past, run
from orders.tests.factories import place, terms
from orders.tests.rivals import beside, in_thread

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """In place of SIGKILL: nothing of the program may catch it."""


def die(*_: object) -> None:
    raise Killed


def test_what_ended_before_the_month_goes_and_the_rest_stays(tmp_path: Path) -> None:
    history = load_past(300)
    before = live()

    moved = run(tmp_path)

    assert_nothing_lost(before, tmp_path)
    assert sorted(filed(tmp_path)) == sorted(
        history.order_id(i) for i in range(300) if history.at(i) < datetime(2024, 6, 1, tzinfo=UTC)
    )
    assert moved == ArchivedOrder.objects.count() > 200
    assert [file.month for file in ArchiveFile.objects.all()] == [date(2024, 4, 1), date(2024, 5, 1)]
    assert not ArchiveFile.objects.filter(emptied_at__isnull=True).exists()
    assert sum(file.order_count for file in ArchiveFile.objects.all()) == moved
    assert sum(file.event_count for file in ArchiveFile.objects.all()) == 5 * moved
    assert OrderEvent.objects.count() == 5 * Order.objects.count()
    assert SignedTransaction.objects.count() == Submission.objects.count() == Order.objects.count()
    assert not OrderLabel.objects.exclude(order_id__in=Order.objects.values("pk")).exists()
    assert list(contradictions(tmp_path)) == []


def test_the_books_are_true_afterwards(tmp_path: Path) -> None:
    load_past(300)

    run(tmp_path)

    assert list(audit_orders()) == []
    assert miscounted() == []
    seals = AuditEntry.objects.filter(action="archive.seal").order_by("id")
    named = [f"archive:{file.name}" for file in ArchiveFile.objects.order_by("id")]
    assert [(entry.subject, entry.actor, entry.reason) for entry in seals] == [
        (name, ACTOR.name, ACTOR.reason) for name in named
    ]


def test_a_second_run_finds_nothing_and_a_later_month_what_is_left(tmp_path: Path) -> None:
    load_past(200)
    before = live()
    first = run(tmp_path)

    assert run(tmp_path) == 0
    assert run(tmp_path, LATER) == 200 - first

    assert live() == {}
    assert_nothing_lost(before, tmp_path)
    assert list(contradictions(tmp_path)) == []


# --- Ended anywhere -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def killed_at(step: int, is_after: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the program before or after its n-th statement or flush. Nothing is cleaned up."""
    count = [0]

    def counted(work: Callable[..., Any], *args: Any) -> Any:
        count[0] += 1
        if count[0] == step and not is_after:
            raise Killed
        result = work(*args)
        if count[0] == step:
            raise Killed
        return result

    flush = files._flush
    with monkeypatch.context() as patched, connection.execute_wrapper(counted):
        patched.setattr(files, "_flush", lambda descriptor: counted(flush, descriptor))
        patched.setattr(Draft, "drop", lambda draft: draft._file.close())
        yield


@pytest.mark.slow
@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_killed_at_each_step_and_run_again_nothing_is_lost_or_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_after: bool
) -> None:
    monkeypatch.setattr(move, "AT_ONCE", 2)
    monkeypatch.setattr(seal, "READ_AT_ONCE", 2)
    step, was_killed = 1, True
    while was_killed:
        folder = tmp_path / str(step)
        folder.mkdir()
        load_past(5, days=20)
        before = live()
        assert len(before) == 5
        was_killed = False
        with killed_at(step, is_after, monkeypatch):
            try:
                run(folder, LATER)
            except Killed:
                was_killed = True
        assert_nothing_lost(before, folder)

        run(folder, LATER)

        assert live() == {}, step
        assert_nothing_lost(before, folder)
        assert not list(folder.glob(".orders-*"))
        step += 1
    assert step > 40


def test_a_file_that_is_not_as_sealed_stops_before_anything_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_past(20, days=20)
    with monkeypatch.context() as patched, contextlib.suppress(Killed):
        patched.setattr("orders.archive.run.empty", die)
        run(tmp_path, LATER)
    before = live()
    [file, *_] = ArchiveFile.objects.order_by("id")
    content = (tmp_path / file.name).read_bytes()
    (tmp_path / file.name).write_bytes(content[:-9] + bytes(9))

    with pytest.raises(ArchiveError, match="is not what was sealed"):
        run(tmp_path, LATER)
    assert any("is not what was sealed" in words for words in contradictions(tmp_path))
    (tmp_path / file.name).unlink()
    with pytest.raises(ArchiveError, match="name the folder that holds it"):
        run(tmp_path, LATER)
    assert live() == before

    (tmp_path / file.name).write_bytes(content)
    run(tmp_path, LATER)

    assert_nothing_lost(before, tmp_path)
    assert live() == {}


# --- Beside others --------------------------------------------------------------------------------------------------


def test_an_order_that_changes_after_it_was_written_stays_for_a_later_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = load_past(6, days=9)
    changed, relabelled = history.order_id(2), history.order_id(4)
    check = files.check_file

    def change(*args: Any) -> None:
        check(*args)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE orders_order SET network_fee_paid = 7 WHERE id = %s", [changed])
            cursor.execute("DELETE FROM orders_orderlabel WHERE order_id = %s", [relabelled])

    with monkeypatch.context() as patched:
        patched.setattr(move, "check_file", change)
        assert run(tmp_path, LATER) == 4
    before = filed(tmp_path) | live()
    assert set(live()) == {changed, relabelled}

    assert run(tmp_path, LATER) == 2

    assert_nothing_lost(before, tmp_path)
    assert '"network_fee_paid": 7' in filed(tmp_path)[changed]
    assert list(contradictions(tmp_path)) == []


def test_an_order_that_somebody_holds_is_not_waited_for(tmp_path: Path) -> None:
    history = load_past(6, days=9)
    before = live()

    with transaction.atomic():
        Order.objects.select_for_update().get(pk=history.order_id(3))
        assert in_thread(lambda: run(tmp_path, LATER)) == 5

    assert set(live()) == {history.order_id(3)}
    assert run(tmp_path, LATER) == 1
    assert_nothing_lost(before, tmp_path)


def test_two_runs_side_by_side_do_not_archive_an_order_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    load_past(6, days=9)
    before, elsewhere = live(), tmp_path_factory.mktemp("elsewhere")
    finish = Draft.finish

    def meanwhile(draft: Draft) -> str:
        if draft._folder == tmp_path:
            with pytest.raises(ArchiveError, match="another run works"):
                run(tmp_path, LATER)
            assert in_thread(lambda: run(elsewhere, LATER)) == 6
        return finish(draft)

    monkeypatch.setattr(Draft, "finish", meanwhile)

    with pytest.raises(ArchiveError, match="another run has archived meanwhile"):
        run(tmp_path, LATER)

    assert_nothing_lost(before, elsewhere)
    assert ArchiveFile.objects.count() == 1


def test_orders_are_placed_and_executed_meanwhile(
    tmp_path: Path, account: Account, drive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_past(120, days=9)
    monkeypatch.setattr(move, "AT_ONCE", 5)
    before = live()
    rival = beside(lambda: run(tmp_path, LATER))
    rounds = 0
    while not rival.done() or rounds < 3:
        place(account, terms(), terms())
        drive()
        rounds += 1

    assert rival.result() == 120
    assert filed(tmp_path) == before
    assert Order.objects.filter(account=account, status="CONFIRMED").count() == 2 * rounds == Order.objects.count()
    assert list(audit_orders()) == []


# --- What stays -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE orders_order SET updated_at = '2024-07-01T00:00:00Z' WHERE id = %s",
        "UPDATE orders_submission SET closed_at = NULL WHERE order_id = %s",
        "UPDATE orders_submission SET closed_at = '2024-07-01T00:00:00Z' WHERE order_id = %s",
        "WITH o AS (UPDATE orders_order SET counted_fee = 5, counted_day = '2024-06-05' WHERE id = %s RETURNING"
        " account_id) UPDATE orders_account SET fee_day = '2024-06-05', day_fees = 5 WHERE id IN (SELECT * FROM o)",
    ],
    ids=["ended later", "holds its nonce", "held it later", "counts for its account's last day"],
)
def test_what_may_still_be_needed_stays(tmp_path: Path, change: str) -> None:
    history = load_past(6, days=9)
    with connection.cursor() as cursor:
        cursor.execute(change, [history.order_id(3)])

    assert run(tmp_path, LATER) == 5

    assert set(live()) == {history.order_id(3)}
    assert miscounted() == []


def test_open_orders_stay(tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.services.inserting.new_id", lambda: lowest_id(BEFORE))
    [order] = place(account)

    assert run(tmp_path, LATER) == 0

    assert set(live()) == {order.pk}
    assert not ArchiveFile.objects.exists()
    assert list(tmp_path.iterdir()) == []


def test_every_table_that_hangs_on_an_order_is_archived() -> None:
    hanging = {
        model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if getattr(field, "many_to_one", False) and field.related_model in (Order, Submission)
    }

    read = {table for table in hanging if f" {table} " in records._RECORDS}
    deleted = {table for table in hanging if any(f"DELETE FROM {table} " in statement for statement in move._DELETE)}
    checked = {table for table in hanging if f" {table} " in nothing_left()}

    assert hanging == read == deleted
    # Signed transactions hang on submissions, of which none is left.
    assert hanging - checked == {"orders_signedtransaction"}


def test_months() -> None:
    assert [after(date(2024, 11, 1)), after(date(2024, 12, 1))] == [date(2024, 12, 1), date(2025, 1, 1)]
    assert month_of(lowest_id(date(2024, 5, 1))) == date(2024, 5, 1)
    assert begin(date(2024, 5, 1)) - timedelta(milliseconds=1) < begin(date(2024, 5, 1))


# --- The command ----------------------------------------------------------------------------------------------------


def test_the_command_moves_lists_shows_and_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = load_past(1200, days=9)
    shown = [history.order_id(i) for i in (0, 499, 500, 1199)]
    before = live()
    call = {"dir": str(tmp_path)}

    call_command("archive", "run", "--before", "2024-07", "--reason", "disk", **call)
    [file] = ArchiveFile.objects.all()
    assert capsys.readouterr().out == f"{file.name}  1200 orders, 1200 moved now\n1200 orders moved\n"
    call_command("archive", "list")
    assert f"2024-06  {file.name}  1200 orders  6000 events" in capsys.readouterr().out
    call_command("archive", "verify", **call)
    assert capsys.readouterr().out == "every file is as it was sealed, and no order is missing\n"
    assert [find_line(tmp_path / file.name, order_id) for order_id in shown] == [before[one] for one in shown]
    call_command("archive", "show", str(shown[1]), **call)
    assert f'"id": "{shown[1]}"' in capsys.readouterr().out
    assert find_line(tmp_path / file.name, lowest_id(BEFORE)) is None
    assert find_line(tmp_path / file.name, lowest_id(LATER)) is None
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--before", "2999-01", "--reason", "x", "--dir", "DIR"], "must not be later than this month"),
        (["run", "--before", "2024-13", "--reason", "x", "--dir", "DIR"], "must be a month, such as 2026-05"),
        (["run", "--before", "2024-06", "--reason", "x", "--dir", "DIR/nowhere"], "is no folder"),
        (["verify", "--dir", "DIR/nowhere"], "is no folder"),
        (["show", "019e8cc7-23e8-7000-8000-000000000007", "--dir", "DIR"], "is not known"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("archive", *(argument.replace("DIR", str(tmp_path)) for argument in arguments))


def test_a_live_order_is_not_sought_in_files(tmp_path: Path) -> None:
    history = load_past(1)

    with pytest.raises(CommandError, match="is in the tables"):
        call_command("archive", "show", str(history.order_id(0)), "--dir", str(tmp_path))


def test_marks_reach_as_far_as_what_is_archived(tmp_path: Path) -> None:
    history = load_past(40, first_nonce=3, days=20)
    last = OrderEvent.objects.filter(account=history.account).order_by("xid", "id").values_list("xid", "id").last()

    run(tmp_path, LATER)

    assert Wallet.objects.get(pk=history.wallet.pk).archived_below == 40
    assert ArchivedEvents.objects.values_list("xid", "event_id").get(account=history.account) == last
