"""The admin's page of an order, for each kind of order: it opens, and leads to what belongs to it."""

import html
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.test import Client
from uuid_utils.compat import uuid7

from orders.models import Account, ArchivedOrder, Order
from orders.order_types import ORDER_TYPES, OrderType
from orders.receipts.issue import ensure_key
from orders.states import Stage
from orders.tests.archive.past import load_past, run
from orders.tests.factories import in_flight, place, terms
from orders.tests.order_types.requests import accepted, each_example
from orders.tests.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]


@pytest.fixture
def staff(client: Client) -> Client:
    sign_in(client, get_user_model().objects.create_superuser("boss"))
    return client


def words(client: Client, order: Order) -> str:
    """What a person reads on an order's page."""
    answer = client.get(f"/admin/orders/order/{order.pk}/change/")
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


@pytest.mark.parametrize("scenario", ["none", "slippage", "network", "price_impact", "insufficient_funds"])
def test_the_page_of_each_outcome_opens(staff: Client, account: Account, drive: Drive, scenario: str) -> None:
    [order] = place(account, terms(scenario=scenario))
    drive()
    order.refresh_from_db()

    page = words(staff, order)

    assert f"{order.status} · {order.outcome}" in page
    assert "total" in page or order.outcome != "filled"
    assert "receipt" in page


@each_example
def test_the_page_of_each_type_opens_while_it_waits(
    staff: Client, account: Account, order_type: OrderType[Any], example: Mapping[str, Any]
) -> None:
    [order] = place(account, accepted(order_type, example))

    page = words(staff, order)

    assert "… PENDING" in page
    assert "Explained" in page


@pytest.mark.parametrize("side", ["exact_in", "exact_out"])
def test_costs_are_those_of_the_api(staff: Client, account: Account, drive: Drive, side: str) -> None:
    [order] = place(account, terms(side=side))
    drive()

    page = words(staff, order)

    assert re.search(r"vs arrival [\d.]+ (USDC|SOL) [\d.]+ bp", page)
    assert re.search(r"saved against \w+ -?[\d.]+ (USDC|SOL) -?[\d.]+ bp", page)


def test_events_are_told_with_the_time_since_the_first(staff: Client, account: Account, drive: Drive) -> None:
    [order] = place(account)
    drive()
    first, *_, last = order.events.order_by("seq")

    assert f"{int((last.at - first.at).total_seconds() * 1000):,} ms" in words(staff, order)


def test_parts_and_their_parent_lead_to_each_other(staff: Client, account: Account, drive: Drive) -> None:
    own = {"from": "1000", "to": "2000", "steps": 3}
    [parent] = place(account, accepted(ORDER_TYPES["ladder"], own))
    drive(Stage.CHILDREN)
    child, *others = Order.objects.filter(parent=parent)
    assert len(others) == 2

    of_parent = staff.get(f"/admin/orders/order/{parent.pk}/change/").content.decode()
    of_child = staff.get(f"/admin/orders/order/{child.pk}/change/").content.decode()

    assert f'href="/admin/orders/order/{child.pk}/change/"' in of_parent
    assert f'href="/admin/orders/order/{parent.pk}/change/"' in of_child


def test_linked_orders_lead_to_each_other(staff: Client, account: Account) -> None:
    one, other = place(account, terms(), terms())
    link: dict[str, Any] = {"link_id": one.pk, "link": "one_cancels_other", "link_rank": 0}
    Order.objects.filter(pk__in=[one.pk, other.pk]).update(**link)

    page = staff.get(f"/admin/orders/order/{one.pk}/change/").content.decode()

    assert f'href="/admin/orders/order/{other.pk}/change/"' in page
    assert "one_cancels_other" in page


def test_receipt_and_market_are_files_of_their_order(
    staff: Client, account: Account, drive: Drive, tmp_path: Path, settings: Any
) -> None:
    settings.RECEIPT_KEY_FILE = str(tmp_path / "receipt-key")
    ensure_key(Path(settings.RECEIPT_KEY_FILE))
    [order] = place(account)
    drive()

    receipt = staff.get(f"/admin/orders/order/{order.pk}/receipt/")
    market = staff.get(f"/admin/orders/order/{order.pk}/market/")

    assert receipt["Content-Disposition"] == f'attachment; filename="receipt-{order.pk}.json"'
    assert str(order.pk) in receipt.content.decode()
    assert receipt.content == staff.get(f"/admin/orders/order/{order.pk}/receipt/").content
    assert orjson.loads(market.content)["chain"] == "simulated"
    assert "no-store" in receipt["Cache-Control"]
    assert "no-store" in market["Cache-Control"]


@pytest.mark.parametrize("name", ["receipt", "market"])
def test_a_file_that_there_is_not_is_told_of(staff: Client, account: Account, name: str) -> None:
    [order] = place(account)

    answer = staff.get(f"/admin/orders/order/{order.pk}/{name}/", follow=True)

    assert answer.redirect_chain == [(f"/admin/orders/order/{order.pk}/change/", 302)]
    assert 'class="warning"' in answer.content.decode()
    assert staff.get(f"/admin/orders/order/{uuid7()}/{name}/").status_code == 404


@pytest.mark.parametrize("name", ["receipt", "market"])
def test_files_are_for_those_who_may_view_orders(account: Account, drive: Drive, name: str) -> None:
    [order] = place(account)
    drive()
    user = User.objects.create_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_wallet"))
    browser = Client()
    sign_in(browser, user)

    assert browser.get(f"/admin/orders/order/{order.pk}/{name}/").status_code == 403
    assert browser.get(f"/admin/orders/order/{order.pk}/change/").status_code == 403


def test_an_archived_order_leads_to_the_file_that_it_is_in(staff: Client, tmp_path: Path) -> None:
    history = load_past(40)
    run(tmp_path)
    noted = ArchivedOrder.objects.order_by("order_id").first()
    assert noted is not None
    assert history.count == 40

    page = staff.get(f"/admin/orders/order/{noted.pk}/change/", follow=True)

    assert page.redirect_chain == [(f"/admin/orders/archivedorder/{noted.pk}/change/", 302)]
    assert noted.file.name in page.content.decode()
    for query in ("", f"?q={noted.pk}", f"?q={noted.client_order_id}", "?q=nothing"):
        assert staff.get(f"/admin/orders/archivedorder/{query}").status_code == 200
    assert noted.file.name in staff.get("/admin/orders/archivefile/").content.decode()
    assert staff.get("/admin/orders/order/01a22ecc-c949-718e-9a47-c4de56cc01c9/change/").status_code == 302


def test_the_page_of_an_order_whose_bytes_are_on_their_way_opens(staff: Client, account: Account) -> None:
    [order] = place(account)
    in_flight(order)

    assert "… SUBMITTED" in words(staff, order)


def test_pages_run_the_server_s_own_files_alone(staff: Client, account: Account, drive: Drive) -> None:
    [order] = place(account)
    drive()

    for address in ("", "orders/order/", f"orders/order/{order.pk}/change/", f"orders/order/cancel/?ids={order.pk}"):
        answer = staff.get(f"/admin/{address}")
        page = answer.content.decode()
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)(?![^>]*application/json)", page), (
            address
        )
