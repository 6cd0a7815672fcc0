"""An account's newest orders that have ended: one statement over a bounded number of rows."""

from datetime import datetime
from decimal import Decimal

import orjson
from django.db import connection

from orders.models import Account
from orders.models.listed import FAILED_SQL, FILLED_SQL
from orders.plan import SwapPlan
from orders.presentation.recent import Ended, Recent

MOST = 200
_NEWEST = " UNION ALL ".join(
    f"(SELECT id, created_at FROM orders_order WHERE account_id = %(account)s AND {part}"
    " ORDER BY created_at DESC, id DESC LIMIT %(most)s)"
    for part in (FILLED_SQL, FAILED_SQL)
)
# The first BUILDING event of an order tells how long its route was looked for.
_RECENT = f"""
    WITH newest AS MATERIALIZED (
        SELECT id, created_at FROM ({_NEWEST}) AS parts ORDER BY created_at DESC, id DESC LIMIT %(most)s)
    SELECT o.outcome, o.side, o.order_type = 'market' AND o.parent_id IS NULL AND o.link_id IS NULL, o.created_at,
           greatest(0, extract(epoch FROM o.updated_at - o.created_at) * 1000)::bigint,
           CASE WHEN o.side = 'exact_in' THEN o.quoted_amount_out ELSE o.quoted_amount_in END,
           CASE WHEN o.side = 'exact_in' THEN o.amount_out ELSE o.amount_in END,
           (SELECT e.took_ms FROM orders_orderevent e
            WHERE e.order_id = o.id AND e.status = 'BUILDING' ORDER BY e.seq LIMIT 1),
           o.route
    FROM newest JOIN orders_order o ON o.id = newest.id
    WHERE NOT o.is_parent ORDER BY o.created_at DESC, o.id DESC
"""


def recent_orders(account: Account) -> Recent:
    """How the account's newest orders went. Archived ones are not among them."""
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, {"account": account.pk, "most": MOST})
        rows = cursor.fetchall()
    return Recent([_ended(*row) for row in rows])


def _ended(
    outcome: str,
    side: str,
    is_immediate: bool,
    created_at: datetime,
    took_ms: int,
    quoted: Decimal | None,
    executed: Decimal | None,
    quote_ms: int | None,
    route: str | None,
) -> Ended:
    return Ended(
        outcome=outcome,
        side=side,
        is_immediate=is_immediate,
        created_at=created_at,
        took_ms=took_ms,
        venues=frozenset() if route is None else SwapPlan.from_json(orjson.loads(route), side).venues,
        quote_ms=quote_ms,
        quoted=None if quoted is None else int(quoted),
        executed=None if executed is None else int(executed),
    )
