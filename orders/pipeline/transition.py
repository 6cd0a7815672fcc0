"""Writes `Order.status`: table check, compare-and-set, and the event in one statement. Only the claim writes it too."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from orders.database.recordset import id_array, recordset, to_json
from orders.database.session import session
from orders.event_log.event import Event
from orders.event_log.writing import BOTH_WRITTEN, WRITTEN
from orders.pipeline.parents.rows import lock_orders, make_due, parents_of_ended
from orders.risk.limits import release
from orders.states import OrderStatus, check_edge, is_terminal

logger = logging.getLogger(__name__)

EMPTY: Mapping[str, Any] = {}

# Columns that a transition may set besides the status, and their PostgreSQL types.
_AMOUNTS = (
    *("quoted_amount_in", "quoted_amount_out", "min_amount_out", "max_amount_in", "arrival_amount", "saved_amount"),
    *("amount_in", "amount_out", "network_fee_paid", "trigger_at_price", "allotted"),
    *("filled_amount_in", "filled_amount_out", "amount", "held_value"),
)
COLUMN_TYPES: dict[str, str] = dict.fromkeys(_AMOUNTS, "numeric") | {
    "outcome": "text",
    "failure": "jsonb",
    "route": "jsonb",
    "tx_hash": "text",
    "native_token": "text",
    "native_decimals": "smallint",
    "trigger_kind": "text",
    "slices_done": "int",
    "terms": "jsonb",
    "expires_at": "timestamptz",
}

# An order arrives once: later quotes keep the first value. With replaced terms it is set as it is stated.
_SETS = {
    "arrival_amount": "CASE WHEN %(target)s::varchar = 'BUILDING'"
    " THEN coalesce(o.arrival_amount, v.arrival_amount) ELSE v.arrival_amount END"
}


class Change(NamedTuple):
    """One order's move from `source` to `target`.

    `lease_token` is the claim under which the work was done; None for callers without a claim (cancel).
    `fields` are columns to set, `data` is what the event tells, `delay_s` is when the order is due again,
    `waiting_for` is what it waits for until then (a move without one ends the wait),
    `since` is the time of the event before (for `took_ms`), None where the row says it; `seq` is its number: a
    writer that moved the order since then has won, even if it is back in the same status; None under a row lock. The
    lease ends with the move, unless `keeps_lease_s` prolongs it for the same worker, which takes the order on. With
    `keeps_nonce` an order ends before its nonce is used: what may yet be paid for that stays reserved until it is
    (signing/nonces.py). `parent_id` is the parent whose child the order is: the child's end makes it due.
    `passes` is a change made on the way, in the same statement with its event: only its target and data are used.
    An end that `frees` nothing is of an order that counted against no limit: should it do so by now, it does not move.
    """

    order_id: UUID
    source: str
    target: OrderStatus
    since: datetime | str | None
    lease_token: UUID | None = None
    attempt_added: int = 0
    delay_s: float = 0.0
    keeps_lease_s: int = 0
    fields: Mapping[str, Any] = EMPTY
    data: Mapping[str, Any] = EMPTY
    seq: int | None = None
    waiting_for: str | None = None
    keeps_nonce: bool = False
    parent_id: UUID | None = None
    frees: bool = True
    passes: "Change | None" = None

    @property
    def shared(self) -> "Shared":
        """What one statement takes once for all its rows."""
        return Shared(
            self.source,
            self.target,
            self.lease_token,
            self.attempt_added,
            self.keeps_lease_s or None,
            tuple(sorted(self.fields)),
            self.waiting_for,
            self.keeps_nonce,
            self.frees,
            None if self.passes is None else self.passes.target,
        )


class Beside(NamedTuple):
    """What is written with changes, as CTEs of their statement and parameters: `moved` has the ids of what moved."""

    ctes: str
    values: Mapping[str, Any]


class Shared(NamedTuple):
    """The part of a change that a batch has in common; `columns` are those that its fields set."""

    source: str
    target: OrderStatus
    lease_token: UUID | None
    attempt_added: int
    lease_s: int | None
    columns: tuple[str, ...]
    waiting_for: str | None
    keeps_nonce: bool
    frees: bool
    passed: OrderStatus | None

    @property
    def releases(self) -> bool:
        """Whether limits may get something back."""
        return self.frees and is_terminal(self.target)


def transition(changes: Sequence[Change], beside: Beside | None = None) -> list[Event]:
    """Apply every change whose order is still where its claim left it; return the events written.

    What stands `beside` is written for these orders only. Needs a transaction where there is more than one statement.

    Must run inside the caller's transaction when it has more to say in the same breath. An order without
    an event in the answer was won by another writer: its result is dropped, which is no error. So is every result
    that would take an order whose cancel is stored towards another signature, also where the caller read it before.
    Raises: IllegalTransition for an edge outside the table, before anything is written.
    """
    return begin_transition(changes, beside)()


def begin_transition(changes: Sequence[Change], beside: Beside | None = None) -> Callable[[], list[Event]]:
    """The same for who can wait for the events: they are there when they are called for, or with COMMIT.

    Where one statement writes all of it, that goes out with the transaction's next one.
    """
    if not changes:
        return list
    groups: dict[Shared, list[Change]] = defaultdict(list)
    may_free = any(change.frees for change in changes)  # one statement for all ends that are alike
    for change in changes:
        groups[change.shared._replace(frees=may_free or not is_terminal(change.target))].append(change)
    for shared in groups:
        check_edge(shared.source, shared.target, shared.passed)
    parents = parents_of_ended(changes)
    # What an order held against limits is given back with its end, or not at all. Within a transaction this is free.
    if len(groups) == 1 and not parents and not any(shared.releases for shared in groups):
        return _begin(*groups.popitem(), beside)
    freed, charged = dict[int, tuple[int, int]](), dict[UUID, int]()
    with transaction.atomic(savepoint=False):
        if len(groups) > 1 or parents:
            lock_orders([*(change.order_id for change in changes), *parents])
        within = beside if len(groups) == 1 else None
        events = [event for shared, group in groups.items() for event in _write(shared, group, freed, charged, within)]
        if beside is not None and within is None and events:
            _write_beside(beside, events)
        if parents:
            make_due(parents)
        release(freed, charged)
    return lambda: events


def _write_beside(beside: Beside, events: Sequence[Event]) -> None:
    """The same where several statements have moved the orders."""
    moved = "moved AS MATERIALIZED (SELECT unnest(%(moved)s::uuid[]) AS id)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {moved}, {beside.ctes} SELECT FROM moved LIMIT 0",
            {"moved": id_array(event.order_id for event in events), **beside.values},
        )


def _write(
    shared: Shared,
    group: Sequence[Change],
    freed: dict[int, tuple[int, int]],
    charged: dict[UUID, int],
    beside: Beside | None,
) -> list[Event]:
    """Write one statement's rows; what ended orders held against limits is added to `freed`.

    Those whose fees are counted, and will not change any more, are added to `charged`, with their accounts.
    """
    if not shared.releases:
        return _begin(shared, group, beside)()
    rows: list[tuple[Any, ...]] = session.rows(*_statement(shared, group, beside))
    for account_id, held, has_counted_fee, order_id, *_ in rows:
        if held is not None:
            orders, value = freed.get(account_id, (0, 0))
            freed[account_id] = (orders + 1, value + int(held))
        if has_counted_fee and not shared.keeps_nonce:
            charged[order_id] = account_id
    return _events((row[3:] for row in rows), group)


def _begin(shared: Shared, group: Sequence[Change], beside: Beside | None) -> Callable[[], list[Event]]:
    answer = session.later(*_statement(shared, group, beside))
    return lambda: _events(answer.rows(), group)


def _events(rows: Iterable[Sequence[Any]], group: Sequence[Change]) -> list[Event]:
    told = {(each.order_id, each.target): each.data for change in group for each in (change.passes, change) if each}
    events = [Event.from_row(row, told[row[0], row[3]]) for row in rows]
    for event in events if logger.isEnabledFor(logging.DEBUG) else ():
        logger.debug("order %s is %s, seq %d %s", event.order_id, event.status, event.seq, event.outcome or "")
    return events


def _statement(shared: Shared, group: Sequence[Change], beside: Beside | None) -> tuple[str, dict[str, Any]]:
    """What moves a group, with its parameters."""
    rows = [
        {
            "order_id": row.order_id,
            "since": row.since,
            "seq": row.seq,
            "delay_s": row.delay_s,
            "data": row.data,
            **{column: to_json(row.fields[column]) for column in shared.columns},
            **({"passed": row.passes.data} if row.passes else {}),
        }
        for row in sorted(group, key=_by_order)
    ]
    ctes, values = ("", {}) if beside is None else (f", {beside.ctes}", beside.values)
    text = (_ending_text if shared.releases else _text)(shared.columns, ctes, shared.passed is not None)
    return text, {"rows": recordset(rows), **shared._asdict(), **values}


def _by_order(change: Change) -> int:
    """One lock order for all writers: that of ids, which are compared by these numbers."""
    return change.order_id.int


# A wait is counted from its first moment until something is signed, over all that was tried meanwhile.
_WAITING_SINCE = """CASE
                    WHEN %(waiting_for)s::text IS NOT NULL THEN coalesce(o.waiting_since, now())
                    WHEN %(target)s::varchar IN ('ROUTING', 'BUILDING') AND o.status <> 'SUBMITTED'
                    THEN o.waiting_since END"""
_IS_CALLED_BACK = """(o.cancel_requested_at IS NOT NULL AND o.status <> %(target)s::varchar
                    AND %(target)s::varchar IN ('ROUTING', 'BUILDING'))"""


@cache
def _text(columns: tuple[str, ...], ctes: str, passes: bool) -> str:
    return f"{_moved(columns, passes)}{ctes} {BOTH_WRITTEN if passes else WRITTEN}"


@cache
def _ending_text(columns: tuple[str, ...], ctes: str, passes: bool) -> str:
    """The same, and before each order's last event its account, what it held against limits, and if fees count."""
    # Both hold the same orders. Only a full join is never made by a comparison of each row with each.
    return f"""
        {_moved(columns, passes)}{ctes}, written AS ({BOTH_WRITTEN if passes else WRITTEN})
        SELECT m.account_id, m.held_value, m.counted_fee IS NOT NULL, w.*
        FROM written w FULL JOIN moved m ON m.id = w.order_id AND m.seq = w.seq ORDER BY w.id
    """


def _moved(columns: tuple[str, ...], passes: bool) -> str:
    # Orders are found by their ids, however many are due in the stage, and what they must be besides stands in a CASE:
    # one plan serves every batch, whichever number PostgreSQL expects, and it is made once for a session.
    # Column names come from COLUMN_TYPES (a KeyError otherwise), never from input.
    names = "".join(f", {column} {COLUMN_TYPES[column]}" for column in columns)
    sets = "".join(f", {column} = {_SETS.get(column, f'v.{column}')}" for column in columns)
    steps, passed_type, passed = (2, ", passed jsonb", ", v.passed") if passes else (1, "", "")
    return f"""
        WITH v AS (
            SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb)
                AS v(order_id uuid, since timestamptz, seq int, delay_s float8, data jsonb{passed_type}{names})
        ), moved AS (
            UPDATE orders_order o
            SET status = %(target)s::varchar, seq = o.seq + {steps}, attempt = o.attempt + %(attempt_added)s::int,
                due_at = now() + v.delay_s * interval '1 second',
                lease_until = now() + %(lease_s)s::int * interval '1 second',
                lease_token = CASE WHEN %(lease_s)s::int IS NULL THEN NULL ELSE o.lease_token END,
                claim_count = CASE WHEN o.parked_at IS NOT NULL THEN o.claim_count
                                   WHEN %(lease_s)s::int IS NULL THEN 0 ELSE 1 END,
                waiting_for = %(waiting_for)s::text, waiting_since = {_WAITING_SINCE},
                updated_at = clock_timestamp(){sets}
            FROM v
            WHERE o.id = ANY(ARRAY(SELECT order_id FROM v)) AND o.id = v.order_id
                AND CASE WHEN o.status = %(source)s AND (v.seq IS NULL OR o.seq = v.seq)
                              AND (%(lease_token)s::uuid IS NULL OR o.lease_token = %(lease_token)s::uuid)
                              AND (%(frees)s OR o.held_value IS NULL AND o.counted_fee IS NULL)
                         THEN NOT {_IS_CALLED_BACK} END
            RETURNING o.id, o.account_id, o.seq, o.status, o.attempt, o.outcome, o.updated_at, v.data{passed},
                      -- as the row was before this statement
                      coalesce(v.since, (SELECT b.updated_at FROM orders_order b WHERE b.id = o.id)) AS since,
                      o.held_value, o.counted_fee
        )"""
