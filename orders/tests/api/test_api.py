"""REST: what a caller may send, what it gets back, and that nothing is stored when it is refused."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from orders.event_log.event import timestamp
from orders.models import Account, ApiKey, Order, OrderEvent
from orders.tests.factories import in_flight, new_account, place, terms
from orders.tests.http_client import GOOD, POOLS, VENUE_NAMES, Api

pytestmark = pytest.mark.usefixtures("tokens")


@pytest.fixture
def api(account: Account) -> Api:
    return Api(account)


def test_an_accepted_order_is_stored_and_answered(api: Api) -> None:
    response = api.post("orders", GOOD | {"client_order_id": "a-1", "tags": {"book": "eu"}})

    body = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"/api/v1/orders/{body['id']}"
    assert (body["status"], body["seq"], body["outcome"], body["waiting_for"]) == ("PENDING", 1, None, "worker")
    assert (body["amount"], body["amount_raw"], body["amount_in_raw"]) == ("2.5", "2500000000", None)
    assert body["guards"]["max_slippage_bps"] == "50"
    assert uuid.UUID(body["id"]).version == 7
    assert api.get(f"orders/{body['id']}").json() == body
    assert api.get("orders/by-client-id/a-1").json() == body


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"token_in": "NOPE"}, 422, "unknown_token"),
        ({"token_in": "sol"}, 422, "unknown_token"),
        ({"token_out": "SOL"}, 422, "same_token"),
        ({"token_in": 5}, 400, "invalid"),
        ({"token_in": None}, 400, "invalid"),
        ({"token_in": ""}, 400, "invalid"),
        ({"amount": "0"}, 400, "amount_not_positive"),
        ({"amount": "-1"}, 400, "amount_malformed"),
        ({"amount": "NaN"}, 400, "amount_malformed"),
        ({"amount": "1e5"}, 400, "amount_malformed"),
        ({"amount": "9" * 80}, 422, "amount_too_large"),
        ({"amount": "1." + "1" * 79}, 400, "amount_malformed"),
        ({"amount": "0.0000000001"}, 422, "amount_too_fine"),
        ({"amount": 2.5}, 400, "amount_must_be_string"),
        ({"amount": 2}, 400, "amount_must_be_string"),
        ({"amount": True}, 400, "invalid"),
        ({"amount": ["1"]}, 400, "invalid"),
        ({"amount": None}, 400, "invalid"),
        ({"amout": "1"}, 400, "unknown_field"),
        ({"guards": {"max_slippage": 1}}, 400, "unknown_field"),
        ({"guards": {"max_slippage_bps": "abc"}}, 400, "invalid"),
        ({"guards": {"max_slippage_bps": -1}}, 400, "invalid"),
        ({"guards": {"max_slippage_bps": 1.234}}, 400, "invalid"),
        ({"guards": {"max_slippage_bps": 10001}}, 400, "invalid"),
        ({"guards": {"min_amount_out": 5}}, 400, "amount_must_be_string"),
        ({"guards": {"max_amount_in": "5"}}, 422, "guard_side"),
        ({"guards": []}, 400, "invalid"),
        ({"venues": {"deny": ["nowhere"]}}, 422, "unknown_venue"),
        ({"type": "iceberg"}, 422, "unknown_order_type"),
        ({"side": "both"}, 400, "invalid"),
        ({"time_in_force": "gtd"}, 422, "time_in_force"),
        ({"time_in_force": "never"}, 400, "invalid"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, 422, "already_expired"),
        ({"expires_at": "soon"}, 400, "invalid"),
        ({"client_order_id": "has space"}, 400, "invalid"),
        ({"client_order_id": "x" * 65}, 400, "invalid"),
        ({"client_order_id": 7}, 400, "invalid"),
        ({"client_order_id": ""}, 400, "invalid"),
        ({"client_order_id": "ok\n"}, 400, "invalid"),
        ({"tags": {"a": 1}}, 400, "invalid"),
        ({"tags": {"x" * 65: "v"}}, 400, "invalid"),
        ({"tags": {f"t{i}": "v" for i in range(17)}}, 400, "invalid"),
        ({"sim": {"scenario": "earthquake"}}, 400, "invalid"),
        ({"token_in": "SO\x00L"}, 400, "malformed_json"),
        ({"tags": {"a\x00": "v"}}, 400, "malformed_json"),
    ],
)
def test_a_refused_order_says_why_and_stores_nothing(api: Api, change: dict[str, Any], status: int, code: str) -> None:
    response = api.post("orders", GOOD | change)

    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert response["Content-Type"] == "application/problem+json"
    assert body["status"] == status
    assert body["type"] == f"/problems/{code.replace('_', '-')}"
    assert body["instance"] == "/api/v1/orders"
    assert body["detail"]
    assert not Order.objects.exists()
    assert not OrderEvent.objects.exists()


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "invalid"),
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b'{"token_in": NaN}', 400, "malformed_json"),
        (b'{"token_in": "\\ud800"}', 400, "malformed_json"),
        (b"[]", 400, "invalid"),
        (b'"text"', 400, "invalid"),
        (b"null", 400, "invalid"),
        (b"[" * 100_000, 400, "malformed_json"),
        (b'{"token_in": "' + b"x" * (1024 * 1024) + b'"}', 413, "body_too_large"),
    ],
)
@pytest.mark.parametrize("path", ["orders", "orders/batch", "quotes"])
def test_a_body_that_is_no_request_is_refused(api: Api, path: str, raw: bytes, status: int, code: str) -> None:
    response = api.post(path, raw)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not Order.objects.exists()


def test_only_json_is_read(api: Api) -> None:
    response = api.client.post("/api/v1/orders", "token_in=SOL", content_type="application/x-www-form-urlencoded")

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def test_several_wrong_fields_are_all_named(api: Api) -> None:
    body = api.post("orders", {"token_in": 1, "amount": 2, "guards": {"max_slippage_bps": "x"}}).json()

    assert {error["pointer"] for error in body["errors"]} == {
        "/token_in", "/token_out", "/amount", "/guards/max_slippage_bps",
    }  # fmt: skip


def test_the_same_client_order_id_gives_the_first_answer_again(api: Api) -> None:
    body = GOOD | {"client_order_id": "once"}
    first = api.post("orders", body)
    Order.objects.filter(client_order_id="once").update(due_at="2040-01-01T00:00:00Z")
    again = api.post("orders", body)
    other = api.post("orders", body | {"amount": "3"})

    assert again.status_code == 201
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert (other.status_code, other.json()["code"]) == (422, "client_order_id_reused")
    assert other.json()["facts"]["order_id"] == first.json()["id"]
    assert Order.objects.count() == 1


@pytest.mark.parametrize(("path", "body"), [("orders", GOOD), ("orders/batch", {"orders": [GOOD, GOOD]})])
def test_an_idempotency_key_answers_once(api: Api, path: str, body: dict[str, Any]) -> None:
    first = api.post(path, body, **{"Idempotency-Key": "k1"})
    again = api.post(path, body, **{"Idempotency-Key": "k1"})
    other = api.post(
        path, body | {"atomic": True} if "orders" in body else body | {"amount": "9"}, **{"Idempotency-Key": "k1"}
    )

    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.get("Location") == first.get("Location")
    assert again["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Order.objects.count() == len(body.get("orders", [1]))


@pytest.mark.parametrize("path", ["orders", "orders?dry_run=true"])
@pytest.mark.parametrize("key", ["", "a b", "k" * 300])
def test_what_is_no_idempotency_key_is_refused_before_anything_else(api: Api, path: str, key: str) -> None:
    answer = api.post(path, GOOD, **{"Idempotency-Key": key})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not Order.objects.exists()


def test_a_refused_request_leaves_its_idempotency_key_free(api: Api) -> None:
    api.post("orders", GOOD | {"client_order_id": "c"})
    refused = api.post("orders", GOOD | {"client_order_id": "c", "amount": "9"}, **{"Idempotency-Key": "k"})
    accepted = api.post("orders", GOOD, **{"Idempotency-Key": "k"})

    assert (refused.status_code, accepted.status_code) == (422, 201)


def test_idempotency_keys_are_the_accounts_own(api: Api) -> None:
    other = Api(new_account())

    ids = {caller.post("orders", GOOD, **{"Idempotency-Key": "k"}).json()["id"] for caller in (api, other)}

    assert len(ids) == 2


def test_a_batch_answers_each_item_in_order(api: Api) -> None:
    items = [GOOD, GOOD | {"amount": 1}, GOOD | {"client_order_id": "x"}, "no order", GOOD | {"client_order_id": "x"}]

    response = api.post("orders/batch", {"orders": items})

    results = response.json()["results"]
    assert response.status_code == 207
    assert [result.get("error", {}).get("code") for result in results] == [
        None, "amount_must_be_string", None, "invalid", None,
    ]  # fmt: skip
    assert results[2] == results[4]
    assert Order.objects.count() == 2


def test_an_atomic_batch_is_all_or_none(api: Api) -> None:
    bad_shape = api.post("orders/batch", {"atomic": True, "orders": [GOOD, GOOD | {"amount": "x"}]})
    api.post("orders", GOOD | {"client_order_id": "taken"})
    bad_id = api.post(
        "orders/batch", {"atomic": True, "orders": [GOOD, GOOD | {"client_order_id": "taken", "amount": "9"}]}
    )
    good = api.post("orders/batch", {"atomic": True, "orders": [GOOD, GOOD]})

    assert [(r.status_code, r.json()["code"]) for r in (bad_shape, bad_id)] == [(422, "batch_refused")] * 2
    assert bad_id.json()["facts"]["results"][1]["error"]["code"] == "client_order_id_reused"
    assert good.status_code == 201
    assert Order.objects.count() == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"orders": []}, "batch_size"),
        ({"orders": [GOOD] * 501}, "batch_size"),
        ({"orders": GOOD}, "invalid"),
        ({}, "invalid"),
        ({"orders": [GOOD], "atomic": "yes"}, "invalid"),
        ({"orders": [GOOD], "extra": 1}, "unknown_field"),
    ],
)
def test_a_batch_envelope_must_fit(api: Api, body: Any, code: str) -> None:
    response = api.post("orders/batch", body)

    assert (response.status_code, response.json()["code"]) == (400, code)
    assert not Order.objects.exists()


def test_orders_of_others_do_not_exist(api: Api) -> None:
    [foreign] = place(new_account(), terms(client_order_id="theirs"))

    answers = [
        api.get(f"orders/{foreign.id}"),
        api.get(f"orders/{foreign.id}/events"),
        api.get("orders/by-client-id/theirs"),
        api.delete(f"orders/{foreign.id}"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 4
    assert api.get("orders").json()["results"] == []
    foreign.refresh_from_db()
    assert foreign.status == "PENDING"


def test_without_a_key_nobody_gets_in(account: Account) -> None:
    revoked = ApiKey.objects.create_key(name="old", account=account)[1]
    ApiKey.objects.update(revoked=True)

    for header in (None, "Bearer nope", "Bearer ", f"Bearer {revoked}", "Basic abc", "Bearer a\x00b"):
        response = Client(headers={"Authorization": header} if header else {}).get("/api/v1/orders")
        assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
        assert response["WWW-Authenticate"] == "Bearer"


def test_the_local_account_needs_no_key_only_on_loopback_while_open(settings: Any, tokens: None) -> None:
    settings.API_IS_OPEN = True

    assert Client().get("/api/v1/orders").status_code == 200
    assert Client(REMOTE_ADDR="10.0.0.9").get("/api/v1/orders").status_code == 401
    assert Client(headers={"Authorization": "Bearer wrong"}).get("/api/v1/orders").status_code == 401


def test_pages_neither_skip_nor_repeat(api: Api) -> None:
    ids = [str(order.id) for order in place(api.account, *(terms() for _ in range(7)))]

    seen, url = [], "/api/v1/orders?limit=3"
    while url:
        page = api.client.get(url).json()
        seen += [order["id"] for order in page["results"]]
        url = page["next"]

    assert seen == sorted(ids, reverse=True)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=PENDING", 3),
        ("status=PENDING&status=FAILED", 3),
        ("status=FAILED", 0),
        ("pair=USDC/SOL", 1),
        ("tag=book:eu", 1),
        ("tag=book", 2),
        ("tag=book__contains:eu", 0),
        ("client_order_id=c1", 1),
        ("type=market", 3),
        ("created_after=2001-01-01T00:00:00Z", 3),
        ("created_before=2001-01-01T00:00:00Z", 0),
    ],
)
def test_filters_narrow_the_list(api: Api, query: str, count: int) -> None:
    place(
        api.account,
        terms(client_order_id="c1", tags={"book": "eu"}),
        terms(tags={"book": "us"}),
        terms(token_in="USDC", token_out="SOL", decimals_in=6, decimals_out=9),
    )

    assert len(api.get(f"orders?{query}").json()["results"]) == count


@pytest.mark.parametrize(
    "query",
    ["status=GONE", "created_after=x", "outcome=%00", "pair=%00", "cursor=zzz", "tag=%00", "limit=0", "limit=abc",
     "limit=501", "limit=-1"],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_refused(api: Api, query: str) -> None:
    assert api.get(f"orders?{query}").status_code in {400, 404}


def test_cancel_before_anything_was_sent(api: Api) -> None:
    [order] = place(api.account)

    first, again = api.delete(f"orders/{order.id}"), api.delete(f"orders/{order.id}")

    assert (first.status_code, first.json()["status"], first.json()["outcome"]) == (200, "FAILED", "cancelled")
    assert first.json()["failure"]["code"] == "cancelled"
    assert (again.status_code, again.json()["code"]) == (409, "order_terminal")


def test_events_after_a_seq(api: Api) -> None:
    [order] = place(api.account)
    api.delete(f"orders/{order.id}")

    assert [e["seq"] for e in api.get(f"orders/{order.id}/events").json()["results"]] == [1, 2]
    assert [e["status"] for e in api.get(f"orders/{order.id}/events?after=1").json()["results"]] == ["FAILED"]
    assert api.get(f"orders/{order.id}/events?after=x").status_code == 400


def test_quotes_store_nothing(api: Api) -> None:
    body = api.post("quotes", GOOD).json()

    assert int(body["amount_out_raw"]) >= int(body["min_amount_out_raw"]) > 0
    assert {quote["venue"] for quote in body["route"]["venue_quotes"]} == set(VENUE_NAMES)
    assert not Order.objects.exists()


def test_catalogues(api: Api) -> None:
    venues = api.get("venues").json()["results"]
    tokens = api.get("tokens").json()["results"]

    assert {venue["venue"]: venue["name"] for venue in venues} == VENUE_NAMES
    assert all(venue["pools"] for venue in venues)
    assert sum(len(venue["pools"]) for venue in venues) == POOLS
    assert {"symbol": "SOL", "name": "Solana", "decimals": 9} in tokens


@pytest.mark.parametrize("is_debug", [False, True])
@pytest.mark.parametrize("path", ["nothing", "orders/no-uuid", "orders//"])
def test_an_unknown_address_is_a_problem_too(api: Api, settings: Any, path: str, is_debug: bool) -> None:
    settings.DEBUG = is_debug
    response = api.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_health_does_no_io(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = Client().get("/health")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_names_what_is_missing() -> None:
    response = Client().get("/ready")

    checks = response.json()["checks"]
    assert response.status_code == 503
    assert response["Retry-After"] == "2"
    assert [name for name, check in checks.items() if not check["ok"]] == ["worker"]


def test_cancel_of_a_submitted_order_promises_nothing(api: Api) -> None:
    [order] = place(api.account)
    in_flight(order)

    answer = api.delete(f"orders/{order.id}")

    order.refresh_from_db()
    assert (answer.status_code, answer.json()["status"]) == (202, "SUBMITTED")
    assert order.cancel_requested_at is not None
    assert answer.json()["cancel_requested_at"] == timestamp(order.cancel_requested_at)
    assert order.due_at <= datetime.now(UTC)
