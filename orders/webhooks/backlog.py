"""How far endpoints are behind the log: the events of the account after their place, filters aside."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from orders.models import Webhook

MOST_COUNTED = 1_000


def events_behind(webhooks: Sequence[Webhook]) -> dict[UUID, int]:
    """By the endpoints' ids, up to `MOST_COUNTED`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT w.id, (
                SELECT count(*) FROM (
                    SELECT FROM orders_orderevent e
                    WHERE e.account_id = w.account_id
                        AND (e.xid, e.id) > (w.xid, w.row_id - (w.seq IS NOT NULL)::int)
                    ORDER BY e.xid, e.id LIMIT %s
                ) AS waiting
            ) FROM orders_webhook w WHERE w.id = ANY(%s::uuid[])
            """,
            [MOST_COUNTED, [webhook.pk for webhook in webhooks]],
        )
        return dict(cursor.fetchall())
