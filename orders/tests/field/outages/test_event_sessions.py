"""The session that reads events for all sockets: one that answers with errors is replaced by another."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg
import pytest
from django.db import connection

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


def test_behind_a_pooler_each_read_asks_which_database_answers(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover ends no session of a pooler's client."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "pooler", "transaction")
    place(account)
    wanted = {"account_id": account.pk, "xid": "0", "id": 0, "new_xid": "0", "new_id": 0}

    async def work(tail: Tail) -> None:
        await tail.connect()
        here, tail.epoch = tail.epoch, "another"
        for read in (tail.edge, lambda: tail.rows([wanted])):
            await tail.connect()
            tail.epoch = "another"
            with pytest.raises(psycopg.OperationalError, match="another one than before"):
                await read()
        await tail.connect()
        assert tail.epoch == here
        assert len(await tail.rows([wanted])) == 1

    run(work)
