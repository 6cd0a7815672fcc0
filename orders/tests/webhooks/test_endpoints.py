"""What an owner asks for: endpoints, filters, secrets, tests, redelivery; and what nothing else changes."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from standardwebhooks import WebhookVerificationError

from orders.models import Account, ApiKey, AuditEntry, Webhook
from orders.scopes import SCOPES
from orders.tests.factories import new_account, new_webhook, place, terms
from orders.tests.http_client import Api
from orders.tests.webhooks.receivers import answering, delivered
from orders.webhooks.claims import MOST_REQUESTS
from orders.webhooks.endpoints import MOST_ENDPOINTS
from orders.webhooks.signatures import UnreadableSecret, decrypt, encrypt, new_secret

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://desk.example.com/hook"


def made(api: Api, **stated: Any) -> dict[str, Any]:
    answer = api.ask("POST", "webhooks", {"url": URL} | stated)
    assert answer.status_code == 201, answer.content
    read: dict[str, Any] = answer.json()
    return read


def test_a_webhook_shows_its_secret_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer = api.ask("POST", "webhooks", {"url": URL, "description": "book of the desk"})
    hook = answer.json()
    path = f"webhooks/{hook['id']}"
    rotated = api.ask("POST", f"{path}/rotate-secret", {})
    others = [api.ask("GET", "webhooks"), api.ask("GET", path), api.ask("PATCH", path, {"description": ""})]

    assert {answer["Cache-Control"], rotated["Cache-Control"]} == {"no-store"}
    secrets = [hook["secret"], rotated.json()["secret"]]
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in secrets)
    row = Webhook.objects.get(pk=hook["id"])
    assert decrypt(row.secret, row.pk) == secrets[1]
    shown = "".join(one.content.decode() for one in others) + caplog.text + repr(row)
    shown += json.dumps([*AuditEntry.objects.values(), *Webhook.objects.values()], default=str)
    assert not any(part in shown for secret in secrets for part in (secret, secret.removeprefix("whsec_")))


def test_a_revoked_key_leaves_its_webhooks_and_the_operator_is_told(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    made(api)
    new_webhook(new_account())
    first, second = api.text.split("_")[2], Api(api.account).text.split("_")[2]

    call_command("keys", "revoke", first)
    told = capsys.readouterr().err
    Webhook.objects.filter(account=api.account).delete()
    call_command("keys", "revoke", second)

    assert "webhooks of its account go on (1)" in told
    assert capsys.readouterr().err == ""


def test_a_secret_belongs_to_its_webhook_and_secret_key(api: Api, settings: Any) -> None:
    one, other, text = new_webhook(api.account), new_webhook(api.account), new_secret()
    stored = encrypt(text, one.pk)

    assert decrypt(stored, one.pk) == text
    assert encrypt(text, one.pk) != stored
    for wrong, webhook in ((stored, other), ("AAAA", one), ("!", one)):
        with pytest.raises(UnreadableSecret):
            decrypt(wrong, webhook.pk)
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    with pytest.raises(UnreadableSecret):
        decrypt(stored, one.pk)
    settings.SECRET_KEY_FALLBACKS = ["older", before]
    assert decrypt(stored, one.pk) == text
    newest = encrypt(text, one.pk)
    settings.SECRET_KEY_FALLBACKS = []
    assert decrypt(newest, one.pk) == text


@pytest.mark.parametrize("is_known", [True, False])
def test_a_new_secret_ends_the_need_for_the_secret_key_of_before(api: Api, settings: Any, is_known: bool) -> None:
    """Also where the one before cannot be read any more: it does not sign then, and disables nothing."""
    hook = made(api)
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    settings.SECRET_KEY_FALLBACKS = [before] if is_known else []
    rotated = api.post(f"webhooks/{hook['id']}/rotate-secret", {"overlap_hours": 1}).json()
    settings.SECRET_KEY_FALLBACKS = []

    row = Webhook.objects.get()

    assert decrypt(row.secret, row.pk) == rotated["secret"]
    assert [decrypt(one["secret"], row.pk) for one in row.previous] == ([hook["secret"]] if is_known else [])


def test_every_change_is_audited(api: Api) -> None:
    hook = made(api, status=["FAILED"])
    path = f"webhooks/{hook['id']}"
    for method, below, body in (
        ("PATCH", "", {"status": None, "description": "x"}),
        ("PATCH", "", {"description": "x"}),
        ("PATCH", "", {"is_enabled": False}),
        ("PATCH", "", {"is_enabled": True}),
        ("POST", "/test", None),
        ("POST", "/rotate-secret", {"overlap_hours": 1}),
        ("POST", "/redeliver", {"after": "0"}),
        ("DELETE", "", None),
    ):
        assert api.ask(method, path + below, body).status_code < 300

    entries = AuditEntry.objects.filter(subject=f"webhook:{hook['id']}").order_by("id")
    key = ApiKey.objects.get(account=api.account)
    assert {(entry.account_id, entry.actor) for entry in entries} == {(api.account.pk, f"key {key.prefix}")}
    assert [entry.action.removeprefix("webhook.") for entry in entries] == [
        *("create", "change", "disable", "enable", "test", "rotate_secret", "redeliver", "delete")
    ]
    assert (entries[1].before, entries[1].after) == (
        {"description": "", "statuses": ["FAILED"]},
        {"description": "x", "statuses": []},
    )
    assert entries[7].before is not None
    assert entries[7].before["url"] == URL


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid"),
        ({"url": "https://user@desk.example.com/"}, 400, "invalid"),
        ({"url": "https://10.0.0.1/"}, 422, "url_not_allowed"),
        ({"url": 5}, 400, "invalid"),
        ({"url": URL, "status": []}, 400, "invalid"),
        ({"url": URL, "status": ["DONE"]}, 400, "invalid"),
        ({"url": URL, "pair": "SOL/NOPE"}, 422, "unknown_token"),
        ({"url": URL, "pair": ""}, 400, "invalid"),
        ({"url": URL, "tag": ""}, 400, "invalid"),
        ({"url": URL, "tag": "book:"}, 400, "invalid"),
        ({"url": URL, "secret": "mine"}, 400, "unknown_field"),
        ({"url": URL, "description": "x" * 201}, 400, "invalid"),
    ],
)
def test_what_cannot_be_meant_is_refused(api: Api, body: Any, status: int, code: str) -> None:
    answer = api.ask("POST", "webhooks", body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Webhook.objects.count() == 0


@pytest.mark.parametrize(
    ("below", "body", "status", "code"),
    [
        ("", {}, 422, "fields_conflict"),
        ("", {"is_enabled": "yes"}, 400, "invalid"),
        ("", {"url": "https://127.0.0.1.nip.io:22/", "is_enabled": True}, 422, "url_not_allowed"),
        ("/redeliver", {}, 422, "fields_conflict"),
        ("/redeliver", {"after": "0", "delivery_id": 1}, 422, "fields_conflict"),
        ("/redeliver", {"after": "yesterday"}, 400, "invalid"),
        ("/redeliver", {"after": "0123456789ab.1.1"}, 410, "cursor_unknown"),
        ("/redeliver", {"delivery_id": 1}, 404, "not_found"),
        ("/rotate-secret", {"overlap_hours": -1}, 400, "invalid"),
        ("/rotate-secret", {"overlap_hours": 169}, 400, "invalid"),
    ],
)
def test_changes_that_cannot_be_meant_change_nothing(
    api: Api, settings: Any, below: str, body: Any, status: int, code: str
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = []
    hook = made(api)
    before = Webhook.objects.values().get()

    answer = api.ask("POST" if below else "PATCH", f"webhooks/{hook['id']}{below}", body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Webhook.objects.values().get() == before


def test_an_account_has_a_bounded_number(api: Api) -> None:
    for _ in range(MOST_ENDPOINTS):
        made(api)

    answer = api.ask("POST", "webhooks", {"url": URL})

    assert (answer.status_code, answer.json()["code"]) == (403, "limit_exceeded")
    assert answer.json()["facts"] == {"limit": "webhooks", "most": MOST_ENDPOINTS}
    assert len(api.ask("GET", "webhooks").json()["results"]) == MOST_ENDPOINTS
    assert Api(new_account(), scopes=list(SCOPES)).ask("POST", "webhooks", {"url": URL}).status_code == 201


def test_messages_that_wait_are_bounded_and_go_when_it_is_disabled(api: Api) -> None:
    path = f"webhooks/{made(api)['id']}"
    answers = [api.ask("POST", f"{path}/test").status_code for _ in range(MOST_REQUESTS + 1)]
    api.ask("PATCH", path, {"is_enabled": False})
    refused = api.ask("POST", f"{path}/test")

    assert answers == [202] * MOST_REQUESTS + [403]
    assert Webhook.objects.get().requests == []
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")


@pytest.mark.parametrize(
    "stated",
    [
        {"status": ["CONFIRMED", "FAILED"]},
        {"status": "BUILDING"},
        {"pair": "USDC/SOL"},
        {"tag": "book"},
        {"tag": "book:eu", "status": ["PENDING"]},
    ],
    ids=str,
)
def test_filters_mean_what_they_mean_on_the_stream(
    account: Account, api: Api, drive: Callable[..., None], stated: Any
) -> None:
    def act() -> None:
        place(
            account,
            terms(tags={"book": "eu"}),
            terms(token_in="USDC", token_out="SOL", decimals_in=6, decimals_out=9, amount=10**7, tags={"book": "us"}),
            terms(amount=10**40),
        )
        drive()

    hook, received = delivered(api, act, answering(200), **stated)

    events = api.get(f"events?after={hook['cursor']}").json()["results"]
    pairs = {one["id"]: (f"{one['token_in']}/{one['token_out']}", one["tags"])
             for one in api.get("orders").json()["results"]}  # fmt: skip

    def fits(event: Any) -> bool:
        pair, tags = pairs[event["order_id"]]
        name, _, value = stated.get("tag", "").partition(":")
        return (
            event["status"] in stated.get("status", event["status"])
            and stated.get("pair", pair) == pair
            and (not name or (name in tags and value in {"", tags[name]}))
        )

    wanted = [event for event in events if fits(event)]
    assert [request.message for request in received] == wanted
    assert 0 < len(wanted) < len(events)
    assert api.get(f"webhooks/{hook['id']}").json()["cursor"] == events[-1]["cursor"]


def test_a_rotated_secret_signs_beside_those_of_before(account: Account, api: Api) -> None:
    rotated: list[str] = []

    def act(hook: dict[str, Any]) -> None:
        for hours in (2, 1):
            body = api.ask("POST", f"webhooks/{hook['id']}/rotate-secret", {"overlap_hours": hours}).json()
            rotated.append(body["secret"])
        place(account)

    hook, [request] = delivered(api, act, answering(200))

    assert len(request.headers["webhook-signature"].split()) == 3
    for secret in (hook["secret"], *rotated):
        assert request.verify(secret)["type"] == "event"
    with pytest.raises(WebhookVerificationError):
        request.verify(new_secret())
    assert api.get(f"webhooks/{hook['id']}").json()["previous_secret_until"] is not None

    def later(_: dict[str, Any]) -> None:
        row = Webhook.objects.get()
        row.previous[-1]["until"] = "2026-01-01T00:00:00+00:00"
        row.save(update_fields=("previous",))
        place(account)

    _, [request] = delivered(api, later, answering(200), hook=hook)
    assert len(request.headers["webhook-signature"].split()) == 2
    assert [request.verify(secret)["seq"] for secret in rotated] == [1, 1]
    with pytest.raises(WebhookVerificationError):
        request.verify(hook["secret"])

    def at_once(hook: dict[str, Any]) -> None:
        rotated.append(api.ask("POST", f"webhooks/{hook['id']}/rotate-secret", {"overlap_hours": 0}).json()["secret"])
        place(account)

    _, [request] = delivered(api, at_once, answering(200), hook=hook)
    assert request.verify(rotated[-1])["type"] == "event"
    assert len(request.headers["webhook-signature"].split()) == 1


def test_a_test_message_and_one_delivery_are_sent_once_out_of_turn(account: Account, api: Api) -> None:
    sent: list[str] = []

    def act(hook: dict[str, Any]) -> None:
        sent.append(api.ask("POST", f"webhooks/{hook['id']}/test").json()["message_id"])
        place(account)

    hook, received = delivered(api, act, answering(500, 200), count=2)
    path = f"webhooks/{hook['id']}"
    assert received[0].message == {"type": "test", "webhook_id": hook["id"]}
    assert received[0].id == sent[0]
    event, test = api.get(f"{path}/deliveries").json()["results"]
    assert (test["type"], test["is_requested"], test["status"], test["is_delivered"]) == ("test", True, 500, False)

    def again(_: dict[str, Any]) -> None:
        answer = api.ask("POST", f"{path}/redeliver", {"delivery_id": event["id"]})
        assert (answer.status_code, answer.json()["message_id"]) == (202, event["message_id"])
        assert api.ask("POST", f"{path}/redeliver", {"delivery_id": test["id"]}).status_code == 400

    _, [request] = delivered(api, again, answering(503), hook=hook)
    assert (request.id, request.body) == (received[1].id, received[1].body)
    newest = api.get(f"{path}/deliveries").json()["results"][0]
    assert (newest["is_requested"], newest["status"], newest["cursor"]) == (True, 503, event["cursor"])
    # It was no attempt of the endpoint's: nothing waits, nothing is wrong.
    assert api.get(path).json()["problem"] is None
    foreign = Api(new_account(), scopes=list(SCOPES))
    other = made(foreign)
    answer = foreign.ask("POST", f"webhooks/{other['id']}/redeliver", {"delivery_id": event["id"]})
    assert answer.status_code == 404


def test_it_goes_on_from_any_cursor(account: Account, api: Api, drive: Callable[..., None]) -> None:
    place(account)
    drive()
    every = api.get("events?after=0").json()["results"]

    def from_the_beginning(hook: dict[str, Any]) -> None:
        assert api.ask("POST", f"webhooks/{hook['id']}/redeliver", {"after": "0"}).json()["events_behind"] == len(every)

    hook, received = delivered(api, from_the_beginning, answering(200), count=len(every))
    assert [request.message for request in received] == every

    def from_the_third(_: dict[str, Any]) -> None:
        api.ask("POST", f"webhooks/{hook['id']}/redeliver", {"after": every[2]["cursor"]})

    _, received = delivered(api, from_the_third, answering(200), hook=hook, count=len(every) - 3)
    assert [request.message for request in received] == every[3:]


def test_one_that_is_disabled_or_deleted_is_sent_nothing(account: Account, api: Api) -> None:
    def off(hook: dict[str, Any]) -> None:
        api.ask("PATCH", f"webhooks/{hook['id']}", {"is_enabled": False})
        place(account)

    hook, received = delivered(api, off, answering(200), count=0)
    assert received == []
    assert api.get(f"webhooks/{hook['id']}").json()["problem"]["detail"] == "disabled by its account"

    def on(_: dict[str, Any]) -> None:
        assert api.ask("PATCH", f"webhooks/{hook['id']}", {"is_enabled": True}).json()["problem"] is None

    _, received = delivered(api, on, answering(200), hook=hook)
    assert [request.message["seq"] for request in received] == [1]

    def gone(_: dict[str, Any]) -> None:
        answer = api.ask("DELETE", f"webhooks/{hook['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
        place(account)

    _, received = delivered(api, gone, answering(200), hook=hook, count=0)
    assert received == []
    assert api.get(f"webhooks/{hook['id']}").status_code == 404


def test_neither_a_halt_nor_the_end_of_its_key_stops_it(account: Account, api: Api) -> None:
    def act(_: dict[str, Any]) -> None:
        assert api.ask("POST", "halt", {"reason": "x"}).status_code == 200
        ApiKey.objects.filter(account=account).update(revoked=True)
        place(account)

    _, received = delivered(api, act, answering(200))

    assert len(received) == 1


def test_what_the_operator_disabled_only_the_operator_enables(api: Api, admin_client: Any) -> None:
    hook = made(api)
    path = f"/admin/orders/webhook/act/disable/?ids={hook['id']}"
    assert URL in admin_client.get(path).content.decode()
    assert admin_client.post(path, {"reason": ""}).status_code == 200
    assert Webhook.objects.get().disabled_by is None
    assert admin_client.post(path, {"reason": "it floods a stranger"}).status_code == 302

    refused = api.ask("PATCH", f"webhooks/{hook['id']}", {"is_enabled": True, "description": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")
    assert Webhook.objects.get().description == ""
    entry = AuditEntry.objects.get(action="webhook.disable")
    assert (entry.actor, entry.reason) == ("admin", "it floods a stranger")
    admin_client.post(path.replace("disable", "enable"), {"reason": "it stopped"})
    assert Webhook.objects.get().disabled_by is None
    page = admin_client.get(f"/admin/orders/webhook/{hook['id']}/change/").content.decode()
    assert hook["id"] in page
    assert Webhook.objects.get().secret not in page


def test_a_webhook_whose_secret_cannot_be_read_says_so(account: Account, api: Api) -> None:
    def act(hook: dict[str, Any]) -> None:
        Webhook.objects.filter(pk=hook["id"]).update(secret=encrypt(new_secret(), new_webhook(account).pk))
        place(account)

    hook, received = delivered(api, act, answering(200), count=0, until_disabled=True)

    shown = api.get(f"webhooks/{hook['id']}").json()
    assert (received, shown["is_enabled"]) == ([], False)
    assert "the secret cannot be read with this SECRET_KEY: rotate it" in shown["problem"]["detail"]


def test_their_table_has_no_constraint_that_locks_another() -> None:
    """A foreign key that the database checks would take a lock on the table of accounts while it is made."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid IN ('orders_webhook'::regclass, 'orders_webhookdelivery'::regclass)"
        )
        assert cursor.fetchall() == [("orders_webhookdelivery", "orders_webhook")]
