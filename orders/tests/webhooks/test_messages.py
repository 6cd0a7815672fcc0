"""What is sent is as it is published, and what cannot be sent any more is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import connection
from drf_spectacular.generators import SchemaGenerator

from orders.api.webhooks.published import HEADERS
from orders.event_log.log import epoch_now
from orders.models import Account, Webhook
from orders.scopes import SCOPES
from orders.tests.api.test_answers import check
from orders.tests.archive.past import LATER, load_past, run
from orders.tests.factories import new_webhook, place
from orders.tests.http_client import Api
from orders.tests.webhooks.receivers import answering, ask, caught_up, delivered, delivering, listening
from orders.webhooks import messages
from orders.webhooks.messages import KINDS
from orders.webhooks.schedule import RETRIES_S

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_schema_has_each_message_under_its_type() -> None:
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]

    assert tuple(document["webhooks"]) == KINDS
    for kind, shape in zip(KINDS, messages.MESSAGES, strict=True):
        operation = document["webhooks"][kind]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": f"#/components/schemas/{shape.name}"}
        assert [one["name"] for one in operation["parameters"]] == list(HEADERS)
        assert {"2XX", "410"} == set(operation["responses"])


def test_real_messages_are_as_published(account: Account, api: Api, drive: Callable[..., None]) -> None:
    def act(hook: dict[str, Any]) -> None:
        api.ask("POST", f"webhooks/{hook['id']}/test")
        # As after a restore: the log is another one than that which the endpoint has read.
        Webhook.objects.update(epoch="0123456789ab")
        other = new_webhook(account, url="http://127.0.0.1:1/")
        Webhook.objects.filter(pk=other.pk).update(attempt=len(RETRIES_S))
        place(account)
        drive()

    _, received = delivered(api, act, answering(204), count=8)

    shapes = dict(zip(KINDS, (shape.name for shape in messages.MESSAGES), strict=True))
    assert {request.message["type"] for request in received} == set(KINDS)
    for request in received:
        check(shapes[request.message["type"]], request.message)
        assert HEADERS.keys() <= request.headers.keys()


def test_answers_are_as_published(account: Account, api: Api) -> None:
    made = api.ask("POST", "webhooks", {"url": "https://desk.example.com/", "status": "FAILED", "tag": "a:b"}).json()
    path = f"webhooks/{made['id']}"

    check("WebhookSecretShape", made)
    check("WebhookSecretShape", api.ask("POST", f"{path}/rotate-secret", {}).json())
    check("WebhooksShape", api.get("webhooks").json())
    check("WebhookShape", api.ask("PATCH", path, {"is_enabled": False}).json())
    check("WebhookShape", api.ask("PATCH", path, {"is_enabled": True}).json())
    check("WebhookRequestedShape", api.ask("POST", f"{path}/test").json())
    check("WebhookDeliveriesShape", api.get(f"{path}/deliveries").json())


def test_another_database_is_said_and_nothing_of_this_one_is_left_out(account: Account, api: Api) -> None:
    def act(_: dict[str, Any]) -> None:
        Webhook.objects.update(epoch="0123456789ab")
        place(account)

    hook, (gap, event) = delivered(api, act, answering(204), count=2)

    epoch = epoch_now()
    place_in_log = hook["cursor"].partition(".")[2]
    assert gap.message == {"type": "gap", "from": f"0123456789ab.{place_in_log}", "to": f"{epoch}.{place_in_log}"}
    assert (event.message["type"], event.message["seq"]) == ("event", 1)
    assert api.get(f"webhooks/{hook['id']}").json()["cursor"] == event.message["cursor"]


def test_a_place_ahead_of_the_log_is_left(account: Account, api: Api) -> None:
    """As after a restore into a new cluster, whose transactions count from the start: it goes on from the end."""

    def act(_: dict[str, Any]) -> None:
        place(account)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE orders_webhook SET epoch = '0123456789ab', xid = '4611686018427387904'")

    def more(_: dict[str, Any]) -> None:
        place(account)

    hook, [gap] = delivered(api, act, answering(204))
    _, [event] = delivered(api, more, answering(204), hook=hook)

    assert (gap.message["type"], event.message["type"]) == ("gap", "event")
    assert event.message["cursor"] > gap.message["to"] > hook["cursor"]


async def test_archived_events_leave_a_gap(tokens: None, tmp_path: Path) -> None:
    history = await database_sync_to_async(load_past)(12, days=9)
    api = await database_sync_to_async(lambda: Api(history.account, scopes=list(SCOPES)))()
    async with listening(answering(204)) as server:
        hook = await ask(api, "POST", "webhooks", {"url": server.url})
        await ask(api, "POST", f"webhooks/{hook['id']}/redeliver", {"after": "0"})
        await database_sync_to_async(run)(tmp_path, LATER)
        async with delivering():
            stored = await caught_up(api, hook)
            await server.until(1)
            await database_sync_to_async(place)(history.account)
            await server.until(2)
            stored = await caught_up(api, hook)
    gap, event = server.received
    assert gap.message["type"] == "gap"
    assert gap.message["from"].endswith(".0.0")
    assert (event.message["type"], stored["cursor"]) == ("event", event.message["cursor"])
    page = (await ask(api, "GET", f"webhooks/{hook['id']}/deliveries"))["results"]
    assert [(one["type"], one["cursor"]) for one in page] == [
        ("event", event.message["cursor"]), ("gap", gap.message["to"]),
    ]  # fmt: skip
    archived = await database_sync_to_async(api.get)("events?after=0")
    assert archived.json()["facts"]["oldest"] == gap.message["to"]


def test_a_request_for_an_archived_event_is_dropped(account: Account, api: Api) -> None:
    def act(hook: dict[str, Any]) -> None:
        gone = {"kind": "event", "order_id": "01a22e3a-a2a9-7067-9842-024af27332bc", "seq": 1, "cursor": "x"}
        Webhook.objects.update(requests=[gone])
        api.ask("POST", f"webhooks/{hook['id']}/test")

    _, [request] = delivered(api, act, answering(204))

    assert request.message["type"] == "test"
    assert Webhook.objects.get().requests == []


def test_the_receiver_of_the_docs_verifies_and_knows_repeats(
    account: Account, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "webhooks.md").read_text()
    names: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)  # the text that users copy
    hook, [request] = delivered(api, lambda: place(account), answering(204))
    seen: set[str] = set()

    answers = [names["receive"](request.headers, request.body, hook["secret"], seen) for _ in range(2)]
    forged = names["receive"](request.headers, request.body + " ", hook["secret"], seen)

    assert (answers, forged, seen) == ([204, 204], 400, {request.id})
    message = request.message
    assert capsys.readouterr().out == f"event {message['order_id']} PENDING {message['cursor']}\n"
