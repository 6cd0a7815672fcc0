"""The public event: its one JSON shape, and the only code that puts it on the channel layer."""

import asyncio
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from channels.layers import get_channel_layer

from orders.breaker import hints
from orders.models import OrderEvent

# Every process that serves sockets listens to this one group and fans out in memory.
GROUP = "order-events"
# Keeps one message well below what a slow link or a small server buffer takes at once.
EVENTS_PER_MESSAGE = 100
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
        "order_id, seq, status, attempt, outcome,"
        " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at, took_ms, xid, id"
    )

    order_id: UUID
    seq: int
    status: str
    attempt: int
    outcome: str | None
    at: str
    took_ms: int
    data: Mapping[str, Any]
    xid: int
    id: int

    @classmethod
    def from_row(cls, row: Sequence[Any], data: Mapping[str, Any]) -> Self:
        """From a row of `COLUMNS`, as a raw cursor gives it, and the data written with it."""
        order_id, seq, status, attempt, outcome, at, took_ms, xid, row_id = row
        return cls(order_id, seq, status, attempt, outcome, at, took_ms, data, int(xid), row_id)

    @classmethod
    def from_model(cls, row: OrderEvent) -> Self:
        """From a stored event."""
        at = row.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return cls(
            row.order_id, row.seq, row.status, row.attempt, row.outcome, at, row.took_ms, row.data, row.xid, row.id
        )

    def to_json(self) -> dict[str, Any]:
        """The record that REST, WebSocket and every later reader share."""
        return {
            "type": "event",
            "cursor": f"{self.xid}.{self.id}",
            "order_id": str(self.order_id),
            "seq": self.seq,
            "status": self.status,
            "attempt": self.attempt,
            "outcome": self.outcome,
            "at": f"{self.at[:23]}Z",
            "took_ms": self.took_ms,
            "data": self.data,
        }


def push_events(events: Sequence[Event]) -> None:
    """Tell every socket process about committed events. Best effort: a lost push is repaired from the rows.

    Call after the commit, never inside a transaction. Never raises.
    """
    if not events:
        return
    payloads = [event.to_json() for event in events]
    chunks = [payloads[i : i + EVENTS_PER_MESSAGE] for i in range(0, len(payloads), EVENTS_PER_MESSAGE)]
    hints.attempt(lambda: asyncio.run_coroutine_threadsafe(_send(chunks), _loop()).result(PUSH_TIMEOUT_S))


async def _send(chunks: list[list[dict[str, Any]]]) -> None:
    layer = get_channel_layer()
    assert layer is not None
    for chunk in chunks:
        await layer.group_send(GROUP, {"type": "order.events", "events": chunk})


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
