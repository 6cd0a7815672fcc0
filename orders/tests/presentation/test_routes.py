"""The route an owner sees: how it splits, what nothing could beat, what it saves, and the limits it keeps to."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from orders.cli.client import EngineClient
from orders.cli.quoting import quote_lines
from orders.models import Account, Order
from orders.presentation.routes import ROUTE, proof_sentences
from orders.tests.factories import api_key, place, terms

pytestmark = pytest.mark.usefixtures("tokens")

# So large that no single pool of the default market is the best place for all of it.
LARGE = {"token_in": "SOL", "token_out": "USDC", "amount": "5000"}
FREE = {"guards": {"max_price_impact_bps": None}}


@pytest.fixture
def ask(account: Account) -> Any:
    """POST /quotes as an owner; the answer must have the status given."""
    client = Client(headers={"Authorization": f"Bearer {api_key(account)}"})

    def post(body: dict[str, Any], status: int = 200) -> dict[str, Any]:
        response = client.post("/api/v1/quotes", json.dumps(FREE | body), content_type="application/json")
        assert response.status_code == status, response.content
        answer: dict[str, Any] = response.json()
        return answer

    return post


def test_a_large_order_splits_and_shows_how_good_that_is(ask: Any) -> None:
    quote = ask(LARGE)

    route, paid = quote["route"], int(quote["net_amount_out_raw"])
    assert paid == int(quote["amount_out_raw"]) - int(quote["network_fee"]["value_raw"])
    best_alone = max(int(venue["net_amount_out_raw"]) for venue in route["venue_quotes"] if not venue["code"])
    assert len(route["legs"]) > 1
    assert sum(int(leg["hops"][0]["amount_in_raw"]) for leg in route["legs"]) == int(quote["amount_in_raw"])
    assert paid <= int(route["upper_bound_raw"]) <= paid * (1 + 1e-5)
    assert 0 <= float(route["gap_bps"]) < 0.1
    assert paid > best_alone
    assert float(route["saved_bps"]) == pytest.approx(10_000 * (paid / best_alone - 1), abs=1e-3)
    assert any(
        venue["venue"] == route["best_single_venue"] and int(venue["net_amount_out_raw"]) == best_alone
        for venue in route["venue_quotes"]
        if not venue["code"]
    )


def test_a_fixed_output_has_a_least_cost(ask: Any) -> None:
    quote = ask({"token_in": "USDC", "token_out": "SOL", "amount": "5000", "side": "exact_out"})

    route, cost = quote["route"], int(quote["net_amount_in_raw"])
    assert cost == int(quote["amount_in_raw"]) + int(quote["network_fee"]["value_raw"])
    best_alone = min(int(venue["net_amount_in_raw"]) for venue in route["venue_quotes"] if not venue["code"])
    assert "upper_bound" not in route
    assert cost * (1 - 1e-5) <= int(route["lower_bound_raw"]) <= cost
    assert cost < best_alone
    assert float(route["saved_bps"]) == pytest.approx(10_000 * (best_alone / cost - 1), abs=1e-3)


@pytest.mark.parametrize(
    ("limits", "largest"),
    [({"max_legs": 1}, ("legs", 1)), ({"max_swaps": 2}, ("swaps", 2)), ({"max_hops": 1}, ("hops", 1))],
)
def test_owners_limit_the_size_of_a_route(ask: Any, limits: dict[str, int], largest: tuple[str, int]) -> None:
    order = LARGE | {"amount": "20000"}
    free, limited = ask(order)["route"], ask(order | {"venues": limits})["route"]

    def size(route: dict[str, Any]) -> dict[str, int]:
        hops = max(len(leg["hops"]) for leg in route["legs"])
        return {"legs": len(route["legs"]), "swaps": len(route["swaps"]), "hops": hops}

    name, most = largest
    assert size(limited)[name] <= most
    assert size(free)[name] > most


def test_no_route_passes_through_a_token_that_is_denied(ask: Any) -> None:
    order = {"token_in": "BONK", "token_out": "PYTH", "amount": "10000000"}
    passed = {hop["token_out"] for leg in ask(order)["route"]["legs"] for hop in leg["hops"][:-1]}
    assert passed
    avoided = sorted(passed)[0]

    again = ask(order | {"venues": {"deny_tokens": [avoided]}})["route"]

    assert avoided not in {hop["token_out"] for hop in again["swaps"]}
    refused = ask(order | {"venues": {"deny_tokens": ["NOPE"]}}, 422)
    assert (refused["code"], refused["errors"][0]["pointer"]) == ("unknown_token", "/venues/deny_tokens")


@pytest.mark.parametrize("limits", [{"max_legs": 0}, {"max_hops": -1}, {"max_swaps": "many"}, {"max_legs": 10**9}])
def test_a_limit_that_makes_no_sense_is_refused(ask: Any, limits: dict[str, Any]) -> None:
    assert ask(LARGE | {"venues": limits}, 400)["code"]


@pytest.mark.django_db(transaction=True)
def test_an_orders_events_tell_how_good_its_route_is(account: Account, drive: Callable[..., None]) -> None:
    [order] = place(account, terms(amount=5_000 * 10**9))
    drive()

    routed = order.events.get(status="BUILDING").data
    plan = Order.objects.get(id=order.id).plan
    assert plan is not None
    shown = ROUTE.render(plan)
    assert routed["route"] == shown["legs"]
    for name in ("upper_bound", "gap_bps", "best_single_venue", "saved_bps"):
        assert routed[name] == shown[name]
    assert len(proof_sentences(shown)) == 3


def test_a_quote_reads_well_on_a_terminal(ask: Any) -> None:
    quote = ask(LARGE)

    lines = list(quote_lines(quote))

    assert lines[0].startswith("5,000 SOL → ")
    at = lines.index("Legs, by their share of what is given:") + 1
    legs = lines[at : lines.index("", at)]
    assert len(legs) == len(quote["route"]["legs"])
    assert sum(Decimal(leg.split("%")[0]) for leg in legs) == pytest.approx(100, abs=1)
    assert any("no route pays more than" in line and line.endswith(", less the network fee") for line in lines)
    assert max(map(len, lines)) <= 120


def test_a_quote_is_drawn(ask: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    quote = ask(LARGE)
    monkeypatch.setattr(EngineClient, "call", lambda self, method, path, body=None: quote)

    call_command("orders", "quote", "SOL", "USDC", "5000", svg=str(tmp_path / "route.svg"))

    drawn = ElementTree.parse(tmp_path / "route.svg").getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("orders", "quote", "SOL", "USDC", "5000", svg=str(tmp_path / "no" / "route.svg"))
