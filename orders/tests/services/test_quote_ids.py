"""Quote ids: an order within the limit of a quote, by each way that an order is placed, or refused."""

import base64
from datetime import datetime
from typing import Any
from unittest.mock import Mock

import pytest

from dex import Side
from orders.models import Account, Order, OrderEvent, Token
from orders.selectors import database_time_ms
from orders.services import quote_ids
from orders.services.quote_ids import VERSION, Promise
from orders.tests.factories import new_account, terms
from orders.tests.http_client import Api

pytestmark = pytest.mark.usefixtures("tokens")

SELL = {"token_in": "SOL", "token_out": "USDC", "amount": "10"}
BUY = SELL | {"side": "exact_out"}
FAR_MS = 10**9


@pytest.fixture
def api(account: Account) -> Api:
    return Api(account)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has quotes expire: the database's clock goes on by more than one lives."""
    return lambda: monkeypatch.setattr(quote_ids, "database_time_ms", lambda: database_time_ms() + 5_000)


def quoted(api: Api, body: Any) -> Any:
    answer = api.post("quotes", body)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def refused(answer: Any) -> tuple[int, str, str]:
    problem = answer.json()
    return answer.status_code, problem["code"], problem["errors"][0]["pointer"]


@pytest.mark.parametrize(("body", "limit"), [(SELL, "min_amount_out"), (BUY, "max_amount_in")])
def test_the_limit_of_the_quote_becomes_that_of_the_order(api: Api, body: Any, limit: str) -> None:
    quote = quoted(api, body)

    order = api.post("orders", body | {"quote_id": quote["quote_id"]}).json()

    assert order["guards"][limit] == quote[limit]
    assert Order.objects.get().terms.to_json()[limit] == quote[f"{limit}_raw"]


@pytest.mark.parametrize(
    ("body", "limit", "stricter", "looser"),
    [(SELL, "min_amount_out", "1000000", "0.01"), (BUY, "max_amount_in", "0.000001", "1000000")],
)
def test_of_two_limits_the_stricter_holds(api: Api, body: Any, limit: str, stricter: str, looser: str) -> None:
    quote = quoted(api, body)
    named = body | {"quote_id": quote["quote_id"]}

    shown = [api.post("orders", named | {"guards": {limit: stated}}).json()["guards"] for stated in (stricter, looser)]

    assert [guards[limit] for guards in shown] == [stricter, quote[limit]]


def test_what_the_quote_is_for_may_be_spelled_otherwise_and_other_terms_may_differ(api: Api) -> None:
    quote = quoted(api, SELL)
    other = {"amount": "10.00", "venues": {"max_hops": 1}, "guards": {"max_slippage_bps": 7}, "tags": {"book": "eu"}}

    order = api.post("orders", SELL | other | {"quote_id": quote["quote_id"]})

    assert order.status_code == 201, order.json()
    assert order.json()["guards"]["min_amount_out"] == quote["min_amount_out"]


@pytest.mark.parametrize(
    "other",
    [{"amount": "10.1"}, {"side": "exact_out"}, {"token_out": "ETH"}, {"token_in": "USDC", "token_out": "SOL"}],
)
def test_for_something_else_it_is_refused(api: Api, other: dict[str, str]) -> None:
    named = SELL | other | {"quote_id": quoted(api, SELL)["quote_id"]}

    answers = [api.post(path, named) for path in ("orders", "orders?dry_run=true")]

    assert [refused(answer) for answer in answers] == [(422, "quote_mismatch", "/quote_id")] * 2
    assert not Order.objects.exists()


def test_another_accounts_quote_is_no_quote(api: Api) -> None:
    foreign = quoted(Api(new_account()), SELL)["quote_id"]

    assert refused(api.post("orders", SELL | {"quote_id": foreign})) == (422, "quote_mismatch", "/quote_id")


def test_a_quote_of_another_chain_or_secret_is_no_quote(api: Api, settings: Any) -> None:
    named = SELL | {"quote_id": quoted(api, SELL)["quote_id"]}
    secret = settings.SECRET_KEY

    settings.SECRET_KEY = "another" * 9
    foreign = api.post("orders", named)
    settings.SECRET_KEY_FALLBACKS = [secret]
    rotated = api.post("orders", named)

    assert refused(foreign) == (422, "quote_mismatch", "/quote_id")
    assert rotated.status_code == 201


@pytest.mark.parametrize("text", ["", "q1.", "x1.AAAA", "q1.=", "q1.AA AA", "q1." + "A" * 97, 5, ["q1.AAAA"]])
def test_what_is_no_quote_id_is_malformed(api: Api, text: Any) -> None:
    assert refused(api.post("orders", SELL | {"quote_id": text})) == (400, "invalid", "/quote_id")


def test_null_names_none(api: Api) -> None:
    assert api.post("orders", SELL | {"quote_id": None}).json()["guards"]["min_amount_out"] is None


def test_an_id_whose_any_bit_differs_is_none(account: Account) -> None:
    """Of its time, its code or its limit; and none is too short or long to be judged."""
    new = terms(amount=10**10)
    promise = Promise(database_time_ms() + FAR_MS, 3 * 10**9)
    code = quote_ids._code(quote_ids._keys()[0], account.pk, new, promise)
    packed = promise.expires_ms.to_bytes(6) + code + promise.limit.to_bytes(4)

    def named(data: bytes, version: str = VERSION) -> str:
        return version + base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def known(text: str) -> bool:
        return quote_ids._read(text, account.pk, new) is not None

    flipped = [packed[:i] + bytes([packed[i] ^ 1 << bit]) + packed[i + 1 :] for i in range(26) for bit in range(8)]
    assert known(named(packed))
    assert not any(known(named(data)) for data in flipped)
    assert not any(known(named(packed[:size])) for size in range(26))
    assert not any(known(text) for text in (named(packed, "q2."), named(packed)[:-1], named(packed) + "A", "q1.AAAAA"))


@pytest.mark.parametrize("limit", [0, 1, 10**78 - 1])
def test_every_limit_fits(account: Account, limit: int) -> None:
    new = terms(side=Side.EXACT_OUT, amount=10**78 - 1, max_slippage_ppm=0)
    quote: Any = type("Limits", (), {"max_amount_in": limit})

    text = quote_ids.quote_id(account.pk, new, quote, database_time_ms() + FAR_MS)

    assert len(text) <= 78
    assert quote_ids.within_quote(new, text, account.pk).terms.max_amount_in == limit


@pytest.mark.parametrize("path", ["orders", "orders?dry_run=true"])
def test_after_its_time_it_is_refused(api: Api, late: Any, path: str) -> None:
    quote = quoted(api, SELL)
    late()

    answer = api.post(path, SELL | {"quote_id": quote["quote_id"]})

    assert refused(answer) == (422, "quote_expired", "/quote_id")
    assert answer.json()["facts"] == {"expired_at": quote["expires_at"]}
    assert not OrderEvent.objects.exists()


def test_it_may_be_named_for_five_seconds_by_the_databases_clock(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    before = database_time_ms()
    quote = quoted(api, SELL)
    now = [0]
    monkeypatch.setattr(quote_ids, "database_time_ms", lambda: now[0])
    moment = datetime.fromisoformat

    ends_ms = round(moment(quote["expires_at"]).timestamp() * 1000)
    now[0] = ends_ms - 1
    in_time = api.post("orders", SELL | {"quote_id": quote["quote_id"]})
    now[0] = ends_ms
    too_late = api.post("orders", SELL | {"quote_id": quote["quote_id"]})

    assert before + 5_000 <= ends_ms <= database_time_ms() + 5_000
    assert (moment(quote["expires_at"]) - moment(quote["quoted_at"])).total_seconds() == 5
    assert (in_time.status_code, too_late.json()["code"]) == (201, "quote_expired")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k-1"}])
def test_a_repeat_gets_the_first_answer_after_the_quote_has_expired(api: Api, late: Any, headers: Any) -> None:
    named = SELL | {"quote_id": quoted(api, SELL)["quote_id"]}
    named |= {} if headers else {"client_order_id": "mine"}
    first = api.post("orders", named, **headers)
    late()

    again = api.post("orders", named, **headers)
    new = api.post("orders", named | {"client_order_id": "other"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
    assert refused(new) == (422, "quote_expired", "/quote_id")
    assert Order.objects.count() == 1


def test_under_a_used_id_another_quote_is_another_order(api: Api) -> None:
    first, second = (quoted(api, SELL)["quote_id"] for _ in range(2))
    api.post("orders", SELL | {"client_order_id": "mine", "quote_id": first})

    again = api.post("orders", SELL | {"client_order_id": "mine", "quote_id": second})

    # In one millisecond a quote has one id.
    assert first == second or again.json()["code"] == "client_order_id_reused"


def test_in_a_batch_each_is_judged_for_itself_at_one_moment(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    quote = quoted(api, SELL)
    clock = Mock(wraps=database_time_ms)
    monkeypatch.setattr("orders.api.batch.database_time_ms", clock)
    named = SELL | {"quote_id": quote["quote_id"]}

    results = api.post("orders/batch", {"orders": [named, named | {"amount": "1"}, named, SELL]}).json()["results"]

    limits = [result.get("order", {}).get("guards", {}).get("min_amount_out") for result in results]
    assert limits == [quote["min_amount_out"], None, quote["min_amount_out"], None]
    assert results[1]["error"]["code"] == "quote_mismatch"
    assert clock.call_count == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "limit", "limit_price": "150"},
        {"type": "stop", "trigger_price": "150"},
        {"type": "twap", "twap": {"slices": 2, "interval_s": 60}},
    ],
)
def test_orders_that_wait_have_no_quote(api: Api, fields: dict[str, Any]) -> None:
    named = SELL | fields | {"quote_id": quoted(api, SELL)["quote_id"]}

    assert refused(api.post("orders", named)) == (422, "fields_conflict", "/quote_id")


def test_a_key_for_quotes_alone_cannot_place_and_one_for_dry_runs_only_tries(account: Account, api: Api) -> None:
    quote = quoted(Api(account, scopes=["quote"]), SELL)
    named = SELL | {"quote_id": quote["quote_id"]}
    dry = Api(account, is_dry_run_only=True)

    assert Api(account, scopes=["quote"]).post("orders", named).status_code == 403
    assert dry.post("orders", named).json()["code"] == "scope"
    shown = dry.post("orders?dry_run=true", named).json()
    assert (shown["status"], shown["guards"]["min_amount_out"]) == ("BUILDING", quote["min_amount_out"])


def test_an_order_that_the_market_has_left_behind_fails_and_one_within_the_quote_is_filled(
    api: Api, drive: Any
) -> None:
    quote = quoted(api, SELL)["quote_id"]
    loose = {"guards": {"max_slippage_bps": 10_000, "max_price_impact_bps": None}}
    filled = api.post("orders", SELL | loose | {"quote_id": quote}).json()["id"]
    drive()
    large = api.post("orders", SELL | loose | {"amount": "2000000"}).json()["id"]
    drive()

    left = api.post("orders", SELL | loose | {"quote_id": quote}).json()["id"]
    drive()

    outcomes = dict(Order.objects.values_list("id", "outcome"))
    found = {str(order_id): outcome for order_id, outcome in outcomes.items()}
    assert (found[filled], found[large], found[left]) == ("filled", "filled", "slippage")


def test_the_cap_of_a_key_and_the_quote_hold_together(account: Account, api: Api) -> None:
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    Token.objects.filter(symbol="USDC").update(value=10**12)
    capped = Api(account, max_order_value=11 * 10**6)
    free = quoted(api, BUY)

    order = capped.post("orders", BUY | {"quote_id": free["quote_id"]}).json()

    assert order["guards"]["max_amount_in"] == min(free["max_amount_in"], "0.11", key=float)
