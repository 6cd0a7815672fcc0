"""The session that reads events for all sockets: one that answers with errors is replaced by another."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg
import pytest

from orders.event_log.cursor import BEGINNING
from orders.models import Account
from orders.streams.reader import Tail
from orders.tests.factories import place

pytestmark = pytest.mark.django_db(transaction=True)

OFTEN = 4
# As a pooler's reset, or another server behind it, does unseen by the client.
FORGET = "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$"


def run(work: Callable[[Tail], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        tail = Tail()
        try:
            await work(tail)
        finally:
            await tail.close()

    asyncio.run(whole())


def test_events_are_read_again_after_one_error(account: Account) -> None:
    [order] = place(account)
    wanted = {"account_id": account.pk, "xid": "0", "id": 0, "new_xid": "0", "new_id": 0}

    async def work(tail: Tail) -> None:
        for _ in range(OFTEN):
            await tail.edge()
            assert [row.event.order_id for row in await tail.rows([wanted])] == [order.id]
        assert tail._session is not None
        await tail._session.execute(FORGET)
        failed = 0
        for _ in range(OFTEN):
            try:
                await tail.edge()
                rows = await tail.rows([wanted])
            except psycopg.Error:
                failed += 1
        assert [row.event.order_id for row in rows] == [order.id]
        assert failed <= 1
        assert await tail.edge() > BEGINNING

    run(work)
