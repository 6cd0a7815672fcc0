"""Single-use tickets for WebSockets: what a browser shows instead of a key.

They live in PostgreSQL, as what they stand for does: Redis may be away when a page reconnects.
"""

import hashlib
import secrets
from typing import NamedTuple

from django.db import connection

TICKET_LIFE_S = 30


class Redeemed(NamedTuple):
    """What a ticket stands for: an account, and the key or the session that asked; neither for the local account."""

    account_id: int
    key_prefix: str
    session_key: str


def issue_ticket(account_id: int, key_prefix: str, session_key: str = "") -> str:
    """A new ticket for the account, bound to the key or session that asked. Old ones are cleared away."""
    ticket = secrets.token_urlsafe(32)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH cleared AS (
                DELETE FROM orders_wsticket WHERE created_at < now() - %s * interval '1 second'
            )
            INSERT INTO orders_wsticket (digest, account_id, key_prefix, session_key, created_at)
            VALUES (%s, %s, %s, %s, now())
            """,
            [TICKET_LIFE_S, _digest(ticket), account_id, key_prefix, session_key],
        )
    return ticket


def redeem_ticket(ticket: str) -> Redeemed | None:
    """What an unused ticket stands for, or None; from now on it is used."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM orders_wsticket WHERE digest = %s
            RETURNING account_id, key_prefix, session_key, created_at >= now() - %s * interval '1 second'
            """,
            [_digest(ticket), TICKET_LIFE_S],
        )
        row = cursor.fetchone()
    return Redeemed(*row[:3]) if row is not None and row[3] else None


def _digest(ticket: str) -> bytes:
    # The ticket is 256 random bits: a plain digest is as good as a slow one.
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).digest()
