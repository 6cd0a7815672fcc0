"""Finds out whether a pooler gives each transaction another session of the server, as PgBouncer's transaction mode."""

import secrets
from typing import Any

POOLED = "a pooler gives each transaction another session, whose limits are lost: set its pool_mode to session"
SETTING = "orderengine.session"


def keeps_sessions(connection: Any) -> bool:
    """Whether what one session sets stays with it alone, while another one works. Takes Django's connection."""
    other = connection.copy()
    token = secrets.token_hex(8)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, false)", [SETTING, token])
        # Within a transaction the other one keeps the session that it was given.
        other.set_autocommit(False)
        seen_by_other = _setting(other)
        seen = _setting(connection)
        with connection.cursor() as cursor:
            cursor.execute(f"RESET {SETTING}")
        other.rollback()
    finally:
        other.close()
    return seen == token and seen_by_other != token


def _setting(connection: Any) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s, true)", [SETTING])
        value: str | None = cursor.fetchone()[0]
        return value
