"""The audit log: written with the change, chained by each writer, and any tampering is named."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from orders.audit.chain import verify
from orders.audit.record import Actor, Entry, record
from orders.models import Account, AuditEntry, Order, SignedTransaction
from orders.services.cancel import cancel_orders
from orders.tests.factories import place, terms

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
AWKWARD = 'a "quote", a \\ and a \n newline, \x01, \x7f, é, 漢, 🦀,   and <b>'


def fill(count: int) -> None:
    for i in range(count):
        record(Actor("t", reason=AWKWARD), [Entry("test", f"thing:{i}", before={"n": i}, after=[AWKWARD, 1.5, None])])


def tamper(statement: str, *parameters: Any) -> None:
    """Write as the owner of the table: without its triggers."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orders_auditentry DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)
        cursor.execute("ALTER TABLE orders_auditentry ENABLE TRIGGER USER")


def test_a_chain_of_any_text_holds_and_its_head_can_be_asked_for() -> None:
    fill(3)
    record(Actor("t"), [Entry("test", f"batch:{i}") for i in range(5)])

    verdict = verify()

    assert (verdict.count, verdict.broken_id) == (8, None)
    assert list(AuditEntry.objects.order_by("id").values_list("id", flat=True)) == list(range(1, 9))
    assert [e.subject for e in AuditEntry.objects.order_by("id")[3:]] == [f"batch:{i}" for i in range(5)]
    assert verify(verdict.head).has_known_head
    assert not verify("ab" * 32).has_known_head


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE orders_auditentry SET reason = 'nice' WHERE id = 3", "row 3 was changed"),
        ("UPDATE orders_auditentry SET actor = 'somebody' WHERE id = 3", "row 3 was changed"),
        ("UPDATE orders_auditentry SET address = '192.0.2.1' WHERE id = 3", "row 3 was changed"),
        ("UPDATE orders_auditentry SET action = 'other' WHERE id = 3", "row 3 was changed"),
        ("UPDATE orders_auditentry SET subject = 'other' WHERE id = 3", "row 3 was changed"),
        ("UPDATE orders_auditentry SET at = at + interval '1 microsecond' WHERE id = 3", "row 3 was changed"),
        ("UPDATE orders_auditentry SET before = NULL WHERE id = 3", "row 3 was changed"),
        ("UPDATE orders_auditentry SET after = '[1]' WHERE id = 3", "row 3 was changed"),
        ("UPDATE orders_auditentry SET hash = sha256(hash) WHERE id = 3", "row 3 was changed"),
        ("UPDATE orders_auditentry SET previous_hash = sha256(hash) WHERE id = 3", "row 3 does not follow row 2"),
        ("DELETE FROM orders_auditentry WHERE id = 3", "row 3 is missing"),
        ("DELETE FROM orders_auditentry WHERE id = 1", "row 1 is missing"),
        ("UPDATE orders_auditentry SET id = -id WHERE id = 3", "row 1 is missing"),
        (
            "UPDATE orders_auditentry SET id = CASE id WHEN 3 THEN 1000 ELSE 3 END WHERE id IN (3, 4)",
            "row 3 does not follow row 2",
        ),
    ],
)
def test_tampering_is_named_with_its_first_row(statement: str, said: str) -> None:
    fill(6)

    tamper(statement)

    verdict = verify()
    assert verdict.detail.startswith(said)
    assert verdict.broken_id == int(said.split()[1])
    with pytest.raises(CommandError, match=said):
        call_command("audit", "verify")


def test_rows_cut_off_the_end_are_missed_by_whoever_noted_the_head(capsys: pytest.CaptureFixture[str]) -> None:
    fill(3)
    call_command("audit", "verify")
    head = capsys.readouterr().out.split()[-1]

    tamper("DELETE FROM orders_auditentry WHERE id = 3")

    assert verify().broken_id is None
    with pytest.raises(CommandError, match="cut off"):
        call_command("audit", "verify", "--head", head)


@pytest.mark.parametrize("statement", ["UPDATE orders_auditentry SET reason = ''", "DELETE FROM orders_auditentry"])
def test_the_log_can_only_grow(statement: str) -> None:
    fill(1)

    with pytest.raises(DatabaseError, match="Cannot update or delete"), connection.cursor() as cursor:
        cursor.execute(statement)

    assert verify().count == 1


def test_writers_side_by_side_cannot_fork_the_chain() -> None:
    def write(name: int) -> None:
        try:
            for i in range(20):
                with transaction.atomic():
                    record(Actor(str(name)), [Entry("test", f"{name}:{i}"), Entry("test", f"{name}:{i}b")])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(write, name) for name in range(4)]:
            future.result()

    verdict = verify()
    assert (verdict.count, verdict.broken_id) == (160, None)


def test_what_is_rolled_back_leaves_no_row_and_no_hole() -> None:
    fill(1)
    transaction.set_autocommit(False)
    fill(1)
    transaction.rollback()
    transaction.set_autocommit(True)

    fill(1)

    assert (verify().count, verify().broken_id) == (2, None)


def test_a_cancel_is_recorded_with_the_order_and_not_without_it(account: Account, monkeypatch: Any) -> None:
    first, second = place(account, terms(), terms())

    cancel_orders([first.id], actor=Actor("key abc", "192.0.2.7", "mistake"), account=account)
    monkeypatch.setattr("orders.services.cancel.record", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cancel_orders([second.id], actor=Actor("key abc"), account=account)

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.address, entry.action, entry.reason) == (
        "key abc", "192.0.2.7", "order.cancel", "mistake",
    )  # fmt: skip
    assert (entry.subject, entry.account_id) == (f"order:{first.id}", account.id)
    assert (entry.before, entry.after) == ("PENDING", "FAILED")
    assert Order.objects.get(pk=second.pk).status == "PENDING"


def test_each_signature_is_in_the_log(account: Account, drive: Drive) -> None:
    place(account, *(terms() for _ in range(3)))

    drive()

    named = [
        tx_hash
        for entry in AuditEntry.objects.filter(action="transaction.sign")
        for hashes in (entry.after or {}).values()
        for tx_hash in hashes
    ]
    assert sorted(named) == sorted(SignedTransaction.objects.values_list("tx_hash", flat=True))
    assert len(named) == 3
    assert verify().broken_id is None
