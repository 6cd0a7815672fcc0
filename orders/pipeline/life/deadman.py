"""The dead-man switch of an account: set, renewed and disarmed by its owner, fired by any worker once it is due.

The row decides. A renewal and a firing lock it, so one of them is first: a renewal that comes first is in time, one
that comes later arms the switch again and says when it had fired. Firing is one transaction; the orders that it cancels
follow in batches, which any worker continues.
"""

import time
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from orders.audit.record import Actor, Entry, record
from orders.event_log.event import timestamp
from orders.models import Account
from orders.notify.push import push_events
from orders.notify.wake import wake
from orders.pipeline.life.cancelling import cancel_waiting
from orders.problems import Problem
from orders.states import Stage

LEAST_S, MOST_S = 1, 86_400
BATCH = 200
# A look takes no longer; the next one goes on.
RUN_S = 2.0
NAME = "dead-man switch"
# For a statement of others, which costs nothing where no switch is armed.
IS_DUE = """(EXISTS (SELECT FROM orders_deadmansswitch WHERE fired_at IS NULL AND due_at <= now())
            OR EXISTS (SELECT FROM orders_deadmansswitch WHERE sweep_before IS NOT NULL))"""
_COLUMNS = "timeout_s, due_at, renewed_at, fired_at, sweep_before"


class Switch(NamedTuple):
    """A switch as it stands. Without `fired_at` it is armed; with `sweep_before` it has orders left to cancel."""

    timeout_s: int
    due_at: datetime
    renewed_at: datetime
    fired_at: datetime | None
    sweep_before: datetime | None


def read_switch(account: Account) -> Switch | None:
    """None where none is set."""
    return _read(account.pk, "")


def renew(account: Account, timeout_s: int, actor: Actor) -> tuple[Switch, datetime | None]:
    """Set or renew it: due `timeout_s` from now. Returns it, and when it had fired before this, None if it had not.

    Audited where it changes something else than the time.
    """
    with transaction.atomic():
        before = _read(account.pk, "FOR UPDATE")
        with connection.cursor() as cursor:
            # The clock behind the lock: who waits for it loses no time.
            cursor.execute(
                f"""
                INSERT INTO orders_deadmansswitch AS s (account_id, timeout_s, due_at, renewed_at, actor)
                VALUES (%(account)s, %(timeout)s, clock_timestamp() + %(timeout)s * interval '1 second',
                        clock_timestamp(), %(actor)s)
                ON CONFLICT (account_id) DO UPDATE SET timeout_s = excluded.timeout_s,
                    due_at = clock_timestamp() + %(timeout)s * interval '1 second',
                    renewed_at = clock_timestamp(), fired_at = NULL, actor = excluded.actor
                RETURNING {_COLUMNS}
                """,
                {"account": account.pk, "timeout": timeout_s, "actor": actor.name},
            )
            switch = Switch(*cursor.fetchone())
        if before is None or before.fired_at is not None or before.timeout_s != timeout_s:
            was = None if before is None or before.fired_at is not None else {"timeout_s": before.timeout_s}
            record(actor, [_entry("deadman.arm", account.pk, was, {"timeout_s": timeout_s})])
    return switch, before and before.fired_at


def disarm(account: Account, actor: Actor) -> Switch | None:
    """Let it fire no more; what it has left to cancel it still cancels, and then the answer is not None."""
    with transaction.atomic():
        before = _read(account.pk, "FOR UPDATE")
        if before is None:
            return None
        with connection.cursor() as cursor:
            if before.sweep_before is None:
                cursor.execute("DELETE FROM orders_deadmansswitch WHERE account_id = %s", [account.pk])
            else:
                cursor.execute(
                    "UPDATE orders_deadmansswitch SET fired_at = coalesce(fired_at, sweep_before)"
                    " WHERE account_id = %s",
                    [account.pk],
                )
        if before.fired_at is None:
            record(actor, [_entry("deadman.disarm", account.pk, {"timeout_s": before.timeout_s}, None)])
        return None if before.sweep_before is None else _read(account.pk, "")


def fire_due(run_s: float = RUN_S) -> None:
    """Fire what is due, and go on with what has fired."""
    ends_at = time.monotonic() + run_s
    for account_id in _due_accounts():
        _fire(account_id)
        while _sweep(account_id):
            if time.monotonic() >= ends_at:
                return


def _due_accounts() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id FROM orders_deadmansswitch WHERE sweep_before IS NOT NULL"
            " UNION SELECT account_id FROM orders_deadmansswitch WHERE fired_at IS NULL AND due_at <= now()"
        )
        return [account_id for (account_id,) in cursor.fetchall()]


def _fire(account_id: int) -> None:
    """Once: the first to lock the row does. From this commit on it has fired; any worker cancels the orders."""
    with transaction.atomic():
        switch = _read(account_id, "AND fired_at IS NULL AND due_at <= now() FOR UPDATE SKIP LOCKED")
        if switch is None:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE orders_deadmansswitch SET fired_at = now(), sweep_before = now() WHERE account_id = %s",
                [account_id],
            )
        facts = {"timeout_s": switch.timeout_s, "due_at": timestamp(switch.due_at)}
        record(Actor(NAME), [_entry("deadman.fire", account_id, None, facts)])


def _sweep(account_id: int) -> bool:
    """Cancel one batch; whether more may be left for this worker."""
    with transaction.atomic():
        switch = _read(account_id, "AND sweep_before IS NOT NULL FOR UPDATE SKIP LOCKED")
        if switch is None:
            return False
        ids = _waiting(account_id, switch)
        if not ids:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE orders_deadmansswitch SET sweep_before = NULL WHERE account_id = %s", [account_id]
                )
            return False
        fired_at = timestamp(switch.sweep_before) if switch.sweep_before else ""
        detail = f"cancelled by the account's {NAME}, which was not renewed in time and fired at {fired_at}"
        events = cancel_waiting(ids, Problem("cancelled", detail), Actor(NAME), {"deadman": {"fired_at": fired_at}})
    push_events(events)
    wake(Stage.CHILDREN)
    return True


def _waiting(account_id: int, switch: Switch) -> list[UUID]:
    """Orders that were placed before it fired, and of which no stage has taken one up."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM orders_order WHERE account_id = %s AND outcome IS NULL AND status = 'PENDING'"
            " AND cancel_requested_at IS NULL AND created_at <= %s ORDER BY created_at, id LIMIT %s",
            [account_id, switch.sweep_before, BATCH],
        )
        return [order_id for (order_id,) in cursor.fetchall()]


def _read(account_id: int, more: str) -> Switch | None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_COLUMNS} FROM orders_deadmansswitch WHERE account_id = %s {more}", [account_id])
        row = cursor.fetchone()
    return None if row is None else Switch(*row)


def _entry(action: str, account_id: int, before: object, after: object) -> Entry:
    return Entry(action, f"account:{account_id}", before, after, account_id)
