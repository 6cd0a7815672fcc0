"""A quote is what this caller's order would get now: pauses, the key's lists and caps, and the account's limits."""

from typing import Any

import pytest

from orders.audit.record import Actor
from orders.engine import get_engine
from orders.models import Account, ApiKey, Order, Token
from orders.risk.account_limits import set_limits
from orders.risk.pause import find_target, pause
from orders.tests.factories import place, terms
from orders.tests.http_client import VENUE_NAMES, Api
from orders.values import MICRO

pytestmark = pytest.mark.usefixtures("tokens")

SELL = {"token_in": "SOL", "token_out": "USDC", "amount": "10"}
BUY = {"token_in": "SOL", "token_out": "USDC", "amount": "10", "side": "exact_out"}
OPERATOR = Actor("boss", reason="drill", is_admin=True)


@pytest.fixture
def api(account: Account) -> Api:
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    Token.objects.filter(symbol="USDC").update(value=10**12)
    return Api(account)


def limit_key(**limits: Any) -> None:
    ApiKey.objects.update(**limits)


def pause_venue(name: str) -> None:
    pause(find_target("venue", name, get_engine()), OPERATOR)


def answers(api: Api, body: Any) -> tuple[Any, Any]:
    """The quote and the dry run of the same swap."""
    return api.post("quotes", body), api.post("orders?dry_run=true", body)


def venues_of(answer: Any) -> set[str]:
    return {swap["venue"] for swap in answer.json()["route"]["swaps"]}


def same_route(quote: Any, dry_run: Any) -> bool:
    assert (quote.status_code, dry_run.status_code) == (200, 200), (quote.json(), dry_run.json())
    return bool(quote.json()["route"]["swaps"] == dry_run.json()["route"]["swaps"])


def test_no_quote_goes_through_a_paused_venue(api: Api) -> None:
    used = venues_of(api.post("quotes", SELL))
    for venue in sorted(used):
        pause_venue(venue)

    quote, dry_run = answers(api, SELL)

    assert used
    assert venues_of(quote).isdisjoint(used)
    assert same_route(quote, dry_run)
    assert {venue["venue"] for venue in quote.json()["route"]["venue_quotes"]}.isdisjoint(used)


def test_where_only_paused_venues_are_left_the_refusal_says_that_an_order_would_wait(api: Api) -> None:
    for venue in VENUE_NAMES:
        pause_venue(venue)

    quote, dry_run = answers(api, SELL)

    assert (quote.status_code, quote.json()["code"]) == (422, "no_route")
    assert quote.json()["facts"]["paused_venues"] == sorted(VENUE_NAMES)
    assert quote.json()["try"].startswith("An order would wait until balancer, curve")
    assert {**dry_run.json(), "instance": ""} == {**quote.json(), "instance": ""}


@pytest.mark.parametrize("scope", ["global", "chain", "account"])
def test_a_quote_says_that_an_order_would_wait(api: Api, scope: str) -> None:
    assert api.post("quotes", SELL).json()["waiting_for"] is None
    names = {"global": "", "chain": "simulated", "account": api.account.name}
    pause(find_target(scope, names[scope], get_engine()), OPERATOR)

    quote, dry_run = answers(api, SELL)

    assert (quote.json()["waiting_for"], dry_run.json()["waiting_for"]) == ("halt", "halt")
    assert same_route(quote, dry_run)


def test_a_quote_stays_on_the_venues_of_the_key(api: Api) -> None:
    limit_key(venues=["raydium", "orca"])

    quote, dry_run = answers(api, SELL)
    elsewhere = answers(api, SELL | {"venues": {"allow": ["curve"]}})

    assert venues_of(quote) <= {"raydium", "orca"}
    assert same_route(quote, dry_run)
    assert [(answer.status_code, answer.json()["code"]) for answer in elsewhere] == [(403, "scope")] * 2


def test_a_quote_names_the_tokens_of_the_key_only(api: Api) -> None:
    limit_key(tokens=["USDC", "ETH"])

    refused = answers(api, SELL)

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "scope")] * 2
    assert [answer.json()["facts"] for answer in refused] == [{"tokens": ["ETH", "USDC"]}] * 2


@pytest.mark.parametrize("cap", ["max_order_value", "max_day_value"])
def test_a_quote_is_held_to_the_caps_of_the_key(api: Api, cap: str) -> None:
    limit_key(**{cap: 999 * MICRO})

    refused = answers(api, SELL)
    fitting = answers(api, SELL | {"amount": "9.99"})

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "limit_exceeded")] * 2
    assert same_route(*fitting)


def test_what_a_purchase_may_cost_is_cut_down_to_the_cap_in_the_quote_too(api: Api) -> None:
    limit_key(max_order_value=500 * MICRO)

    quote, dry_run = answers(api, BUY)

    assert quote.json()["guards"]["max_amount_in"] == dry_run.json()["guards"]["max_amount_in"] == "5"
    assert same_route(quote, dry_run)


def test_a_quote_is_held_to_the_accounts_limits(api: Api) -> None:
    set_limits(api.account, max_open_value=None, max_open_orders=1, actor=OPERATOR)
    assert same_route(*answers(api, SELL))
    place(api.account, terms())

    refused = answers(api, SELL)

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "limit_exceeded")] * 2
    assert [answer.json()["facts"] for answer in refused] == [{"limit": "open_orders"}] * 2
    assert Order.objects.count() == 1
