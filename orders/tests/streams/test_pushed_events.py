"""What comes over Redis reaches those who follow an order at once; rows are read where something is missing."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from orders.event_log.event import Event
from orders.event_log.log import order_events
from orders.models import Account, Order
from orders.notify import push
from orders.notify.breaker import redis_client
from orders.notify.envelope import seal
from orders.notify.push import GROUP, push_events
from orders.services.cancel import Actor, cancel_orders
from orders.states import Stage
from orders.streams import feed
from orders.streams.reader import Tail
from orders.tests.factories import place, terms
from orders.tests.ws_client import Socket, Stream

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.asyncio,
    pytest.mark.usefixtures("no_followers_left"),
]

Drive = Callable[..., None]
NEVER_S = 3600.0


@pytest.fixture(autouse=True)
def prompt_close(settings: Any) -> None:
    settings.WS_LINGER_S = 0.05


@pytest.fixture
def no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read because time has passed."""
    monkeypatch.setattr(feed, "CHECK_INTERVAL_S", NEVER_S)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each read of the feed found."""
    counts: list[int] = []
    read = Tail.rows

    async def counted(self: Tail, tails: Any) -> Any:
        rows = await read(self, tails)
        counts.append(len(rows))
        return rows

    monkeypatch.setattr(Tail, "rows", counted)
    return counts


def follow(order: Order, key: str, query: str = "") -> Socket:
    return Socket(f"/orders/{order.id}{query}", authorization=f"Bearer {key}")


def events_of(order: Order) -> list[Event]:
    return order_events(order.id, 0)


async def publish(message: Any) -> None:
    """As anybody who may write to Redis can."""
    layer: Any = get_channel_layer()
    await layer.group_send(GROUP, message)


async def heard() -> None:
    """Wait until the feed has taken all that was sent before."""
    taken = asyncio.Event()
    events = feed.get_feed()
    take = events._take

    def last(message: Any) -> None:
        take(message)
        if message == {"type": "order.events", "mark": 1}:
            taken.set()

    events._take = last  # type: ignore[method-assign]
    await publish({"type": "order.events", "mark": 1})
    await asyncio.wait_for(taken.wait(), 5)
    events._take = take  # type: ignore[method-assign]


@pytest.mark.usefixtures("no_checks")
async def test_a_follower_gets_events_without_a_row_being_read(
    account: Account, key: str, drive: Drive, reads: list[int]
) -> None:
    [order] = await database_sync_to_async(place)(account)

    async with follow(order, key) as socket:
        await socket.next()
        await database_sync_to_async(drive)()
        events, code = await socket.until_close()

    assert [(event["seq"], event["status"]) for event in events] == [
        (2, "ROUTING"),
        (3, "BUILDING"),
        (4, "SUBMITTED"),
        (5, "CONFIRMED"),
    ]
    assert (code, reads) == (1000, [])


@pytest.mark.usefixtures("no_checks")
async def test_a_gap_is_filled_from_the_rows(account: Account, key: str, drive: Drive, reads: list[int]) -> None:
    [order] = await database_sync_to_async(place)(account)

    async with follow(order, key) as socket:
        await socket.next()
        with pytest.MonkeyPatch.context() as lost:
            lost.setattr("orders.pipeline.loop.push_news", lambda parts: None)
            await database_sync_to_async(drive)()
        last = (await database_sync_to_async(events_of)(order))[-1]
        await database_sync_to_async(push_events)([last])
        events, code = await socket.until_close()

    assert [event["seq"] for event in events] == [2, 3, 4, 5]
    assert (code, reads) == (1000, [])


@pytest.mark.usefixtures("no_checks")
async def test_a_message_that_comes_again_or_late_is_shown_once(account: Account, key: str, drive: Drive) -> None:
    [order] = await database_sync_to_async(place)(account)

    async with follow(order, key) as socket:
        await socket.next()
        await database_sync_to_async(drive)(Stage.ROUTE)
        for event in (await database_sync_to_async(events_of)(order))[::-1]:
            for _ in range(2):
                await database_sync_to_async(push_events)([event])
        await database_sync_to_async(drive)()
        events, _ = await socket.until_close()

    assert [event["seq"] for event in events] == list(range(2, events[-1]["seq"] + 1))
    assert events[-1]["status"] == "CONFIRMED"


@pytest.mark.usefixtures("no_checks")
async def test_what_others_send_is_neither_shown_nor_read_for(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch, reads: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    """A program that can write to Redis knows the form of a message and every event, but not the secret."""
    [order] = await database_sync_to_async(place)(account)
    first = (await database_sync_to_async(events_of)(order))[0]
    invented = first._replace(seq=2, status="CONFIRMED", outcome="filled")
    redis = redis_client()

    async with follow(order, key) as socket, Stream(key) as stream:
        await socket.next()
        await stream.next("snapshot")
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("orders.notify.envelope.secret_key", lambda: "a guess")
            forged = await database_sync_to_async(lambda: seal(push._packed(push.news_of([invented]))))()
        for message in (forged, {"type": "order.events", "accounts": [account.pk]}, {"type": "x"}):
            await publish(message)
        layer: Any = get_channel_layer()
        for raw in (b"\xc1", b"", b"\x05", b"\xc0", layer.serialize([forged])):
            await database_sync_to_async(redis.publish)(f"asgi__group__{GROUP}", raw)
        await heard()
        assert await socket.ws.receive_nothing(timeout=0.1)
        assert reads == []

        await database_sync_to_async(cancel_orders)([order.id], actor=Actor("t"))
        events, _ = await socket.until_close()
        shown = [await stream.next("event")]

    assert [(event["seq"], event["status"]) for event in events + shown] == [(2, "FAILED"), (2, "FAILED")]
    lines = [record.message for record in caplog.records if record.name == "orders.streams.feed"]
    assert lines == [
        "event feed ignores a message on Redis (no seal of this SECRET_KEY and version), and others like it"
    ]


@pytest.mark.usefixtures("no_checks")
async def test_events_of_another_database_are_read_and_not_believed(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch, reads: list[int]
) -> None:
    """A message from before a restore, sent again after it, may hold an event that this database does not have."""
    [order] = await database_sync_to_async(place)(account)
    first = (await database_sync_to_async(events_of)(order))[0]
    monkeypatch.setattr(push, "session_epoch", lambda: "0123456789ab")

    async with follow(order, key) as socket:
        await socket.next()
        await database_sync_to_async(push_events)([first._replace(seq=2, status="CONFIRMED", outcome="filled")])
        await heard()
        assert await socket.ws.receive_nothing(timeout=0.1)
        await database_sync_to_async(cancel_orders)([order.id], actor=Actor("t"))
        events, _ = await socket.until_close()

    assert [(event["seq"], event["status"]) for event in events] == [(2, "FAILED")]
    assert sum(reads) >= 1


@pytest.mark.usefixtures("no_checks")
async def test_an_account_stream_reads_as_soon_as_a_message_comes(
    account: Account, key: str, drive: Drive, reads: list[int]
) -> None:
    await database_sync_to_async(place)(account, terms(), terms(scenario="slippage"))

    async with Stream(key, "?after=0") as stream:
        await stream.next("hello")
        first = [await stream.next("event") for _ in range(2)]
        await database_sync_to_async(drive)()
        rows = await database_sync_to_async(lambda: sum(order.seq for order in Order.objects.all()))()
        events = first + [await stream.next("event") for _ in range(rows - 2)]

    for order_id in {event["order_id"] for event in events}:
        seqs = [event["seq"] for event in events if event["order_id"] == order_id]
        assert seqs == list(range(1, len(seqs) + 1))
    assert reads != []


@pytest.mark.usefixtures("no_checks")
async def test_the_subscription_outlives_the_followers(account: Account, key: str, drive: Drive) -> None:
    one, two = await database_sync_to_async(place)(account, terms(), terms())
    async with follow(one, key) as socket:
        await socket.next()
    events = feed.get_feed()
    listener = events._listener
    events._rest()

    async with follow(two, key) as socket:
        await socket.next()
        await database_sync_to_async(drive)()
        seen, _ = await socket.until_close()

    assert [event["seq"] for event in seen] == [2, 3, 4, 5]
    assert listener is not None
    assert (events._listener, listener.done()) == (listener, False)
