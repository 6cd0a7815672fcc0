"""POST /quotes/curve: each point is what POST /quotes answers on the same market, to the atom."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dex.chains.simulated import SimulatedChain
from orders.api.market.curve import CURVES
from orders.models import Account, Order, Token
from orders.tests.factories import new_account
from orders.tests.http_client import Api
from orders.tests.people import browser_of, new_person
from orders.tests.published_schema import published

pytestmark = pytest.mark.django_db(transaction=True)
AMOUNTS = ["0.25", "25", "250", "2500"]


def body(*amounts: str, **changes: Any) -> dict[str, Any]:
    return {"token_in": "SOL", "token_out": "USDC", "amounts": list(amounts)} | changes


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"side": "exact_out"},
        {"token_in": "USDC", "token_out": "SOL", "venues": {"max_swaps": 1}},
        {"guards": {"max_price_impact_bps": None, "max_deviation_bps": "50"}},
    ],
)
def test_each_point_is_the_quote_of_its_amount_on_the_same_market(account: Account, changes: dict[str, Any]) -> None:
    api = Api(account, scopes=["quote"])

    curve = api.post("quotes/curve", body(*AMOUNTS, **changes))

    assert curve.status_code == 200, curve.json()
    published("CurveShape").validate(curve.json())
    assert [point["amount"] for point in curve.json()["results"]] == AMOUNTS
    for point, amount in zip(curve.json()["results"], AMOUNTS, strict=True):
        stated = body(**changes)
        del stated["amounts"]
        quote = api.post("quotes", stated | {"amount": amount}).json()
        assert quote["route"]["snapshot_version"] == curve.json()["snapshot_version"]
        for name in ("amount_in_raw", "amount_out_raw", "price", "network_fee"):
            assert point[name] == quote[name]
        assert point["price_impact_bps"] == quote["route"]["price_impact_bps"]
        assert (point["swaps"], point["problem"]) == (len(quote["route"]["swaps"]), None)
        side = changes.get("side", "exact_in")
        mid, net = (
            int(quote["route"]["mid_amount_out_raw"]),
            "net_amount_out_raw" if side == "exact_in" else "net_amount_in_raw",
        )
        if side == "exact_in":
            cost = (mid - int(quote[net])) / mid
        else:
            fair = -(-int(quote["amount_in_raw"]) * int(quote["amount_out_raw"]) // mid)
            cost = (int(quote[net]) - fair) / fair
        assert float(point["cost_bps"]) == pytest.approx(10_000 * cost, abs=1e-4)


def test_an_amount_that_is_refused_says_why_and_the_others_are_quoted(account: Account) -> None:
    curve = Api(account).post("quotes/curve", body("1", "100000000", guards={"max_price_impact_bps": 10})).json()

    small, large = curve["results"]
    assert small["problem"] is None
    assert large["problem"]["code"] in {"price_impact", "insufficient_liquidity"}
    assert {large[name] for name in ("amount_in", "amount_out", "price", "price_impact_bps", "cost_bps", "swaps")} == {
        None
    }
    assert large["amount"] == "100000000"


def test_the_limits_of_a_key_hold_for_each_amount(account: Account) -> None:
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    Token.objects.filter(symbol="USDC").update(value=10**12)

    small, large = Api(account, max_order_value=1_000 * 10**6).post("quotes/curve", body("1", "100")).json()["results"]

    assert (small["problem"], large["problem"]["code"]) == (None, "limit_exceeded")


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        (body(), "invalid"),
        (body(*["1"] * 13), "invalid"),
        (body("1", "0"), "amount_not_positive"),
        (body("1.0000000001"), "amount_too_fine"),
        ({**body("1"), "amounts": [1.5]}, "amount_must_be_string"),
        ({**body("1"), "amount": "1"}, "unknown_field"),
        (body("1", token_out="NOPE"), "unknown_token"),
        (body("1", type="limit"), "unknown_field"),
    ],
)
def test_what_cannot_be_quoted_is_refused_as_a_whole(account: Account, stated: dict[str, Any], code: str) -> None:
    answer = Api(account).post("quotes/curve", stated)
    assert answer.status_code in {400, 422}
    assert code in {answer.json()["code"], *(error["code"] for error in answer.json().get("errors", ()))}


def test_it_reads_one_block_and_stores_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    api, reads, read = Api(account), [], SimulatedChain.snapshot

    def snapshot(chain: SimulatedChain) -> Any:
        reads.append(chain)
        return read(chain)

    monkeypatch.setattr(SimulatedChain, "snapshot", snapshot)
    api.post("quotes", {"token_in": "SOL", "token_out": "USDC", "amount": "1"})  # which begins the chain
    reads.clear()
    with CaptureQueriesContext(connection) as queries:
        api.post("quotes/curve", body(*AMOUNTS))

    assert len(reads) == 1
    written = {query["sql"].split()[0] for query in queries} & {"INSERT", "UPDATE", "DELETE"}
    assert written <= {"UPDATE"}  # of the key's last use
    assert not Order.objects.exists()


def test_it_counts_as_as_many_requests_as_it_has_amounts(account: Account) -> None:
    api = Api(account, rate_per_minute=5)

    first = api.post("quotes/curve", body("1", "2", "3"))
    second = api.post("quotes/curve", body("1", "2", "3"))

    assert (first.status_code, first["RateLimit"].split(";")[1]) == (200, "r=2")
    assert (second.status_code, second.json()["code"]) == (429, "throttled")


def test_it_counts_so_for_people_too(account: Account, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.api.throttles.time.time", lambda: 1_800_000_030.0)
    settings.RATE_PER_MINUTE = 5
    client = browser_of(new_person(account, "read_only"))

    answers = [
        client.post("/api/v1/quotes/curve", body("1", "2", "3"), content_type="application/json") for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[0]["RateLimit"] == '"key";r=2;t=30'


def test_an_account_makes_one_at_a_time(account: Account) -> None:
    with CURVES.one(account):
        assert Api(account).post("quotes/curve", body("1")).status_code == 429
        other = new_account()
        with CURVES.one(other):
            assert Api(new_account()).post("quotes/curve", body("1")).status_code == 429
        assert Api(other).post("quotes/curve", body("1")).status_code == 200
    assert Api(account).post("quotes/curve", body("1")).status_code == 200
