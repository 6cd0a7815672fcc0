"""The account stream: every event once and in order, whatever happens to the connection, to Redis or to the reader."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.db import connections

from orders import feed, sockets, stream_consumer, window
from orders.breaker import redis_client
from orders.cursor import BEGINNING
from orders.event_log import read_page
from orders.key_format import prefix_of
from orders.models import Account, ApiKey, OrderEvent
from orders.routing import websocket_urlpatterns
from orders.selectors import open_order_ids
from orders.services.cancel import Actor, cancel_orders
from orders.services.tickets import issue_ticket
from orders.states import Stage
from orders.tests.factories import api_key, new_account, place, terms

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

Drive = Callable[..., None]
ORIGIN = "https://elsewhere.example"


class Stream:
    """A client of the stream that keeps its last cursor."""

    def __init__(self, key: str = "", query: str = "", subprotocols: list[str] | None = None, **headers: str) -> None:
        if key:
            headers["authorization"] = f"Bearer {key}"
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.ws = WebsocketCommunicator(
            URLRouter(websocket_urlpatterns), f"/ws/v1/stream{query}", headers=raw, subprotocols=subprotocols
        )
        self.subprotocol: Any = None

    async def __aenter__(self) -> "Stream":
        connected, self.subprotocol = await self.ws.connect()
        assert connected
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ws.disconnect()

    async def next(self, kind: str = "") -> Any:
        """The next message, or the next of a kind."""
        while True:
            message = json.loads(await self.ws.receive_from(timeout=5))
            if not kind or message["type"] == kind:
                return message

    async def send(self, **frame: Any) -> None:
        await self.ws.send_to(text_data=json.dumps(frame))

    async def close_code(self) -> tuple[list[Any], int]:
        messages: list[Any] = []
        while True:
            output = await self.ws.receive_output(timeout=5)
            if output["type"] == "websocket.close":
                return messages, output["code"]
            messages.append(json.loads(output["text"]))


@pytest.fixture
def key(account: Account) -> str:
    return api_key(account)


@pytest.fixture(autouse=True)
async def no_followers_left() -> AsyncIterator[None]:
    yield
    for _ in range(100):
        if not feed.get_feed().is_followed:
            return
        await asyncio.sleep(0.02)
    pytest.fail("a closed socket still follows")


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
    async def slowly(self: stream_consumer.StreamConsumer, cursor: Any) -> bool:
        position = feed.get_feed()._accounts[account.pk].position
        await database_sync_to_async(place)(account)
        for _ in range(300):
            if feed.get_feed()._accounts[account.pk].position != position:
                break
            await asyncio.sleep(0.01)
        return is_known

    async with Stream(key) as neighbour:
        start = (await neighbour.next("hello"))["cursor"]
        monkeypatch.setattr(stream_consumer.StreamConsumer, "_is_known", slowly)

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
    monkeypatch.setattr("orders.pipeline.push_events", lambda events: None)
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
    monkeypatch.setattr(stream_consumer, "SLOW_S", 0.1)
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
    monkeypatch.setattr(sockets, "HEARTBEAT_S", 0.05)
    await database_sync_to_async(place)(account)

    async with Stream(key, "?after=0") as stream:
        event = await stream.next("event")
        beats = [await stream.next("heartbeat") for _ in range(2)]

    assert [beat["cursor"] for beat in beats] == [event["cursor"]] * 2


async def test_filters(account: Account, key: str, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "HEARTBEAT_S", 0.1)
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


async def test_a_ticket_opens_one_socket_once(account: Account, key: str, client: Any) -> None:
    answer = await database_sync_to_async(client.post)(
        "/api/v1/ws-tickets", content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )
    offered = ["oe.v1", f"ticket.{answer.json()['ticket']}"]

    async with Stream(subprotocols=offered, origin=ORIGIN) as stream:
        hello, subprotocol = await stream.next(), stream.subprotocol
    async with Stream(subprotocols=offered, origin=ORIGIN) as stream:
        _, code = await stream.close_code()

    assert (answer.status_code, answer.json()["expires_in_s"]) == (201, 30)
    assert (hello["type"], subprotocol, code) == ("hello", "oe.v1", 4401)


async def test_a_ticket_may_come_as_first_frame(account: Account) -> None:
    ticket = await database_sync_to_async(issue_ticket)(account.pk, "")

    async with Stream(origin=ORIGIN) as stream:
        await stream.send(op="auth", ticket=ticket)
        assert (await stream.next())["type"] == "hello"


@pytest.mark.parametrize("frame", [{"op": "auth"}, {"op": "auth", "ticket": "x"}, {"op": "ack", "cursor": "a"}, {}])
async def test_another_first_frame_closes(account: Account, frame: dict[str, Any]) -> None:
    async with Stream() as stream:
        await stream.send(**frame)
        assert (await stream.close_code())[1] == 4401


async def test_old_tickets_and_those_of_revoked_keys_open_nothing(account: Account, key: str) -> None:
    codes = []
    old = await database_sync_to_async(issue_ticket)(account.pk, "")
    await database_sync_to_async(_age_tickets)()
    revoked = await database_sync_to_async(issue_ticket)(account.pk, prefix_of(key))
    await ApiKey.objects.aupdate(revoked=True)

    for ticket in (old, revoked):
        async with Stream(subprotocols=["oe.v1", f"ticket.{ticket}"]) as stream:
            codes.append((await stream.close_code())[1])

    assert codes == [4401, 4401]


@pytest.mark.parametrize("change", [{"ip_ranges": ["192.0.2.0/24"]}, {"scopes": ["trade"]}])
async def test_a_ticket_opens_no_more_than_its_key_and_a_socket_ends_with_what_it_needs(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setattr(sockets, "KEY_CHECK_S", 0.05)
    ticket = await database_sync_to_async(issue_ticket)(account.pk, prefix_of(key))
    async with Stream(key) as open_before:
        await open_before.next("snapshot")
        await ApiKey.objects.aupdate(**change)
        async with Stream(subprotocols=["oe.v1", f"ticket.{ticket}"]) as stream:
            codes = [(await stream.close_code())[1], (await open_before.close_code())[1]]

    assert codes == [4401, 4401]


def _age_tickets() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("UPDATE orders_wsticket SET created_at = created_at - interval '31 seconds'")


async def test_whom_no_key_or_ticket_vouches_for(
    account: Account, key: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "TICKET_WAIT_S", 0.05)
    codes = []

    async def code(**options: Any) -> None:
        async with Stream(**options) as stream:
            codes.append((await stream.close_code())[1])

    await code()
    await code(key="wrong")
    await code(key=key, origin=ORIGIN)
    settings.API_IS_OPEN = True  # which is for programs and pages of this machine, not for a page from elsewhere
    await code(origin=ORIGIN)
    await code(subprotocols=["other.v1"])

    assert codes == [4401, 4401, 4403, 4401, 4400]


@pytest.mark.parametrize("change", [{"revoked": True}, {"expiry_date": datetime.now(UTC) - timedelta(seconds=1)}])
async def test_a_key_that_ends_ends_its_sockets(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setattr(sockets, "KEY_CHECK_S", 0.05)

    async with Stream(key) as stream:
        await stream.next("snapshot")
        await asyncio.sleep(0.2)
        await ApiKey.objects.aupdate(**change)
        messages, code = await stream.close_code()

    assert (code, messages[-1]["problem"]["code"]) == (4401, "unauthorized")


async def test_a_key_that_may_not_read_opens_no_socket(account: Account) -> None:
    key = await database_sync_to_async(api_key)(account, scopes=["trade"])

    async with Stream(key) as stream:
        messages, code = await stream.close_code()

    assert (code, messages[-1]["problem"]["code"]) == (4403, "scope")


async def test_twenty_sockets_an_owner(account: Account, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MAX_SOCKETS", 2)

    async with Stream(key) as first, Stream(key):
        await first.next("hello")
        async with Stream(key) as third:
            assert (await third.close_code())[1] == 4429
    async with Stream(key) as again:
        assert (await again.next())["type"] == "hello"


async def test_a_socket_that_the_server_gives_up_frees_its_place(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "MAX_SOCKETS", 1)
    given_up = await Stream(key).__aenter__()
    await given_up.next("hello")

    given_up.ws.future.cancel()
    await asyncio.wait([given_up.ws.future])

    async with Stream(key) as again:
        assert (await again.next())["type"] == "hello"


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

    monkeypatch.setattr("orders.stream_consumer.open_order_ids", late)
    async with Stream(key) as stream:
        snapshot = await stream.next("snapshot")
        await database_sync_to_async(cancel_orders)([order.id], actor=Actor("t"))
        event = await stream.next("event")

    assert (snapshot["orders"][0]["seq"], event["seq"]) == (3, 4)
