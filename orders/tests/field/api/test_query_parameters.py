"""Row 7.7: a parameter that is not read, or a value that names nothing, is refused by lists and sockets alike."""

import json
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.test import Client

from orders.event_log.log import newest
from orders.models import Account, Order
from orders.streams.routing import websocket_urlpatterns
from orders.tests.factories import api_key, place, terms

# Of lists and streams: query, problem code.
FILTERS = [
    ("pair=SOL-USDC", "invalid"),
    ("pair=SOL", "invalid"),
    ("pair=SOL/", "invalid"),
    ("pair=/USDC", "invalid"),
    ("pair=SOL/USDC/ETH", "invalid"),
    ("pair=SOL/NOPE", "unknown_token"),
    ("pair=sol/usdc", "unknown_token"),
    ("pair=%20SOL/USDC", "unknown_token"),
    ("pair=" + "S" * 40 + "/" + "U" * 40, "invalid"),
    ("pair=SOL/USDC&pair=ETH/USDC", "invalid"),
    ("pair=", "invalid"),
    ("status=DONE", "invalid"),
    ("status=pending", "invalid"),
    ("status=PENDING&status=", "invalid"),
    ("tag=", "invalid"),
    ("tag=:eu", "invalid"),
    ("tag=book:", "invalid"),
    ("tag=a&tag=b", "invalid"),
    ("tag=" + "x" * 131, "invalid"),
    ("ticket=abc", "unknown_field"),
    ("Status=PENDING", "unknown_field"),
]
LISTS = [
    *FILTERS,
    ("type=auction", "unknown_order_type"),
    ("type=Market", "unknown_order_type"),
    ("type=market&type=market", "invalid"),
    ("outcome=fillled", "invalid"),
    ("outcome=FILLED", "invalid"),
    ("client_order_id=has%20space", "invalid"),
    ("client_order_id=" + "x" * 65, "invalid"),
    ("limit=1&limit=2", "invalid"),
    ("limit=", "invalid"),
    ("limit=%2B5", "invalid"),
    ("limit=5_0", "invalid"),
    ("limit=05", "invalid"),
    ("limit=%D9%A5", "invalid"),
    ("limit=5.0", "invalid"),
    ("limit=1e1", "invalid"),
    ("limit=" + "9" * 5000, "invalid"),
    ("cursor=", "invalid"),
    ("after=1", "unknown_field"),
    ("created_after=2026-01-01", "invalid"),
    ("created_after=2026-01-01T00:00:00", "invalid"),
    ("created_after=2026-W01-1T00:00:00Z", "invalid"),
    ("created_before=20260101T000000Z", "invalid"),
    ("created_before=2026-01-01T24:00:00Z", "invalid"),
    ("created_before=2026-01-01T00:00:00+00:00", "invalid"),  # a plus sign that is not escaped is a blank
    ("created_before=2026-01-01T00:00:00Z&created_before=2026-01-02T00:00:00Z", "invalid"),
]
SEQS = ["-1", "x", "", "01", "1.0", "%2B1", "1_0", "%D9%A1", "%201", "1&after=1", "1000000000", "9" * 5000]


@pytest.fixture
def key(tokens: None, account: Account) -> str:
    return api_key(account)


@pytest.fixture
def api(key: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {key}"}, raise_request_exception=False)


@pytest.mark.parametrize(("query", "code"), LISTS)
def test_lists_refuse_what_names_nothing(api: Client, account: Account, query: str, code: str) -> None:
    place(account)

    answer = api.get(f"/api/v1/orders?{query}")

    assert (answer.status_code, answer.json().get("code")) == (answer.json().get("status"), code), answer.json()
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize(
    "query",
    ["pair=SOL/USDC", "type=market", "status=PENDING&status=FAILED", "tag=book", "tag=book:e:u", "limit=500",
     "created_after=2026-01-01t00:00:00z", f"created_before={quote('2999-01-01T00:00:00+02:30')}"],
)  # fmt: skip
def test_lists_take_what_the_schema_says(api: Client, account: Account, query: str) -> None:
    place(account, terms(tags={"book": "e:u"}))

    assert len(api.get(f"/api/v1/orders?{query}").json()["results"]) == 1


def test_a_pair_of_a_token_that_was_disabled_still_finds_its_orders(api: Client, account: Account) -> None:
    from orders.models import Token

    place(account)
    Token.objects.update(is_enabled=False)

    assert len(api.get("/api/v1/orders?pair=SOL/USDC").json()["results"]) == 1


@pytest.mark.parametrize("after", SEQS)
def test_events_of_an_order_are_asked_for_by_seq(api: Client, account: Account, after: str) -> None:
    [order] = place(account)

    assert api.get(f"/api/v1/orders/{order.id}/events?after={after}").status_code == 400


def test_no_order_has_events_after_its_last(api: Client, account: Account) -> None:
    [order] = place(account)

    ahead, at_end = (api.get(f"/api/v1/orders/{order.id}/events?after={seq}") for seq in (99, 1))

    assert (ahead.status_code, ahead.json()["code"], ahead.json()["facts"]) == (410, "cursor_unknown", {"seq": 1})
    assert at_end.json() == {"results": []}


@pytest.mark.parametrize(
    "query",
    ["after=", "after=x", "after=00", "after=0&after=0", "limit=0", "limit=501", "limit=05", "limit=1&limit=1",
     "limit=", "pair=SOL/USDC"],
)  # fmt: skip
def test_events_of_the_account_are_as_strict(api: Client, query: str) -> None:
    assert api.get(f"/api/v1/events?{query}").status_code == 400


def ahead_of_the_log() -> list[str]:
    """Cursors of this very log that it has not reached."""
    epoch, position = newest()
    return [f"{epoch}.{position.xid}.1", f"{epoch}.{position.xid + 10**6}.1", f"{epoch}.{position.xid}.5.3"]


def test_a_cursor_ahead_of_the_log_is_none_of_it(api: Client, account: Account) -> None:
    place(account)

    for cursor in ahead_of_the_log():
        answer = api.get(f"/api/v1/events?after={cursor}")

        assert (answer.status_code, answer.json()["code"]) == (410, "cursor_unknown"), cursor


@pytest.mark.parametrize(
    "query", ["dry_run=", "dry_run=1", "dry_run=True", "dry_run=true&dry_run=false", "dryrun=true"]
)
def test_a_rehearsal_is_never_taken_for_an_order(api: Client, query: str) -> None:
    body = {"token_in": "SOL", "token_out": "USDC", "amount": "1"}

    answer = api.post(f"/api/v1/orders?{query}", json.dumps(body), content_type="application/json")

    assert answer.status_code == 400
    assert not Order.objects.exists()


@pytest.mark.parametrize("path", ["tokens", "venues", "halt", f"orders/{uuid.uuid4()}", "orders/by-client-id/a"])
def test_who_reads_no_parameters_refuses_all(api: Client, path: str) -> None:
    answer = api.get(f"/api/v1/{path}?chain=x")

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")


# --- Sockets ----------------------------------------------------------------------------------------------------------


async def refusal(address: str, key: str = "", frame: str | None = None) -> tuple[int, dict[str, Any]]:
    """The close code, and the problem that came before it."""
    headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
    socket = WebsocketCommunicator(URLRouter(websocket_urlpatterns), address, headers=headers)
    assert (await socket.connect())[0]
    if frame is not None:
        while json.loads(await socket.receive_from(timeout=5))["type"] != "snapshot":
            pass
        await socket.send_to(text_data=frame)
    message = json.loads(await socket.receive_from(timeout=5))
    assert message["type"] == "error", message
    output = await socket.receive_output(timeout=5)
    await socket.disconnect()
    return output["code"], message["problem"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("query", "code"), [*FILTERS, ("type=market", "unknown_field"), ("limit=5", "unknown_field")])
async def test_streams_refuse_what_names_nothing(key: str, query: str, code: str) -> None:
    closed_with, problem = await refusal(f"/ws/v1/stream?{query}", key)

    assert (closed_with, problem["code"]) == (4400, code)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", ["", "x", "00", "-1", "0&after=0", "0123456789ab.1.1 "])
async def test_streams_begin_at_a_cursor(key: str, after: str) -> None:
    assert (await refusal(f"/ws/v1/stream?after={quote(after, safe='&=')}", key))[0] == 4400


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "query", ["status=PENDING", "limit=1", "After=1", "ticket=x", *(f"after={seq}" for seq in SEQS)]
)
async def test_an_orders_socket_takes_a_seq_and_nothing_else(account: Account, key: str, query: str) -> None:
    [order] = await database_sync_to_async(place)(account)

    assert (await refusal(f"/orders/{order.id}?{query}", key))[0] == 4400


@pytest.mark.django_db(transaction=True)
async def test_no_socket_follows_an_order_from_after_its_last_event(account: Account, key: str) -> None:
    [order] = await database_sync_to_async(place)(account)

    code, problem = await refusal(f"/orders/{order.id}?after=99", key)

    assert (code, problem["code"], problem["facts"]) == (4400, "cursor_unknown", {"seq": 1})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", ["{}", "urn:uuid:{}", "{{{}}}", "{hex}", "{upper}"])
async def test_an_order_has_one_id(account: Account, key: str, form: str) -> None:
    [order] = await database_sync_to_async(place)(account)
    text = form.format(order.id, hex=order.id.hex, upper=str(order.id).upper())
    if text == str(order.id):
        text += "0"

    assert (await refusal(f"/orders/{quote(text)}", key))[0] == 4400


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"op":"ack","cursor":"CURSOR","cursor":"CURSOR"}', "duplicate_key"),
        ('{"op":"ack","op":"ack","cursor":"CURSOR"}', "duplicate_key"),
        ('{"op":"ack","cursor":"CURSOR","more":1}', "invalid"),
        ('{"op":"ack","cursor":" CURSOR"}', "invalid"),
        ('{"op":"ack","cursor":null}', "invalid"),
        ('{"op":"ack","cursor":NaN}', "malformed_json"),
    ],
)
async def test_a_frame_says_one_thing_once(account: Account, key: str, frame: str, code: str) -> None:
    cursor = str(await database_sync_to_async(newest)())

    closed_with, problem = await refusal("/ws/v1/stream", key, frame.replace("CURSOR", cursor))

    assert (closed_with, problem["code"]) == (4400, code)
