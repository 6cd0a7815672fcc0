"""SQL that appends the events of orders which the same statement has moved: its CTE `moved` has them."""

from orders.event_log.event import EVENT_COLUMNS

_COLUMNS = "order_id, account_id, seq, status, attempt, outcome, at, took_ms, data"
_TOOK_MS = "greatest(0, extract(epoch FROM updated_at - since) * 1000)::int"

WRITTEN = f"""
        INSERT INTO orders_orderevent ({_COLUMNS})
        SELECT id, account_id, seq, status, attempt, outcome, updated_at,
               {_TOOK_MS}, data
        FROM moved
        RETURNING {EVENT_COLUMNS}
    """
# Of orders that have passed a status on their way: two each, in the sequence of their numbers, by which ids grow too.
BOTH_WRITTEN = f"""
        INSERT INTO orders_orderevent ({_COLUMNS})
        SELECT id, account_id, seq - 1 AS number, %(passed)s::varchar, attempt, NULL, updated_at,
               {_TOOK_MS}, passed
        FROM moved
        UNION ALL
        SELECT id, account_id, seq, status, attempt, outcome, updated_at, 0, data
        FROM moved
        ORDER BY number
        RETURNING {EVENT_COLUMNS}
    """
