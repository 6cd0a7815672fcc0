"""Against a real web process that is killed and started again: no order twice, no event lost or repeated."""

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from channels.db import database_sync_to_async

from orderengine_client import AsyncClient, Client, Event, Retries
from orders.models import Account, Order, OrderEvent
from orders.tests.factories import api_key
from orders.tests.web import Web
from tests.conftest import Worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

RETRIES = Retries(first_s=0.02, most_s=0.2)


def url(web: Web) -> str:
    return f"http://127.0.0.1:{web.port}"


def restart(web: Web) -> None:
    web.end(signal.SIGKILL)
    web.start()


def rows_of(account: Account) -> list[tuple[str, int]]:
    return [(str(one), seq) for one, seq in OrderEvent.objects.filter(account=account).values_list("order_id", "seq")]


def test_orders_placed_while_the_server_is_killed_are_placed_once(account: Account, web: Web) -> None:
    with Client(url(web), api_key(account), retries=RETRIES) as client, ThreadPoolExecutor(4) as pool:
        placed = [pool.submit(client.place, "SOL", "USDC", "1", tags={"n": str(n)}) for n in range(120)]
        for count in (20, 60):
            until(lambda count=count: sum(one.done() for one in placed) >= count)  # type: ignore[misc]
            restart(web)
        orders = [one.result(60) for one in placed]

    rows = dict(Order.objects.filter(account=account).values_list("id", "client_order_id"))
    assert {order.id: order.client_order_id for order in orders} == rows
    assert sorted(int(order.tags["n"]) for order in orders) == list(range(120))


class Seen:
    """The events of one iterator, read in a task of its own."""

    def __init__(self, events: Any) -> None:
        self.events: list[Event] = []
        self.task = asyncio.create_task(self._read(events))

    async def _read(self, events: Any) -> None:
        async for event in events:
            self.events.append(event)

    @property
    def keys(self) -> list[tuple[str, int]]:
        return [(str(event.order_id), event.seq) for event in self.events]


async def eventually(is_so: Callable[[], bool]) -> None:
    await asyncio.to_thread(until, is_so)


async def test_every_event_comes_once_over_kills(account: Account, web: Web, worker: Callable[[], Worker]) -> None:
    key = await database_sync_to_async(api_key)(account)
    async with AsyncClient(url(web), key, retries=RETRIES) as client:
        stream = Seen(client.stream("0"))
        orders = [await client.place("SOL", "USDC", str(n)) for n in range(1, 7)]
        follows = [Seen(client.follow(order.id)) for order in orders]
        await eventually(lambda: len(stream.events) == 6 and all(follow.events for follow in follows))
        await asyncio.to_thread(restart, web)
        web.end(signal.SIGKILL)
        with worker():
            ended = Order.objects.filter(account=account, status__in=["CONFIRMED", "FAILED"])
            await asyncio.to_thread(until, lambda: ended.count() == 6)
        await asyncio.to_thread(web.start)
        await asyncio.gather(*(follow.task for follow in follows))
        rows = await database_sync_to_async(rows_of)(account)
        await eventually(lambda: len(stream.events) >= len(rows))
        finished = [await client.wait(order.id) for order in orders]
        stream.task.cancel()

    assert {order.status for order in finished} == {"CONFIRMED"}
    assert sorted(stream.keys) == sorted(rows)
    for order, follow in zip(orders, follows, strict=True):
        of_order = sorted((one, seq) for one, seq in rows if one == str(order.id))
        assert follow.keys == of_order
        assert [seq for _, seq in of_order] == list(range(1, len(of_order) + 1))
        assert [key for key in stream.keys if key[0] == str(order.id)] == of_order


def test_a_follower_that_waits_between_events_misses_none(
    account: Account, web: Web, worker: Callable[[], Worker]
) -> None:
    with Client(url(web), api_key(account), retries=RETRIES) as client:
        order = client.place("ETH", "USDC", "4.2")
        events = client.follow(order.id)
        seen = [next(events)]
        restart(web)
        with worker():
            seen += list(events)
        rest = list(client.follow(order.id, after=2))
        none_left = list(client.follow(order.id, after=seen[-1].seq))
        history = client.events(order.id)

    assert seen == history
    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].status == "CONFIRMED"
    assert rest == seen[2:]
    assert none_left == []
