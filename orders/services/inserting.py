"""The rows of new orders, and the one statement that inserts them with their first events."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models.base import ModelState

from orders.database.recordset import recordset, to_json
from orders.database.rows import Condition
from orders.database.session import session
from orders.models import Account, ApiKey, Order, new_id
from orders.models.waiting import NEVER_DUE, trigger_columns
from orders.order_types import parent_columns, trigger_of, waits
from orders.states import OrderStatus
from orders.terms import NewOrder


class Inserted(NamedTuple):
    """What an insert left: when each order was created, by id, and by which transaction."""

    created_at: dict[Any, Any]
    xid: str


# A fresh row by column, as the insert leaves it.
_FRESH: dict[str, Any] = dict.fromkeys(field.attname for field in Order._meta.concrete_fields) | {
    "status": OrderStatus.PENDING,
    "attempt": 1,
    "seq": 1,
    "claim_count": 0,
    "is_parent": False,
}


def unsaved_order(account: Account, new: NewOrder, key: ApiKey | None = None) -> Order:
    """The row that a new order becomes which a key places, if any."""
    row = _FRESH | {
        "id": new_id(),
        "account_id": account.id,
        "client_order_id": new.client_order_id,
        "request_hash": new.stated or new.fingerprint(),
        "chain_id": new.chain_id,
        "order_type": new.order_type,
        "side": new.side,
        "token_in": new.token_in,
        "token_out": new.token_out,
        "decimals_in": new.decimals_in,
        "decimals_out": new.decimals_out,
        "amount": new.amount,
        "expires_at": new.expires_at,
        "terms": new.terms,
        "native_token": new.native and new.native.symbol,
        "native_decimals": new.native_decimals,
        "placed_key": key and key.prefix,
        **_first_wait(new),
        **parent_columns(new.order_type, new),
    }
    # As from the database: the constructor would ask every field for its default, which costs ten times as much.
    order = Order.__new__(Order)
    order._state = ModelState()
    order._state.adding = False
    order.__dict__ |= row
    return order


_INSERTED: dict[str, str] = {
    "id": "uuid",
    "account_id": "bigint",
    "client_order_id": "text",
    "request_hash": "bytea",
    "chain_id": "text",
    "order_type": "text",
    "side": "text",
    "token_in": "text",
    "token_out": "text",
    "decimals_in": "smallint",
    "decimals_out": "smallint",
    "amount": "numeric",
    "expires_at": "timestamptz",
    "terms": "jsonb",
    "native_token": "text",
    "native_decimals": "smallint",
    "held_value": "numeric",
    "counted_fee": "numeric",
    "counted_day": "date",
    "counted_key": "text",
    "placed_key": "text",
    "due_at": "timestamptz",
}
# Columns of orders that wait for the market, are executed by children or are linked; of others they are null.
_MORE: dict[str, str] = {
    "waiting_for": "text",
    "trigger_kind": "text",
    "trigger_at_price": "numeric",
    "is_parent": "boolean",
    "allotted": "numeric",
    "slices_done": "int",
    "filled_amount_in": "numeric",
    "filled_amount_out": "numeric",
    "link_id": "uuid",
    "link": "text",
    "link_rank": "smallint",
}
# Set in each of these.
_MARKS = ("waiting_for", "trigger_kind", "allotted", "link_id")


def _first_wait(new: NewOrder) -> dict[str, Any]:
    """When the order is looked at first, be it for its end (None: at once), and what the market has to bring before."""
    trigger = trigger_of(new.order_type, new)
    if trigger is not None:
        columns = trigger_columns(trigger.kind, trigger.price)
        return {"due_at": new.expires_at or NEVER_DUE, "waiting_for": trigger.waiting_for, **columns}
    wait = waits(new.order_type, new, datetime.now(UTC))
    if wait is None:
        return {"due_at": None}
    return {"due_at": wait.until if new.expires_at is None else min(wait.until, new.expires_at)}


def insert_orders(account: Account, orders: Sequence[Order], holds: Condition, *, is_counted: bool) -> Inserted | None:
    """Insert those whose client_order_id is new, also among archived orders.

    None, and nothing inserted, when the account's orders are counted and the caller thought they are not, or `holds` is
    not true. The lock on its row is the one that the foreign key takes anyway.
    """
    # Most requests have plain orders alone, whose rows and statement are a third shorter.
    has_more = any(order.__dict__[column] is not None for order in orders for column in _MARKS)
    named = _INSERTED | _MORE if has_more else _INSERTED
    columns = ", ".join(named)
    values = columns.replace("due_at", "coalesce(due_at, now())")
    waiting_since = "CASE WHEN waiting_for IS NOT NULL THEN now() END" if has_more else "NULL"
    typed = ", ".join(f"{column} {sql_type}" for column, sql_type in named.items())
    rows = [_row(order, named) for order in orders]
    # With the BEGIN before it in one round trip.
    rows_back = session.rows(
        f"""
        WITH a AS MATERIALIZED (
            SELECT id AS checked FROM orders_account WHERE id = %s AND is_counted = %s AND {holds.sql}
            FOR KEY SHARE
        ), placed AS (
            INSERT INTO orders_order ({columns}, status, attempt, seq, claim_count, waiting_since)
            SELECT {values}, 'PENDING', 1, 1, 0, {waiting_since}
            FROM a, jsonb_to_recordset(%s::jsonb) AS v({typed})
            -- As a value and not as EXISTS, of which a plan may read the whole table.
            WHERE client_order_id IS NULL OR (
                SELECT true FROM orders_archivedorder x
                WHERE x.client_order_id = v.client_order_id AND x.account_id = a.checked) IS NULL
            ON CONFLICT (account_id, client_order_id) WHERE client_order_id IS NOT NULL DO NOTHING
            RETURNING id, account_id, created_at
        ), first_event AS (
            INSERT INTO orders_orderevent (order_id, account_id, seq, status, attempt, at, took_ms, data)
            SELECT id, account_id, 1, 'PENDING', 1, created_at, 0, '{{}}' FROM placed
        )
        SELECT id, created_at, pg_current_xact_id_if_assigned()::text FROM a LEFT JOIN placed ON true
        """,
        [account.id, is_counted, *holds.parameters, recordset(rows)],
    )
    if not rows_back:
        return None
    created_at = {order_id: at for order_id, at, _ in rows_back if order_id is not None}
    return Inserted(created_at, rows_back[0][2] or "")


def _row(order: Order, named: Iterable[str]) -> dict[str, Any]:
    values = order.__dict__
    return {column: values[column] for column in named} | {
        "request_hash": to_json(order.request_hash),
        "amount": str(order.amount),
        "terms": order.terms.to_json(),
        "held_value": to_json(order.held_value),
        "counted_fee": to_json(order.counted_fee),
        **({"trigger_at_price": to_json(order.trigger_at_price)} if order.trigger_at_price is not None else {}),
    }
