"""What stands before PostgreSQL, and whether the engine may work through it.

One that keeps sessions is no different from the server itself. One that gives each transaction another session, as
PgBouncer's `pool_mode = transaction`, loses what is set for a session and what is prepared in it: the engine has to be
told, and the server has to set the limits.
"""

import secrets
from enum import StrEnum
from typing import Any

SETTING = "orderengine.session"


class Pooler(StrEnum):
    """What DB_POOLER says."""

    # None, or one that keeps sessions.
    SESSION = "session"
    # One that gives each transaction another session, and carries prepared statements from one to the other.
    TRANSACTION = "transaction"
    # One that does not carry them.
    UNPREPARED = "transaction-unprepared"


POOLED = (
    "a pooler gives each transaction another session, whose limits are lost: set its pool_mode to session,"
    f" or DB_POOLER to {Pooler.TRANSACTION} or {Pooler.UNPREPARED} (docs/settings.md)"
)
LOSES_STATEMENTS = (
    "the pooler loses prepared statements (PgBouncer keeps them from 1.22 on, with max_prepared_statements above 0):"
    f" set DB_POOLER={Pooler.UNPREPARED}"
)
# By its third use in a session a statement is worth it: requests of people are hardly ever used so often.
PREPARE_AFTER = 2


def prepare_threshold(pooler: str) -> int | None:
    """After how many uses a session prepares a statement; None: never."""
    return None if pooler == Pooler.UNPREPARED else PREPARE_AFTER


def pooler_of(connection: Any) -> Pooler:
    """What the settings of a Django connection say."""
    return Pooler(connection.settings_dict["OPTIONS"].get("pooler", Pooler.SESSION))


def is_pooled() -> bool:
    """Whether each transaction of this process may have another session of the server."""
    from django.db import connection  # settings read this module before they are complete

    return bool(connection.settings_dict["OPTIONS"].get("pooler", Pooler.SESSION) != Pooler.SESSION)


def pooling_fault(connection: Any) -> str:
    """Why the engine must not work through what stands before the database, with the way out; empty where it may."""
    pooler = pooler_of(connection)
    if pooler is Pooler.SESSION:
        return "" if keeps_sessions(connection) else POOLED
    _require_transactions(connection)
    if missing := _missing_limits(connection):
        return (
            f"DB_POOLER={pooler}, but the server does not set the engine's limits: {'; '.join(missing)};"
            " then let the pooler reconnect"
        )
    return "" if pooler is Pooler.UNPREPARED or keeps_statements(connection) else LOSES_STATEMENTS


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


def keeps_statements(connection: Any) -> bool:
    """Whether a statement that was prepared in one session works in the next, and after all were given up.

    Takes Django's connection; it has no transaction open.
    """
    from psycopg.errors import InvalidSqlStatementName  # settings read this module, and load no driver

    connection.ensure_connection()
    other, session = connection.copy(), connection.connection
    try:
        _prepared(session)
        # Within a transaction the other one keeps the session that the first has just let go.
        other.set_autocommit(False)
        _setting(other)
        _prepared(session)
        session.execute("DEALLOCATE ALL")
        other.rollback()
        _prepared(session)
        _prepared(session)
    except InvalidSqlStatementName:
        connection.close()
        return False
    finally:
        other.close()
    return True


def _require_transactions(connection: Any) -> None:
    """Raises: django.db.Error. PgBouncer says so itself where its pool_mode is `statement`."""
    connection.set_autocommit(False)
    try:
        _setting(connection)
    finally:
        connection.rollback()
        connection.set_autocommit(True)


def _prepared(session: Any) -> None:
    """By the driver's own cursor: ours would help itself."""
    from psycopg import Cursor

    Cursor(session).execute("SELECT %s::int", [1], prepare=True)


def _setting(connection: Any) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s, true)", [SETTING])
        value: str | None = cursor.fetchone()[0]
        return value


def _missing_limits(connection: Any) -> list[str]:
    """Statements for what every session of the engine needs and the server does not set by itself."""
    wanted: dict[str, str] = connection.settings_dict["OPTIONS"].get("session", {})
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(wanted)])
        found = dict(cursor.fetchall())
        # The role that the pooler has, which need not be the client's.
        cursor.execute("SELECT quote_ident(current_user), quote_ident(current_database())")
        role, database = cursor.fetchone()
    return [
        f"ALTER ROLE {role} IN DATABASE {database} SET {name} = {value}"
        for name, value in wanted.items()
        # A role's search_path is stored without the quotes that it does not need.
        if found.get(name) not in {value, value.strip('"')}
    ]
