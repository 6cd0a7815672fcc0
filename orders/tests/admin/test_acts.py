"""Acts of the admin: each asks once, names itself, needs its permission, and is in the audit log."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.test import Client

from orders.audit.record import Actor
from orders.models import Account, ApiKey, AuditEntry, Webhook, WebhookDelivery
from orders.models.key_format import prefix_of
from orders.tests.factories import api_key, new_webhook
from orders.tests.people import sign_in
from orders.webhooks.endpoints import switch_by_operator

pytestmark = pytest.mark.django_db(transaction=True)

KEY = re.compile(r"oe_test_\w{8}_\w{32}")


@pytest.fixture
def staff(client: Client) -> Client:
    sign_in(client, get_user_model().objects.create_superuser("boss"))
    return client


def viewer() -> Client:
    """A browser of a user who may see everything, and do nothing."""
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    browser = Client()
    sign_in(browser, user)
    return browser


def key_of(account: Account, **terms: Any) -> ApiKey:
    """The row of a new key."""
    row: ApiKey = ApiKey.objects.get(prefix=prefix_of(api_key(account, **terms)))
    return row


def key_page(row: ApiKey) -> str:
    """As the list of keys links to it: the id of a key holds signs that an address does not."""
    assert quote(row.pk) != row.pk
    return f"/admin/orders/apikey/{quote(row.pk)}/change/"


def acts() -> list[tuple[str, str, str, str, str]]:
    """What the audit log says was done: by whom, from where, what, to what, why."""
    rows = AuditEntry.objects.order_by("id")
    return [(row.actor, row.address, row.action, row.subject, row.reason) for row in rows]


def test_a_key_is_revoked_on_a_page_of_its_own(staff: Client, account: Account) -> None:
    row = key_of(account)
    page = f"/admin/orders/apikey/act/revoke/?ids={row.prefix}"
    assert page in staff.get(key_page(row)).content.decode()

    asked = staff.get(page).content.decode()
    assert f"{row.prefix} of {account}" in asked
    assert "<h1>Revoke API keys</h1>" in asked
    assert staff.post(page, {"reason": ""}).status_code == 200
    assert (ApiKey.objects.get().revoked, acts()) == (False, [])
    assert staff.post(page, {"reason": "it was on a laptop"}).status_code == 302

    assert ApiKey.objects.get().revoked
    assert acts() == [("boss", "127.0.0.1", "key.revoke", f"key:{row.prefix}", "it was on a laptop")]
    assert "act/revoke" not in staff.get(key_page(row)).content.decode()
    again = staff.post(page, {"reason": "again"}, follow=True).content.decode()
    assert "0 × done" in again
    assert len(acts()) == 1


def test_several_keys_are_revoked_from_the_list(staff: Client, account: Account) -> None:
    rows = [key_of(account), key_of(account)]
    key_of(account)
    chosen = {"action": "revoke", "_selected_action": [row.pk for row in rows]}

    page = staff.post("/admin/orders/apikey/", chosen)["Location"]
    staff.post(page, {"reason": "end of the trial"})

    assert ApiKey.objects.filter(revoked=True).count() == 2
    assert all(row.hashed_key not in page for row in rows)


def test_a_rotated_key_is_shown_once_and_the_old_one_ends_a_day_later(staff: Client, account: Account) -> None:
    old = key_of(account, scopes=["read", "trade"], max_day_value=7, venues=["orca"], ip_ranges=["192.0.2.0/24"])
    page = f"/admin/orders/apikey/act/rotate/?ids={old.prefix}"

    answer = staff.post(page, {"reason": "each quarter"})

    found = KEY.search(answer.content.decode())
    assert found is not None
    assert "no-store" in answer["Cache-Control"]
    assert not [name for name in answer.cookies if name == "messages"]
    new = ApiKey.objects.exclude(pk=old.pk).get()
    assert new.is_valid(found[0])
    for name in ("name", "scopes", "max_day_value", "venues", "ip_ranges", "account_id", "expiry_date"):
        assert getattr(new, name) == getattr(old, name), name
    old.refresh_from_db()
    assert not old.revoked
    assert old.expiry_date is not None
    assert timedelta(hours=23) < old.expiry_date - datetime.now(UTC) < timedelta(hours=25)
    assert [act[2:] for act in acts()] == [
        ("key.create", f"key:{new.prefix}", "each quarter"), ("key.rotate", f"key:{old.prefix}", "each quarter"),
    ]  # fmt: skip
    assert found[0].split("_")[3] not in "".join(str(row.__dict__) for row in AuditEntry.objects.all())


def test_rotating_does_not_make_a_key_live_longer(staff: Client, account: Account) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    old = key_of(account, expiry_date=soon)

    staff.post(f"/admin/orders/apikey/act/rotate/?ids={old.prefix}", {"reason": "r"})

    assert set(ApiKey.objects.values_list("expiry_date", flat=True)) == {soon}


@pytest.mark.parametrize("change", [{"revoked": True}, {"expiry_date": datetime(2020, 1, 1, tzinfo=UTC)}])
def test_a_key_that_opens_nothing_is_not_rotated(staff: Client, account: Account, change: dict[str, Any]) -> None:
    old = key_of(account, **change)

    answer = staff.post(f"/admin/orders/apikey/act/rotate/?ids={old.prefix}", {"reason": "r"}, follow=True)

    assert f"Key {old.prefix} is revoked or has expired." in answer.content.decode()
    assert (ApiKey.objects.count(), acts()) == (1, [])
    assert "act/rotate" not in staff.get(key_page(old)).content.decode()


def test_limits_of_keys_are_typed_in_units_of_value(staff: Client, account: Account) -> None:
    body = {
        "account": str(account.pk), "name": "desk", "scopes": ["read"], "why": "new desk", "ip_ranges": "",
        "venues": "", "tokens": "", "max_order_value": "20.5", "max_day_value": "1000", "max_day_fees": "0",
    }  # fmt: skip
    refused = staff.post("/admin/orders/apikey/add/", body | {"max_order_value": "0.0000001"})
    assert "is finer than a millionth" in refused.content.decode()
    assert (
        "There is no nowhere" in staff.post("/admin/orders/apikey/add/", body | {"venues": "nowhere"}).content.decode()
    )
    assert "There is no NOPE" in staff.post("/admin/orders/apikey/add/", body | {"tokens": "NOPE"}).content.decode()

    answer = staff.post("/admin/orders/apikey/add/", body)

    assert KEY.search(answer.content.decode()) is not None
    row = ApiKey.objects.get()
    assert (row.max_order_value, row.max_day_value, row.max_day_fees) == (20_500_000, 1_000_000_000, 0)
    page = staff.get(key_page(row)).content.decode()
    assert 'value="20.5"' in page
    assert 'value="1000"' in page
    assert staff.post(key_page(row), body | {"name": "other"}).status_code == 302
    assert ApiKey.objects.get().max_order_value == 20_500_000
    assert staff.post(key_page(row), body | {"max_day_value": ""}).status_code == 302
    assert ApiKey.objects.get().max_day_value is None


def test_webhooks_are_tested_and_their_attempts_shown(staff: Client, account: Account) -> None:
    row = new_webhook(account)
    WebhookDelivery.objects.create(webhook=row, message_id="evt_7", kind="event", attempt=1, status=503, took_ms=1_234)
    page = staff.get(f"/admin/orders/webhook/{row.pk}/change/").content.decode()
    assert all(text in page for text in ("evt_7", "503", "1,234 ms"))
    act = f"/admin/orders/webhook/act/test/?ids={row.pk}"
    assert act in page

    assert "1 × done" in staff.post(act, {"reason": "new receiver"}, follow=True).content.decode()

    [asked] = Webhook.objects.get().requests
    assert asked["kind"] == "test"
    assert acts()[-1][2:] == ("webhook.test", f"webhook:{row.pk}", "new receiver")
    switch_by_operator(row.pk, Actor("t"), is_enabled=False)
    page = staff.post(act, {"reason": "again"}, follow=True).content.decode()
    assert "nothing is sent to a disabled webhook" in page
    assert "act/test" not in page
    assert "act/enable" in page


def test_an_event_is_sent_again_from_the_page_of_its_delivery(staff: Client, account: Account) -> None:
    row = new_webhook(account)
    of_event = WebhookDelivery.objects.create(
        webhook=row, message_id="evt_7", kind="event", attempt=1, took_ms=1, order_id=row.pk, seq=3, cursor="c"
    )
    of_test = WebhookDelivery.objects.create(webhook=row, message_id="test_1", kind="test", attempt=1, took_ms=1)
    act = f"/admin/orders/webhookdelivery/act/redeliver/?ids={of_event.pk}"
    assert act in staff.get(f"/admin/orders/webhookdelivery/{of_event.pk}/change/").content.decode()
    assert "act/redeliver" not in staff.get(f"/admin/orders/webhookdelivery/{of_test.pk}/change/").content.decode()

    staff.post(act, {"reason": "they lost it"})

    assert [one["seq"] for one in Webhook.objects.get().requests] == [3]


ACTS: dict[str, Callable[[Account], str]] = {
    "key revoke": lambda account: f"apikey/act/revoke/?ids={key_of(account).prefix}",
    "key rotate": lambda account: f"apikey/act/rotate/?ids={key_of(account).prefix}",
    "webhook disable": lambda account: f"webhook/act/disable/?ids={new_webhook(account).pk}",
    "webhook enable": lambda account: f"webhook/act/enable/?ids={new_webhook(account).pk}",
    "webhook test": lambda account: f"webhook/act/test/?ids={new_webhook(account).pk}",
    "redeliver": lambda account: "webhookdelivery/act/redeliver/?ids=1",
}


@pytest.mark.parametrize("name", ACTS)
def test_who_may_only_view_sees_and_cannot_act(account: Account, name: str) -> None:
    page = f"/admin/orders/{ACTS[name](account)}"
    made = AuditEntry.objects.count()
    browser = viewer()

    assert browser.get(f"/admin/orders/{page.split('/')[3]}/").status_code == 200
    assert (browser.get(page).status_code, browser.post(page, {"reason": "r"}).status_code) == (403, 403)
    assert "act/" not in browser.get(f"/admin/orders/{page.split('/')[3]}/").content.decode()
    assert AuditEntry.objects.count() == made


def test_who_may_change_keys_and_make_none_is_shown_none(account: Account) -> None:
    key, helper = key_of(account), User.objects.create_user("helper", is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(codename__in=("view_apikey", "change_apikey")))
    client = sign_in(Client(), helper)
    page = client.get(key_page(key)).content.decode()

    assert ["Revoke …" in page, "Rotate …" in page] == [True, False]
    assert client.post(f"/admin/orders/apikey/act/rotate/?ids={key.prefix}", {"reason": "x"}).status_code == 403
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("name", ACTS)
def test_acts_need_the_token_of_the_page(account: Account, name: str) -> None:
    page = f"/admin/orders/{ACTS[name](account)}"
    made = AuditEntry.objects.count()
    browser = Client(enforce_csrf_checks=True)
    sign_in(browser, get_user_model().objects.create_superuser("boss"))

    assert browser.post(page, {"reason": "r"}).status_code == 403
    assert AuditEntry.objects.count() == made
    assert browser.get(page).status_code == 200


@pytest.mark.parametrize("ids", ["", "nonsense", "%00", "1,2,3", "99999999999999999999", ",,,"])
@pytest.mark.parametrize("name", ACTS)
def test_acts_on_what_is_not_there_do_nothing(staff: Client, account: Account, name: str, ids: str) -> None:
    page = f"/admin/orders/{ACTS[name](account).partition('=')[0]}={ids}"
    made = AuditEntry.objects.count()

    answer = staff.post(page, {"reason": "r"})

    assert answer.status_code in (302, 400)
    assert AuditEntry.objects.count() == made
    assert staff.get("/admin/orders/apikey/act/delete_everything/").status_code == 403
