"""What becomes of an attempt: the endpoint's next place in the log, or the time of its next attempt, or its end.

Each is one commit under the lease. Where the lease is lost, or the owner has changed the endpoint meanwhile, the
attempt is noted and nothing moves: the message is sent again.
"""

from typing import Any

import orjson
from django.db import connection, transaction
from uuid_utils.compat import uuid7

from orders.audit.record import Actor, Entry, record
from orders.event_log.cursor import WHOLE, Position
from orders.webhooks.claims import LEASE, MOST_REQUESTS, Endpoint
from orders.webhooks.messages import Message
from orders.webhooks.receiver import MAX_ERROR, Answer
from orders.webhooks.schedule import GONE, wait_s

# Who disables an endpoint without being asked to.
ACTOR = Actor("webhooks")
BY_FAILURES, BY_RECEIVER = "failures", "receiver"

_HELD = "id = %(id)s AND lease_token = %(token)s AND version = %(version)s"
_NOTE = """
    INSERT INTO orders_webhookdelivery (webhook_id, message_id, kind, order_id, seq, cursor, attempt, is_requested,
        status, error, response, took_ms)
    SELECT id, %(message_id)s, %(kind)s, %(order_id)s::uuid, %(seq)s::int, %(cursor)s, %(attempt)s, %(is_requested)s,
        %(status)s::int, %(error)s::text, %(response)s, %(took_ms)s
"""
_PLACE = "xid = %(at_xid)s::text::xid8, row_id = %(at_row)s, seq = %(at_seq)s::int, epoch = %(epoch)s"
_TAKEN = f"{_PLACE}, attempt = 0, failure = NULL, due_at = now(), last_success_at = now(), last_attempt_at = now()"
_FAILED = """attempt = attempt + 1, failure = %(failure)s, last_attempt_at = now(),
    due_at = now() + %(wait_s)s * interval '1 second', lease_until = NULL, lease_token = NULL"""
_GIVEN_UP = """attempt = attempt + 1, failure = %(failure)s, last_attempt_at = now(), lease_until = NULL,
    lease_token = NULL, disabled_at = now(), disabled_by = %(disabled_by)s, requests = '[]', version = version + 1"""
_ASKED_FOR = f"requests = requests - 0, lease_until = now() + {LEASE}"


def taken(endpoint: Endpoint, message: Message, attempt: int, answer: Answer) -> bool:
    """The message was taken: go on behind it. Whether this process may go on, and nothing else is asked for."""
    has_requests = _settle(
        f"{_TAKEN}, lease_until = now() + {LEASE}",
        _noted(endpoint, message, attempt, answer) | _place(message.position, message.epoch),
    )
    return has_requests is False


def not_taken(endpoint: Endpoint, message: Message, attempt: int, answer: Answer) -> None:
    """The message was not taken: try it again later, or give the endpoint up."""
    wait = None if answer.status == GONE else wait_s(attempt, answer.retry_after_s)
    failure = {"failure": answer.failure[:MAX_ERROR]}
    values = _noted(endpoint, message, attempt, answer) | failure
    if wait is not None:
        _settle(_FAILED, values | {"wait_s": wait})
        return
    _give_up(endpoint, values, BY_RECEIVER if answer.status == GONE else BY_FAILURES)


def request_done(endpoint: Endpoint, message: Message, answer: Answer) -> bool:
    """What is sent out of turn was sent, once. Whether this process may go on; 410 ends the endpoint here too."""
    values = _noted(endpoint, message, 1, answer, is_requested=True)
    if answer.status == GONE:
        _give_up(endpoint, values | {"failure": answer.failure[:MAX_ERROR]}, BY_RECEIVER)
        return False
    return _settle(_ASKED_FOR, values) is not None


def request_void(endpoint: Endpoint) -> bool:
    """What was asked for by hand is there no more. Whether this process may go on."""
    return _update(_ASKED_FOR, _held(endpoint)) > 0


def passed(endpoint: Endpoint, position: Position, epoch: str) -> bool:
    """Nothing up to this place is the endpoint's. Whether this process may go on."""
    return _update(f"{_PLACE}, lease_until = now() + {LEASE}", _held(endpoint) | _place(position, epoch)) > 0


def unusable(endpoint: Endpoint, reason: str) -> None:
    """Nothing can be sent to the endpoint before its owner changes it."""
    values = _held(endpoint) | {"failure": reason[:MAX_ERROR], "disabled_by": BY_FAILURES}
    with transaction.atomic():
        _lock_all(endpoint)
        if _update(_GIVEN_UP, values) > 0:
            _tell(endpoint, values)


def _give_up(endpoint: Endpoint, values: dict[str, Any], disabled_by: str) -> None:
    values = values | {"disabled_by": disabled_by}
    with transaction.atomic():
        _lock_all(endpoint)
        if _settle(_GIVEN_UP, values) is not None:
            _tell(endpoint, values)


def _lock_all(endpoint: Endpoint) -> None:
    """The account's endpoints, in one order for all: the end of one changes the others, and two may end at a time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM orders_webhook WHERE account_id = %s ORDER BY id FOR NO KEY UPDATE", [endpoint.account_id]
        )


def _tell(endpoint: Endpoint, values: dict[str, Any]) -> None:
    """Have the account's other endpoints told, once, and the audit log: last, since that makes others wait."""
    failure, disabled_by = values["failure"], values["disabled_by"]
    notice = {"kind": "webhook_disabled", "id": f"off_{uuid7()}", "webhook_id": str(endpoint.id), "failure": failure}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_webhook SET requests = requests || %s::jsonb WHERE account_id = %s AND id <> %s"
            " AND disabled_at IS NULL AND jsonb_array_length(requests) < %s",
            [orjson.dumps([notice]).decode(), endpoint.account_id, endpoint.id, MOST_REQUESTS],
        )
    facts = {"by": disabled_by, "failure": failure}
    record(ACTOR, [Entry("webhook.disable", f"webhook:{endpoint.id}", None, facts, endpoint.account_id)])


def _settle(changes: str, values: dict[str, Any]) -> bool | None:
    """Change the endpoint and note the attempt. Whether messages are asked for; None where the endpoint has changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH held AS (
                UPDATE orders_webhook SET {changes} WHERE {_HELD} RETURNING id, requests <> '[]'::jsonb AS has_requests
            ), noted AS ({_NOTE} FROM held)
            SELECT has_requests FROM held
            """,
            values,
        )
        row = cursor.fetchone()
        if row is None:
            cursor.execute(f"{_NOTE} FROM orders_webhook WHERE id = %(id)s", values)
    return None if row is None else bool(row[0])


def _update(changes: str, values: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE orders_webhook SET {changes} WHERE {_HELD}", values)
        return int(cursor.rowcount)


def _held(endpoint: Endpoint) -> dict[str, Any]:
    return {"id": endpoint.id, "token": endpoint.token, "version": endpoint.version}


def _place(position: Position, epoch: str) -> dict[str, Any]:
    xid, row_id, seq = position
    return {"at_xid": str(xid), "at_row": row_id, "at_seq": None if seq == WHOLE else seq, "epoch": epoch}


def _noted(
    endpoint: Endpoint, message: Message, attempt: int, answer: Answer, *, is_requested: bool = False
) -> dict[str, Any]:
    return _held(endpoint) | {
        "message_id": message.id,
        "kind": message.kind,
        "order_id": message.order_id,
        "seq": message.seq,
        "cursor": message.cursor,
        "attempt": attempt,
        "is_requested": is_requested,
        "status": answer.status,
        "error": answer.error,
        "response": answer.response,
        "took_ms": answer.took_ms,
    }
