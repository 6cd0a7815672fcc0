"""The AsyncAPI document: well formed, true of every message that is sent, and of every frame that is taken."""

import gzip
import json
from collections.abc import Callable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft7Validator

from orders.api.asyncapi.channels import CHANNELS
from orders.api.asyncapi.document import asyncapi
from orders.audit.record import Actor
from orders.models import Account
from orders.order_types import ORDER_TYPES
from orders.quote_stream.routing import websocket_urlpatterns
from orders.services.cancel import cancel_orders
from orders.streams import socket
from orders.tests.api.test_answers import closed
from orders.tests.factories import api_key, place, terms
from orders.tests.quote_stream.conftest import SWAP, Quotes
from orders.tests.ws_client import Socket, Stream

BY_NAME = {channel.name: channel for channel in CHANNELS}
BODY = {"token_in": "SOL", "token_out": "USDC", "amount": "250"}
CURSOR = "0123456789ab.5.5"


@cache
def openapi() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


@cache
def document() -> Any:
    """As it is served."""
    answer = Client().get("/api/v1/asyncapi", headers={"accept-encoding": "identity"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    return json.loads(answer.content)


def resolved(ref: str) -> Any:
    """What a reference of the document leads to."""
    part = document()
    for name in ref.removeprefix("#/").split("/"):
        part = part[name.replace("~1", "/")]
    return part


def references(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for item in part:
            yield from references(item)
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)


@cache
def validator(message: str, *, is_closed: bool) -> Draft7Validator:
    """Of a message's payload; closed, fields that the document does not name are refused."""
    payload = document()["components"]["messages"][message]["payload"]
    schema = {"allOf": [payload], "components": document()["components"]}
    return Draft7Validator(closed(schema) if is_closed else schema, format_checker=Draft7Validator.FORMAT_CHECKER)


def kinds(message: Any, channel: str) -> list[str]:
    """The messages of a channel that this one is, to the last field."""
    names = [known.name for known in BY_NAME[channel].sends]
    return [name for name in names if validator(name, is_closed=True).is_valid(message)]


def test_it_is_made_of_what_the_programs_channels_are_and_each_reference_leads_somewhere() -> None:
    made = document()

    assert made == json.loads(json.dumps(asyncapi(openapi())))
    assert made["asyncapi"] == "3.0.0"
    assert made["info"]["title"] == openapi()["info"]["title"]
    assert len(list(references(made))) > 50
    for ref in references(made):
        assert resolved(ref) is not None
    for name, channel in made["channels"].items():
        assert set(channel) <= {"address", "description", "messages", "servers", "parameters", "bindings"}
        assert set(channel["messages"]) == {one.name for one in BY_NAME[name].sends + BY_NAME[name].takes}
        parts = set(channel.get("parameters", ()))
        assert parts == {part[1:-1] for part in (channel["address"] or "").split("/") if part.startswith("{")}


def test_each_message_of_each_channel_is_in_one_operation() -> None:
    """As the specification wants it, a message of an operation is one of its channel's."""
    found = []
    for operation in document()["operations"].values():
        assert set(operation) == {"action", "channel", "messages"}
        channel = operation["channel"]["$ref"]
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/")
            found.append((channel.rpartition("/")[2], operation["action"], message["$ref"].rpartition("/")[2]))

    stated = [(channel.name, "send", message.name) for channel in CHANNELS for message in channel.sends]
    stated += [(channel.name, "receive", message.name) for channel in CHANNELS for message in channel.takes]
    assert sorted(found) == sorted(stated)


def test_its_schemas_are_valid_all_used_and_those_of_the_openapi_document() -> None:
    schemas = document()["components"]["schemas"]
    published = json.loads(json.dumps(openapi()["components"]["schemas"]))

    used = {ref.rpartition("/")[2] for ref in references(document()) if ref.startswith("#/components/schemas/")}
    assert used == set(schemas)
    for name, schema in schemas.items():
        Draft7Validator.check_schema(schema)
        assert schema == published.get(name, schema), name
    assert {"EventShape", "OrderShape", "ProblemShape", "QuoteShape", "QuoteRequest"} <= used & published.keys()
    for message in document()["components"]["messages"].values():
        Draft7Validator.check_schema(message["payload"])


def test_every_socket_is_described_and_no_other() -> None:
    paths = [pattern.pattern.regex for pattern in websocket_urlpatterns[:-1]]
    addresses = [channel.address.replace("{order_id}", "x").lstrip("/") for channel in CHANNELS if channel.address]

    assert sorted(sum(path.match(address) is not None for path in paths) for address in addresses) == [1] * len(paths)


def test_it_is_served_packed_and_again_only_when_it_has_changed(client: Client) -> None:
    packed = client.get("/api/v1/asyncapi", headers={"accept-encoding": "gzip"})
    again = client.get("/api/v1/asyncapi", headers={"accept-encoding": "gzip", "if-none-match": packed["ETag"]})

    assert json.loads(gzip.decompress(packed.content)) == document()
    assert (again.status_code, again.content) == (304, b"")


def test_pages_reach_it_at_its_public_address(settings: Any) -> None:
    settings.PUBLIC_URL = SimpleNamespace(origin="https://orders.example")

    server = asyncapi(openapi())["servers"]["engine"]

    assert (server["host"], server["protocol"]) == ("orders.example", "wss")


# --- Real messages ----------------------------------------------------------------------------------------


async def collect(client: Any, wanted: set[str], channel: str) -> set[str]:
    """Read until each kind of message has come; each is of one kind."""
    seen: set[str] = set()
    while not wanted <= seen:
        message = await client.next()
        (kind,) = kinds(message, channel)
        assert validator(kind, is_closed=False).is_valid(message)
        if kind in {"Quote", "NoQuote"}:
            await client.send(op="ack")
        seen.add(kind)
    return seen


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_every_message_of_the_sockets_is_as_described(
    account: Account, drive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "HEARTBEAT_S", 0.05)
    key = await database_sync_to_async(api_key)(account)
    filled, failed, waiting = await database_sync_to_async(place)(
        account, terms(tags={"book": "eu"}), terms(scenario="slippage"), terms(amount=10**40)
    )
    await database_sync_to_async(cancel_orders)([waiting.id], actor=Actor("t"))
    await database_sync_to_async(drive)()
    seen: dict[str, set[str]] = {channel: set() for channel in BY_NAME}

    for order in (filled, failed, waiting):
        async with Socket(f"/orders/{order.id}?after=0", authorization=f"Bearer {key}") as client:
            seen["order"] |= await collect(client, {"OrderSnapshot", "Event"}, "order")
    [still_open] = await database_sync_to_async(place)(account)
    async with Socket(f"/orders/{still_open.id}", authorization=f"Bearer {key}") as client:
        seen["order"] |= await collect(client, {"OrderHeartbeat"}, "order")
    async with Socket("/orders/x", authorization=f"Bearer {key}") as client:
        seen["order"] |= await collect(client, {"Error"}, "order")
    async with Stream(key, "?after=0") as stream:
        seen["stream"] |= await collect(stream, {"Hello", "Event", "Heartbeat"}, "stream")
    async with Stream(key, f"?after={CURSOR}") as stream:
        seen["stream"] |= await collect(stream, {"Gap", "Snapshot"}, "stream")
    async with Stream(key, "?x=1") as stream:
        seen["stream"] |= await collect(stream, {"Error"}, "stream")
    async with Quotes(key, f"?{SWAP}") as quotes:
        seen["quotes"] |= await collect(quotes, {"QuoteHello", "Quote", "QuoteHeartbeat"}, "quotes")
        await quotes.send(op="subscribe", quote=BODY | {"amount": "9" * 30, "side": "exact_out"})
        seen["quotes"] |= await collect(quotes, {"NoQuote"}, "quotes")
        await quotes.send(op="nothing")
        seen["quotes"] |= await collect(quotes, {"Error"}, "quotes")

    del seen["webhooks"]
    assert seen == {name: {message.name for message in BY_NAME[name].sends} for name in seen}


@pytest.mark.django_db(transaction=True)
def test_events_of_every_order_type_are_as_described(account: Account, drive: Callable[..., None]) -> None:
    """The body of a webhook is such a record too."""
    api = Client(headers={"Authorization": f"Bearer {api_key(account)}"})
    for order_type in ORDER_TYPES.values():
        for example in order_type.examples:
            body = BODY | {"type": order_type.name} | dict(example)
            answer = api.post("/api/v1/orders", json.dumps(body), content_type="application/json")
            assert answer.status_code in {201, 422}, answer.json()

    events = api.get("/api/v1/events").json()["results"]

    assert len({event["order_id"] for event in events}) >= len(ORDER_TYPES)
    for event in events:
        assert validator("WebhookEvent", is_closed=True).is_valid(event)
        assert kinds(event, "stream") == ["Event"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("channel", "frame", "message"),
    [
        ("stream", {"op": "ack"}, None),
        ("stream", {"op": "ack", "cursor": "CURSOR"}, "Acknowledge"),
        ("stream", {"op": "ack", "cursor": 5}, None),
        ("stream", {"op": "subscribe", "quote": BODY}, None),
        ("quotes", {"op": "ack"}, "AcknowledgeQuote"),
        ("quotes", {"op": "ack", "cursor": "CURSOR"}, None),
        ("quotes", {"op": "subscribe", "quote": BODY}, "Subscribe"),
        ("quotes", {"op": "subscribe", "quote": BODY | {"venues": {"max_legs": 2}, "side": "exact_out"}}, "Subscribe"),
        ("quotes", {"op": "subscribe", "quote": BODY, "more": 1}, None),
        ("quotes", {"op": "unsubscribe"}, None),
    ],
)
async def test_frames_are_taken_as_described(
    account: Account, monkeypatch: pytest.MonkeyPatch, channel: str, frame: dict[str, Any], message: str | None
) -> None:
    monkeypatch.setattr(socket, "HEARTBEAT_S", 0.5)
    key = await database_sync_to_async(api_key)(account)
    kind: type[Stream] = Stream if channel == "stream" else Quotes
    async with kind(key) as client:
        hello = await client.next("hello")
        cursor = hello.get("cursor", CURSOR)
        sent = {name: cursor if value == "CURSOR" else value for name, value in frame.items()}
        await client.send(**sent)
        # What is refused is said at once; after what is taken the socket goes on.
        found = {(await client.next())["type"]}
        while not found & {"error", "quote", "heartbeat"}:
            found.add((await client.next())["type"])

    takes = [known.name for known in BY_NAME[channel].takes if validator(known.name, is_closed=False).is_valid(sent)]
    assert (takes, "error" not in found) == (([message], True) if message else ([], False))
