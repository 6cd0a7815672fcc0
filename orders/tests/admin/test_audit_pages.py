"""The admin's pages of the audit log: the proof of what is shown, and incidents that a person acknowledges."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.test import Client

from orders.admin import audit
from orders.audit.chain import verify, verify_between
from orders.audit.record import Actor, Entry, record
from orders.models import Account, AuditEntry, Submission, TradingControl, Wallet
from orders.reconciliation.incidents import NEWEST, acknowledge, open_incidents
from orders.risk.pause import Target, pause
from orders.tests.audit.test_audit import fill, tamper
from orders.tests.factories import place
from orders.tests.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(client: Client) -> Client:
    sign_in(client, get_user_model().objects.create_superuser("boss"))
    return client


@pytest.mark.parametrize(("first", "last"), [(1, 9), (1, 1), (4, 7), (9, 9)])
def test_any_range_of_a_whole_log_holds(first: int, last: int) -> None:
    fill(9)

    verdict = verify_between(first, last)

    assert (verdict.count, verdict.broken_id) == (last, None)
    assert verdict.head == bytes(AuditEntry.objects.get(pk=last).hash or b"").hex()
    assert verify_between(1, 9).head == verify().head


@pytest.mark.parametrize(("first", "broken"), [(1, 5), (5, 5), (6, None), (4, 5)])
def test_a_changed_entry_is_named_by_the_ranges_that_hold_it(first: int, broken: int | None) -> None:
    fill(9)
    tamper("UPDATE orders_auditentry SET reason = 'nice' WHERE id = 5")

    assert verify_between(first, 9).broken_id == broken


@pytest.mark.parametrize(("gone", "broken"), [("id = 5", 5), ("id > 7", 8), ("id < 3", 1)])
def test_missing_entries_are_named(gone: str, broken: int) -> None:
    fill(9)
    tamper(f"DELETE FROM orders_auditentry WHERE {gone}")

    assert verify_between(1, 9).broken_id == broken


def test_the_page_proves_the_newest_entries_and_leads_to_earlier_ones(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MOST_PROVED", 4)
    assert "There is no entry yet." in staff.get("/admin/orders/auditentry/verify/").content.decode()
    fill(9)
    assert "/admin/orders/auditentry/verify/" in staff.get("/admin/orders/auditentry/").content.decode()

    page = staff.get("/admin/orders/auditentry/verify/").content.decode()
    assert "Entries 6 to 9 hold" in page
    assert verify().head in page
    assert "Entries 2 to 5 hold" in staff.get("/admin/orders/auditentry/verify/?until=5").content.decode()
    assert "Entries 1 to 1 hold" in staff.get("/admin/orders/auditentry/verify/?until=1").content.decode()
    for odd in ("0", "x", "-3", "99999999999999999999", ""):
        assert staff.get(f"/admin/orders/auditentry/verify/?until={odd}").status_code == 200
    tamper("UPDATE orders_auditentry SET actor = 'x' WHERE id = 7")
    page = staff.get("/admin/orders/auditentry/verify/").content.decode()
    assert "row 7 was changed" in page
    assert "Entries 6 to 6 hold." in page


def test_an_incident_is_acknowledged_once_with_a_reason(staff: Client, account: Account) -> None:
    record(Actor("engine"), [Entry("incident.order", "order:1", account_id=account.pk), Entry("key.create", "key:x")])
    incident, other = AuditEntry.objects.order_by("id")
    page = f"/admin/orders/auditentry/act/acknowledge/?ids={incident.pk},{other.pk}"
    assert "act/acknowledge" in staff.get(f"/admin/orders/auditentry/{incident.pk}/change/").content.decode()
    assert "act/acknowledge" not in staff.get(f"/admin/orders/auditentry/{other.pk}/change/").content.decode()
    assert [row.pk for row in open_incidents()] == [incident.pk]

    assert "1 × done" in staff.post(page, {"reason": "a bad row, corrected"}, follow=True).content.decode()

    assert open_incidents() == []
    entry = AuditEntry.objects.latest("id")
    assert (entry.actor, entry.action, entry.subject, entry.reason, entry.account_id) == (
        "boss", "audit.acknowledge", f"audit:{incident.pk}", "a bad row, corrected", account.pk,
    )  # fmt: skip
    shown = staff.get(f"/admin/orders/auditentry/{incident.pk}/change/").content.decode()
    assert "by boss, " in shown
    assert "act/acknowledge" not in shown
    assert "0 × done" in staff.post(page, {"reason": "again"}, follow=True).content.decode()
    assert verify().broken_id is None


def test_acknowledging_needs_its_permission(account: Account) -> None:
    record(Actor("engine"), [Entry("incident.order", "order:1")])
    [incident] = AuditEntry.objects.all()
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_auditentry"))
    browser = Client()
    sign_in(browser, user)
    page = f"/admin/orders/auditentry/act/acknowledge/?ids={incident.pk}"

    assert browser.post(page, {"reason": "r"}).status_code == 403
    assert "act/" not in browser.get(f"/admin/orders/auditentry/{incident.pk}/change/").content.decode()
    assert browser.get("/admin/orders/auditentry/verify/").status_code == 200
    assert len(open_incidents()) == 1
    user.user_permissions.set(Permission.objects.filter(codename="view_order"))
    assert browser.get("/admin/orders/auditentry/verify/").status_code == 403


def test_the_newest_incidents_of_each_kind_are_open_until_they_are_acknowledged() -> None:
    record(Actor("engine"), [Entry("incident.node", f"node:{i}") for i in range(NEWEST + 5)])
    record(Actor("engine"), [Entry("incident.gas", "wallet:w")])

    found = open_incidents()

    assert len(found) == NEWEST + 1
    assert [row.pk for row in found] == list(range(NEWEST + 6, 5, -1))
    assert acknowledge([row.pk for row in found[:10]], Actor("t", reason="seen")) == 10
    assert len(open_incidents()) == NEWEST - 9


def test_a_wallet_leads_to_its_pause_filled_in(staff: Client, account: Account) -> None:
    wallet = Wallet.objects.create(account=account, chain_id="simulated", address="w9", next_nonce=3)
    [order] = place(account)
    Submission.objects.create(order=order, wallet=wallet, key=2, opened_at=datetime.now(UTC))
    pause(Target("account", account.name, account_id=account.pk), Actor("ann", reason="odd orders"))

    page = staff.get(f"/admin/orders/wallet/{wallet.pk}/change/").content.decode()

    assert f"…{str(order.pk)[-12:]}" in page
    assert "odd orders" in page
    address = f"/admin/orders/tradingcontrol/add/?scope=wallet&amp;wallet={wallet.pk}"
    assert address in page
    form = staff.get(address.replace("&amp;", "&")).content.decode()
    assert f'<option value="{wallet.pk}" selected>' in form
    assert TradingControl.objects.count() == 1
    assert (
        f"scope=account&amp;account={account.pk}"
        in staff.get(f"/admin/orders/account/{account.pk}/change/").content.decode()
    )
