"""The public event and its one JSON shape."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Self
from uuid import UUID

import orjson

from orders.shapes import GIVEN, Shape, anything, choice, integer, text, time, uuid
from orders.states import OrderStatus

# Orders of a batch were made at the same moment, and an answer shows it twice for each.
RECENT = 1024


@lru_cache(RECENT)
def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as everywhere in the public API."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Of an event's row all but `data`, which the writer knows and the database need not send back. The time comes as the
# text that goes out: making a datetime of it and text again costs more than the rest of the event.
EVENT_COLUMNS = (
    "order_id, account_id, seq, status, attempt, outcome,"
    " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at, took_ms, xid, id"
)


class EventMessage(NamedTuple):
    """An event as it leaves on a WebSocket, and what a socket needs to know of it; `text` is the JSON."""

    account_id: int
    order_id: UUID
    seq: int
    status: str
    text: str


class Event(NamedTuple):
    """One committed fact about an order, as its row holds it; `at` is RFC 3339 in UTC with microseconds."""

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
        """From a row of `EVENT_COLUMNS`, as a raw cursor gives it, and the data written with it."""
        order_id, account_id, seq, status, attempt, outcome, at, took_ms, xid, row_id = row
        return cls(order_id, account_id, seq, status, attempt, outcome, at, took_ms, int(xid), row_id, data)

    def to_json(self, cursor: str) -> dict[str, Any]:
        """The record that REST, WebSocket and every later reader share; `cursor` is where it leaves its reader."""
        data = orjson.loads(self.data) if isinstance(self.data, str) else self.data
        return EVENT.render(self, cursor=cursor, data=data)

    def to_text(self, cursor: str) -> str:
        """The same as JSON text; data that came as text goes out without being read."""
        data = orjson.Fragment(self.data) if isinstance(self.data, str) else self.data
        return orjson.dumps(EVENT.render(self, cursor=cursor, data=data)).decode()


EVENT = Shape[Event](
    "EventShape",
    "One fact about an order; the WebSocket sends the same record.",
    {
        "type": text(lambda _: "event"),
        "cursor": text(GIVEN),
        "order_id": uuid(lambda event: str(event.order_id)),
        "seq": integer(),
        "status": choice(OrderStatus),
        "attempt": integer(),
        "outcome": text(null=True),
        "at": time(lambda event: f"{event.at[:23]}Z"),
        "took_ms": integer(),
        "data": anything(GIVEN),
    },
)
