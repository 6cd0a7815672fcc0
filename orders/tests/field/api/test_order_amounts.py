"""Row 7.8: executed, quoted and asked amounts have fields of their own, and basis points have one name and one type."""

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from orders.amounts import bps_text
from orders.audit.record import Actor
from orders.cli.render import Row
from orders.models import Account, Order
from orders.services.cancel import cancel_orders
from orders.states import Stage
from orders.tests.factories import api_key, place, terms
from orders.tests.published_schema import published

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
EXECUTED = ("amount_in", "amount_in_raw", "amount_out", "amount_out_raw")
QUOTED = ("quoted_amount_in", "quoted_amount_in_raw", "quoted_amount_out", "quoted_amount_out_raw")
BPS = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")


def basis_points(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of an answer that counts basis points."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from basis_points(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from basis_points(item, name)
    elif re.search(r"_bps?$", name):
        yield name, value


@pytest.fixture
def api(tokens: None, account: Account) -> Client:
    return Client(headers={"Authorization": f"Bearer {api_key(account)}"}, raise_request_exception=False)


def shown(api: Client, order: Order) -> dict[str, Any]:
    """The order in its own answer, which the list agrees with."""
    one: dict[str, Any] = api.get(f"/api/v1/orders/{order.id}").json()
    assert one in api.get("/api/v1/orders?limit=500").json()["results"]
    assert published("OrderShape").is_valid(one), list(published("OrderShape").iter_errors(one))
    return one


def test_an_order_that_waits_has_executed_nothing(api: Client, account: Account) -> None:
    [order] = place(account, terms(amount=2_500_000_000))

    one = shown(api, order)

    assert (one["amount"], one["amount_raw"]) == ("2.5", "2500000000")
    assert [one[name] for name in EXECUTED + QUOTED] == [None] * 8


def test_an_order_that_was_quoted_has_executed_nothing(api: Client, account: Account, drive: Drive) -> None:
    [order] = place(account)
    drive(Stage.ROUTE)

    one = shown(api, order)
    routed = api.get(f"/api/v1/orders/{order.id}/events").json()["results"][-1]["data"]

    assert [one[name] for name in EXECUTED] == [None] * 4
    assert int(one["quoted_amount_in_raw"]) == order.amount
    assert int(one["quoted_amount_out_raw"]) > 0
    assert "amount_out_raw" not in routed
    assert routed["quoted_amount_out_raw"] == one["quoted_amount_out_raw"]
    assert routed["quoted_amount_in_raw"] == one["quoted_amount_in_raw"]


def test_a_filled_order_shows_what_it_got(api: Client, account: Account, drive: Drive) -> None:
    [order] = place(account)
    drive()

    one = shown(api, order)
    filled = api.get(f"/api/v1/orders/{order.id}/events").json()["results"][-1]["data"]

    assert one["status"] == "CONFIRMED"
    assert one["amount_in_raw"] == one["amount_raw"]
    assert Decimal(one["amount_out"]) == Decimal(one["amount_out_raw"]).scaleb(-6)
    assert {name: filled[name] for name in ("amount_in_raw", "amount_out_raw", "quoted_amount_out_raw")} == {
        name: one[name] for name in ("amount_in_raw", "amount_out_raw", "quoted_amount_out_raw")
    }


@pytest.mark.parametrize("side", ["exact_in", "exact_out"])
def test_a_failed_order_has_no_executed_amounts(api: Client, account: Account, drive: Drive, side: str) -> None:
    undone, unroutable, cancelled = place(
        account,
        terms(side=side, amount=10**6, scenario="slippage", max_slippage_ppm=5_000),
        terms(side=side, amount=10**40, allow=["meteora"]),
        terms(side=side, amount=10**6),
    )
    cancel_orders([cancelled.id], actor=Actor("test"))
    drive()

    ones = [shown(api, order) for order in (undone, unroutable, cancelled)]

    assert [(one["status"], one["outcome"]) for one in ones] == [
        ("FAILED", "slippage"),
        ("FAILED", "no_route"),
        ("FAILED", "cancelled"),
    ]
    assert [one[name] for one in ones for name in EXECUTED] == [None] * 12
    assert int(ones[0]["quoted_amount_out_raw"]) > 0
    assert [one[name] for one in ones[1:] for name in QUOTED] == [None] * 8


def test_every_basis_point_that_leaves_is_text(api: Client, account: Account, drive: Drive) -> None:
    orders = place(account, terms(), terms(amount=5_000 * 10**9), terms(side="exact_out", amount=10**9))
    drive()
    swap = {"token_in": "SOL", "token_out": "USDC", "amount": "250", "guards": {"max_slippage_bps": 12.5}}

    def post(path: str, body: Any) -> Any:
        return api.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json").json()

    answers = {
        "order": [shown(api, order) for order in orders],
        "events": [api.get(f"/api/v1/orders/{order.id}/events").json() for order in orders],
        "account": api.get("/api/v1/events?limit=500").json(),
        "venues": api.get("/api/v1/venues").json(),
        "quote": post("quotes", swap),
        "placed": post("orders", swap),
        "dry run": post("orders?dry_run=true", swap),
        "batch": post("orders/batch", {"orders": [swap]}),
    }

    found = {name: dict(basis_points(answer)) for name, answer in answers.items()}
    for name, answer in answers.items():
        for field, value in basis_points(answer):
            assert field.endswith("_bps"), (name, field)
            assert value is None or (isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value)), (
                name,
                field,
            )
    assert found["order"].keys() >= {"max_slippage_bps", "gap_bps", "saved_bps", "price_impact_bps"}
    assert found["account"].keys() == {"gap_bps", "saved_bps"}
    assert found["venues"].keys() == {"fee_bps"}
    assert found["quote"]["max_slippage_bps"] == "12.5"
    for shape, answer in (("QuoteShape", answers["quote"]), ("DryRunOrderShape", answers["dry run"]),
                          ("VenuesShape", answers["venues"]), ("BatchShape", answers["batch"])):  # fmt: skip
        assert published(shape).is_valid(answer), list(published(shape).iter_errors(answer))


def test_a_terminal_shows_routes_of_both_forms() -> None:
    event = {"status": "CONFIRMED", "seq": 2, "attempt": 1, "outcome": "filled", "took_ms": 1,
             "data": {"quoted_amount_out_raw": "100", "amount_out_raw": "100"}}  # fmt: skip
    order = {"id": "1", "status": "PENDING", "amount": "1", "token_in": "A", "token_out": "B",
             "final": {"amount_out": "1", "token_out": "B"}}  # fmt: skip
    leg = {"share": "1", "hops": [{"venue": "orca", "token_out": "B"}]}

    saved = [
        Row(1, order, [event | {"status": "BUILDING", "data": {"route": [leg], "saved_bps": value}}, event]).cells()[7]
        for value in ("12.3456", 12.3456, None)
    ]

    assert saved == ["12.3 bp", "12.3 bp", ""]


@pytest.mark.parametrize(
    ("bps", "decimals", "text"),
    [(0.0, 6, "0"), (-0.0, 6, "0"), (1e-9, 6, "0"), (-1e-9, 6, "0"), (12.5, 4, "12.5"), (100.0, 4, "100"),
     (1e-6, 6, "0.000001"), (-0.00002, 6, "-0.00002"), (1e16, 4, "10000000000000000"), (123.45678, 4, "123.4568")],
)  # fmt: skip
def test_basis_points_are_plain_decimals(bps: float, decimals: int, text: str) -> None:
    assert bps_text(bps, decimals) == text


def test_solved_problems_say_their_gap_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("solve", "docs/examples/two-pools.json")

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines
    for line in lines:
        assert "gap_bp" not in line
        assert re.fullmatch(r"-?[0-9]+\.[0-9]+", line["gap_bps"])
