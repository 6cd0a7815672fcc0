"""The account stream: every event once and in order, through faults of the connection, of Redis and of the reader."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from channels.db import database_sync_to_async
from django.db import connections

from orders.event_log.cursor import BEGINNING
from orders.event_log.log import read_page
from orders.models import Account, OrderEvent
from orders.notify.breaker import redis_client
from orders.selectors import open_order_ids
from orders.services.cancel import Actor, cancel_orders
from orders.states import Stage
from orders.streams import account_consumer, feed, socket, window
from orders.tests.factories import api_key, new_account, place, terms
from orders.tests.ws_client import Stream

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.asyncio,
    pytest.mark.usefixtures("no_followers_left"),
]

Drive = Callable[..., None]
ORIGIN = "https://elsewhere.example"


def all_events(account: Account) -> list[tuple[str, int]]:
    return [(str(o), s) for o, s in OrderEvent.objects.filter(account=account).values_list("order_id", "seq")]


def assert_exactly_once(events: list[Any], rows: list[tuple[str, int]]) -> None:
    keys = [(event["order_id"], event["seq"]) for event in events]
    assert sorted(keys) == sorted(rows)
    for order_id in {order_id for order_id, _ in keys}:
        seqs = [seq for one, seq in keys if one == order_id]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_hello_snapshot_then_live_events(account: Account, key: str, drive: Drive) -> None:
    [open_order] = await database_sync_to_async(place)(account)

    async with Stream(key) as stream:
        hello, snapshot = await stream.next(), await stream.next()
        await database_sync_to_async(drive)()
        events = [await stream.next("event") for _ in range(4)]

    assert (hello["type"], hello["resumed"]) == ("hello", False)
    assert [order["id"] for order in snapshot["orders"]] == [str(open_order.id)]
    assert snapshot["is_last"]
    assert [event["seq"] for event in events] == [2, 3, 4, 5]


async def test_rest_and_stream_give_the_same_records(account: Account, key: str, drive: Drive, client: Any) -> None:
    await database_sync_to_async(place)(account, terms(), terms(scenario="slippage"))
    await database_sync_to_async(drive)()

    polled: list[Any] = []
    after = "0"
    while True:
        answer = await database_sync_to_async(client.get)(
            "/api/v1/events", {"after": after, "limit": "3"}, headers={"Authorization": f"Bearer {key}"}
        )
        page = answer.json()
        polled += page["results"]
        after = page["cursor"]
        if not page["has_more"]:
            break
    async with Stream(key, "?after=0") as stream:
        assert (await stream.next())["resumed"]
        streamed = [await stream.next("event") for _ in polled]

    assert streamed == polled
    assert_exactly_once(polled, await database_sync_to_async(all_events)(account))


async def test_cut_off_at_random_points_nothing_is_lost_or_doubled(account: Account, key: str, drive: Drive) -> None:
    rng = random.Random(11)
    await database_sync_to_async(place)(account, *(terms(scenario=rng.choice(["none", "slippage"])) for _ in range(8)))
    work = asyncio.create_task(database_sync_to_async(drive, thread_sensitive=False)())
    seen: list[Any] = []
    after = "0"
    connections_made = 0

    async def read(wanted: int) -> None:
        nonlocal after
        async with Stream(key, f"?after={after}") as stream:
            await stream.next("hello")
            for _ in range(wanted):
                if await stream.ws.receive_nothing(timeout=0.5):
                    return
                message = await stream.next()
                seen.append(message)
                after = message["cursor"]

    while not work.done() or len(seen) < len(await database_sync_to_async(all_events)(account)):
        connections_made += 1
        await read(rng.randint(1, 5))
    await work

    assert connections_made > 8
    assert_exactly_once(seen, await database_sync_to_async(all_events)(account))


@pytest.mark.parametrize("is_known", [True, False])
async def test_events_that_come_while_a_client_begins_are_sent_and_end_no_reader(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    async def slowly(self: account_consumer.StreamConsumer, cursor: Any) -> bool:
        position = feed.get_feed()._accounts[account.pk].position
        await database_sync_to_async(place)(account)
        for _ in range(3000):
            if feed.get_feed()._accounts[account.pk].position != position:
                break
            await asyncio.sleep(0.01)
        return is_known

    async with Stream(key) as neighbour:
        start = (await neighbour.next("hello"))["cursor"]
        await neighbour.next("snapshot")  # one that is read later would hold the first order, whose event is left out
        monkeypatch.setattr(account_consumer.StreamConsumer, "_is_known", slowly)

        async with Stream(key, f"?after={start}") as stream:
            first = await stream.next("event" if is_known else "snapshot")
            [order] = await database_sync_to_async(place)(account)
            events = [await neighbour.next("event") for _ in range(2)]

            assert (await stream.next("event"))["order_id"] == str(order.id)

    assert [event["seq"] for event in events] == [1, 1]
    assert events[1]["order_id"] == str(order.id)
    shown = [first["order_id"]] if is_known else [row["id"] for row in first["orders"]]
    assert shown == [events[0]["order_id"]]


async def test_a_socket_with_a_bug_ends_no_other(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with Stream(key) as broken, Stream(key) as stream:
        await broken.next("snapshot")
        await stream.next("snapshot")
        one, _other = tuple(feed.get_feed()._accounts[account.pk].streams)
        monkeypatch.setattr(one, "_append", lambda *_: 1 // 0)
        await database_sync_to_async(place)(account)

        outputs = [await client.ws.receive_output(timeout=5) for client in (broken, stream)]

    assert sorted(output.get("code", 0) for output in outputs) == [0, 1012]
    assert "cannot take events" in caplog.text


async def test_who_follows_at_the_last_moment_keeps_the_reader(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Stream(key) as stream:
        await stream.next("snapshot")
        feed.get_feed()._rest()  # the timer of one that left while this one came

        await database_sync_to_async(place)(account)
        assert (await stream.next("event"))["seq"] == 1


async def test_lost_hints_cost_a_second_and_no_event(
    account: Account, key: str, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.pipeline.loop.push_news", lambda parts: None)
    monkeypatch.setattr(feed, "CHECK_INTERVAL_S", 0.05)

    async with Stream(key, "?after=0") as stream:
        await stream.next("hello")
        await database_sync_to_async(place)(account)
        await database_sync_to_async(redis_client().flushall)()
        await database_sync_to_async(drive)()
        events = [await stream.next("event") for _ in range(5)]

    assert_exactly_once(events, await database_sync_to_async(all_events)(account))


async def test_an_open_transaction_holds_events_back_and_loses_none(account: Account, key: str, drive: Drive) -> None:
    wanted = connections["default"].get_connection_params()
    parameters = {name: value for name, value in wanted.items() if name not in {"cursor_factory", "context"}}
    older = await psycopg.AsyncConnection.connect(**parameters)
    await older.execute("SELECT pg_current_xact_id()")

    async with Stream(key, "?after=0") as stream:
        await stream.next("hello")
        await database_sync_to_async(place)(account)
        await database_sync_to_async(drive)()
        assert await stream.ws.receive_nothing(timeout=0.3)
        await older.rollback()
        events = [await stream.next("event") for _ in range(5)]
    await older.close()

    assert_exactly_once(events, await database_sync_to_async(all_events)(account))


async def test_a_full_window_waits_for_the_acknowledgement(
    account: Account, key: str, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "MAX_EVENTS", 3)
    await database_sync_to_async(place)(account, terms(), terms())
    await database_sync_to_async(drive)()
    seen: list[Any] = []

    async with Stream(key, "?after=0") as stream:
        await stream.next("hello")
        while len(seen) < 10:
            seen += [await stream.next("event") for _ in range(min(3, 10 - len(seen)))]
            assert await stream.ws.receive_nothing(timeout=0.1)
            await stream.send(op="ack", cursor=seen[-1]["cursor"])

    assert_exactly_once(seen, await database_sync_to_async(all_events)(account))


async def test_who_never_acknowledges_is_closed_and_resumes(
    account: Account, key: str, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "MAX_EVENTS", 3)
    monkeypatch.setattr(account_consumer, "SLOW_S", 0.1)
    await database_sync_to_async(place)(account)
    await database_sync_to_async(drive)()

    async with Stream(key, "?after=0") as stream:
        messages, code = await stream.close_code()
    first = [message for message in messages if message["type"] == "event"]
    async with Stream(key, f"?after={first[-1]['cursor']}") as stream:
        second = [await stream.next("event") for _ in range(2)]

    assert code == 4408
    assert messages[-1]["type"] == "error"
    assert_exactly_once(first + second, await database_sync_to_async(all_events)(account))


async def test_a_window_is_also_full_by_bytes(account: Account, key: str, drive: Drive, monkeypatch: Any) -> None:
    monkeypatch.setattr(window, "MAX_BYTES", 1)
    await database_sync_to_async(place)(account)
    await database_sync_to_async(drive)()

    async with Stream(key, "?after=0") as stream:
        first = await stream.next("event")
        assert await stream.ws.receive_nothing(timeout=0.1)
        await stream.send(op="ack", cursor=first["cursor"])
        assert (await stream.next("event"))["seq"] == 2


async def test_heartbeats_carry_the_last_cursor(account: Account, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "HEARTBEAT_S", 0.05)
    await database_sync_to_async(place)(account)

    async with Stream(key, "?after=0") as stream:
        event = await stream.next("event")
        beats = [await stream.next("heartbeat") for _ in range(2)]

    assert [beat["cursor"] for beat in beats] == [event["cursor"]] * 2


async def test_filters(account: Account, key: str, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "HEARTBEAT_S", 0.1)
    sol, eth = await database_sync_to_async(place)(
        account,
        terms(tags={"book": "eu"}),
        terms(token_in="ETH", decimals_in=8, amount=10**6, tags={"book": "us"}),
    )
    await database_sync_to_async(drive)()
    end = str((await database_sync_to_async(read_page)(account.pk, BEGINNING, 100)).end)
    found = {}

    for query in ("pair=ETH/USDC", "status=CONFIRMED", "tag=book:eu", "tag=book", "pair=SOL/USDC&status=PENDING"):
        async with Stream(key, f"?after=0&{query}") as stream:
            await stream.next("hello")
            events = []
            # Heartbeats move on over what the filter leaves out.
            while (message := await stream.next()).get("cursor") != end or message["type"] != "heartbeat":
                events += [message] if message["type"] == "event" else []
            found[query] = [(event["order_id"], event["seq"]) for event in events]

    every = range(1, 6)
    assert found["pair=ETH/USDC"] == [(str(eth.id), seq) for seq in every]
    assert sorted(found["status=CONFIRMED"]) == sorted([(str(sol.id), 5), (str(eth.id), 5)])
    assert found["tag=book:eu"] == [(str(sol.id), seq) for seq in every]
    assert len(found["tag=book"]) == 10
    assert found["pair=SOL/USDC&status=PENDING"] == [(str(sol.id), 1)]


@pytest.mark.parametrize("cursor", ["0123456789ab.5.5", "EPOCH.99999999999.1"])
async def test_a_cursor_of_another_database_brings_a_gap_and_a_snapshot(
    account: Account, key: str, cursor: str, client: Any
) -> None:
    [order] = await database_sync_to_async(place)(account)
    headers = {"Authorization": f"Bearer {key}"}
    known = (await database_sync_to_async(client.get)("/api/v1/events", headers=headers)).json()["cursor"]
    cursor = cursor.replace("EPOCH", known.split(".")[0])

    async with Stream(key, f"?after={cursor}") as stream:
        hello, gap, snapshot = [await stream.next() for _ in range(3)]
    answer = await database_sync_to_async(client.get)("/api/v1/events", {"after": cursor}, headers=headers)

    assert not hello["resumed"]
    assert (gap["type"], gap["from"], gap["to"]) == ("gap", cursor, hello["cursor"])
    assert [one["id"] for one in snapshot["orders"]] == [str(order.id)]
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_unknown")
    assert answer.json()["facts"]["cursor"].split(".")[0] == known.split(".")[0]


@pytest.mark.parametrize(
    "query", ["?after=x", "?after=", "?after=-1", "?status=DONE", "?pair=SOL", "?tag=", f"?tag={'x' * 131}"]
)
async def test_an_address_that_means_nothing(key: str, query: str) -> None:
    async with Stream(key, query) as stream:
        messages, code = await stream.close_code()

    assert code == 4400
    assert [message["type"] for message in messages] == ["error"]


@pytest.mark.parametrize(
    "frame",
    ["x", "[]", "1", '{"op":"ack"}', '{"op":"ack","cursor":5}', '{"op":"nope","cursor":"0123456789ab.1.1"}',
     '{"op":"ack","cursor":"0123456789ab.1.1"}', b"\x00\xff"],
)  # fmt: skip
async def test_a_frame_that_means_nothing_closes(key: str, frame: str | bytes) -> None:
    async with Stream(key) as stream:
        await stream.next("snapshot")
        await (stream.ws.send_to(bytes_data=frame) if isinstance(frame, bytes) else stream.ws.send_to(text_data=frame))
        _, code = await stream.close_code()

    assert code == 4400


async def test_only_ones_own_events(account: Account, key: str, drive: Drive) -> None:
    stranger = await database_sync_to_async(new_account)()
    foreign = await database_sync_to_async(api_key)(stranger)

    async with Stream(foreign, "?after=0") as stream:
        await stream.next("hello")
        await database_sync_to_async(place)(account)
        await database_sync_to_async(drive)()
        assert await stream.ws.receive_nothing(timeout=0.3)


async def test_another_database_closes_with_restart(account: Account, key: str) -> None:
    async with Stream(key) as stream:
        await stream.next("snapshot")
        events = feed.get_feed()
        await events._tail.close()
        events._tail.epoch = "0123456789ab"
        messages, code = await stream.close_code()

    assert (messages, code) == ([], 1012)


async def test_a_lost_database_session_is_made_good(account: Account, key: str, drive: Drive) -> None:
    async with Stream(key, "?after=0") as stream:
        await stream.next("hello")
        await database_sync_to_async(_end_sessions)()
        await database_sync_to_async(place)(account)
        await database_sync_to_async(drive)()
        events = [await stream.next("event") for _ in range(5)]

    assert_exactly_once(events, await database_sync_to_async(all_events)(account))


def _end_sessions() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'order-events'")


async def test_events_that_the_snapshot_shows_are_not_sent_again(
    account: Account, key: str, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order moves on between the stream's start and its snapshot."""
    [order] = await database_sync_to_async(place)(account)

    def late(account: Account) -> Any:
        drive(Stage.ROUTE)  # PENDING -> ROUTING -> BUILDING
        return open_order_ids(account)

    monkeypatch.setattr("orders.streams.account_consumer.open_order_ids", late)
    async with Stream(key) as stream:
        snapshot = await stream.next("snapshot")
        await database_sync_to_async(cancel_orders)([order.id], actor=Actor("t"))
        event = await stream.next("event")

    assert (snapshot["orders"][0]["seq"], event["seq"]) == (3, 4)
