"""The quote stream on real web servers: a ticket that is typed into, a greedy key beside it, and a restart."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from channels.db import database_sync_to_async
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from orders.engine import get_engine
from orders.models import Account
from orders.services.quoted_order import DATED
from orders.streams.socket import MAX_SOCKETS
from orders.tests.factories import api_key, new_account
from orders.tests.quote_stream.conftest import SWAP
from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system, pytest.mark.asyncio]

BODY = {"token_in": "SOL", "token_out": "USDC", "amount": "250"}


@pytest.fixture(autouse=True)
async def market(account: Account) -> AsyncIterator[None]:
    """The chain's first block, which tests before have taken from the server, and a server that has ceased to look."""
    await database_sync_to_async(lambda: get_engine().chain.snapshot())()
    yield
    await asyncio.sleep(1)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def dial(web: Web, key: str, query: str = "") -> Any:
    return connect(f"{web.url}/ws/v1/quotes{query}", additional_headers=bearer(key), open_timeout=20)


async def take(ws: Any, subscription: int) -> Any:
    """The next quote of a subscription, everything acknowledged on the way."""
    while True:
        # No wait_for: in Python 3.11 it forgets that it was cancelled when a message comes at that moment.
        async with asyncio.timeout(30):
            message = json.loads(await ws.recv())
        assert message["type"] != "error", message
        if message["type"] == "quote":
            await ws.send('{"op":"ack"}')
            if message["subscription"] == subscription:
                return message["quote"]


async def test_a_ticket_is_typed_into_and_an_order_names_the_last_quote(web: Web, key: str) -> None:
    async with dial(web, key) as ws:
        for typed in ("2", "25", "250"):
            await ws.send(json.dumps({"op": "subscribe", "quote": BODY | {"amount": typed}}))
        quote = await take(ws, 3)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{web.port}/api/v1", headers=bearer(key)) as api:
            asked = await api.post("/quotes", json=BODY, timeout=30)
            placed = await api.post("/orders", json=BODY | {"quote_id": quote["quote_id"]}, timeout=30)

    assert {name: quote[name] for name in quote.keys() - DATED} == {
        name: value for name, value in asked.json().items() if name not in DATED
    }
    assert placed.status_code == 201, placed.text
    assert placed.json()["guards"]["min_amount_out"] == quote["min_amount_out"]


async def test_beside_a_greedy_key_another_gets_its_turn(web: Web, key: str) -> None:
    other = await database_sync_to_async(api_key)(await database_sync_to_async(new_account)())
    served: list[int] = []

    async def want_more(number: int) -> None:
        """Another amount as soon as one is quoted, on each of all the sockets that an account may have."""
        async with dial(web, key) as ws:
            subscription = 0
            while True:
                subscription += 1
                body = BODY | {"amount": f"{number + 1}.{subscription}1"}
                await ws.send(json.dumps({"op": "subscribe", "quote": body}))
                await take(ws, subscription)
                served.append(number)
                await asyncio.sleep(0.4)

    greedy = [asyncio.create_task(want_more(number)) for number in range(MAX_SOCKETS)]
    async with dial(web, other) as ws:
        for subscription in range(1, 9):
            seen = len(served)
            await ws.send(json.dumps({"op": "subscribe", "quote": BODY | {"amount": f"{subscription}.3"}}))
            await take(ws, subscription)
            assert len(served) - seen <= MAX_SOCKETS // 2
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{web.port}/health", timeout=20)).status_code == 200
    for task in greedy:
        task.cancel()
    ended = await asyncio.gather(*greedy, return_exceptions=True)

    assert {type(error) for error in ended} == {asyncio.CancelledError}


async def test_a_server_that_ends_closes_with_restart(account: Account, key: str, both_webs: list[Web]) -> None:
    for web in both_webs:
        async with dial(web, key, f"?{SWAP}") as ws:
            await take(ws, 1)
            await asyncio.to_thread(web.end)
            with suppress(ConnectionClosed):
                while True:
                    await asyncio.wait_for(ws.recv(), 30)
        await asyncio.to_thread(web.start)

        assert ws.close_code == 1012
