"""Stores orders: all that were accepted and their first events commit together or not at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection, transaction

from orders.models import Account, ApiKey, Order, new_id
from orders.problems import Problem
from orders.recordset import recordset, to_json
from orders.services.limits import Worth, admit, count, lock_room, worth
from orders.states import OrderStatus
from orders.terms import Refused, Terms


@dataclass(frozen=True, slots=True)
class Placed:
    """An accepted order; `is_replay` when its client_order_id had brought the same terms before.

    `xid` is the transaction that inserts it, by which its fate can be learnt when the answer to COMMIT is lost.
    """

    order: Order
    is_replay: bool
    xid: str = ""


class Inserted(NamedTuple):
    """What an insert left: when each order was created, by id, and by which transaction."""

    created_at: dict[Any, Any]
    xid: str


def place_orders(
    account: Account, items: Sequence[Terms | Refused], *, key: ApiKey | None = None
) -> list[Placed | Problem]:
    """Insert PENDING orders with event 1 each, in one statement; one answer per item, in order.

    A client_order_id that exists with the same terms gives the existing order, with other terms a problem, whatever
    would be made of the terms today. Where the account or the key has limits, an order that does not fit is refused
    with `limit_exceeded`.
    """
    placed = iter(_place(account, [item for item in items if isinstance(item, Terms)], key))
    refused = [item for item in items if isinstance(item, Refused)]
    known = _existing(account, (item.client_order_id for item in refused))
    return [next(placed) if isinstance(item, Terms) else _answer_refused(item, known) for item in items]


def _place(account: Account, terms: Sequence[Terms], key: ApiKey | None) -> list[Placed | Problem]:
    orders = [unsaved_order(account, item) for item in terms]
    if not orders:
        return []
    has_day_limit = key is not None and key.max_day_value is not None
    inserted = None if has_day_limit else _insert(account, orders, is_counted=False)
    refused: dict[Any, Problem] = {}
    if inserted is None:
        with transaction.atomic(savepoint=False):
            inserted, refused = _insert_within_limits(account, key, orders, [worth(item) for item in terms])
    created = inserted.created_at
    for order in orders:
        if order.id in created:
            order.created_at = order.updated_at = order.due_at = created[order.id]
    left = [order for order in orders if order.id not in created and order.id not in refused]
    existing = _existing(account, (order.client_order_id for order in left))
    return [
        refused.get(order.id) or _placed(order, item, inserted, existing)
        for order, item in zip(orders, terms, strict=True)
    ]


def _placed(order: Order, terms: Terms, inserted: Inserted, existing: dict[str | None, Order]) -> Placed | Problem:
    if order.id in inserted.created_at:
        return Placed(order, is_replay=False, xid=inserted.xid)
    assert order.client_order_id is not None  # nothing else can conflict
    # Orders of earlier versions keep the hash of their terms as they were accepted.
    return _first(existing[order.client_order_id], {bytes(order.request_hash), terms.fingerprint()})


def _answer_refused(item: Refused, known: dict[str | None, Order]) -> Placed | Problem:
    """The refusal, unless the order was accepted before it would have been refused."""
    first = known.get(item.client_order_id) if item.client_order_id else None
    return item.problem if first is None else _first(first, {item.stated})


def _first(first: Order, hashes: set[bytes]) -> Placed | Problem:
    if bytes(first.request_hash) in hashes:
        return Placed(first, is_replay=True)
    return Problem(
        "client_order_id_reused",
        f"client_order_id {first.client_order_id} was used for other terms at {first.created_at:%Y-%m-%d %H:%M:%S} UTC",
        facts={"order_id": str(first.id)},
    )


def _insert_within_limits(
    account: Account, key: ApiKey | None, orders: Sequence[Order], worths: Sequence[Worth]
) -> tuple[Inserted, dict[Any, Problem]]:
    """Insert those that fit under limits, and count them; what was inserted, and what was refused, by id."""
    room = lock_room(account, key)
    known = _existing(account, (order.client_order_id for order in orders))
    new = [(o, item) for o, item in zip(orders, worths, strict=True) if o.client_order_id not in known]
    verdicts = admit(room, [item for _, item in new])
    refused = {o.id: verdict for (o, _), verdict in zip(new, verdicts, strict=True) if verdict is not None}
    fitting = {o.id: item.value for o, item in new if o.id not in refused}
    for order in orders:
        order.held_value = fitting.get(order.id) if room.is_counted else None
    inserted = _insert(account, [o for o in orders if o.id in fitting], is_counted=room.is_counted)
    assert inserted is not None  # the row is locked
    count(account, key, room, [fitting[order_id] for order_id in inserted.created_at])
    return inserted, refused


# A fresh row by column, as the insert leaves it.
_FRESH: dict[str, Any] = dict.fromkeys(field.attname for field in Order._meta.concrete_fields) | {
    "status": OrderStatus.PENDING,
    "attempt": 1,
    "seq": 1,
    "claim_count": 0,
}


def unsaved_order(account: Account, terms: Terms) -> Order:
    """The row that accepted terms become."""
    row = _FRESH | {
        "id": new_id(),
        "account_id": account.id,
        "client_order_id": terms.client_order_id,
        "request_hash": terms.stated or terms.fingerprint(),
        "chain_id": terms.chain_id,
        "order_type": terms.order_type,
        "side": terms.side,
        "token_in": terms.token_in,
        "token_out": terms.token_out,
        "decimals_in": terms.decimals_in,
        "decimals_out": terms.decimals_out,
        "amount": terms.amount,
        "expires_at": terms.expires_at,
        "terms": dict(terms.extra),
    }
    # As from the database: the constructor would ask every field for its default, which costs four times as much.
    return Order.from_db(None, list(row), list(row.values()))


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
    "held_value": "numeric",
}


def _insert(account: Account, orders: Sequence[Order], *, is_counted: bool) -> Inserted | None:
    """Insert those whose client_order_id is new.

    None, and nothing inserted, when the account's orders are counted and the caller thought they are not. The lock on
    its row is the one that the foreign key takes anyway.
    """
    columns = ", ".join(_INSERTED)
    typed = ", ".join(f"{column} {sql_type}" for column, sql_type in _INSERTED.items())
    rows = [{column: to_json(getattr(order, column)) for column in _INSERTED} for order in orders]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH a AS MATERIALIZED (
                SELECT id AS checked FROM orders_account WHERE id = %s AND is_counted = %s FOR KEY SHARE
            ), placed AS (
                INSERT INTO orders_order ({columns}, status, attempt, seq, claim_count)
                SELECT v.*, 'PENDING', 1, 1, 0 FROM a, jsonb_to_recordset(%s::jsonb) AS v({typed})
                ON CONFLICT (account_id, client_order_id) WHERE client_order_id IS NOT NULL DO NOTHING
                RETURNING id, account_id, created_at
            ), first_event AS (
                INSERT INTO orders_orderevent (order_id, account_id, seq, status, attempt, at, took_ms, data)
                SELECT id, account_id, 1, 'PENDING', 1, created_at, 0, '{{}}' FROM placed
            )
            SELECT id, created_at, pg_current_xact_id_if_assigned()::text FROM a LEFT JOIN placed ON true
            """,
            [account.id, is_counted, recordset(rows)],
        )
        rows_back = cursor.fetchall()
    if not rows_back:
        return None
    created_at = {order_id: at for order_id, at, _ in rows_back if order_id is not None}
    return Inserted(created_at, rows_back[0][2] or "")


def _existing(account: Account, client_order_ids: Iterable[str | None]) -> dict[str | None, Order]:
    wanted = [client_order_id for client_order_id in client_order_ids if client_order_id]
    if not wanted:
        return {}
    found = Order.objects.filter(account=account, client_order_id__in=wanted)
    return {order.client_order_id: order for order in found}
