"""Stores orders: all that were accepted and their first events commit together or not at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models.base import ModelState

from orders.database.recordset import recordset, to_json
from orders.database.rows import ALWAYS, Condition
from orders.models import Account, ApiKey, Order, new_id
from orders.models.waiting import NEVER_DUE, trigger_columns
from orders.notify.wake import wake, wake_trigger_pass
from orders.order_types import parent_columns, trigger_of, waits
from orders.pipeline.life.links import settle_links
from orders.problems import Problem
from orders.risk.limits import Demand, admit, count, demand, has_day_limit, lock_room
from orders.selectors import archived_by_client_id
from orders.services.linking import Link, link_orders
from orders.states import OrderStatus, Stage
from orders.terms import NewOrder, Refused


@dataclass(frozen=True, slots=True)
class Placed:
    """An accepted order; `is_replay` when its client_order_id had brought the same terms before.

    `xid` is the transaction that inserts it, by which its fate can be learnt when the answer to COMMIT is lost.
    """

    order: Order
    is_replay: bool
    xid: str = ""


class Outdated(Exception):
    """What the orders were read by holds no longer; nothing was stored."""


class Inserted(NamedTuple):
    """What an insert left: when each order was created, by id, and by which transaction."""

    created_at: dict[Any, Any]
    xid: str


def place_orders(
    account: Account,
    items: Sequence[NewOrder | Refused],
    *,
    key: ApiKey | None = None,
    holds: Condition = ALWAYS,
    link: Link | None = None,
) -> list[Placed | Problem]:
    """Insert PENDING orders with event 1 each, in one statement; one answer per item, in order.

    A client_order_id that exists with the same terms gives the existing order, with other terms a problem, whatever
    would be made of the terms today; that of an archived order gives a problem. Where the account or the key has
    limits, an order that does not fit is refused with `limit_exceeded`. With a link the caller takes all back where one
    is refused.

    Raises: Outdated unless `holds` is true as the orders are inserted; then the transaction has stored nothing.
    """
    placed = iter(_place(account, [item for item in items if isinstance(item, NewOrder)], key, holds, link))
    refused = [item for item in items if isinstance(item, Refused)]
    known = _first_of(account, [item.client_order_id for item in refused])
    return [next(placed) if isinstance(item, NewOrder) else _answer_refused(item, known) for item in items]


def _place(
    account: Account, new_orders: Sequence[NewOrder], key: ApiKey | None, holds: Condition, link: Link | None
) -> list[Placed | Problem]:
    orders = [unsaved_order(account, item) for item in new_orders]
    if not orders:
        return []
    if link is not None:
        link_orders(orders, link)
    inserted = None if has_day_limit(key) else _insert(account, orders, holds, is_counted=False)
    refused: dict[Any, Problem] = {}
    if inserted is None:
        with transaction.atomic(savepoint=False):
            inserted, refused = _insert_within_limits(account, key, orders, new_orders, holds)
    created = inserted.created_at
    for order in orders:
        if order.id in created:
            order.created_at = order.updated_at = created[order.id]
            order.due_at = order.due_at or order.created_at
    if any(order.is_parent for order in orders if order.id in created):
        transaction.on_commit(lambda: wake(Stage.CHILDREN))
    known = _first_of(account, [order.client_order_id for order in orders if order.id not in created])
    return [
        _placed(order, item, inserted, known, refused.get(order.id))
        for order, item in zip(orders, new_orders, strict=True)
    ]


def wake_placed(placed: Iterable[Placed]) -> None:
    """Have stored orders routed, and those that wait for a price compared with the market."""
    orders = [one.order for one in placed]
    settle_links({order.link_id for order in orders if order.link_id is not None})
    wake(Stage.ROUTE)
    if any(order.trigger_kind is not None for order in orders):
        wake_trigger_pass()


def _placed(
    order: Order, new: NewOrder, inserted: Inserted, known: dict[str | None, Order | Problem], refusal: Problem | None
) -> Placed | Problem:
    if order.id in inserted.created_at:
        return Placed(order, is_replay=False, xid=inserted.xid)
    first = known.get(order.client_order_id)
    if first is None:
        assert refusal is not None  # nothing else can conflict
        return refusal
    # Orders of earlier versions keep the hash of their terms as they were accepted.
    return _first(first, {bytes(order.request_hash), new.fingerprint()})


def _answer_refused(item: Refused, known: dict[str | None, Order | Problem]) -> Placed | Problem:
    """The refusal, unless the order was accepted before it would have been refused."""
    first = known.get(item.client_order_id) if item.client_order_id else None
    return item.problem if first is None else _first(first, {item.stated})


def _first(first: Order | Problem, hashes: set[bytes]) -> Placed | Problem:
    if isinstance(first, Problem):
        return first
    if bytes(first.request_hash) in hashes:
        return Placed(first, is_replay=True)
    return Problem(
        "client_order_id_reused",
        f"client_order_id {first.client_order_id} was used for other terms at {first.created_at:%Y-%m-%d %H:%M:%S} UTC",
        facts={"order_id": str(first.id)},
    )


def _insert_within_limits(
    account: Account, key: ApiKey | None, orders: Sequence[Order], new_orders: Sequence[NewOrder], holds: Condition
) -> tuple[Inserted, dict[Any, Problem]]:
    """Insert those that fit under limits, and count them; what was inserted, and what was refused, by id."""
    demands: Sequence[Demand] = [demand(item) for item in new_orders]
    room = lock_room(account, key)
    # A lone order's own repeat takes no room of another: whether it is archived can be told afterwards.
    look_up = _existing if len(orders) == 1 else _first_of
    known = look_up(account, [order.client_order_id for order in orders])
    new = [(o, item) for o, item in zip(orders, demands, strict=True) if o.client_order_id not in known]
    verdicts = admit(room, [item for _, item in new])
    refused = {o.id: verdict for (o, _), verdict in zip(new, verdicts, strict=True) if verdict is not None}
    fitting = {o.id: item for o, item in new if o.id not in refused}
    for order in orders:
        if order.id in fitting and room.is_counted:
            order.held_value = fitting[order.id].order.value
        if order.id in fitting and room.fees.is_counted:
            order.counted_fee, order.counted_day = fitting[order.id].fees.value, room.fees.day
            order.counted_key = key.prefix if key is not None and room.fees.key_left is not None else None
    inserted = _insert(account, [o for o in orders if o.id in fitting], holds, is_counted=room.is_counted)
    if inserted is None:  # whether the account is counted cannot have changed, for its row is locked
        raise Outdated
    count(account, key, room, [fitting[order_id] for order_id in inserted.created_at])
    return inserted, refused


# A fresh row by column, as the insert leaves it.
_FRESH: dict[str, Any] = dict.fromkeys(field.attname for field in Order._meta.concrete_fields) | {
    "status": OrderStatus.PENDING,
    "attempt": 1,
    "seq": 1,
    "claim_count": 0,
    "is_parent": False,
}


def unsaved_order(account: Account, new: NewOrder) -> Order:
    """The row that a new order becomes."""
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
    "due_at": "timestamptz",
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


def _insert(account: Account, orders: Sequence[Order], holds: Condition, *, is_counted: bool) -> Inserted | None:
    """Insert those whose client_order_id is new, also among archived orders.

    None, and nothing inserted, when the account's orders are counted and the caller thought they are not, or `holds` is
    not true. The lock on its row is the one that the foreign key takes anyway.
    """
    columns = ", ".join(_INSERTED)
    values = columns.replace("due_at", "coalesce(due_at, now())")
    typed = ", ".join(f"{column} {sql_type}" for column, sql_type in _INSERTED.items())
    rows = [_row(order) for order in orders]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH a AS MATERIALIZED (
                SELECT id AS checked FROM orders_account WHERE id = %s AND is_counted = %s AND {holds.sql}
                FOR KEY SHARE
            ), placed AS (
                INSERT INTO orders_order ({columns}, status, attempt, seq, claim_count, waiting_since)
                SELECT {values}, 'PENDING', 1, 1, 0, CASE WHEN waiting_for IS NOT NULL THEN now() END
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
        rows_back = cursor.fetchall()
    if not rows_back:
        return None
    created_at = {order_id: at for order_id, at, _ in rows_back if order_id is not None}
    return Inserted(created_at, rows_back[0][2] or "")


def _row(order: Order) -> dict[str, Any]:
    values = order.__dict__
    return {column: values[column] for column in _INSERTED} | {
        "request_hash": to_json(order.request_hash),
        "amount": str(order.amount),
        "terms": order.terms.to_json(),
        "held_value": to_json(order.held_value),
        "counted_fee": to_json(order.counted_fee),
    }


def _existing(account: Account, client_order_ids: Iterable[str | None]) -> dict[str | None, Order]:
    wanted = [client_order_id for client_order_id in client_order_ids if client_order_id]
    if not wanted:
        return {}
    found = Order.objects.filter(account=account, client_order_id__any_of=wanted)
    return {order.client_order_id: order for order in found}


def _first_of(account: Account, client_order_ids: Iterable[str | None]) -> dict[str | None, Order | Problem]:
    """What these ids stand for already: an order, or what is said of one that is archived."""
    wanted = [client_order_id for client_order_id in client_order_ids if client_order_id]
    known: dict[str | None, Order | Problem] = {**_existing(account, wanted)}
    return known | archived_by_client_id(account, [name for name in wanted if name not in known])
