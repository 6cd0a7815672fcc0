"""The next step that a problem names (`try`): right for its cause, seen by doing what it says."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from dex import Engine
from dex.types import PPM
from orders.audit.record import Actor
from orders.models import Account, Order, Token
from orders.order_types import ORDER_TYPES
from orders.problems import KINDS
from orders.risk.account_limits import set_limits
from orders.services.cancel import cancel_orders
from orders.states import Stage
from orders.tests.factories import api_key, place, terms
from orders.values import MICRO

pytestmark = pytest.mark.django_db(transaction=True)
OPERATOR = Actor("operator", reason="drill")
SWAP = {"token_in": "SOL", "token_out": "USDC", "amount": "1"}
Post = Callable[..., Any]


@pytest.fixture
def post(account: Account, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Post:
    for module in ("orders.api.posts", "orders.api.orders", "orders.api.market.quotes"):
        monkeypatch.setattr(f"{module}.get_engine", lambda: engine, raising=False)

    def send(body: dict[str, Any], key: str, path: str = "orders") -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        return Client().post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)

    return send


def valued(symbol: str, units: int) -> None:
    Token.objects.filter(symbol=symbol).update(value=units * 10**12)


def test_a_minimum_out_of_reach_is_to_be_lowered_and_that_helps(account: Account, drive: Any) -> None:
    [order] = place(account, terms(min_amount_out=10**30))
    drive(Stage.ROUTE)
    order.refresh_from_db()

    assert order.outcome == "slippage"
    assert order.failure is not None
    assert order.failure["try"].startswith("Lower guards.min_amount_out")
    assert "max_slippage_bps" not in order.failure["try"]

    [again] = place(account, terms(min_amount_out=int(order.failure["facts"]["amount_out"])))
    drive()
    again.refresh_from_db()
    assert again.outcome == "filled"


def test_a_minimum_that_the_chain_enforced_is_named_where_the_price_moved_past_it(account: Account, drive: Any) -> None:
    """The stated minimum is what the chain checks: a larger max_slippage_bps would change nothing."""
    [probe] = place(account, terms())
    drive()
    probe.refresh_from_db()
    stated = int(probe.amount_out or 0) * 9_990 // 10_000
    loose = terms(min_amount_out=stated, max_slippage_ppm=PPM // 2, scenario="slippage")
    [order] = place(account, loose)
    [usual] = place(account, terms(scenario="slippage"))
    drive()
    order.refresh_from_db()
    usual.refresh_from_db()

    assert (order.outcome, usual.outcome) == ("slippage", "slippage")
    assert order.failure is not None
    assert usual.failure is not None
    assert order.failure["try"].startswith("Lower guards.min_amount_out")
    assert usual.failure["try"] == KINDS["slippage"].hint


def test_a_cap_of_one_order_says_how_much_fits(account: Account, post: Post) -> None:
    valued("SOL", 100)
    key = api_key(account, max_order_value=150 * MICRO)

    refused = post(SWAP | {"amount": "2"}, key)

    assert refused.status_code == 403
    assert refused.json()["try"] == "Send orders worth 150 at most, or use a key that may place more"
    assert post(SWAP | {"amount": "1.5"}, key).status_code == 201


def test_a_full_account_waits_or_cancels_and_a_full_day_waits_for_the_next(account: Account, post: Post) -> None:
    valued("SOL", 100)
    key = api_key(account, max_day_value=1_000 * MICRO)
    set_limits(account, max_open_value=200 * MICRO, max_open_orders=2, actor=OPERATOR)
    first = post(SWAP, key).json()["id"]

    too_much = post(SWAP | {"amount": "1.5"}, key).json()
    assert too_much["try"] == "Send orders worth 100 at most; or: Wait until an open order has ended, or cancel one"
    never = post(SWAP | {"amount": "2.5"}, key).json()
    assert never["try"] == "Send orders worth 100 at most"
    assert post(SWAP, key).status_code == 201

    full = post(SWAP | {"amount": "0.1"}, key).json()
    assert (full["facts"]["limit"], full["try"]) == ("open_orders", "Wait until an open order has ended, or cancel one")
    cancel_orders([Order.objects.get(pk=first).id], actor=OPERATOR, account=account)
    assert post(SWAP | {"amount": "0.1"}, key).status_code == 201

    set_limits(account, max_open_orders=0, actor=OPERATOR)
    assert post(SWAP | {"amount": "0.1"}, key).json()["try"] == "Ask the operator for a higher limit"

    set_limits(account, max_open_value=None, max_open_orders=None, actor=OPERATOR)
    day = post(SWAP | {"amount": "8"}, key).json()
    assert day["facts"]["limit"] == "day_value"
    assert day["try"] == "Send orders worth 790 at most; or: Wait for the next day (UTC), or use another key"
    assert post(SWAP | {"amount": "7.9"}, key).status_code == 201


def test_a_token_without_a_value_asks_for_one(account: Account, post: Post) -> None:
    Token.objects.filter(symbol="SOL").update(value=None)
    key = api_key(account, max_order_value=150 * MICRO)

    refused = post(SWAP, key).json()

    assert (refused["code"], "reference value" in refused["try"]) == ("limit_exceeded", True)
    valued("SOL", 100)
    assert post(SWAP, key).status_code == 201


@pytest.mark.parametrize("type_", ["auction", "Market", "x"])
def test_an_unknown_type_names_those_there_are(account: Account, post: Post, type_: str) -> None:
    key = api_key(account)

    refused = post(SWAP | {"type": type_}, key).json()

    assert (refused["code"], refused["try"]) == ("unknown_order_type", "Send one of the types that detail names")
    for name in ORDER_TYPES:
        assert name in refused["detail"].partition("there are ")[2]
        assert post(SWAP | {"type": name, **ORDER_TYPES[name].examples[0]}, key).status_code == 201
