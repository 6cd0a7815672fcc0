"""What the admin's first page shows of orders: bounded reads of indexes, whose cost does not grow with the tables.

Times are the database's. What is placed is counted by the time in the ids, newest first and up to `MOST_PLACED`;
step times come from the newest `MOST_EVENTS` events. A figure that a bound has cut says since when it counts.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from orders.admin.order_filters import FILLED, RANDOM_BITS
from orders.models.due import DUE
from orders.models.listed import FAILED_SQL
from orders.order_list.wanted import PARTIAL_OUTCOME
from orders.pipeline.claimable import NOT_LINKED
from orders.states import Stage

MOST_PLACED = 100_000
MOST_EVENTS = 10_000
MOST_DUE = 1_000
HOURS, MINUTES = 24, 60
# How each step is told, by the status that it ends with.
STEPS = {"ROUTING": "picked up", "BUILDING": "routed", "SUBMITTED": "built, signed, sent", "CONFIRMED": "confirmed"}


@dataclass(frozen=True, slots=True)
class Bin:
    """Orders placed in one minute or hour, and how many of them have ended without any fill."""

    at: datetime
    placed: int = 0
    unfilled: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """Orders placed in the last hour by minute and in the last day by hour; how those of the day have ended badly.

    `since` is set where only the newest `MOST_PLACED` orders were counted: from then on.
    """

    minutes: list[Bin]
    hours: list[Bin]
    outcomes: dict[str, int]
    placed: int
    since: datetime | None


class StepTime(NamedTuple):
    """How long a step took, of those among the newest events that are not older than an hour, in milliseconds."""

    step: str
    measured: int
    p50_ms: int
    p99_ms: int


class Queue(NamedTuple):
    """Orders that are due in a stage and that no worker holds: `MOST_DUE` means that many or more."""

    stage: str
    due: int
    oldest_s: float | None


def read_flow() -> Flow:
    """Orders by when they were placed."""
    now = _now()
    starts = _starts(now)
    bounds = [_first_id(at) for at in starts]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM orders_order WHERE id >= %s ORDER BY id DESC OFFSET %s LIMIT 1",
            [bounds[0], MOST_PLACED - 1],
        )
        oldest: UUID | None = (cursor.fetchone() or [None])[0]
        values: dict[str, Any] = {"bounds": bounds, "since": oldest or bounds[0], "most": MOST_PLACED}
        cursor.execute(
            "SELECT width_bucket(id, %(bounds)s::uuid[]), count(*) FROM ("
            "SELECT id FROM orders_order WHERE id >= %(since)s ORDER BY id DESC LIMIT %(most)s) newest GROUP BY 1",
            values,
        )
        placed = Counter(dict(cursor.fetchall()))
        cursor.execute(_UNFILLED, values)
        ended = cursor.fetchall()
    unfilled = Counter[int]()
    outcomes = Counter[str]()
    for place, outcome, count in ended:
        outcomes[outcome] += count
        if outcome != PARTIAL_OUTCOME:
            unfilled[place] += count
    bins = [Bin(at, placed[i], unfilled[i]) for i, at in enumerate(starts, start=1)]
    since = None if oldest is None else datetime.fromtimestamp((oldest.int >> RANDOM_BITS) / 1000, UTC)
    hour_ago = _minute(now) - timedelta(minutes=MINUTES - 1)
    return Flow(
        minutes=[one for one in bins if one.at >= hour_ago],
        hours=_by_hour(bins),
        outcomes=dict(outcomes.most_common()),
        placed=placed.total(),
        since=since,
    )


# From one outcome to the next by the index, and of each those alone that were placed since.
_UNFILLED = f"""
    WITH RECURSIVE outcomes AS (
        (SELECT outcome FROM orders_order WHERE {FAILED_SQL} ORDER BY outcome LIMIT 1)
        UNION ALL
        SELECT (
            SELECT o.outcome FROM orders_order o
            WHERE o.outcome <> '{FILLED}' AND o.outcome > outcomes.outcome ORDER BY o.outcome LIMIT 1
        ) FROM outcomes WHERE outcomes.outcome IS NOT NULL
    )
    SELECT width_bucket(found.id, %(bounds)s::uuid[]), outcomes.outcome, count(*)
    FROM outcomes CROSS JOIN LATERAL (
        SELECT o.id FROM orders_order o
        WHERE o.outcome <> '{FILLED}' AND o.outcome = outcomes.outcome AND o.id >= %(since)s
        ORDER BY o.id DESC LIMIT %(most)s
    ) found
    GROUP BY 1, 2"""


def read_step_times() -> list[StepTime]:
    """The steps of orders that were worked on a moment ago, in their order.

    A step counts where it has led from one status to the next; a pick-up of market orders alone, since others wait
    for what they state.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STEP_TIMES, [MOST_EVENTS])
        found = {status: (count, *middle) for status, count, middle in cursor.fetchall()}
    return [StepTime(words, *found[status]) for status, words in STEPS.items() if status in found]


_STEP_TIMES = """
    WITH newest AS (
        SELECT order_id, seq, status, took_ms, at, lag(status) OVER (PARTITION BY order_id ORDER BY seq) AS before
        FROM (SELECT * FROM orders_orderevent ORDER BY id DESC LIMIT %s) e
    )
    SELECT n.status, count(*), percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY n.took_ms)
    FROM newest n
    WHERE n.at > now() - interval '1 hour' AND (n.before, n.status) IN (
        ('PENDING', 'ROUTING'), ('ROUTING', 'BUILDING'), ('BUILDING', 'SUBMITTED'), ('SUBMITTED', 'CONFIRMED')
    ) AND (n.status <> 'ROUTING' OR n.seq = 2 AND EXISTS (
        SELECT FROM orders_order o WHERE o.id = n.order_id AND o.order_type = 'market' AND o.link_id IS NULL
    ))
    GROUP BY 1"""


def read_queues(chain_id: str) -> list[Queue]:
    """What is due on a chain now and not held by a worker, for each stage."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUES, {"chain_id": chain_id, "most": MOST_DUE})
        found = {stage: (due, oldest_s) for stage, due, oldest_s in cursor.fetchall()}
    return [Queue(stage.value, *found[stage.value]) for stage in Stage]


_QUEUES = "\nUNION ALL\n".join(
    f"""SELECT '{stage.value}', count(*), extract(epoch FROM now() - min(due_at))::float8 FROM (
        SELECT due_at FROM orders_order
        WHERE chain_id = %(chain_id)s AND {due.sql} AND due_at <= now()
            AND (lease_until IS NULL OR lease_until <= now()) AND {NOT_LINKED if stage is Stage.ROUTE else "true"}
        ORDER BY due_at LIMIT %(most)s
    ) o"""
    for stage, due in DUE.items()
)


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        now: datetime = cursor.fetchone()[0]
    return now.astimezone(UTC)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _starts(now: datetime) -> list[datetime]:
    """When bins begin: the last hours, and within the last of them minutes."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    hours = {hour - timedelta(hours=i) for i in range(HOURS)}
    return sorted(hours | {_minute(now) - timedelta(minutes=i) for i in range(MINUTES)})


def _by_hour(bins: list[Bin]) -> list[Bin]:
    placed, unfilled = Counter[datetime](), Counter[datetime]()
    for one in bins:
        hour = one.at.replace(minute=0)
        placed[hour] += one.placed
        unfilled[hour] += one.unfilled
    return [Bin(hour, placed[hour], unfilled[hour]) for hour in sorted(placed)]


def _first_id(at: datetime) -> UUID:
    """The least UUIDv7 of a moment."""
    return UUID(int=int(at.timestamp() * 1000) << RANDOM_BITS)
