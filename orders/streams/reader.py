"""The one database session of a process that reads new events for all its sockets."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import psycopg
from django.db import connections

from orders.database.pooling import is_pooled
from orders.database.recordset import recordset
from orders.event_log.cursor import Position
from orders.event_log.event import Event
from orders.event_log.log import BROUGHT, EDGE, EPOCH, TAILS, Missing, Row, read_event

# Rows of one read, which bounds what a process holds at a time.
MAX_ROWS = 500
_DJANGO_ONLY = ("cursor_factory", "context")


class Tail:
    """Reads beside Django: no thread and no pool between a hint and its rows, statements prepared once."""

    def __init__(self) -> None:
        self._session: psycopg.AsyncConnection[Any] | None = None
        self._opening = asyncio.Lock()
        self.epoch = ""

    async def connect(self) -> None:
        """Open the session unless it is open. Raises: psycopg.Error."""
        async with self._opening:
            if self._session is None or self._session.closed:
                await self._open()

    async def _open(self) -> None:
        database: Any = connections["default"]
        wanted = database.get_connection_params()
        parameters = {name: value for name, value in wanted.items() if name not in _DJANGO_ONLY}
        self._session = await psycopg.AsyncConnection.connect(
            autocommit=True, **(parameters | {"application_name": "order-events"})
        )
        if (limits := database.session_statement()) is not None:
            await self._fetch(*limits)
        self.epoch = str((await self._fetch(EPOCH))[0][0])

    async def close(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def edge(self) -> Position:
        """The end of the log now: everything that is settled lies before it."""
        await self.connect()
        return Position(int((await self._fetch(EDGE))[0][0]), 0)

    async def rows(self, tails: Iterable[Mapping[str, Any]]) -> list[Row]:
        """New rows of accounts, `MAX_ROWS` at most; `tails` as TAILS names its columns."""
        return [Row.read(row) for row in await self._fetch(TAILS, [recordset(tails), MAX_ROWS, MAX_ROWS])]

    async def brought(self, wanted: Sequence[Missing]) -> list[Event]:
        """The events that rows bring along."""
        if not wanted:
            return []
        return [read_event(row) for row in await self._fetch(BROUGHT, [recordset(map(Missing._asdict, wanted))])]

    async def _fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Raises: psycopg.Error. The session is given up then: what it has prepared may be lost for good."""
        session = self._session
        assert session is not None
        try:
            async with self._same_cluster(session) if is_pooled() and statement is not EPOCH else nullcontext():
                return await _rows(session, statement, parameters)
        except psycopg.Error:
            await session.close()
            raise

    @asynccontextmanager
    async def _same_cluster(self, session: psycopg.AsyncConnection[Any]) -> AsyncIterator[None]:
        """A session ends with its cluster, but not where a pooler stands before it. Raises: psycopg.Error."""
        async with session.transaction():
            if self.epoch != (await _rows(session, EPOCH))[0][0]:
                raise psycopg.OperationalError("the database is another one than before")
            yield


async def _rows(session: psycopg.AsyncConnection[Any], statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
    async with await session.execute(statement.encode(), parameters) as cursor:
        return await cursor.fetchall()
