"""Linked orders decide on each other: of those of one rank one executes; the next rank is placed when it has filled.

No stage claims a linked order that is PENDING: it leaves PENDING here alone, where the rows of its whole group are
locked. A group of which others hold a row is passed over, since they leave it due: each writer that changes a linked
order that waits, or ends one, makes it due at once. So nothing waits for a lock, and a group that a dead process left
half-way is found again by its rows.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import NamedTuple
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection, transaction

from orders.database.recordset import id_array
from orders.event_log.event import Event
from orders.models import Order
from orders.models.waiting import trigger_columns
from orders.notify.push import push_events
from orders.notify.wake import wake, wake_trigger_pass
from orders.order_types import waits
from orders.pipeline.claimable import NOT_PAUSED, READABLE
from orders.pipeline.life.arming import SIBLING, arm
from orders.pipeline.life.cancelling import ended
from orders.pipeline.transition import Change, transition
from orders.problems import Problem
from orders.states import LIVE, OrderStatus, Stage

BATCH = 100
# Between two looks at a group of which an order executes.
POLL_S = 2.0
# A group that changes again by its own change, such as one that is armed and due at once.
MOST_ROUNDS = 4
# Of one request, at once; maintenance sees to more. And how long that goes on in one look.
MOST_AT_ONCE = 20
RUN_S = 2.0

_NEVER = "'9000-01-01 00:00:00+00'::timestamptz"
_DUE = (
    f"chain_id = %(chain_id)s AND link_id IS NOT NULL AND due_at < {_NEVER}"
    " AND NOT (status IN ('ROUTING', 'BUILDING', 'SUBMITTED')) AND due_at <= now()"
)
# For a statement of others, which costs nothing where no order is linked.
IS_DUE = f"EXISTS (SELECT FROM orders_order WHERE {_DUE})"
_FACTS = f"""
    SELECT id, due_at <= now(), coalesce(expires_at <= now(), false), {READABLE}, {NOT_PAUSED}
    FROM orders_order WHERE link_id = %s
"""


class Facts(NamedTuple):
    """What the database's clock and the pauses say of an order of the group."""

    is_due: bool
    is_expired: bool
    is_readable: bool
    is_free: bool


def settle_due(chain_id: str) -> None:
    """Settle the groups of a chain of which an order is due, or has ended."""
    ends_at = time.monotonic() + RUN_S
    while found := _due_groups(chain_id):
        settle_links(found)
        if len(found) < BATCH or time.monotonic() >= ends_at:
            return


def _due_groups(chain_id: str) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT link_id FROM"
            f" (SELECT link_id FROM orders_order WHERE {_DUE} ORDER BY due_at LIMIT {BATCH}) AS found",
            {"chain_id": chain_id},
        )
        return [link_id for (link_id,) in cursor.fetchall()]


def settle_soon(link_ids: Iterable[UUID]) -> None:
    """The same for who has stored something else: where the database is lost now, maintenance does it. Never raises."""
    with suppress(DatabaseError):
        settle_links(islice(link_ids, MOST_AT_ONCE))


def settle_links(link_ids: Iterable[UUID]) -> None:
    """Bring groups to where their orders stand: choose, hold back, arm and cancel. Call outside of a transaction."""
    for link_id in link_ids:
        for _ in range(MOST_ROUNDS):
            with transaction.atomic():
                events = _settle(link_id)
            push_events(events)
            if not events:
                break
            wake(Stage.ROUTE)
            wake_trigger_pass()


def _settle(link_id: UUID) -> list[Event]:
    rows = list(Order.objects.select_for_update(no_key=True, skip_locked=True).filter(link_id=link_id).order_by("pk"))
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, [link_id])
        facts = {order_id: Facts(*told) for order_id, *told in cursor.fetchall()}
    if len(rows) != len(facts):
        return []
    changes = _decide(rows, facts)
    events = transition(changes)
    _look_later(rows, facts, {change.order_id for change in changes})
    return events


def _look_later(rows: Sequence[Order], facts: Mapping[UUID, Facts], changed: set[UUID]) -> None:
    """What has ended is known to its group now; what was due and stays as it is, is looked at again."""
    waiting = [row.id for row in rows if row.status == OrderStatus.PENDING and facts[row.id].is_due]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE orders_order SET due_at = {_NEVER} WHERE link_id = %s AND outcome IS NOT NULL"
            f" AND due_at < {_NEVER}",
            [rows[0].link_id],
        )
        cursor.execute(
            "UPDATE orders_order SET due_at = now() + %s * interval '1 second'"
            " WHERE id = ANY(%s::uuid[]) AND outcome IS NULL AND status = 'PENDING'",
            [POLL_S, id_array(one for one in waiting if one not in changed)],
        )


def _decide(rows: Sequence[Order], facts: Mapping[UUID, Facts]) -> list[Change]:
    """The changes of a group whose rows are locked, rank by rank, as far as it is decided."""
    changes: list[Change] = []
    has_lost: Order | None = None
    ordered = sorted(rows, key=lambda row: (row.link_rank or 0, row.id))
    for _, group in groupby(ordered, key=lambda row: row.link_rank):
        members = list(group)
        waiting = [row for row in members if row.status == OrderStatus.PENDING]
        filled = [row for row in members if row.status == OrderStatus.CONFIRMED]
        active = [row for row in members if row.status in LIVE and row.status != OrderStatus.PENDING]
        if has_lost is not None:
            changes += [_cancelled(row, has_lost, "the order before it ended without a fill") for row in waiting]
        elif filled:
            changes += [_cancelled(row, filled[0], "an order that it is linked with has filled") for row in waiting]
        elif active:
            changes += [
                _expired(row) if facts[row.id].is_expired else _held_back(row, active[0])
                for row in waiting
                if facts[row.id].is_expired or row.waiting_for != SIBLING
            ]
            return changes + _expired_later(ordered, members, facts)
        else:
            changes += [_expired(row) for row in waiting if facts[row.id].is_expired]
            left = [row for row in waiting if not facts[row.id].is_expired]
            if left:
                return changes + _chosen(left, facts) + _expired_later(ordered, members, facts)
            has_lost = members[-1]
    return changes


def _expired_later(rows: Sequence[Order], members: Sequence[Order], facts: Mapping[UUID, Facts]) -> list[Change]:
    """The ends of those of later ranks whose own time is up before they are placed."""
    rank = members[0].link_rank or 0
    return [
        _expired(row)
        for row in rows
        if (row.link_rank or 0) > rank and row.status == OrderStatus.PENDING and facts[row.id].is_expired
    ]


def _chosen(left: Sequence[Order], facts: Mapping[UUID, Facts]) -> list[Change]:
    """Of orders of which none executes: the first that is due does, and the others wait for it; else all are armed."""
    now = datetime.now(UTC)
    due = [
        row
        for row in left
        if row.waiting_for != SIBLING
        and facts[row.id].is_due
        and facts[row.id].is_readable
        and facts[row.id].is_free
        and row.trigger_kind in (None, "limit")
        and waits(row.order_type, row, now) is None
    ]
    if not due:
        return [_armed(row) for row in left if row.waiting_for == SIBLING and facts[row.id].is_readable]
    first = min(due, key=lambda row: (row.due_at, row.id))
    return [
        _change(row, OrderStatus.ROUTING) if row is first else _held_back(row, first)
        for row in left
        if row is first or row.waiting_for != SIBLING
    ]


def _change(row: Order, target: OrderStatus) -> Change:
    return Change(row.id, row.status, target, row.updated_at, seq=row.seq)


def _held_back(row: Order, active: Order) -> Change:
    data = {"waiting_for": SIBLING, "sibling": str(active.id)}
    change = _change(row, OrderStatus.PENDING)._replace(data=data, fields=trigger_columns(None), delay_s=POLL_S)
    return change._replace(waiting_for=SIBLING)


def _armed(row: Order) -> Change:
    armed = arm(row)
    data = {"armed": True, "waiting_for": armed.waiting_for}
    change = _change(row, OrderStatus.PENDING)._replace(data=data, fields=armed.columns, delay_s=armed.delay_s)
    return change._replace(waiting_for=armed.waiting_for)


def _cancelled(row: Order, other: Order, words: str) -> Change:
    return ended(row, Problem("cancelled", f"cancelled: {words}: {other.id}"), {"sibling": str(other.id)})


def _expired(row: Order) -> Change:
    at = row.expires_at.astimezone(UTC) if row.expires_at else datetime.now(UTC)
    return ended(row, Problem("expired", f"the order expired at {at:%Y-%m-%d %H:%M:%S} UTC before it was executed"))
