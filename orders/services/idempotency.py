"""The first answer to a POST is the answer to every repeat, and says no more than is known to be stored."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection, transaction
from psycopg.errors import LockNotAvailable, UniqueViolation

from orders.database.write_watch import was_refused
from orders.models import Account, IdempotencyKey
from orders.problems import Problem, ProblemError
from orders.services.place import Placed, wake_placed

IDEMPOTENCY_HOURS = 24
# In one statement: those of a busy hour would take longer than any statement may, and none would ever go.
EXPIRED_AT_ONCE = 5_000
# Longer than a session may idle in a transaction, after which the server itself takes it back.
LOOK_UP_S = 6.0
LOOK_UP_PAUSE_S = 0.1
IN_PROGRESS = Problem("request_in_progress", "a request with this key or client_order_id is still running")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a POST answers, and answers again to the same Idempotency-Key.

    `created` are the orders that it stores, by which its fate can be looked up; `is_change`: it writes something else.
    """

    status_code: int
    body: Any
    location: str = ""
    is_replay: bool = False
    created: Sequence[Placed] = field(default=(), repr=False)
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The caller's key and the SHA-256 of the body that came with it."""

    key: str
    request_hash: bytes


def answer_once(account: Account, idempotency: Idempotency | None, run: Callable[[], Answer]) -> Answer:
    """Run a POST's work and keep its answer under the caller's key, in one transaction; then wake routing.

    Raises: ProblemError when the key came with another body (422) or its first request still runs (409).
    An answer that refuses the request (4xx) is not kept: nothing was done, so the key stays free.
    """
    answer: Answer | None = None
    try:
        with transaction.atomic():
            answer = None if idempotency is None else _take_key(account, idempotency)
            if answer is None:
                fresh = run()
                if idempotency is not None:
                    _keep(account, idempotency, fresh)
                answer = fresh
    except DatabaseError as error:
        # Unique: its client_order_id is of an order that was archived meanwhile.
        if isinstance(error.__cause__, (LockNotAvailable, UniqueViolation)):
            raise ProblemError(IN_PROGRESS) from error
        if answer is None or answer.is_change or was_refused(error):
            raise
        _require_stored(answer.created, idempotency, error)
    wake_placed(answer.created)
    return answer


def _require_stored(created: Sequence[Placed], idempotency: Idempotency | None, error: DatabaseError) -> None:
    """The answer to COMMIT was lost. Raises: ProblemError unless what it stores is there.

    Where nothing is stored but the answer itself, that is true in any case.
    """
    if created and (problem := fate_problem(created, idempotency, is_stored(created[0]))) is not None:
        raise ProblemError(problem) from error


def fate_problem(created: Sequence[Placed], idempotency: Idempotency | None, is_stored: bool | None) -> Problem | None:
    """What is told in place of the answer that orders were created, where COMMIT's answer was lost; None: they were."""
    if is_stored is None:
        return _unknown(created, idempotency)
    if is_stored:
        return None
    return Problem(
        "not_ready", "the database was lost while it stored the request, and took it back; nothing was stored"
    )


def is_stored(placed: Placed) -> bool | None:
    """Look the order up on a new connection until its transaction has ended; None where that cannot be learnt in time.

    That the row is not there says nothing as long as the lost session may still commit.
    """
    ends_at = time.monotonic() + LOOK_UP_S
    while True:
        connection.close()
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT EXISTS (SELECT FROM orders_order WHERE id = %s), pg_xact_status(%s::xid8)",
                    [placed.order.id, placed.xid],
                )
                is_there, status = cursor.fetchone()
            if is_there or status == "aborted":
                return bool(is_there)
        except DatabaseError:
            pass  # not back yet, or another server that does not know the transaction
        if time.monotonic() >= ends_at:
            return None
        time.sleep(LOOK_UP_PAUSE_S)


def _unknown(created: Sequence[Placed], idempotency: Idempotency | None) -> Problem:
    orders = [placed.order for placed in created]
    names = [order.client_order_id for order in orders if order.client_order_id]
    facts: dict[str, Any] = {"order_ids": [str(order.id) for order in orders], "client_order_ids": names}
    hint = "GET /api/v1/orders/{id} with facts.order_ids says whether it is there"
    if idempotency is not None:
        facts["idempotency_key"] = idempotency.key
        hint += ", and so does the same request with the same Idempotency-Key, which never stores it twice"
    elif len(names) == len(orders):
        hint += ", and so does the same request with the same client_order_id, which never stores it twice"
    else:
        hint += "; the same request again may store it twice"
    detail = "the database was lost while it stored the request: it may be stored now, or later, or not"
    return Problem("outcome_unknown", detail, hint, facts=facts)


def expire_idempotency_keys() -> int:
    """Forget answers older than a day; returns how many."""
    deleted, found = 0, EXPIRED_AT_ONCE
    while found == EXPIRED_AT_ONCE:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                DELETE FROM orders_idempotencykey WHERE id = ANY(ARRAY(
                    SELECT id FROM orders_idempotencykey WHERE created_at < now() - %s * interval '1 hour'
                    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED))
                """,
                [IDEMPOTENCY_HOURS, EXPIRED_AT_ONCE],
            )
            found = cursor.rowcount
        deleted += found
    return deleted


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
