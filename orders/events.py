"""The public event: its one JSON shape, and the only code that hints over the channel layer that there are new ones."""

import asyncio
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID

import orjson
from channels.layers import get_channel_layer

from orders.breaker import hints

# Every process that serves sockets listens to this one group and fans out in memory.
GROUP = "order-events"
PUSH_TIMEOUT_S = 1.0


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as everywhere in the public API."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Event:
    """One committed fact about an order, as its row holds it; `at` is RFC 3339 in UTC with microseconds."""

    # All but `data`, which the writer knows and the database need not send back. The time comes as the text that
    # goes out: making a datetime of it and text again costs more than the rest of the event.
    COLUMNS: ClassVar[str] = (
        "order_id, account_id, seq, status, attempt, outcome,"
        " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at, took_ms, xid, id"
    )

    order_id: UUID
    account_id: int
    seq: int
    status: str
    attempt: int
    outcome: str | None
    at: str
    took_ms: int
    xid: int
    id: int
    # As the writer had it, or as JSON text from the database.
    data: Mapping[str, Any] | str

    @classmethod
    def from_row(cls, row: Sequence[Any], data: Mapping[str, Any] | str) -> Self:
        """From a row of `COLUMNS`, as a raw cursor gives it, and the data written with it."""
        order_id, account_id, seq, status, attempt, outcome, at, took_ms, xid, row_id = row
        return cls(order_id, account_id, seq, status, attempt, outcome, at, took_ms, int(xid), row_id, data)

    def to_json(self, cursor: str) -> dict[str, Any]:
        """The record that REST, WebSocket and every later reader share; `cursor` is where it leaves its reader."""
        return self._record(cursor, orjson.loads(self.data) if isinstance(self.data, str) else self.data)

    def to_text(self, cursor: str) -> str:
        """The same as JSON text; data that came as text goes out without being read."""
        data = orjson.Fragment(self.data) if isinstance(self.data, str) else self.data
        return orjson.dumps(self._record(cursor, data)).decode()

    def _record(self, cursor: str, data: Any) -> dict[str, Any]:
        return {
            "type": "event",
            "cursor": cursor,
            "order_id": str(self.order_id),
            "seq": self.seq,
            "status": self.status,
            "attempt": self.attempt,
            "outcome": self.outcome,
            "at": f"{self.at[:23]}Z",
            "took_ms": self.took_ms,
            "data": data,
        }


def push_events(events: Sequence[Event]) -> None:
    """Hint to every socket process that these events are committed. A lost hint costs a second, never an event.

    Call after the commit, never inside a transaction. Never raises.
    """
    accounts = sorted({event.account_id for event in events})
    if accounts:
        hints.attempt(lambda: asyncio.run_coroutine_threadsafe(_send(accounts), _loop()).result(PUSH_TIMEOUT_S))


async def _send(accounts: list[int]) -> None:
    layer = get_channel_layer()
    assert layer is not None
    await layer.group_send(GROUP, {"type": "order.events", "accounts": accounts})


class _Loop:
    """One event loop thread per process: a loop per call would reconnect to Redis each time."""

    lock = threading.Lock()
    pid: int | None = None
    loop: asyncio.AbstractEventLoop


def _loop() -> asyncio.AbstractEventLoop:
    with _Loop.lock:
        if _Loop.pid != os.getpid():  # also after a fork, which copies the loop but not its thread
            _Loop.loop = asyncio.new_event_loop()
            threading.Thread(target=_Loop.loop.run_forever, name="event-push", daemon=True).start()
            _Loop.pid = os.getpid()
        return _Loop.loop
