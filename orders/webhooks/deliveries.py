"""The log of deliveries: what its owner reads of it, and how it stays small."""

from uuid import UUID

from django.db import connection

from orders.models import WebhookDelivery

KEPT_DAYS = 7
FORGOTTEN_AT_ONCE = 5_000


def newest_deliveries(webhook_id: UUID, before: int | None, limit: int) -> list[WebhookDelivery]:
    """The newest attempts at an endpoint, or those before one."""
    rows = WebhookDelivery.objects.filter(webhook_id=webhook_id)
    return list((rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")[:limit])


def forget_old() -> bool:
    """Take the oldest attempts out of the log; whether there may be more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM orders_webhookdelivery WHERE id IN ("
            "SELECT id FROM orders_webhookdelivery ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
            ") AND at < now() - %s * interval '1 day'",
            [FORGOTTEN_AT_ONCE, KEPT_DAYS],
        )
        return bool(cursor.rowcount == FORGOTTEN_AT_ONCE)
