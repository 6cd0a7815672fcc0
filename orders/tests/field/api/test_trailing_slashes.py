"""An address with a slash more or less is the same address; a POST keeps its body."""

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from orders.models import Account, Order
from orders.tests.http_client import GOOD, Api
from orders.tests.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(account: Account) -> Api:
    return Api(account)


@pytest.mark.parametrize("path", ["orders/", "orders/batch/"])
def test_an_order_is_placed_at_an_address_with_a_slash(api: Api, path: str) -> None:
    answer = api.post(path, GOOD if path == "orders/" else {"orders": [GOOD]})

    assert answer.status_code in {200, 201}
    assert Order.objects.count() == 1


def test_every_address_of_the_api_answers_with_a_slash_as_without(api: Api) -> None:
    order = api.post("orders", GOOD | {"client_order_id": "mine"}).json()["id"]
    for path in ("orders", f"orders/{order}", f"orders/{order}/events", "orders/by-client-id/mine", "events", "halt",
                 "venues", "tokens", "wallets", "orders?limit=1", "nothing"):  # fmt: skip
        name, _, query = path.partition("?")
        plain, slashed = api.get(path), api.get(f"{name}/?{query}")
        assert slashed.status_code == plain.status_code, path
        assert slashed["Content-Type"] == plain["Content-Type"]
    assert api.post("quotes/", GOOD).status_code == 200
    assert api.post("ws-tickets/", {}).status_code == api.post("ws-tickets", {}).status_code
    assert api.delete(f"orders/{order}/").status_code in {200, 202}


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/admin", "/admin/"),
        ("/admin?next=/x", "/admin/?next=/x"),
        ("/admin/login", "/admin/login/"),
        ("/admin/orders/order", "/admin/orders/order/"),
        ("/api/v1/docs/", "/api/v1/docs"),
    ],
)
def test_pages_move(client: Client, path: str, location: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer["Location"]) == (301, location)
    assert client.get(path, follow=True).status_code == 200
    again = client.post(path)
    assert (again.status_code, again["Location"]) == (308, location), "the body is sent again"


@pytest.mark.parametrize("path", ["/health", "/ready", "/problems/invalid", "/api/v1/schema"])
def test_pages_answer_with_a_slash_too(client: Client, path: str) -> None:
    assert client.get(f"{path}/").status_code == client.get(path).status_code


@pytest.mark.parametrize("path", ["/adminx", "/nothing/", "/api/v1/orders//", "/x//"])
def test_what_is_nowhere_stays_nowhere(client: Client, path: str) -> None:
    answer: Any = client.get(path)

    assert answer.status_code == 404
    assert json.loads(answer.content)["instance"] == path


def test_a_redirect_leads_to_no_other_host(client: Client) -> None:
    sign_in(client, get_user_model().objects.create_superuser("boss"))
    for address in (
        "/admin//evil.example",
        "/admin/\\evil.example",
        "/admin/%2f%2fevil.example",
        "/admin/https:/evil.example",
    ):
        answer = client.get(address)
        assert answer.get("Location", "/").startswith("/admin") or answer.get("Location", "/") == "/"
        assert not answer.get("Location", "/").startswith("//")
