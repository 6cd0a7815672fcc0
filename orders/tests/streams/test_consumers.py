"""WebSocket: what a follower sees, in which order, and how it is sent away."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async

from dex import Engine
from orders.event_log.log import event_message, order_events
from orders.models import Account, Order
from orders.risk.pause import find_target, pause
from orders.services.cancel import Actor, cancel_orders
from orders.states import Stage
from orders.streams import feed
from orders.tests.factories import api_key, new_account, place, terms
from orders.tests.ws_client import Socket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

Drive = Callable[..., None]


@pytest.fixture(autouse=True)
def prompt_close(settings: Any) -> None:
    settings.WS_LINGER_S = 0.05


def follow(order: Order, key: str, query: str = "") -> Socket:
    return Socket(f"/orders/{order.id}{query}", authorization=f"Bearer {key}")


@pytest.fixture
def key(account: Account) -> str:
    return api_key(account)


async def test_snapshot_then_live_events_then_close(account: Account, key: str, drive: Drive) -> None:
    [order] = await database_sync_to_async(place)(account)

    async with follow(order, key) as socket:
        snapshot = await socket.next()
        await database_sync_to_async(drive)()
        events, code = await socket.until_close()

    assert (snapshot["type"], snapshot["seq"], snapshot["order"]["status"]) == ("snapshot", 1, "PENDING")
    assert [event["seq"] for event in events] == [2, 3, 4, 5]
    assert [event["status"] for event in events] == ["ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"]
    assert code == 1000


@pytest.mark.parametrize(("after", "seqs"), [(0, [1, 2, 3, 4, 5]), (3, [4, 5]), (5, [])])
async def test_replay_after_a_seq(account: Account, key: str, drive: Drive, after: int, seqs: list[int]) -> None:
    [order] = await database_sync_to_async(place)(account)
    await database_sync_to_async(drive)()

    async with follow(order, key, f"?after={after}") as socket:
        messages, code = await socket.until_close()

    assert messages[0]["type"] == "snapshot"
    assert [event["seq"] for event in messages[1:]] == seqs
    assert code == 1000


async def test_a_reconnect_in_the_middle_misses_and_repeats_nothing(account: Account, key: str, drive: Drive) -> None:
    [order] = await database_sync_to_async(place)(account, terms(scenario="slippage"))
    seen: list[int] = []
    work = asyncio.create_task(database_sync_to_async(drive, thread_sensitive=False)())
    code = 0

    while code != 1000:
        async with follow(order, key, f"?after={seen[-1] if seen else 0}") as socket:
            assert (await socket.next())["type"] == "snapshot"
            for _ in range(3):
                output = await socket.ws.receive_output(timeout=5)
                if output["type"] == "websocket.close":
                    code = output["code"]
                    break
                seen.append(json.loads(output["text"])["seq"])
    await work

    last = await Order.objects.aget(pk=order.pk)
    assert seen == list(range(1, last.seq + 1))


async def test_a_lost_push_is_made_good_from_the_rows(
    account: Account, key: str, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.pipeline.loop.push_news", lambda parts: None)
    monkeypatch.setattr(feed, "CHECK_INTERVAL_S", 0.05)
    [order] = await database_sync_to_async(place)(account)

    async with follow(order, key, "?after=0") as socket:
        await socket.next()
        await database_sync_to_async(drive)()
        events, code = await socket.until_close()

    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5]
    assert code == 1000


async def test_doubled_and_reordered_pushes_are_put_right(account: Account, key: str, drive: Drive) -> None:
    [order] = await database_sync_to_async(place)(account)

    async with follow(order, key) as socket:
        await socket.next()
        follower = next(iter(feed.get_feed()._accounts[account.pk].orders[order.id]))
        first = event_message((await database_sync_to_async(order_events)(order.id, 0))[0], "epoch")
        follower.offer(first._replace(seq=4, status="SUBMITTED"))
        follower.offer(first)
        await database_sync_to_async(drive)()
        events, _ = await socket.until_close()

    assert [event["seq"] for event in events] == [2, 3, 4, 5]


async def test_a_cancel_is_pushed(account: Account, key: str) -> None:
    [order] = await database_sync_to_async(place)(account)

    async with follow(order, key) as socket:
        await socket.next()
        await database_sync_to_async(cancel_orders)([order.id], actor=Actor("t"))
        events, code = await socket.until_close()

    assert [(event["status"], event["outcome"]) for event in events] == [("FAILED", "cancelled")]
    assert code == 1000


async def test_heartbeats_keep_a_quiet_socket_alive(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.streams.socket.HEARTBEAT_S", 0.05)
    [order] = await database_sync_to_async(place)(account)

    async with follow(order, key) as socket:
        await socket.next()
        assert [(await socket.next())["type"] for _ in range(2)] == ["heartbeat", "heartbeat"]


async def test_the_snapshot_says_that_a_pause_holds_the_order(account: Account, key: str, engine: Engine) -> None:
    [order] = await database_sync_to_async(place)(account)
    target = await database_sync_to_async(find_target)("global", "", engine)
    await database_sync_to_async(pause)(target, Actor("operator", reason="drill"))

    async with follow(order, key) as socket:
        assert (await socket.next())["order"]["waiting_for"] == "halt"
    async with Socket("/ws/v1/stream", authorization=f"Bearer {key}") as socket:
        assert (await socket.next())["type"] == "hello"
        assert (await socket.next())["orders"][0]["waiting_for"] == "halt"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("/orders/not-a-uuid", 4400),
        ("/orders/", 4400),
        ("/orders/%00", 4400),
        (f"/orders/{uuid.uuid4()}", 4404),
        (f"/orders/{uuid.uuid4()}?after=-1", 4400),
        (f"/orders/{uuid.uuid4()}?after=x", 4400),
        (f"/orders/{uuid.uuid4()}?after=", 4400),
    ],
)
async def test_an_address_that_leads_nowhere(key: str, address: str, code: int) -> None:
    async with Socket(address, authorization=f"Bearer {key}") as socket:
        messages, closed_with = await socket.until_close()

    assert closed_with == code
    assert [message["type"] for message in messages] == ["error"]
    assert messages[0]["problem"]["detail"]


async def test_only_the_owner_may_follow(account: Account, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.streams.socket.TICKET_WAIT_S", 0.05)
    stranger = await database_sync_to_async(lambda: api_key(new_account()))()
    [order] = await database_sync_to_async(place)(account)
    codes = []

    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {stranger}"}):
        async with Socket(f"/orders/{order.id}", **headers) as socket:
            codes.append((await socket.until_close())[1])
    async with Socket(f"/orders/{order.id}", authorization=f"Bearer {key}", origin="https://evil.example") as socket:
        codes.append((await socket.until_close())[1])

    assert codes == [4401, 4401, 4404, 4403]


async def test_what_clients_send_is_ignored(account: Account, key: str, drive: Drive) -> None:
    [order] = await database_sync_to_async(place)(account)

    async with follow(order, key) as socket:
        await socket.next()
        await socket.ws.send_to(text_data="x" * 1000)
        await socket.ws.send_to(bytes_data=b"\x00")
        await database_sync_to_async(drive)(*Stage)
        assert (await socket.next())["seq"] == 2


@pytest.fixture(autouse=True)
async def no_followers_left() -> AsyncIterator[None]:
    yield
    for _ in range(50):
        if not feed.get_feed().is_followed:
            return
        await asyncio.sleep(0.02)
    pytest.fail("a closed socket still follows")
