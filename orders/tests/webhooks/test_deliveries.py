"""The log of deliveries: pages of it, and what is taken out of it."""

import asyncio
import socket
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from orders.management.commands import doctor
from orders.models import Account, Webhook, WebhookDelivery
from orders.tests.factories import new_webhook, place
from orders.tests.http_client import Api
from orders.webhooks import deliveries, names
from orders.webhooks.deliveries import forget_old
from orders.webhooks.names import UnknownName, look_up


def fill(webhook: Webhook, count: int, *, days: int = 0) -> list[int]:
    """Attempts of some days ago; their ids."""
    at = datetime.now(UTC) - timedelta(days=days)
    rows = [
        WebhookDelivery(webhook=webhook, message_id=f"m{i}", kind="test", attempt=1, took_ms=1, at=at)
        for i in range(count)
    ]
    return [row.pk for row in WebhookDelivery.objects.bulk_create(rows)]


@pytest.mark.django_db
def test_pages_neither_skip_nor_repeat(account: Account, api: Api) -> None:
    webhook = new_webhook(account)
    ids = fill(webhook, 7)
    fill(new_webhook(account), 3)
    read: list[int] = []
    link: str | None = f"/api/v1/webhooks/{webhook.pk}/deliveries?limit=3"

    while link:
        page: dict[str, Any] = api.client.get(link).json()
        read += [row["id"] for row in page["results"]]
        link = page["next"] and page["next"].removeprefix("http://testserver")
        fill(webhook, 1)  # newer ones come meanwhile

    assert read == ids[::-1]


@pytest.mark.django_db
def test_old_ones_and_those_beyond_what_is_kept_go(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "KEPT_EACH", 4)
    monkeypatch.setattr(deliveries, "FORGOTTEN_AT_ONCE", 3)
    one, other, empty = (new_webhook(account) for _ in range(3))
    fill(one, 5, days=8)
    kept = fill(other, 2, days=6) + fill(one, 6)[-4:]

    runs = 0
    while forget_old():
        runs += 1

    assert sorted(WebhookDelivery.objects.values_list("pk", flat=True)) == sorted(kept)
    assert runs >= 1
    assert not empty.deliveries.exists()


@pytest.mark.asyncio
async def test_look_ups_that_hang_hold_up_a_bounded_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, asked = threading.Event(), threading.Semaphore(0)

    def hang(host: str, port: int, **_: Any) -> Any:
        asked.release()
        go_on.wait(20)
        raise OSError("no such name")

    monkeypatch.setattr(names, "MOST", 3)
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    tasks = [asyncio.create_task(look_up("hangs.example.com", 443)) for _ in range(5)]
    try:
        for _ in range(3):
            await asyncio.to_thread(asked.acquire)
        await asyncio.sleep(0.1)
        assert len(names._running) == 3
        tasks[0].cancel()
    finally:
        go_on.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(results[0], asyncio.CancelledError)
    assert {type(result) for result in results[1:]} == {UnknownName}
    assert names._running == set()


@pytest.mark.django_db(transaction=True)
def test_the_operator_is_told_of_webhooks_that_no_process_serves(account: Account) -> None:
    webhook, failing, off = (new_webhook(account) for _ in range(3))
    place(account)
    Webhook.objects.filter(pk=failing.pk).update(attempt=2, due_at=Now() + timedelta(hours=1))
    Webhook.objects.filter(pk=off.pk).update(disabled_at=Now(), disabled_by="owner")
    assert doctor._webhooks() == "2 enabled, 1 of them failing, 1 disabled"

    long_ago = Now() - timedelta(minutes=2)
    Webhook.objects.filter(pk=webhook.pk).update(due_at=long_ago)
    assert doctor._webhooks()  # the event is a new one
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orders_orderevent DISABLE TRIGGER USER")
        cursor.execute("UPDATE orders_orderevent SET at = now() - interval '2 minutes'")
        cursor.execute("ALTER TABLE orders_orderevent ENABLE TRIGGER USER")
    with pytest.raises(doctor.Missing, match="1 of 2 are served by no process"):
        doctor._webhooks()
    Webhook.objects.filter(pk=webhook.pk).update(lease_until=Now() + timedelta(seconds=9))
    assert doctor._webhooks()
