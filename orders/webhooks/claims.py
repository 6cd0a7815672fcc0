"""Which endpoints a process delivers to: rows under a lease, so that several processes share them.

An endpoint is claimed where a message is due: one that was asked for, or an event after its place in the log while no
retry waits for its time; or where its place lies ahead of the log, as after a restore into another cluster. Who claims
it holds its lease, and renews it with each message; another process takes over where the lease has run out, from the
place that is stored.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection
from uuid_utils.compat import uuid7

from orders.event_log.cursor import WHOLE, Position
from orders.inputs.event_filter import StreamFilter, stored_filter

# Longer than one message takes: an attempt, and the statement that settles it.
LEASE_S = 20
# Messages of an endpoint that wait to be sent out of turn.
MOST_REQUESTS = 16
LEASE = f"interval '{LEASE_S} seconds'"

# The place as the log is read by: after the row, or before it where the row brings others along.
PLACE = "(w.xid, w.row_id - (w.seq IS NOT NULL)::int)"
_DUE = f"""
    SELECT w.id, w.due_at <= now() AS is_due
    FROM orders_webhook w
    WHERE w.disabled_at IS NULL AND (w.lease_until IS NULL OR w.lease_until <= now())
        AND (w.requests <> '[]'::jsonb OR (w.due_at <= now() AND (
            EXISTS (
                SELECT FROM orders_orderevent e
                WHERE e.account_id = w.account_id AND (e.xid, e.id) > {PLACE}
                    AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
            ) OR EXISTS (
                SELECT FROM orders_archivedevents a
                WHERE a.account_id = w.account_id AND (a.xid, a.event_id) > {PLACE}
            ) OR w.xid > pg_snapshot_xmin(pg_current_snapshot())
        )))
"""
# Those that have failed before take the room that the others leave, up to a number of their own.
_CLAIM = f"""
    WITH sound AS MATERIALIZED (
        {_DUE} AND w.attempt = 0
        ORDER BY w.due_at, w.id LIMIT %(most)s::int FOR UPDATE OF w SKIP LOCKED
    ), failing AS MATERIALIZED (
        {_DUE} AND w.attempt > 0
        ORDER BY w.due_at, w.id LIMIT least(%(most_failing)s::int, %(most)s::int - (SELECT count(*) FROM sound))
        FOR UPDATE OF w SKIP LOCKED
    ), due AS (SELECT * FROM sound UNION ALL SELECT * FROM failing)
    UPDATE orders_webhook w SET lease_until = now() + {LEASE}, lease_token = %(token)s
    FROM due WHERE w.id = due.id
    RETURNING w.id, w.account_id, w.url, w.statuses, w.pair, w.tag, w.secret,
        w.previous::text, w.xid::text::bigint, w.row_id, w.seq, w.epoch,
        w.attempt, w.requests::text, w.version, due.is_due, now()
"""


class Endpoint(NamedTuple):
    """An endpoint as it was claimed, under the lease `token`; secrets are encrypted."""

    id: UUID
    account_id: int
    url: str
    filter: StreamFilter
    secrets: Sequence[str]
    position: Position
    epoch: str
    attempt: int
    requests: Sequence[dict[str, Any]]
    version: int
    is_due: bool
    claimed_at: datetime
    token: UUID


def claim(most: int, *, most_failing: int) -> list[Endpoint]:
    """Some endpoints with a message that is due; those with a failed attempt come last, up to a number of their own."""
    token = uuid7()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"most": most, "most_failing": most_failing, "token": token})
        return [_endpoint(row, token) for row in cursor.fetchall()]


def release(endpoint: Endpoint) -> None:
    """Let go of an endpoint, unless another process holds it by now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_webhook SET lease_until = NULL, lease_token = NULL WHERE id = %s AND lease_token = %s",
            [endpoint.id, endpoint.token],
        )


def accounts_with_endpoints() -> frozenset[int]:
    """Whose events are delivered at all."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT account_id FROM orders_webhook WHERE disabled_at IS NULL")
        return frozenset(account_id for (account_id,) in cursor.fetchall())


def valid_secrets(previous: Sequence[dict[str, str]], at: datetime) -> list[dict[str, str]]:
    """Secrets of before that still sign."""
    return [one for one in previous if datetime.fromisoformat(one["until"]) > at]


def _endpoint(row: Sequence[Any], token: UUID) -> Endpoint:
    (webhook_id, account_id, url, statuses, pair, tag, secret, previous, xid, row_id, seq, epoch, attempt, requests,
     version, is_due, at) = row  # fmt: skip
    return Endpoint(
        webhook_id,
        account_id,
        url,
        stored_filter(statuses, pair, tag),
        [secret, *(one["secret"] for one in valid_secrets(orjson.loads(previous), at))],
        Position(xid, row_id, WHOLE if seq is None else seq),
        epoch,
        attempt,
        orjson.loads(requests),
        version,
        is_due,
        at,
        token,
    )
