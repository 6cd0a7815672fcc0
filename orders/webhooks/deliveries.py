"""The log of deliveries: what its owner reads of it, and how it stays small."""

from uuid import UUID

from django.db import connection

from orders.models import WebhookDelivery

# What is kept: no attempt for longer, and of each endpoint no more than so many.
KEPT_DAYS = 7
KEPT_EACH = 10_000
# Of one statement.
FORGOTTEN_AT_ONCE = 5_000
_FORGET_OLD = """
    DELETE FROM orders_webhookdelivery WHERE id IN (
        SELECT id FROM orders_webhookdelivery ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
    ) AND at < now() - %s * interval '1 day'
"""
_FORGET_MANY = """
    DELETE FROM orders_webhookdelivery WHERE id IN (
        SELECT many.id FROM orders_webhook w CROSS JOIN LATERAL (
            SELECT d.id FROM orders_webhookdelivery d
            WHERE d.webhook_id = w.id AND d.id <= (
                SELECT last.id FROM orders_webhookdelivery last WHERE last.webhook_id = w.id
                ORDER BY last.id DESC OFFSET %s LIMIT 1
            ) LIMIT %s
        ) AS many LIMIT %s
    )
"""


def newest_deliveries(webhook_id: UUID, before: int | None, limit: int) -> list[WebhookDelivery]:
    """The newest attempts at an endpoint, or those before one."""
    rows = WebhookDelivery.objects.filter(webhook_id=webhook_id)
    return list((rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")[:limit])


def forget_old() -> bool:
    """Take the oldest attempts out of the log, and those beyond what is kept of one endpoint; whether more are left."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_OLD, [FORGOTTEN_AT_ONCE, KEPT_DAYS])
        old = cursor.rowcount
        cursor.execute(_FORGET_MANY, [KEPT_EACH, FORGOTTEN_AT_ONCE, FORGOTTEN_AT_ONCE])
        return FORGOTTEN_AT_ONCE in {old, cursor.rowcount}
