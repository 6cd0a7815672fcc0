"""Stores orders: all that were accepted, their first events and the idempotent answer commit together or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from orders.models import Account, ApiKey, IdempotencyKey, Order, new_id
from orders.problems import Problem, ProblemError
from orders.recordset import recordset, to_json
from orders.services.limits import Worth, admit, count, lock_room, worth
from orders.states import OrderStatus, Stage
from orders.terms import Terms
from orders.wake import wake

IDEMPOTENCY_HOURS = 24


@dataclass(frozen=True, slots=True)
class Placed:
    """An accepted order; `is_replay` when its client_order_id had brought the same terms before."""

    order: Order
    is_replay: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What a POST answers, and answers again to the same Idempotency-Key."""

    status_code: int
    body: Any
    location: str = ""
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The caller's key and the SHA-256 of the body that came with it."""

    key: str
    request_hash: bytes


def place_orders(account: Account, terms: Sequence[Terms], *, key: ApiKey | None = None) -> list[Placed | Problem]:
    """Insert PENDING orders with event 1 each, in one statement; one answer per item, in order.

    A client_order_id that exists with the same terms gives the existing order, with other terms a problem. Where
    the account or the key has limits, an order that does not fit is refused with `limit_exceeded`.
    """
    orders = [unsaved_order(account, item) for item in terms]
    if not orders:
        return []
    has_day_limit = key is not None and key.max_day_value is not None
    created = None if has_day_limit else _insert(account, orders, is_counted=False)
    refused: dict[Any, Problem] = {}
    if created is None:
        with transaction.atomic(savepoint=False):
            created, refused = _insert_within_limits(account, key, orders, [worth(item) for item in terms])
    for order in orders:
        if order.id in created:
            order.created_at = order.updated_at = order.due_at = created[order.id]
    left = [order for order in orders if order.id not in created and order.id not in refused]
    existing = _existing(account, left)
    return [refused.get(order.id) or _placed(order, created, existing) for order in orders]


def _placed(order: Order, created: dict[Any, Any], existing: dict[str | None, Order]) -> Placed | Problem:
    if order.id in created:
        return Placed(order, is_replay=False)
    assert order.client_order_id is not None  # nothing else can conflict
    first = existing[order.client_order_id]
    if bytes(first.request_hash) == order.request_hash:
        return Placed(first, is_replay=True)
    return _reused(order.client_order_id, first)


def _insert_within_limits(
    account: Account, key: ApiKey | None, orders: Sequence[Order], worths: Sequence[Worth]
) -> tuple[dict[Any, Any], dict[Any, Problem]]:
    """Insert those that fit under limits, and count them; what was created, and what was refused, by id."""
    room = lock_room(account, key)
    known = _existing(account, [order for order in orders if order.client_order_id])
    new = [(o, item) for o, item in zip(orders, worths, strict=True) if o.client_order_id not in known]
    verdicts = admit(room, [item for _, item in new])
    refused = {o.id: verdict for (o, _), verdict in zip(new, verdicts, strict=True) if verdict is not None}
    fitting = {o.id: item.value for o, item in new if o.id not in refused}
    for order in orders:
        order.held_value = fitting.get(order.id) if room.is_counted else None
    created = _insert(account, [o for o in orders if o.id in fitting], is_counted=room.is_counted)
    assert created is not None  # the row is locked
    count(account, key, room, [fitting[order_id] for order_id in created])
    return created, refused


def answer_once(account: Account, idempotency: Idempotency | None, run: Callable[[], Answer]) -> Answer:
    """Run a POST's work and keep its answer under the caller's key, in one transaction; then wake routing.

    Raises: ProblemError when the key came with another body (422) or its first request still runs (409).
    An answer that refuses the request (4xx) is not kept: nothing was done, so the key stays free.
    """
    try:
        with transaction.atomic():
            if idempotency is not None and (first := _take_key(account, idempotency)) is not None:
                return first
            answer = run()
            if idempotency is not None:
                _keep(account, idempotency, answer)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise ProblemError(
                Problem("request_in_progress", "a request with this key or client_order_id is still running")
            ) from error
        raise
    wake(Stage.ROUTE)
    return answer


def expire_idempotency_keys() -> int:
    """Forget answers older than a day; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM orders_idempotencykey WHERE created_at < now() - %s * interval '1 hour'", [IDEMPOTENCY_HOURS]
        )
        deleted: int = cursor.rowcount
    return deleted


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
        "request_hash": terms.fingerprint(),
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


def _insert(account: Account, orders: Sequence[Order], *, is_counted: bool) -> dict[Any, Any] | None:
    """Insert those whose client_order_id is new; id -> created_at of what was inserted.

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
            SELECT id, created_at FROM a LEFT JOIN placed ON true
            """,
            [account.id, is_counted, recordset(rows)],
        )
        inserted = dict(cursor.fetchall())
    if not inserted:
        return None
    inserted.pop(None, None)
    return inserted


def _existing(account: Account, orders: Sequence[Order]) -> dict[str | None, Order]:
    if not orders:
        return {}
    wanted = [order.client_order_id for order in orders]
    found = Order.objects.filter(account=account, client_order_id__in=wanted)
    return {order.client_order_id: order for order in found}


def _reused(client_order_id: str, first: Order) -> Problem:
    return Problem(
        "client_order_id_reused",
        f"client_order_id {client_order_id} was used for other terms at {first.created_at:%Y-%m-%d %H:%M:%S} UTC",
        facts={"order_id": str(first.id)},
    )


def _take_key(account: Account, idempotency: Idempotency) -> Answer | None:
    """Claim the key for this request, or return the answer it gave before.

    A rival that holds the key uncommitted makes the insert wait, at most the session's lock_timeout.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO orders_idempotencykey (account_id, key, request_hash, location)
            VALUES (%s, %s, %s, '')
            ON CONFLICT (account_id, key) DO UPDATE
            SET request_hash = excluded.request_hash, created_at = now(), response = NULL, status_code = NULL
            WHERE orders_idempotencykey.created_at < now() - %s * interval '1 hour'
            RETURNING id
            """,
            [account.id, idempotency.key, idempotency.request_hash, IDEMPOTENCY_HOURS],
        )
        if cursor.fetchone() is not None:
            return None
    first = IdempotencyKey.objects.get(account=account, key=idempotency.key)
    if bytes(first.request_hash) != idempotency.request_hash:
        raise ProblemError(
            Problem(
                "idempotency_key_reused",
                f"this Idempotency-Key came with another body at {first.created_at:%H:%M:%S} UTC",
            )
        )
    assert first.status_code is not None  # written in the same transaction as the key
    return Answer(first.status_code, first.response, first.location, is_replay=True)


def _keep(account: Account, idempotency: Idempotency, answer: Answer) -> None:
    keys = IdempotencyKey.objects.filter(account=account, key=idempotency.key)
    if answer.status_code >= 400:
        keys.delete()
    else:
        keys.update(status_code=answer.status_code, response=answer.body, location=answer.location)
