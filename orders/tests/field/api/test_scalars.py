"""Rows 1.9 and 1.10: what the published schema does not allow is refused, and empty is never "no limit"."""

import copy
import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dex.testing.examples import examples
from orders.api.life.links import BatchRequestSerializer
from orders.api.serializers import CancelRequestSerializer, OrderRequestSerializer
from orders.inputs.strict_json import read_json
from orders.models import Account, Order, TradingControl
from orders.scopes import SCOPES
from orders.tests.factories import api_key
from orders.tests.published_schema import exactly, published

GOOD: dict[str, Any] = {"token_in": "SOL", "token_out": "USDC", "amount": "2.5"}
FULL: dict[str, Any] = GOOD | {
    "side": "exact_in",
    "type": "market",
    "client_order_id": "a-1",
    "time_in_force": "gtd",
    "expires_at": "2999-01-01T00:00:00Z",
    "tags": {"book": "eu"},
    "sim": {"scenario": "none"},
    "guards": {
        "max_slippage_bps": "50",
        "max_price_impact_bps": 100,
        "min_amount_out": "1.5",
        "max_amount_in": "7",
        "max_quote_age_ms": 2000,
    },
    "venues": {"allow": ["orca"], "deny": ["meteora"], "deny_tokens": ["BONK"], "max_legs": 3, "max_hops": 2},
}
# Each was taken for a number once, by some reader of this tree.
NO_NUMBERS = ["", " ", "\t", "1e2", "5_0", "５０", "٥٠", "+50", " 50", "50 ", "50\n", "050", "50.", ".5", "-0", "NaN",
              "Infinity", "-1", "0x32", "1,5", "1.234", "10000.01", "10001", "50%", True, [], {}, [50]]  # fmt: skip
NO_TIMES = ["", " ", "2999-01-01T00:00:00", "2999-01-01", "2999-W01-1T00:00:00Z", "29990101T000000Z",
            "2999-01-01T24:00:00Z", "2999-01-01T23:59:60Z", "2999-01-01T00:00:00,5Z", "2999-01-01 00:00:00Z",
            "2999-01-01T00:00Z", "2999-1-1T0:0:0Z", " 2999-01-01T00:00:00Z", "2999-01-01T00:00:00Z\n",
            "2999-01-01T00:00:00+0000", "2999-01-01T00:00:00+24:00", "2999-02-29T00:00:00Z", "２999-01-01T00:00:00Z",
            "2999-001T00:00:00Z", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z", 32472144000, True]  # fmt: skip
GUARDS_OF_BPS = ["max_slippage_bps", "max_price_impact_bps"]


class Api:
    """A caller with a key that sends what it is given."""

    def __init__(self, account: Account) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {api_key(account)}"}, raise_request_exception=False)

    def post(self, body: Any, path: str = "orders") -> Any:
        raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.client.post(f"/api/v1/{path}", raw, content_type="application/json")

    def refuses(self, body: Any, path: str = "orders") -> Any:
        """The problem of a 400 that stored nothing."""
        answer = self.post(body, path)
        assert answer.status_code == 400, (body, answer.content)
        assert not Order.objects.exists()
        return answer.json()


@pytest.fixture
def api(tokens: None, account: Account) -> Api:
    return Api(account)


@pytest.mark.parametrize("text", NO_NUMBERS, ids=repr)
@pytest.mark.parametrize("guard", GUARDS_OF_BPS)
@pytest.mark.parametrize("path", ["orders", "orders?dry_run=true", "quotes"])
def test_no_text_but_a_number_sets_a_guard_or_lifts_it(api: Api, path: str, guard: str, text: Any) -> None:
    problem = api.refuses(GOOD | {"guards": {guard: text}}, path)

    assert problem["errors"][0]["pointer"] == f"/guards/{guard}"


def test_only_a_stated_null_lifts_the_default_guard(api: Api) -> None:
    stated = api.post(GOOD | {"guards": {"max_price_impact_bps": None}}).json()
    silent = api.post(GOOD).json()

    assert stated["guards"]["max_price_impact_bps"] is None
    assert silent["guards"]["max_price_impact_bps"] == "1000"
    assert api.post(GOOD | {"guards": {"max_slippage_bps": None}}).status_code == 400


@pytest.mark.parametrize("text", [*NO_NUMBERS, "0", "0.0", 5, 2.5], ids=repr)
@pytest.mark.parametrize("guard", ["min_amount_out", "max_amount_in", ""])
def test_no_amount_is_guessed(api: Api, guard: str, text: Any) -> None:
    if text in ("1.234", "10000.01", "10001"):
        pytest.skip("these are amounts")

    body = GOOD | ({"guards": {guard: text}} if guard else {"amount": text})

    assert api.refuses(body)["errors"][0]["pointer"] == (f"/guards/{guard}" if guard else "/amount")


@pytest.mark.parametrize("value", ["", " ", "5", "2000", True, False, 0, -1, 1.5, 10**9, 10**30, [], {}], ids=repr)
@pytest.mark.parametrize("field", ["guards/max_quote_age_ms", "venues/max_legs", "venues/max_hops", "venues/max_swaps"])
def test_whole_numbers_come_as_numbers(api: Api, field: str, value: Any) -> None:
    group, name = field.split("/")

    assert api.refuses(GOOD | {group: {name: value}})["errors"][0]["pointer"] == f"/{field}"


def test_as_in_json_schema_a_whole_float_is_a_whole_number(api: Api) -> None:
    order = api.post('{"token_in":"SOL","token_out":"USDC","amount":"1","venues":{"max_legs":2.0}}').json()

    assert order["venues"]["max_legs"] == 2


@pytest.mark.parametrize("text", NO_TIMES, ids=repr)
def test_a_time_has_its_zone_and_the_form_of_rfc_3339(api: Api, text: Any) -> None:
    assert api.refuses(GOOD | {"time_in_force": "gtd", "expires_at": text})["errors"][0]["pointer"] == "/expires_at"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2999-01-01t00:00:00z", "2999-01-01T00:00:00.000Z"),
        ("2999-01-01T00:00:00.123456789Z", "2999-01-01T00:00:00.123Z"),
        ("2999-01-01T02:30:00+02:30", "2999-01-01T00:00:00.000Z"),
        ("2999-01-01T00:00:00-00:00", "2999-01-01T00:00:00.000Z"),
    ],
)
def test_every_form_of_rfc_3339_is_taken(api: Api, text: str, shown: str) -> None:
    assert api.post(GOOD | {"expires_at": text}).json()["expires_at"] == shown


def test_an_empty_list_of_venues_is_not_every_venue(api: Api) -> None:
    problem = api.refuses(GOOD | {"venues": {"allow": []}})

    assert problem["errors"] == [
        {
            "pointer": "/venues/allow",
            "code": "min_length",
            "detail": "an empty list could mean all or none: leave it out, or send null, for all",
        }
    ]
    stated: tuple[dict[str, Any], ...] = ({"allow": None}, {"deny": [], "deny_tokens": []}, {})
    for venues in stated:
        assert api.post(GOOD | {"venues": venues}).json()["venues"] == {
            "allow": None, "deny": [], "deny_tokens": [], "max_legs": None, "max_hops": None, "max_swaps": None,
        }  # fmt: skip


@pytest.mark.parametrize("value", ["true", "1", 1, 0, "", None, "yes"], ids=repr)
def test_a_flag_is_true_or_false(api: Api, value: Any) -> None:
    api.refuses({"orders": [GOOD], "atomic": value}, "orders/batch")


@pytest.mark.parametrize("value", ["", " ", "EXACT_IN", "exact_in ", None, True, 1, []], ids=repr)
@pytest.mark.parametrize("field", ["side", "time_in_force", "sim"])
def test_a_word_is_taken_as_it_is_written(api: Api, field: str, value: Any) -> None:
    api.refuses(GOOD | {field: {"scenario": value} if field == "sim" else value})


@pytest.mark.parametrize("reason", ["", " ", "\t\n", None, 5], ids=repr)
def test_a_reason_says_something(api: Api, reason: Any) -> None:
    api.refuses({"reason": reason}, "halt")

    assert not TradingControl.objects.exists()


# --- JSON itself ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ('{"token_in":"SOL","token_out":"USDC","amount":"1","amount":"2"}', "amount"),
        (
            '{"token_in":"SOL","token_out":"USDC","amount":"1",'
            '"guards":{"max_price_impact_bps":1,"max_price_impact_bps":null}}',
            "max_price_impact_bps",
        ),
        ('{"token_in":"SOL","token_out":"USDC","amount":"1","guards":{"max_slippage_bps":1},"guards":{}}', "guards"),
        ('{"token_in":"SOL","token_out":"USDC","amount":"1","tags":{"a":"1","\\u0061":"2"}}', "a"),
        ('{"token_in":"SOL","token_out":"USDC","amount":"1","amount":"1"}', "amount"),
    ],
)
@pytest.mark.parametrize("path", ["orders", "quotes", "orders/batch"])
def test_a_member_stated_twice_is_refused_at_any_depth(api: Api, path: str, body: str, key: str) -> None:
    problem = api.refuses(f'{{"orders":[{body}]}}' if path == "orders/batch" else body, path)

    assert (problem["code"], problem["detail"]) == ("duplicate_key", f"the body has the member {key!r} twice")


@pytest.mark.parametrize(
    "number", ["50.00000000000000000001", "1e-400", "0.1000000000000000055", "1e-99999999999999999999"]
)
def test_a_fraction_that_would_be_rounded_is_refused(api: Api, number: str) -> None:
    body = '{"token_in":"SOL","token_out":"USDC","amount":"1","guards":{"max_slippage_bps":%s}}'

    assert api.refuses(body % number)["code"] == "malformed_json"


def test_the_same_number_may_be_written_in_several_ways(api: Api) -> None:
    body = '{"token_in":"SOL","token_out":"USDC","amount":"1","guards":{"max_slippage_bps":%s}}'

    stated = [api.post(body % number).json()["guards"]["max_slippage_bps"] for number in
              ("50", "50.0", "5e1", "-0", "12.34", "0.29", '"50.00"', '"0"', "10000")]  # fmt: skip

    assert stated == ["50", "50", "50", "0", "12.34", "0.29", "50", "0", "10000"]


def test_a_cancel_reads_its_body_as_strictly(api: Api) -> None:
    order = api.post(GOOD).json()

    answer = api.client.delete(
        f"/api/v1/orders/{order['id']}", '{"reason":"a","reason":"b"}', content_type="application/json"
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "duplicate_key")
    assert Order.objects.get().status == "PENDING"


# --- The schema and the reader agree ----------------------------------------------------------------------------------


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    members: Any = ()
    if isinstance(value, (dict, list)):
        members = value.items() if isinstance(value, dict) else enumerate(value)
    return [path] + [inner for name, item in members for inner in _paths(item, (*path, name))]


numbers = st.integers(-3, 10_001) | st.sampled_from([0.01, 0.29, 57.01, 1.234, 1.0, 0.5, 1e300, -0.0, 10**20, 2**64])
digits = st.text("0123456789.eE+-_ ٠٥０", max_size=6)
words = st.sampled_from([*filter(lambda one: isinstance(one, str), NO_NUMBERS + NO_TIMES), "exact_in", "ioc", "none"])
times = st.datetimes().map(lambda at: at.isoformat() + "Z") | st.datetimes().map(lambda at: at.isoformat("t") + "z")
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=70)
scalars = st.none() | st.booleans() | numbers | digits | words | times | texts
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from(["a", "allow", "x" * 65]), scalars)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A good order with one or two places changed, added or taken out."""
    body = copy.deepcopy(FULL)
    for _ in range(draw(st.integers(1, 2))):
        *parents, last = draw(st.sampled_from([path for path in _paths(body) if path]))
        holder: Any = body
        for name in parents:
            holder = holder[name]
        act = draw(st.sampled_from(["change", "change", "change", "remove", "add"]))
        if act == "change" or isinstance(last, int):
            holder[last] = draw(values)
        elif act == "remove":
            del holder[last]
        else:
            holder[draw(st.sampled_from(["amout", "max_slippage", "", "tags"]))] = draw(values)
    return body


@settings(max_examples=examples(150), deadline=None)
@given(mutated())
@example(FULL | {"guards": {"max_slippage_bps": 0.29}})
@example(FULL | {"guards": {"max_slippage_bps": ""}})
@example(FULL | {"venues": {"max_legs": 2.0}})
@example(FULL | {"venues": {"allow": []}})
@example(FULL | {"tags": {"": "v"}})
@example(FULL | {"tags": {"a": ""}})
def test_orders_are_taken_exactly_where_the_schema_takes_them(body: Any) -> None:
    text = json.dumps(body)
    is_allowed = published("OrderRequest").is_valid(json.loads(text, parse_float=exactly))

    serializer = OrderRequestSerializer(data=read_json(text))

    assert serializer.is_valid() == is_allowed, (body, serializer.errors)


@pytest.mark.parametrize(
    ("component", "serializer"), [("BatchRequest", BatchRequestSerializer), ("CancelRequest", CancelRequestSerializer)]
)
@given(st.dictionaries(st.sampled_from(["atomic", "reason", "orders", "more"]), values | st.just([GOOD])))
def test_envelopes_are_taken_exactly_where_the_schema_takes_them(component: str, serializer: Any, body: Any) -> None:
    text = json.dumps(body)
    is_allowed = published(component).is_valid(json.loads(text, parse_float=exactly))

    read = serializer(data=read_json(text))

    assert read.is_valid() == is_allowed, (body, read.errors)


@pytest.mark.parametrize("text", ["", " ", "\t", "\u2003", None], ids=repr)
@pytest.mark.parametrize("scope", ["account", "chain", "global", "venue", "wallet"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_empty_name_is_not_the_callers_own_account_or_chain(
    tokens: None, account: Account, method: str, scope: str, text: Any
) -> None:
    """A script whose variable was empty paused the operator's account, or the whole chain."""
    client = Client(headers={"Authorization": f"Bearer {api_key(account, scopes=list(SCOPES))}"})
    body = json.dumps({"scope": scope, "name": text, "reason": "drill"})

    answer = client.generic(method, "/api/v1/halt", body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not TradingControl.objects.exists()


@pytest.mark.parametrize("text", ["", " ", "\u2003", None], ids=repr)
def test_a_cancel_that_gives_a_reason_says_one(api: Api, text: Any) -> None:
    order = api.post(GOOD).json()

    answer = api.client.generic(
        "DELETE", f"/api/v1/orders/{order['id']}", json.dumps({"reason": text}), content_type="application/json"
    )

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/reason")
    assert Order.objects.get().status == "PENDING"
