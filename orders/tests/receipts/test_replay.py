"""POST /orders/{id}/replay: the route of then, and others with other settings; nothing is changed by it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from dex import Engine
from orders.models import Account, MarketRecord
from orders.tests.factories import place, terms
from orders.tests.http_client import Api
from orders.tests.receipts.conftest import Ask

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
LARGE = 60_000 * 10**9


def everything() -> dict[str, Any]:
    """A hash of the rows of each table."""
    found = {}
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            cursor.execute(f"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM \"{table}\" t")
            found[table] = cursor.fetchone()[0]
    return found


@pytest.mark.parametrize("side", ["exact_in", "exact_out"])
def test_without_changes_it_is_the_route_of_then(account: Account, drive: Drive, ask: Ask, side: str) -> None:
    _, order = place(account, terms(amount=LARGE), terms(side=side, amount=LARGE if side == "exact_in" else 10**12))
    drive()
    order.refresh_from_db()

    said = ask(order, "replay", {}).json()

    assert (said["is_same_route"], said["better_than_quoted_bps"], said["better_than_executed_bps"]) == (True, "0", "0")
    assert (said["amount_in_raw"], said["amount_out_raw"]) == (str(order.amount_in), str(order.amount_out))
    assert (said["min_amount_out_raw"], said["max_amount_in_raw"]) == (
        str(order.min_amount_out),
        str(order.max_amount_in),
    )
    assert said["market_hash"] == order.plan.market.hash  # type: ignore[union-attr]


def test_with_other_settings_it_is_another_route_and_nothing_is_changed(
    account: Account, drive: Drive, ask: Ask
) -> None:
    [order] = place(account, terms(amount=LARGE))
    drive()
    order.refresh_from_db()
    ask(order, "replay", {})  # a caller's last use is noted once
    before = everything()

    one_path = ask(order, "replay", {"venues": {"max_legs": 1, "max_hops": 1}}).json()
    denied = ask(order, "replay", {"venues": {"deny": ["meteora"]}}).json()
    half = ask(order, "replay", {"amount": "1000"}).json()
    fast = ask(order, "replay", {"fee": {"strategy": "fast"}}).json()
    loose = ask(order, "replay", {"guards": {"max_slippage_bps": "100"}}).json()

    assert [len(leg["hops"]) for leg in one_path["route"]["legs"]] == [1]
    assert float(one_path["better_than_quoted_bps"]) < 0
    assert {hop["venue"] for leg in denied["route"]["legs"] for hop in leg["hops"]}.isdisjoint({"meteora"})
    assert (half["amount_in"], half["is_same_route"], float(half["better_than_executed_bps"]) > 0) == (
        "1000",
        False,
        True,
    )
    assert int(fast["route"]["network_fee"]["amount_raw"]) > int(one_path["route"]["network_fee"]["amount_raw"])
    assert loose["is_same_route"]
    assert int(loose["min_amount_out_raw"]) == -(-int(loose["amount_out_raw"]) * 99 // 100)
    assert everything() == before


def test_later_trades_do_not_matter(account: Account, drive: Drive, ask: Ask) -> None:
    [order] = place(account, terms(amount=LARGE))
    drive()
    then = ask(order, "replay", {}).json()
    place(account, terms(amount=5 * LARGE))
    drive()

    assert ask(order, "replay", {}).json() == then


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"venues": {"max_legs": 0}}, "invalid", "/venues/max_legs"),
        ({"amount": 5}, "amount_must_be_string", "/amount"),
        ({"amount": "0.0000000001"}, "amount_too_fine", "/amount"),
        ({"guards": {"min_amount_out": "0.00000001"}}, "amount_too_fine", "/guards/min_amount_out"),
        ({"guards": {"max_quote_age_ms": 5}}, "unknown_field", "/guards/max_quote_age_ms"),
        ({"side": "exact_out"}, "unknown_field", "/side"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(
    account: Account, drive: Drive, ask: Ask, body: Any, code: str, pointer: str
) -> None:
    [order] = place(account)
    drive()

    problem = ask(order, "replay", body).json()

    assert problem["code"] == code or problem["errors"][0]["code"] == code
    assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"amount": "100000000000", "venues": {"allow": ["orca"]}}, "insufficient_liquidity"),
        ({"venues": {"allow": ["curve"]}}, "no_route"),
        ({"guards": {"min_amount_out": "1000000000"}}, "slippage"),
        ({"guards": {"max_price_impact_bps": 0}, "amount": "50000"}, "price_impact"),
    ],
    ids=str,
)
def test_what_the_market_does_not_give_is_refused_as_a_quote_is(
    account: Account, drive: Drive, ask: Ask, body: Any, code: str
) -> None:
    [order] = place(account)
    drive()

    answer = ask(order, "replay", body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_where_the_market_is_not_kept_it_says_so(account: Account, drive: Drive, ask: Ask, engine: Engine) -> None:
    [order] = place(account)
    drive()
    MarketRecord.objects.all().delete()

    answer = ask(order, "replay", {})

    assert (answer.status_code, answer.json()["code"]) == (410, "market_not_kept")


def test_a_key_that_may_not_read_orders_is_told_nothing_of_one(account: Account, drive: Drive) -> None:
    [order] = place(account)
    drive()
    address = f"orders/{order.id}/replay"

    for scopes, status in ((["quote"], 403), (["read"], 403), (["quote", "read"], 200)):
        assert Api(account, scopes=scopes).post(address, {}).status_code == status
