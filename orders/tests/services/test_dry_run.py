"""Dry runs: judged like orders, and nothing of them is stored."""

from collections.abc import Callable

import pytest

from dex.chains.simulated.models import Balance
from orders.engine import get_engine
from orders.models import Account, AuditEntry, Order, Submission, Token
from orders.signing.wallets import ensure_wallets
from orders.tests.http_client import GOOD, Api
from orders.values import MICRO

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tokens")]

Drive = Callable[..., None]


@pytest.fixture(autouse=True)
def values(tokens: None) -> None:
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    Token.objects.filter(symbol="USDC").update(value=10**12)


def test_a_dry_run_shows_the_order_and_leaves_nothing(account: Account) -> None:
    api = Api(account)

    answer = api.ask("POST", "orders?dry_run=true", GOOD | {"client_order_id": "maybe"})

    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["status"], shown["tx_hash"], shown["client_order_id"]) == ("BUILDING", None, "maybe")
    assert int(shown["quoted_amount_out_raw"]) >= int(shown["min_amount_out_raw"]) > 0
    assert shown["route"]["legs"]
    assert not Order.objects.exists()
    assert not Submission.objects.exists()
    assert not AuditEntry.objects.exists()
    assert shown["id"] is None
    assert api.ask("POST", "orders", GOOD | {"client_order_id": "maybe"}).status_code == 201


def test_a_dry_run_is_refused_where_the_order_would_be(account: Account) -> None:
    limited = Api(account, max_day_value=MICRO)
    assert limited.ask("POST", "orders?dry_run=true", GOOD).json()["code"] == "limit_exceeded"
    api = Api(account)
    impact = GOOD | {"amount": "400000", "guards": {"max_price_impact_bps": 1}}
    assert api.ask("POST", "orders?dry_run=true", impact).json()["code"] == "price_impact"
    assert api.ask("POST", "orders?dry_run=perhaps", GOOD).status_code == 400


def test_a_dry_run_tells_that_trading_is_paused(account: Account) -> None:
    api = Api(account)
    api.ask("POST", "halt", {"reason": "x"})

    assert api.ask("POST", "orders?dry_run=true", GOOD).json()["waiting_for"] == "halt"


def test_a_dry_run_names_the_wallet_that_cannot_pay_for_the_network(account: Account) -> None:
    api = Api(account)
    [wallet] = ensure_wallets([account.pk], get_engine()).values()
    assert api.ask("POST", "orders?dry_run=true", GOOD).status_code == 200
    Balance.objects.filter(address=wallet.address, token="SOL").update(atoms=14_999)

    refused = api.ask("POST", "orders?dry_run=true", GOOD | {"token_in": "USDC", "token_out": "ETH"})

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "insufficient_funds")
    facts = problem["facts"]
    assert (facts["token"], facts["held"], facts["wallet"]) == ("SOL", "14999", wallet.address)
    assert int(facts["needed"]) >= 15_000
    assert not Order.objects.exists()


def test_a_key_for_dry_runs_places_nothing(account: Account) -> None:
    api = Api(account, is_dry_run_only=True)

    refused = [
        api.ask("POST", "orders", GOOD),
        api.ask("POST", "orders?dry_run=false", GOOD),
        api.ask("POST", "orders/batch", {"orders": [GOOD]}),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "scope")] * 3
    assert api.ask("POST", "orders?dry_run=true", GOOD).status_code == 200
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("fields", "waits_for"),
    [
        ({"type": "stop", "trigger_price": "1"}, "price"),
        ({"type": "stop_limit", "trigger_price": "1", "limit_price": "0.5"}, "price"),
        ({"type": "trailing_stop", "trail_bps": "100"}, "price"),
        ({"type": "sniper", "min_liquidity": "1", "max_age_s": 60, "guards": {"min_amount_out": "1"}}, "pool"),
        # Which the market would refuse now: it may be another one when the trigger fires.
        ({"type": "stop", "trigger_price": "1", "guards": {"min_amount_out": "99999"}}, "price"),
    ],
)
def test_an_order_that_waits_for_its_trigger_is_shown_to_wait(
    account: Account, fields: dict[str, object], waits_for: str
) -> None:
    answer = Api(account).post("orders?dry_run=true", GOOD | fields)

    assert answer.status_code == 200, answer.content
    assert (answer.json()["status"], answer.json()["waiting_for"]) == ("PENDING", waits_for)
    assert not Order.objects.exists()
