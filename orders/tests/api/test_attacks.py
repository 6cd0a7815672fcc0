"""What callers try who want more than their key gives: each of these got through once."""

from typing import Any

import pytest

from orders.models import Account, Order, Token
from orders.tests.http_client import GOOD, Api
from orders.values import MICRO

pytestmark = pytest.mark.usefixtures("tokens")


@pytest.fixture
def api(account: Account) -> Api:
    return Api(account)


def nested(depth: int, core: str = "") -> str:
    return "[" * depth + core + "]" * depth


@pytest.mark.parametrize("depth", [10, 300, 1_020, 2_000])
@pytest.mark.parametrize("core", ["", '"\\u0000"'])
@pytest.mark.parametrize(
    "shape", ['{"orders": [{"a": %s}]}', '{"orders": [{"tags": {"a": %s}}], "atomic": true}', "%s"]
)
@pytest.mark.parametrize("path", ["orders", "orders/batch", "quotes", "ws-tickets", "halt"])
def test_deep_input_is_refused_whatever_comes_with_it(api: Api, path: str, shape: str, core: str, depth: int) -> None:
    answer = api.post(path, shape % nested(depth, core), **{"Idempotency-Key": "deep"})

    assert answer.status_code in {207, 400, 422}, answer.content[:300]
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("orders?dryrun=true", "unknown_field"),
        ("orders?dry_run=true&dry_run=false", "invalid"),
        ("orders?dry_run=false&x=1", "unknown_field"),
        ("orders/batch?dry_run=true", "unknown_field"),
        ("quotes?x=", "unknown_field"),
    ],
)
def test_a_misspelt_dry_run_places_nothing(api: Api, path: str, code: str) -> None:
    answer = api.post(path, {"orders": [GOOD]} if "batch" in path else GOOD)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Order.objects.exists()


@pytest.mark.parametrize("path", ["events?afte=0", "events?limit=5&limit=6", "tokens?x=1", "venues?x=1", "halt?x=1"])
def test_a_parameter_that_means_nothing_is_refused(api: Api, path: str) -> None:
    assert api.get(path).status_code == 400


def test_a_method_that_is_not_served_is_405_with_any_parameter(api: Api) -> None:
    for method in ("TRACE", "QUERY", "PUT"):
        assert api.client.generic(method, "/api/v1/events?after=0").status_code == 405
    assert api.client.head("/api/v1/events?after=0").status_code == 200


@pytest.mark.parametrize("key", ["a b", "\u00e9", "a\tb", " ", "x" * 256])
def test_idempotency_keys_are_as_the_schema_says(api: Api, key: str) -> None:
    assert api.post("orders", GOOD, **{"Idempotency-Key": key}).status_code == 400


def test_requests_that_a_scope_refuses_count_too(account: Account) -> None:
    api = Api(account, scopes=["quote"], rate_per_minute=3)

    statuses = [api.ask("POST", "orders", GOOD).status_code for _ in range(5)]

    assert statuses == [403, 403, 403, 429, 429]


@pytest.mark.django_db(transaction=True)
def test_what_exact_out_gives_is_capped_too(account: Account, drive: Any) -> None:
    """A guard switched off and a thin book: the fixed side is worth little, the other side is not bounded by it."""
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    Token.objects.filter(symbol="USDC").update(value=10**12)
    api = Api(account, max_order_value=250 * MICRO)
    body = {"token_in": "SOL", "token_out": "USDC", "side": "exact_out", "amount": "240"}
    generous = {"max_price_impact_bps": None, "max_slippage_bps": "10000", "max_amount_in": "1000"}

    orders = [
        api.ask("POST", "orders", body | {"guards": guards}).json()["id"]
        for guards in ({"max_price_impact_bps": None}, generous, generous | {"max_amount_in": "2.4"})
    ]
    [batch] = api.ask("POST", "orders/batch", {"orders": [body | {"guards": generous}]}).json()["results"]
    drive()

    limits = [Order.objects.get(pk=pk).terms.max_amount_in for pk in [*orders, batch["order"]["id"]]]
    assert limits == [2_500_000_000, 2_500_000_000, 2_400_000_000, 2_500_000_000]
    assert all((order.max_amount_in or 0) <= 2_500_000_000 for order in Order.objects.all())


def test_a_cap_means_no_to_giving_what_nobody_has_valued(account: Account) -> None:
    Token.objects.filter(symbol="USDC").update(value=10**12)
    Token.objects.filter(symbol="SOL").update(value=None)
    body = {"token_in": "SOL", "token_out": "USDC", "side": "exact_out", "amount": "1"}

    answer = Api(account, max_order_value=250 * MICRO).ask("POST", "orders", body)

    assert (answer.status_code, answer.json()["code"]) == (403, "limit_exceeded")
