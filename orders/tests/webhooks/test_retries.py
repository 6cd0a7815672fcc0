"""What is not taken is tried again by the schedule, in order, until the endpoint is given up. Times are in rows."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Account, AuditEntry, Webhook
from orders.notify.webhooks import hint_change
from orders.tests.factories import new_webhook, place
from orders.tests.http_client import Api
from orders.tests.webhooks.receivers import answering, ask, caught_up, delivering, listening, silent
from orders.webhooks import receiver, settling
from orders.webhooks.claims import Endpoint, claim
from orders.webhooks.messages import Message
from orders.webhooks.receiver import Answer
from orders.webhooks.schedule import JITTER, MOST_RETRY_AFTER_S, RETRIES_S, wait_s

pytestmark = pytest.mark.django_db(transaction=True)


@given(failures=st.integers(1, 7), retry_after=st.none() | st.integers(0, 10**9))
def test_a_wait_is_that_of_the_schedule_or_longer(failures: int, retry_after: int | None) -> None:
    wait, stated = wait_s(failures, retry_after), RETRIES_S[failures - 1]

    assert wait is not None
    asked = min(retry_after or 0, MOST_RETRY_AFTER_S)
    assert max(stated, asked) <= wait <= max(stated * (1 + JITTER), asked)


def test_the_schedule_is_as_documented() -> None:
    assert RETRIES_S == (5, 30, 120, 600, 3_600, 21_600, 86_400)
    assert (wait_s(8), wait_s(9, 5)) == (None, None)


async def failed(hook: dict[str, Any], attempts: int) -> Webhook:
    """The endpoint's row, once so many attempts are stored."""

    async with asyncio.timeout(30):
        while True:
            row = await Webhook.objects.aget(pk=hook["id"])
            if row.attempt >= attempts:
                return row
            await asyncio.sleep(0.01)


def let_time_pass(row: Webhook) -> None:
    """As if the next attempt were due."""
    Webhook.objects.filter(pk=row.pk).update(due_at=row.created_at)
    hint_change()


async def test_an_endpoint_is_tried_eight_times_then_disabled_and_goes_on_once_it_is_enabled(
    account: Account, api: Api
) -> None:
    async with listening(answering(500, body="out of order")) as server, delivering():
        hook = await ask(api, "POST", "webhooks", {"url": server.url})
        first, second = await database_sync_to_async(lambda: [place(account)[0] for _ in range(2)])()
        for attempt, stated in enumerate(RETRIES_S, start=1):
            row = await failed(hook, attempt)
            assert row.last_attempt_at is not None
            waits_s = (row.due_at - row.last_attempt_at).total_seconds()
            assert (row.attempt, row.disabled_at) == (attempt, None)
            assert stated <= waits_s <= stated * (1 + JITTER)
            shown = await ask(api, "GET", f"webhooks/{hook['id']}")
            assert (shown["failed_attempts"], shown["problem"]["code"]) == (attempt, "webhook_failing")
            assert "the receiver answered 500" in shown["problem"]["detail"]
            await database_sync_to_async(let_time_pass)(row)
        row = await failed(hook, 8)
        shown = await ask(api, "GET", f"webhooks/{hook['id']}")
        deliveries = (await ask(api, "GET", f"webhooks/{hook['id']}/deliveries"))["results"]
        assert (shown["is_enabled"], shown["problem"]["code"], shown["next_attempt_at"]) == (
            False, "webhook_disabled", None,
        )  # fmt: skip
        assert [d["attempt"] for d in deliveries] == [8, 7, 6, 5, 4, 3, 2, 1]
        assert {(d["message_id"], d["status"], d["response"]) for d in deliveries} == {
            (f"evt_{first.id}_1", 500, "out of order")
        }
        entry = await AuditEntry.objects.aget(action="webhook.disable")
        assert (entry.actor, entry.subject, entry.account_id) == ("webhooks", f"webhook:{hook['id']}", account.pk)
        assert entry.after == {"by": "failures", "failure": "the receiver answered 500"}
        # Nothing more is sent.
        await database_sync_to_async(let_time_pass)(row)
        await asyncio.sleep(0.3)
        assert len(server.received) == 8

        server.behave = answering(204)
        enabled = await ask(api, "PATCH", f"webhooks/{hook['id']}", {"is_enabled": True})
        assert (enabled["is_enabled"], enabled["problem"], enabled["failed_attempts"]) == (True, None, 0)
        await caught_up(api, hook)

    assert [request.id for request in server.received] == [f"evt_{first.id}_1"] * 9 + [f"evt_{second.id}_1"]


async def test_410_ends_it_at_once_and_the_others_are_told(account: Account, api: Api) -> None:
    async with listening(answering(410)) as server, listening(answering(500, 204)) as other, delivering():
        hook = await ask(api, "POST", "webhooks", {"url": server.url})
        await ask(api, "POST", "webhooks", {"url": other.url, "status": "CONFIRMED"})
        await database_sync_to_async(place)(account)
        await failed(hook, 1)
        shown = await ask(api, "GET", f"webhooks/{hook['id']}")
        [told] = await other.until(1)
        await asyncio.sleep(0.1)

    assert (shown["is_enabled"], len(server.received)) == (False, 1)
    assert "410 Gone" in shown["problem"]["detail"]
    # Once: its answer was no success.
    assert [request.message for request in other.received] == [told.message]
    assert told.message == {
        "type": "webhook_disabled", "webhook_id": hook["id"], "failure": "the receiver answered 410",
    }  # fmt: skip


@pytest.mark.parametrize("what", ["test", "redeliver"])
async def test_410_to_what_was_asked_for_by_hand_ends_it_too(account: Account, api: Api, what: str) -> None:
    async with listening(answering(204, 410)) as server, delivering():
        hook = await ask(api, "POST", "webhooks", {"url": server.url})
        await database_sync_to_async(place)(account)
        await caught_up(api, hook)
        [first] = (await ask(api, "GET", f"webhooks/{hook['id']}/deliveries"))["results"]
        body = {"delivery_id": first["id"]} if what == "redeliver" else None
        asked = await ask(api, "POST", f"webhooks/{hook['id']}/{what}", body)
        await failed(hook, 1)
        shown = await ask(api, "GET", f"webhooks/{hook['id']}")
        last = (await ask(api, "GET", f"webhooks/{hook['id']}/deliveries"))["results"][0]

    assert (shown["is_enabled"], shown["problem"]["code"]) == (False, "webhook_disabled")
    assert "410 Gone" in shown["problem"]["detail"]
    assert (last["message_id"], last["status"]) == (asked["message_id"], 410)
    assert [request.id for request in server.received] == [first["message_id"], asked["message_id"]]
    entry = await AuditEntry.objects.aget(action="webhook.disable")
    assert entry.after == {"by": "receiver", "failure": "the receiver answered 410"}


GONE = Answer(410, None)


def given_up_by(endpoint: Endpoint, how: str) -> None:
    """One of the three ways in which an endpoint ends by itself."""
    message = Message("x", "test", "{}", endpoint.position, endpoint.epoch)
    if how == "turn":
        settling.not_taken(endpoint, message, 1, GONE)
    elif how == "request":
        settling.request_done(endpoint, message, GONE)
    else:
        settling.unusable(endpoint, "its secret cannot be read")


@pytest.mark.parametrize("how", ["turn", "request", "unusable"])
def test_an_end_and_its_notice_are_one_commit(account: Account, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """A process that dies at the last statement has ended nothing: the message is sent again, and ends it then."""
    ended, other = new_webhook(account), new_webhook(account)
    Webhook.objects.filter(pk=ended.pk).update(requests=[{"kind": "test", "id": "x"}])
    [endpoint] = claim(5, most_failing=5)

    def dies(*_: Any) -> None:
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(settling, "record", dies)
        with pytest.raises(InterruptedError):
            given_up_by(endpoint, how)
    ended.refresh_from_db()
    other.refresh_from_db()
    assert (ended.disabled_at, ended.attempt, other.requests) == (None, 0, [])

    given_up_by(endpoint, how)
    ended.refresh_from_db()
    other.refresh_from_db()
    assert ended.disabled_by is not None
    assert [(one["kind"], one["webhook_id"]) for one in other.requests] == [("webhook_disabled", str(ended.pk))]


def test_all_of_an_account_may_end_at_a_time(account: Account) -> None:
    """Each changes all others: locks are taken in one order, so none ends in a deadlock."""
    rows = [new_webhook(account) for _ in range(8)]
    Webhook.objects.update(requests=[{"kind": "test", "id": "x"}])
    endpoints = claim(8, most_failing=8)
    together = Barrier(len(endpoints))

    def end(endpoint: Endpoint) -> None:
        try:
            together.wait(30)
            given_up_by(endpoint, "turn")
        finally:
            connection.close()

    with ThreadPoolExecutor(len(endpoints)) as threads:
        list(threads.map(end, endpoints))

    assert len(endpoints) == len(rows)
    assert not Webhook.objects.filter(disabled_at=None).exists()
    assert AuditEntry.objects.filter(action="webhook.disable").count() == len(rows)


async def test_a_receiver_may_ask_for_a_longer_wait(account: Account, api: Api) -> None:
    async with listening(answering(503, headers="retry-after: 7200\r\n")) as server, delivering():
        hook = await ask(api, "POST", "webhooks", {"url": server.url})
        await database_sync_to_async(place)(account)
        row = await failed(hook, 1)

    assert row.last_attempt_at is not None
    assert row.due_at - row.last_attempt_at == timedelta(hours=2)


async def test_a_success_forgets_what_failed_before(account: Account, api: Api) -> None:
    async with listening(answering(500, 200, 500)) as server, delivering():
        hook = await ask(api, "POST", "webhooks", {"url": server.url})
        await database_sync_to_async(lambda: [place(account) for _ in range(2)])()
        await database_sync_to_async(let_time_pass)(await failed(hook, 1))
        await server.until(3)
        row = await failed(hook, 1)
        rows = (await ask(api, "GET", f"webhooks/{hook['id']}/deliveries"))["results"]

    assert row.attempt == 1
    assert [(d["attempt"], d["status"]) for d in reversed(rows)] == [(1, 500), (2, 200), (1, 500)]


async def test_one_that_hangs_delays_no_other(account: Account, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also none of its own account: fifteen hang, and the sixteenth gets everything meanwhile."""
    monkeypatch.setattr(receiver, "TOTAL_S", 20.0)
    async with listening(silent) as bad, listening(answering(200)) as good, delivering():
        for _ in range(15):
            await ask(api, "POST", "webhooks", {"url": bad.url})
        hook = await ask(api, "POST", "webhooks", {"url": good.url})
        await database_sync_to_async(lambda: [place(account) for _ in range(3)])()
        await bad.until(15)
        await caught_up(api, hook)
        assert len(good.received) == 3
        assert {request.message["seq"] for request in bad.received} == {1}
        assert len(bad.received) == 15


async def test_a_new_address_is_tried_at_once(account: Account, api: Api) -> None:
    async with listening(answering(500)) as old, listening(answering(200)) as new, delivering():
        hook = await ask(api, "POST", "webhooks", {"url": old.url})
        await database_sync_to_async(place)(account)
        await failed(hook, 1)
        changed = await ask(api, "PATCH", f"webhooks/{hook['id']}", {"url": new.url})
        await caught_up(api, hook)

    assert (changed["failed_attempts"], changed["problem"]) == (0, None)
    assert [request.id for request in new.received] == [request.id for request in old.received]
