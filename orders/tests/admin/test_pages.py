"""Pages for people: a page per problem, and the admin with its acts by hand."""

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.test import Client

from orders.models import Account, AuditEntry, Order, SignedTransaction, Wallet
from orders.problems import KINDS, Problem
from orders.tests.factories import place, terms
from orders.tests.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]


@pytest.fixture
def staff(client: Client) -> Client:
    """A browser in which the first admin user is signed in."""
    sign_in(client, get_user_model().objects.create_superuser("boss"))
    return client


def test_every_problem_has_a_page_at_its_type(client: Client) -> None:
    for code, kind in KINDS.items():
        page = client.get(Problem(code, "").page)

        assert page.status_code == 200
        assert f"<code>{code}</code>" in page.content.decode()
        assert kind.title in page.content.decode()
    assert client.get("/problems/no-such-thing").status_code == 404


def test_the_order_page_tells_the_whole_story(staff: Client, account: Account, drive: Drive) -> None:
    [order] = place(account, terms(amount=5_000 * 10**9, scenario="network"))
    drive()
    order.refresh_from_db()

    page = staff.get(f"/admin/orders/order/{order.id}/change/").content.decode()

    assert order.tx_hash is not None
    assert all(word in page for word in ("SUBMITTED", "CONFIRMED", "raydium", order.tx_hash, "sent again"))
    assert all(word in page for word in ("no route pays more than", "bp better than", "<svg", "Raydium CPMM"))
    assert "_save" not in page
    raw = SignedTransaction.objects.get().raw
    assert bytes(raw).hex() not in page


@pytest.mark.parametrize("by", ["id", "client_order_id", "tx_hash"])
def test_orders_are_found_by_any_of_their_ids(staff: Client, account: Account, drive: Drive, by: str) -> None:
    mine, _ = place(account, terms(client_order_id="mine"), terms(client_order_id="other"))
    drive()
    mine.refresh_from_db()

    page = staff.get("/admin/orders/order/", {"q": str(getattr(mine, by))}).content.decode()

    assert "1 order" in page
    assert str(mine.id) in page


def test_the_list_can_be_narrowed_to_a_venue(staff: Client, account: Account, drive: Drive) -> None:
    raydium, meteora = place(account, terms(allow=["raydium"]), terms(allow=["meteora"]))
    drive()

    page = staff.get("/admin/orders/order/", {"venue": "meteora", "status": "CONFIRMED"}).content.decode()

    assert str(meteora.id) in page
    assert str(raydium.id) not in page


def test_cancel_asks_for_a_reason_and_records_it(staff: Client, account: Account) -> None:
    [order] = place(account)
    address = f"/admin/orders/order/cancel/?ids={order.id}"

    assert staff.post(address, {"reason": ""}).status_code == 200
    order.refresh_from_db()
    assert order.status == "PENDING"

    assert staff.post(address, {"reason": "wrong book"}).status_code == 302
    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "cancelled")
    act = AuditEntry.objects.get()
    assert (act.actor, act.action, act.reason, act.before, act.after) == (
        "boss", "order.cancel", "wrong book", "PENDING", "FAILED",
    )  # fmt: skip


def test_facts_cannot_be_written(staff: Client, account: Account) -> None:
    [order] = place(account)

    changed = staff.post(f"/admin/orders/order/{order.id}/change/", {"status": "CONFIRMED"})

    assert changed.status_code == 403
    assert staff.get("/admin/orders/order/add/").status_code == 403
    assert staff.get(f"/admin/orders/order/{order.id}/delete/").status_code == 403
    assert Order.objects.get().status == "PENDING"


@pytest.mark.parametrize(
    "section",
    ["orderevent", "fill", "wallet", "auditentry", "token", "account", "apikey", "webhook", "webhookdelivery"],
)
def test_every_section_opens(staff: Client, account: Account, drive: Drive, section: str) -> None:
    place(account)
    drive()

    assert staff.get(f"/admin/orders/{section}/").status_code == 200


def test_strangers_see_the_sign_in_page_only(client: Client, account: Account) -> None:
    [order] = place(account)

    answer = client.get(f"/admin/orders/order/{order.id}/change/")

    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")


def helper(*permissions: str) -> Client:
    """A browser of a user who may see orders and wallets, and do what the permissions say."""
    user = User.objects.create_user("helper", password="not-a-secret", is_staff=True)
    names = ["view_order", "view_wallet", *permissions]
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="orders", codename__in=names))
    browser = Client()
    sign_in(browser, user)
    return browser


def acts() -> list[tuple[str, ...]]:
    """What the audit log says was done by hand."""
    rows = AuditEntry.objects.exclude(action="transaction.sign").order_by("id")
    return [(row.actor, row.action, row.subject, row.reason) for row in rows]


def test_unparking_asks_for_a_reason_and_records_it(staff: Client, account: Account) -> None:
    [order] = place(account)
    Order.objects.update(parked_at="2026-01-01T00:00Z", claim_count=9)
    assert str(order.id)[-12:] in staff.get("/admin/orders/order/?parked_at__isempty=0").content.decode()
    assert "Unpark …" in staff.get(f"/admin/orders/order/{order.id}/change/").content.decode()
    chosen = {"action": "unpark_selected", "_selected_action": [str(order.id)]}

    address = staff.post("/admin/orders/order/", chosen)["Location"]
    assert staff.post(address, {"reason": ""}).status_code == 200
    assert (Order.objects.get().parked_at is not None, acts()) == (True, [])
    done = staff.post(address, {"reason": "memory is fixed"}, follow=True)

    assert "1 × unparked" in done.content.decode()
    order.refresh_from_db()
    assert (order.parked_at, order.claim_count) == (None, 0)
    assert acts() == [("boss", "order.unpark", f"order:{order.id}", "memory is fixed")]
    assert "Unpark …" not in staff.get(f"/admin/orders/order/{order.id}/change/").content.decode()


def test_unparking_needs_its_own_permission(account: Account) -> None:
    [order] = place(account)
    Order.objects.update(parked_at="2026-01-01T00:00Z")
    canceller = helper("change_order")

    page = canceller.get(f"/admin/orders/order/{order.id}/change/").content.decode()
    refused = canceller.post(f"/admin/orders/order/unpark/?ids={order.id}", {"reason": "why not"})

    assert ("Cancel …" in page, "Unpark …" in page, refused.status_code) == (True, False, 403)
    assert (Order.objects.get().parked_at is not None, acts()) == (True, [])
    User.objects.all().delete()
    unparker = helper("unpark_order")
    page = unparker.get(f"/admin/orders/order/{order.id}/change/").content.decode()
    assert ("Cancel …" in page, "Unpark …" in page) == (False, True)
    assert unparker.post(f"/admin/orders/order/cancel/?ids={order.id}", {"reason": "no"}).status_code == 403
    assert unparker.post(f"/admin/orders/order/unpark/?ids={order.id}", {"reason": "yes"}).status_code == 302
    assert Order.objects.get().parked_at is None


def test_a_paused_wallet_is_resumed_with_a_reason(staff: Client, account: Account, drive: Drive) -> None:
    place(account)
    drive()
    Wallet.objects.update(paused_reason="somebody else uses it")
    wallet = Wallet.objects.get()
    address = f"/admin/orders/wallet/{wallet.pk}/resume/"
    assert address in staff.get(f"/admin/orders/wallet/{wallet.pk}/change/").content.decode()

    assert staff.post(address, {"reason": ""}).status_code == 200
    assert helper("change_wallet").post(address, {"reason": "why not"}).status_code == 403
    wallet.refresh_from_db()
    assert (wallet.paused_reason, acts()) == ("somebody else uses it", [])
    assert staff.post(address, {"reason": "the key is ours"}).status_code == 302

    wallet.refresh_from_db()
    assert wallet.paused_reason == ""
    assert acts() == [("boss", "wallet.resume", f"wallet:{wallet.address}", "the key is ours")]
    assert AuditEntry.objects.latest("id").before == {"paused_reason": "somebody else uses it"}
    assert address not in staff.get(f"/admin/orders/wallet/{wallet.pk}/change/").content.decode()
