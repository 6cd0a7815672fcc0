"""An account stream whose client stands before archived events: told of a gap, never served past it."""

from pathlib import Path

import pytest
from channels.db import database_sync_to_async
from django.test import Client

from orders.event_log.log import read_page
from orders.models import Account, Order
from orders.streams import account_consumer
from orders.tests.archive.past import LATER, load_past, run
from orders.tests.factories import api_key
from orders.tests.history import History
from orders.tests.ws_client import Stream

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.asyncio,
    pytest.mark.usefixtures("no_followers_left"),
]


@pytest.fixture
def history(tokens: None) -> History:
    """Ended orders that nothing has archived yet."""
    return load_past(12, days=9)


def facts(account: Account) -> dict[str, str]:
    """What a reader from the beginning is told over HTTP."""
    client = Client(headers={"Authorization": f"Bearer {api_key(account)}"})
    found: dict[str, str] = client.get("/api/v1/events", {"after": "0"}).json()["facts"]
    return found


@pytest.mark.parametrize("after", ["0", "CURSOR"])
async def test_a_stream_from_before_archived_events_begins_with_a_gap(
    history: History, after: str, tmp_path: Path
) -> None:
    await database_sync_to_async(run)(tmp_path, LATER)
    oldest = (await database_sync_to_async(facts)(history.account))["oldest"]
    epoch, xid, row = oldest.split(".")
    sent = after.replace("CURSOR", f"{epoch}.{xid}.{int(row) - 1}")
    key = await database_sync_to_async(api_key)(history.account)

    async with Stream(key, f"?after={sent}") as stream:
        hello, gap, snapshot = [await stream.next() for _ in range(3)]
    async with Stream(key, f"?after={oldest}") as stream:
        resumed = await stream.next()

    assert (hello["resumed"], resumed["resumed"]) == (False, True)
    assert (gap["type"], gap["to"]) == ("gap", hello["cursor"])
    assert gap["from"] == (sent if after == "CURSOR" else f"{epoch}.0.0")
    assert snapshot["orders"] == []


async def test_a_stream_that_is_overtaken_by_an_archive_closes_and_skips_nothing(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_consumer, "PAGE_ROWS", 20)
    key = await database_sync_to_async(api_key)(history.account)
    pages: list[object] = []

    def archive_before_the_third(account_id: int, after: object, limit: int) -> object:
        pages.append(after)
        if len(pages) == 3:
            run(tmp_path, LATER)
        return read_page(account_id, after, limit)  # type: ignore[arg-type]

    monkeypatch.setattr(account_consumer, "read_page", archive_before_the_third)
    async with Stream(key, "?after=0") as stream:
        messages, code = await stream.close_code()

    assert code == 1012
    assert len([message for message in messages if message["type"] == "event"]) == 40
    assert (messages[-1]["type"], messages[-1]["problem"]["code"]) == ("error", "cursor_unknown")
    assert "archived: connect again" in messages[-1]["problem"]["detail"]
    assert not await database_sync_to_async(Order.objects.filter(account=history.account).exists)()
