"""Parks orders whose workers die again and again while their bytes may be out: rarely looked at, never failed."""

import logging
from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction

from orders.audit.record import Actor, Entry, record
from orders.database.recordset import id_array
from orders.models import Order
from orders.pipeline.claim import ClaimedOrder

logger = logging.getLogger(__name__)


def quarantine_orders(orders: Sequence[ClaimedOrder], park_s: float) -> None:
    """Set the orders' next look far off before this one begins, so that a crash now costs no more than one worker."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE orders_order o
            SET parked_at = coalesce(o.parked_at, now()), due_at = now() + %s * interval '1 second'
            FROM (SELECT id, parked_at FROM orders_order WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE) was
            WHERE o.id = was.id RETURNING o.id, was.parked_at IS NULL
            """,
            [park_s, id_array(order.id for order in orders)],
        )
        for order_id, is_new in cursor.fetchall():
            if is_new:
                logger.critical("order %s is parked: its workers die; its bytes may be on the chain", order_id)


def release_orders_from_quarantine(order_ids: Sequence[UUID], *, actor: Actor) -> int:
    """Look at parked orders as at any other again, from now on; how many there were. One that has ended stays."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE orders_order o SET parked_at = NULL, claim_count = 0, due_at = now()
                FROM (
                    SELECT id FROM orders_order
                    WHERE id = ANY(%s::uuid[]) AND parked_at IS NOT NULL AND outcome IS NULL ORDER BY id FOR UPDATE
                ) parked
                WHERE o.id = parked.id RETURNING o.id, o.status, o.account_id
                """,
                [id_array(order_ids)],
            )
            rows = sorted(cursor.fetchall())
        record(actor, [Entry("order.unpark", f"order:{row[0]}", "parked", *row[1:]) for row in rows])
    return len(rows)


def quarantined_orders() -> list[Order]:
    """Those that wait for an operator, oldest first."""
    return list(Order.objects.filter(parked_at__isnull=False, outcome__isnull=True).order_by("parked_at"))
