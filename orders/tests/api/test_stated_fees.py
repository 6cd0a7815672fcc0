"""Network fees over HTTP: what requests may state, and what quotes, orders, events and dry runs show."""

from collections.abc import Callable
from typing import Any

import pytest

from dex import FeesTooHigh
from dex.chains.simulated import SimulatedOptions
from orders.models import Account, Order, SignedTransaction
from orders.tests.charging import PER_SWAP, ChargingChain, ChargingEngine, Tariff, fee_of
from orders.tests.http_client import GOOD, Api

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tokens")]

EXACT_OUT = {"token_in": "USDC", "token_out": "SOL", "amount": "2.5", "side": "exact_out"}
INSTANT = SimulatedOptions(block_time_ms=0, quote_delay_ms=0, build_delay_ms=0, submit_delay_ms=0, noise_trades=0)


@pytest.fixture
def tariff() -> Tariff:
    return Tariff()


@pytest.fixture
def engine(db: None, tariff: Tariff, monkeypatch: pytest.MonkeyPatch) -> ChargingEngine:
    """What the API and the workers of the test use."""
    engine = ChargingEngine(ChargingChain(INSTANT, tariff))
    for module in ("posts", "orders", "market.quotes"):
        monkeypatch.setattr(f"orders.api.{module}.get_engine", lambda: engine)
    return engine


@pytest.fixture
def api(account: Account, engine: ChargingEngine) -> Api:
    return Api(account)


def with_fee(**fee: Any) -> dict[str, Any]:
    return GOOD | {"fee": fee}


@pytest.mark.parametrize(
    ("fee", "status", "code", "pointer"),
    [
        ({"max_native": "0"}, 400, "amount_not_positive", "/fee/max_native"),
        ({"max_native": "-1"}, 400, "amount_malformed", "/fee/max_native"),
        ({"max_native": "1e-3"}, 400, "amount_malformed", "/fee/max_native"),
        ({"max_native": 0.01}, 400, "amount_must_be_string", "/fee/max_native"),
        ({"max_native": ""}, 400, "amount_malformed", "/fee/max_native"),
        ({"max_native": "0.0000000001"}, 422, "amount_too_fine", "/fee/max_native"),
        ({"max_native": "9" * 80}, 422, "amount_too_large", "/fee/max_native"),
        ({"strategy": "instant"}, 400, "invalid", "/fee/strategy"),
        ({"strategy": "FAST"}, 400, "invalid", "/fee/strategy"),
        ({"strategy": None}, 400, "null", "/fee/strategy"),
        ({"max_fee": "1"}, 400, "unknown_field", "/fee/max_fee"),
    ],
)
@pytest.mark.parametrize("path", ["orders", "quotes"])
def test_what_is_no_fee_is_refused(
    api: Api, path: str, fee: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    answer = api.post(path, with_fee(**fee))

    assert answer.status_code == status
    [error] = answer.json()["errors"]
    assert (error["code"], error["pointer"]) == (code, pointer)
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (GOOD, {"strategy": "normal", "max_native": None}),
        (with_fee(), {"strategy": "normal", "max_native": None}),
        (with_fee(max_native=None), {"strategy": "normal", "max_native": None}),
        (with_fee(strategy="slow", max_native="0.010"), {"strategy": "slow", "max_native": "0.01"}),
        (with_fee(max_native="0.000000001"), {"strategy": "normal", "max_native": "0.000000001"}),
    ],
)
def test_an_order_shows_what_was_stated(api: Api, body: dict[str, Any], shown: dict[str, Any]) -> None:
    placed = api.post("orders", body)

    assert placed.status_code == 201
    assert placed.json()["fee"] == shown
    assert api.get(f"orders/{placed.json()['id']}").json()["fee"] == shown
    order = Order.objects.get()
    assert (order.native_token, order.native_decimals) == ("SOL", 9)


def test_a_repeat_gets_the_first_answer_and_another_limit_is_another_order(api: Api) -> None:
    body = with_fee(strategy="fast", max_native="0.01") | {"client_order_id": "f-1"}
    first = api.post("orders", body)

    again = api.post("orders", body | {"fee": {"max_native": "0.0100", "strategy": "fast"}})
    other = api.post("orders", body | {"fee": {"max_native": "0.02", "strategy": "fast"}})

    assert (again.status_code, again.json()) == (201, first.json())
    assert other.json()["code"] == "client_order_id_reused"
    assert Order.objects.count() == 1


@pytest.mark.parametrize("body", [GOOD, EXACT_OUT])
def test_a_quote_shows_its_fee_and_what_is_left(api: Api, body: dict[str, Any]) -> None:
    quote = api.post("quotes", body).json()

    route, fee = quote["route"], quote["network_fee"]
    swaps = len(route["swaps"])
    gross, net, sign = ("amount_out", "net_amount_out", -1) if body is GOOD else ("amount_in", "net_amount_in", 1)
    assert route["swap_count"] == swaps > 0
    assert (fee["token"], fee["amount_raw"]) == ("SOL", str(swaps * PER_SWAP))
    assert fee == route["network_fee"]
    assert int(quote[f"{net}_raw"]) == int(quote[f"{gross}_raw"]) + sign * int(fee["value_raw"])
    assert route[net] == quote[net]
    absent = {"net_amount_out", "net_amount_in"} - {net}
    assert not absent & (quote.keys() | route.keys())
    able = [venue for venue in route["venue_quotes"] if venue["code"] is None]
    assert able
    assert all(int(v[f"{net}_raw"]) * sign > int(v[f"{gross}_raw"]) * sign for v in able)
    assert all(v[net] is None for v in route["venue_quotes"] if v["code"])
    best = min(able, key=lambda venue: sign * int(venue[f"{net}_raw"]))
    assert route["best_single_venue"] == best["venue"]
    saved = (int(quote[f"{net}_raw"]) - int(best[f"{net}_raw"])) * -sign
    assert (float(route["saved_bps"]) >= 0) is (saved >= 0)


@pytest.mark.parametrize("is_dry_run", [False, True])
@pytest.mark.parametrize(
    ("fee", "waits"),
    [
        ({}, None),
        ({"max_native": "1"}, None),
        ({"max_native": "0.000000001"}, "fees"),
        ({"max_native": "0.00002", "strategy": "normal"}, None),
        ({"max_native": "0.00002", "strategy": "fast"}, "fees"),
    ],
)
def test_a_quote_and_a_dry_run_say_that_an_order_would_wait(
    api: Api, fee: dict[str, Any], waits: str | None, is_dry_run: bool
) -> None:
    path = "orders?dry_run=true" if is_dry_run else "quotes"
    answer = api.post(path, with_fee(**fee))

    assert answer.status_code == 200
    assert answer.json()["waiting_for"] == waits
    assert answer.json()["network_fee"]["token"] == "SOL"
    assert int(answer.json()["net_amount_out_raw"]) > 0
    assert not SignedTransaction.objects.exists()


def test_fees_above_those_of_the_chain_are_waited_for_too(
    api: Api, engine: ChargingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dear() -> None:
        raise FeesTooHigh("the network asks too much")

    monkeypatch.setattr(engine.chain, "prepare", dear)
    assert api.post("quotes", with_fee(max_native="1")).json()["waiting_for"] == "fees"


@pytest.mark.parametrize("body", [GOOD, EXACT_OUT])
def test_an_executed_order_shows_what_it_has_paid_and_what_is_left(
    api: Api, drive: Callable[..., None], body: dict[str, Any]
) -> None:
    placed = api.post("orders", body).json()
    assert (placed["network_fee"], placed["network_fee_paid"]) == (None, None)
    drive()

    order = api.get(f"orders/{placed['id']}").json()
    events = api.get(f"orders/{placed['id']}/events").json()["results"]
    gross, net, sign = ("amount_out", "net_amount_out", -1) if body is GOOD else ("amount_in", "net_amount_in", 1)
    paid, expected = order["network_fee_paid"], order["network_fee"]
    assert order["status"] == "CONFIRMED"
    assert paid["amount_raw"] == str(fee_of(order["tx_hash"]))
    value = -(-int(paid["amount_raw"]) * int(expected["value_raw"]) // int(expected["amount_raw"]))
    assert paid["value_raw"] == str(value)
    assert int(order[f"{net}_raw"]) == int(order[f"{gross}_raw"]) + sign * value
    routed = next(event["data"] for event in events if event["status"] == "BUILDING")
    assert routed["network_fee"] == expected
    assert routed["swap_count"] == order["route"]["swap_count"]
    assert routed[net] == order["route"][net]
    assert events[-1]["data"]["network_fee_paid"] == {
        "token": "SOL", "amount": paid["amount"], "amount_raw": paid["amount_raw"],
    }  # fmt: skip
