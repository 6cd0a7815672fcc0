"""What attackers write where names, filters and ids are expected: refused or found to match nothing, never executed."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from orders.api.parameters import LIST_PARAMETERS
from orders.models import Account, Order, OrderEvent
from orders.scalars import CLIENT_ORDER_ID
from orders.tests.factories import new_account, place, terms
from orders.tests.http_client import Api

pytestmark = pytest.mark.usefixtures("tokens")

CORPUS = [
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE orders_order; --",
    "1; SELECT pg_sleep(10) --",
    "' UNION SELECT key, null FROM orders_idempotencykey --",
    "\\'; DELETE FROM orders_order WHERE ''='",
    "$$; UPDATE orders_order SET status='FAILED'; $$",
    "%' AND 1=CAST((SELECT version()) AS int) AND '%'='",
    "{$ne: null}",
    '{"$gt": ""}',
    "__class__",
    "terms__tags__book",
    "../../../etc/passwd",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "%s%s%n",
    "\r\nSet-Cookie: a=b",
    "\u202e\ufeff\u2028",
    "￿" * 20,
    "'" * 31,
    '"',
    "\\",
]
NUL = ["\x00", "a\x00b", "book:\x00", "SOL/\x00"]
REFUSED = {400, 404, 422}


@pytest.fixture
def api(account: Account) -> Api:
    """A caller with an account of its own."""
    return Api(account)


@pytest.fixture
def theirs(api: Api) -> Order:
    """An order of another account, beside one of the caller's own."""
    place(api.account, terms(tags={"book": "eu"}))
    [order] = place(new_account(), terms(tags={"book": "secret"}))
    return order


@pytest.fixture
def untouched() -> Any:
    """Compare what is stored before and after."""

    def rows() -> list[Any]:
        return [
            sorted(Order.objects.values_list("id", "status", "seq", "account_id")),
            sorted(OrderEvent.objects.values_list("order_id", "seq")),
            Account.objects.count(),
        ]

    return rows


@pytest.mark.parametrize("parameter", [parameter.name for parameter in LIST_PARAMETERS])
def test_no_filter_executes_or_reveals_anything(api: Api, theirs: Order, untouched: Any, parameter: str) -> None:
    before = untouched()

    for text in CORPUS + NUL:
        answer = api.get(f"orders?{parameter}={quote(text, safe='')}")

        assert answer.status_code in (REFUSED if "\x00" in text else REFUSED | {200}), text
        if answer.status_code == 200:
            assert answer.json()["results"] == [], text
        assert str(theirs.id) not in answer.content.decode(), text
    assert untouched() == before


@pytest.mark.parametrize("path", ["orders/{}", "orders/{}/events", "orders/by-client-id/{}", "orders?{}=1"])
def test_no_address_executes_or_reveals_anything(api: Api, untouched: Any, path: str) -> None:
    before = untouched()

    for text in CORPUS + NUL:
        answer = api.get(path.format(quote(text, safe="")))

        assert answer.status_code in REFUSED, text
        assert answer["Content-Type"] == "application/problem+json", text
    assert untouched() == before


@pytest.mark.parametrize(
    "field", ["token_in", "token_out", "amount", "side", "type", "client_order_id", "time_in_force", "expires_at"]
)
def test_no_field_of_an_order_executes_anything(api: Api, untouched: Any, field: str) -> None:
    before = untouched()

    for text in CORPUS + NUL:
        if field == "client_order_id" and re.fullmatch(CLIENT_ORDER_ID, text):
            continue  # a valid one after all
        answer = api.post("orders", {"token_in": "SOL", "token_out": "USDC", "amount": "1"} | {field: text})

        assert answer.status_code in REFUSED, text
    assert untouched() == before


def test_labels_are_stored_and_given_back_as_they_came(api: Api) -> None:
    for text in CORPUS:
        answer = api.post("orders", {"token_in": "SOL", "token_out": "USDC", "amount": "1", "tags": {"note": text}})

        assert (answer.status_code, answer.json()["tags"]) == (201, {"note": text})
        found = api.get(f"orders?tag={quote('note:' + text, safe='')}").json()["results"]
        assert [order["id"] for order in found] == [answer.json()["id"]]


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace", "options", "post"])
def test_an_address_that_nobody_serves_is_a_problem_object_for_every_method(api: Api, method: str) -> None:
    answer = api.client.generic(method.upper(), "/api/v1/orders/not-an-id")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
