"""How far endpoints are behind the log: the events of the account after their place, filters aside."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from orders.models import Webhook
from orders.webhooks.claims import PLACE

MOST_COUNTED = 1_000
# A message that is due for so long waits for a process to run.
OVERDUE = "interval '60 seconds'"


def events_behind(webhooks: Sequence[Webhook]) -> dict[UUID, int]:
    """By the endpoints' ids, up to `MOST_COUNTED`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT w.id, (
                SELECT count(*) FROM (
                    SELECT FROM orders_orderevent e
                    WHERE e.account_id = w.account_id
                        AND (e.xid, e.id) > {PLACE}
                    ORDER BY e.xid, e.id LIMIT %s
                ) AS waiting
            ) FROM orders_webhook w WHERE w.id = ANY(%s::uuid[])
            """,
            [MOST_COUNTED, [webhook.pk for webhook in webhooks]],
        )
        return dict(cursor.fetchall())


class Summary(NamedTuple):
    """How the endpoints of all accounts stand; those that are `overdue` no process serves."""

    enabled: int
    failing: int
    disabled: int
    overdue: int


def summary() -> Summary:
    """For the operator."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(*) FILTER (WHERE w.disabled_at IS NULL),
                count(*) FILTER (WHERE w.disabled_at IS NULL AND w.attempt > 0),
                count(*) FILTER (WHERE w.disabled_at IS NOT NULL),
                count(*) FILTER (WHERE w.disabled_at IS NULL
                    AND greatest(w.due_at, coalesce(w.lease_until, w.due_at)) < now() - {OVERDUE} AND EXISTS (
                        SELECT FROM orders_orderevent e
                        WHERE e.account_id = w.account_id AND (e.xid, e.id) > {PLACE} AND e.at < now() - {OVERDUE}
                    ))
            FROM orders_webhook w
            """
        )
        return Summary(*cursor.fetchone())
