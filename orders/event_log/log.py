"""The event log as its readers see it: every event of an account once, in order, from any cursor on.

A row counts as soon as no transaction that began before its own is still open: only then can nothing appear in front of
it. All readers, REST, a socket that catches up or the reader behind live sockets, get the same order by `in_order`.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
from django.db import connection, transaction

from orders.database.pooling import is_pooled
from orders.database.recordset import recordset
from orders.database.session import session
from orders.event_log.archived import require_kept
from orders.event_log.cursor import WHOLE, Cursor, Position
from orders.event_log.event import Event, EventMessage

logger = logging.getLogger(__name__)

# Of the cluster, its timeline and the database: restored or failed over, it is another one.
EPOCH = """
    SELECT left(md5(concat_ws('/',
        (SELECT system_identifier FROM pg_control_system()),
        CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
        (SELECT oid FROM pg_database WHERE datname = current_database())
    )), 12)
"""
EDGE = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
_EVENT = ", ".join(
    f"to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS {name}" if name == "at" else f"e.{name}"
    for name in (
        *("order_id", "account_id", "seq", "status", "attempt", "outcome", "at", "took_ms", "xid", "id"),
        "data",
    )
).replace("e.data", "e.data::text AS data")
# The highest seq of the order that (xid, id) order shows before this row: one probe, from the newest event down.
_BEFORE = """
    coalesce((
        SELECT f.seq FROM orders_orderevent f
        WHERE f.order_id = e.order_id AND (f.xid, f.id) < (e.xid, e.id) ORDER BY f.seq DESC LIMIT 1
    ), 0) AS seq_before
"""
_ROW = f"{_EVENT}, e.xid < edge.xmin AS is_settled, o.token_in, o.token_out, o.terms -> 'tags' AS tags, {_BEFORE}"
_EDGE = "(SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin) AS edge"

PAGE = f"""
    SELECT {_ROW}
    FROM {_EDGE} CROSS JOIN LATERAL (
        SELECT * FROM orders_orderevent e
        WHERE e.account_id = %s AND (e.xid, e.id) > (%s::text::xid8, %s::bigint) AND e.xid < edge.xmin
        ORDER BY e.xid, e.id LIMIT %s
    ) e JOIN orders_order o ON o.id = e.order_id
    ORDER BY e.xid, e.id
"""
# All accounts at once; beyond the settled rows those that are new, which order by order are complete already.
TAILS = f"""
    SELECT {_ROW}
    FROM {_EDGE} CROSS JOIN jsonb_to_recordset(%s::text::jsonb)
        AS w(account_id bigint, xid text, id bigint, new_xid text, new_id bigint)
    CROSS JOIN LATERAL (
        SELECT * FROM orders_orderevent e
        WHERE e.account_id = w.account_id AND (e.xid, e.id) > (w.xid::xid8, w.id)
            AND (e.xid < edge.xmin OR (e.xid, e.id) > (w.new_xid::xid8, w.new_id))
        ORDER BY e.xid, e.id LIMIT %s
    ) e JOIN orders_order o ON o.id = e.order_id
    ORDER BY e.xid, e.id LIMIT %s
"""
# Events of orders between two seqs, which the rows bring along.
BROUGHT = f"""
    SELECT {_EVENT}
    FROM jsonb_to_recordset(%s::text::jsonb) AS w(order_id uuid, above int, below int)
    JOIN orders_orderevent e ON e.order_id = w.order_id AND e.seq > w.above AND e.seq < w.below
    ORDER BY e.order_id, e.seq
"""
ORDER_EVENTS = f"SELECT {_EVENT} FROM orders_orderevent e WHERE e.order_id = %s AND e.seq > %s ORDER BY e.seq"


@dataclass(frozen=True)
class Row:
    """An event of the log, and what readers filter and order by."""

    event: Event
    is_settled: bool
    token_in: str
    token_out: str
    tags: Mapping[str, str]
    seq_before: int

    @classmethod
    def read(cls, columns: Sequence[Any]) -> "Row":
        """From a row of PAGE or TAILS."""
        *event, is_settled, token_in, token_out, tags, seq_before = columns
        read = orjson.loads(tags) if isinstance(tags, str) else tags
        return cls(read_event(event), is_settled, token_in, token_out, read or {}, seq_before)

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the log."""
        return self.event.xid, self.event.id


@dataclass(frozen=True)
class Entry:
    """An event at its place in an account's stream; the text is made once for all who get it."""

    cursor: Cursor
    event: Event
    row: Row

    @property
    def position(self) -> Position:
        """Where a reader stands after it."""
        return self.cursor.position

    @cached_property
    def text(self) -> str:
        """The message."""
        return self.event.to_text(str(self.cursor))


class Page(NamedTuple):
    """Some entries after a cursor; `end` is where the next page begins, `is_full` when there may be more at once."""

    entries: list[Entry]
    end: Cursor
    is_full: bool


class Missing(NamedTuple):
    """Events of one order with seq above and below these, which a row brings along."""

    order_id: UUID
    above: int
    below: int


def read_event(columns: Sequence[Any]) -> Event:
    """From a row whose last column is the data as text, which goes out as it is."""
    *rest, data = columns
    return Event.from_row(rest, data)


def own_cursor(event: Event, epoch: str) -> Cursor:
    """The cursor after the event's own row."""
    return Cursor(epoch, Position(event.xid, event.id))


def event_message(event: Event, epoch: str) -> EventMessage:
    """The event for those who follow its order alone."""
    text = event.to_text(str(own_cursor(event, epoch)))
    return EventMessage(event.account_id, event.order_id, event.seq, event.status, text)


def missing(rows: Iterable[Row], after: Position) -> list[Missing]:
    """What `in_order` needs besides the rows: hardly ever anything."""
    return [
        Missing(row.event.order_id, above, row.event.seq)
        for row in rows
        if (above := _sent(row, after)) + 1 < row.event.seq
    ]


def in_order(rows: Iterable[Row], after: Position, brought: Iterable[Event], epoch: str) -> list[Entry]:
    """The rows, in (xid, id) order, as every reader gets them: each order's seq rises by one, nothing twice."""
    by_key = {(event.order_id, event.seq): event for event in brought}
    entries: list[Entry] = []
    for row in rows:
        sent, seq = _sent(row, after), row.event.seq
        for earlier in range(sent + 1, seq):
            event = by_key.get((row.event.order_id, earlier))
            if event is None:
                logger.error("order %s has no event %d before its event %d", row.event.order_id, earlier, seq)
                continue
            entries.append(Entry(Cursor(epoch, Position(*row.place, earlier)), event, row))
        if sent < seq:
            entries.append(Entry(Cursor(epoch, Position(*row.place)), row.event, row))
    return entries


def _sent(row: Row, after: Position) -> int:
    """The seq up to which the row's order was sent by the time a reader at `after` comes to the row."""
    is_begun = after.seq != WHOLE and row.place == after[:2]
    return max(row.seq_before, after.seq) if is_begun else row.seq_before


# --- Reading on Django's connection ---------------------------------------------------------------------------


def epoch_now() -> str:
    """The epoch of the database that answers now."""
    return str(_rows(EPOCH)[0][0])


# A session ends with its cluster, so its epoch cannot change under it.
_epochs: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def session_epoch() -> str:
    """The epoch of the database that this thread writes to, asked once for each session. Raises: DatabaseError."""
    connection.ensure_connection()
    session = connection.connection
    epoch = _epochs.get(session)
    if epoch is None:
        epoch = _epochs[session] = epoch_now()
    return epoch


def newest() -> Cursor:
    """The end of the log: everything that is settled lies before it."""
    epoch, edge = _rows(f"SELECT ({EPOCH}), ({EDGE})")[0]
    return Cursor(str(epoch), Position(int(edge), 0))


def read_page(account_id: int, after: Position, limit: int) -> Page:
    """Settled entries after a position. `limit` counts rows; what these bring along comes on top.

    Raises: EventsArchived.
    """
    xid, row_id = after.row_before
    # A session belongs to one database to its end, that of a pooler does not.
    with transaction.atomic() if is_pooled() else nullcontext():
        epoch = epoch_now()
        rows = [Row.read(columns) for columns in _rows(PAGE, [account_id, str(xid), row_id, limit])]
        wanted = missing(rows, after)
        values = recordset(map(Missing._asdict, wanted))
        brought = [read_event(columns) for columns in _rows(BROUGHT, [values])] if wanted else []
        require_kept(account_id, after)
    entries = in_order(rows, after, brought, epoch)
    return Page(entries, Cursor(epoch, Position(*rows[-1].place) if rows else after), len(rows) == limit)


def order_events(order_id: UUID, seq: int) -> list[Event]:
    """The order's events with a higher seq, in order."""
    return begin_order_events(order_id, seq)()


def begin_order_events(order_id: UUID, seq: int) -> Callable[[], list[Event]]:
    """The same, read with the next statement of the transaction, or with COMMIT; the events when called for."""
    answer = session.later(ORDER_EVENTS, [order_id, seq])
    return lambda: [read_event(columns) for columns in answer.rows()]


def _rows(statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[Any] = cursor.fetchall()
        return rows


def first_terms(order_id: UUID) -> dict[str, Any]:
    """The terms that an order's owner has replaced, as they were before, by the names of the answer's fields."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data -> 'replaced' FROM orders_orderevent WHERE order_id = %s AND data ? 'replaced'"
            " ORDER BY seq DESC",
            [order_id],
        )
        rows = cursor.fetchall()
    return {name: pair[0] for (told,) in rows for name, pair in orjson.loads(told).items()}
