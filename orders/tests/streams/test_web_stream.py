"""The account stream on a real web server: restarts, kills, a Redis that forgets, rival writers, a dead client."""

import asyncio
import base64
import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from channels.db import database_sync_to_async
from django.db import connection, connections
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage

from orders.models import Account, OrderEvent
from orders.notify.breaker import redis_client
from orders.pipeline.transition import Change, transition
from orders.services.cancel import Actor, cancel_orders
from orders.states import OrderStatus
from orders.tests.factories import api_key, place, terms
from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

FROZEN_MAY_COST_KIB = 10 * 1024
FROZEN_GONE_S = 45.0
PATIENCE_S = 60.0


class Client:
    """Follows its account until it is ended: it acknowledges, and resumes with its last cursor after every close."""

    def __init__(self, web: Web, key: str) -> None:
        self.web, self.headers = web, {"Authorization": f"Bearer {key}"}
        self.seen: list[dict[str, Any]] = []
        self.cursor = "0"
        self.codes: list[int] = []
        self.connections = 0
        self.is_reading = False  # something new on the present connection

    async def follow(self) -> None:
        while True:
            try:
                address = f"{self.web.url}/ws/v1/stream?after={self.cursor}"
                async with connect(address, additional_headers=self.headers) as ws:
                    self.connections += 1
                    await self._read(ws)
            except ConnectionClosed as closed:
                self.codes.append(closed.rcvd.code if closed.rcvd else 1006)
            except (OSError, TimeoutError, InvalidMessage):
                await asyncio.sleep(0.05)
            finally:
                self.is_reading = False

    async def _read(self, ws: Any) -> None:
        async for text in ws:
            message = json.loads(text)
            if message["type"] == "event":
                self.seen.append(message)
                self.cursor = message["cursor"]
                self.is_reading = True
                if len(self.seen) % 50 == 0:
                    await ws.send(json.dumps({"op": "ack", "cursor": self.cursor}))


def write_on(account: Account, seed: int, until: threading.Event) -> None:
    """One writer of several: places orders, moves them on and cancels them, as services do."""
    rng = random.Random(seed)
    try:
        while not until.wait(rng.random() * 0.1):
            orders = place(account, *(terms() for _ in range(rng.randint(1, 6))))
            moved = [o for o in orders if rng.random() < 0.7]
            transition([Change(o.id, "PENDING", OrderStatus.ROUTING, o.created_at) for o in moved])
            cancel_orders([o.id for o in orders], actor=Actor("t"))
    finally:
        connection.close()


def hold_transactions(until: threading.Event) -> None:
    """Transactions that have an id early and stay open for a while, as a slow batch does."""
    wanted = connections["default"].get_connection_params()
    with psycopg.connect(**{k: v for k, v in wanted.items() if k not in {"cursor_factory", "context"}}) as session:
        while not until.is_set():
            session.execute("SELECT pg_current_xact_id()")
            until.wait(0.3)
            session.rollback()


async def disturb(web: Web, clients: list[Client]) -> None:
    """Restart, kill, forget, each once everybody is connected and has something new."""

    def restart(number: int) -> None:
        web.end(number)
        web.start()

    acts: list[Callable[[], object]] = [
        lambda: restart(signal.SIGTERM),
        redis_client().flushall,
        lambda: restart(signal.SIGKILL),
        lambda: redis_client().client_kill_filter(_type="pubsub"),
    ]
    for act in acts:
        await until(lambda: all(client.is_reading for client in clients))
        await asyncio.to_thread(act)
    await until(lambda: all(client.is_reading for client in clients))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    ends_at = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.02)


def all_events(account: Account) -> list[tuple[str, int]]:
    return sorted((str(o), s) for o, s in OrderEvent.objects.filter(account=account).values_list("order_id", "seq"))


async def test_exactly_once_in_order_whatever_is_ended_meanwhile(account: Account, web: Web) -> None:
    clients = [Client(web, await database_sync_to_async(api_key)(account)) for _ in range(3)]
    tasks = [asyncio.create_task(client.follow()) for client in clients]
    over = threading.Event()
    threads = [threading.Thread(target=write_on, args=(account, seed, over)) for seed in range(2)]
    threads.append(threading.Thread(target=hold_transactions, args=(over,)))

    for thread in threads:
        thread.start()
    try:
        await disturb(web, clients)
    finally:
        over.set()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    rows = await database_sync_to_async(all_events)(account)
    await until(lambda: all(len(client.seen) >= len(rows) for client in clients))
    await asyncio.sleep(0.5)  # a repeat would come now
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert len(rows) > 20
    for client in clients:
        keys = [(event["order_id"], event["seq"]) for event in client.seen]
        assert sorted(keys) == rows
        last: dict[str, int] = {}
        for order_id, seq in keys:
            assert seq == last.get(order_id, 0) + 1
            last[order_id] = seq
        assert client.connections >= 3
        assert 1012 in client.codes


async def test_sigterm_closes_every_socket_with_1012(account: Account, web: Web) -> None:
    key = await database_sync_to_async(api_key)(account)
    [order] = await database_sync_to_async(place)(account)
    headers = {"Authorization": f"Bearer {key}"}
    codes = []

    async def wait(address: str, ready: asyncio.Event) -> None:
        try:
            async with connect(f"{web.url}{address}", additional_headers=headers) as ws:
                async for _ in ws:
                    ready.set()
        except ConnectionClosed as closed:
            codes.append(closed.rcvd.code if closed.rcvd else 1006)

    readies = [asyncio.Event() for _ in range(4)]
    addresses = ["/ws/v1/stream", "/ws/v1/stream", f"/orders/{order.id}", f"/orders/{order.id}"]
    tasks = [asyncio.create_task(wait(a, r)) for a, r in zip(addresses, readies, strict=True)]
    for ready in readies:
        await asyncio.wait_for(ready.wait(), 10)
    started_at = time.monotonic()
    await asyncio.to_thread(web.end, signal.SIGTERM)
    await asyncio.gather(*tasks)

    assert codes == [1012] * 4
    assert time.monotonic() - started_at < 5


def fill_backlog(account: Account, orders: int, events: int, size: int) -> int:
    """Events by hand, as large as no real one is; returns the bytes of their data."""
    placed = place(account, *(terms() for _ in range(orders)))
    with connection.cursor() as cursor:
        for order in placed:
            cursor.execute(
                "INSERT INTO orders_orderevent (order_id, account_id, seq, status, attempt, at, took_ms, data)"
                " SELECT %s, %s, seq, 'ROUTING', 1, now(), 0, jsonb_build_object('x', repeat('x', %s::int))"
                " FROM generate_series(2, %s::int) seq",
                [order.id, account.pk, size, events + 1],
            )
    return orders * events * size


def test_a_frozen_client_costs_little_and_is_gone_soon(account: Account, both_webs: list[Web]) -> None:
    key = api_key(account)
    assert fill_backlog(account, 250, 80, 10_000) == 200_000_000

    with ThreadPoolExecutor() as pool:
        watched = list(pool.map(lambda web: _watch_frozen(web, key), both_webs))

    for web, (grown_kib, is_gone) in zip(both_webs, watched, strict=True):
        assert is_gone, web.server
        assert grown_kib < FROZEN_MAY_COST_KIB, web.server
        assert web.is_healthy()


def _watch_frozen(web: Web, key: str) -> tuple[int, bool]:
    """How much a client that never reads has cost at most, and whether the server has ended with it."""
    before_kib, before_sockets = _warm(web, key)
    frozen = _open_and_never_read(web, key)
    started_at = time.monotonic()
    most_kib, is_gone = 0, False
    while not is_gone and time.monotonic() - started_at < FROZEN_GONE_S:
        time.sleep(0.25)
        most_kib = max(most_kib, web.rss_kib())
        is_gone = time.monotonic() - started_at > 3 and web.open_sockets() <= before_sockets
    frozen.close()
    return most_kib - before_kib, is_gone


def _warm(web: Web, key: str) -> tuple[int, int]:
    """Memory and sockets once everything that a first client needs is loaded."""

    async def read() -> None:
        address = f"{web.url}/ws/v1/stream?after=0"
        async with connect(address, additional_headers={"Authorization": f"Bearer {key}"}, max_size=None) as ws:
            for _ in range(60):
                await ws.recv()

    asyncio.run(read())
    time.sleep(2)
    return web.rss_kib(), web.open_sockets()


def _open_and_never_read(web: Web, key: str) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    client.connect(("127.0.0.1", web.port))
    nonce = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET /ws/v1/stream?after=0 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    )
    return client
