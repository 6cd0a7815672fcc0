"""Sets the limits of a session once it is connected, and keeps its statements prepared.

As `options` of the start-up packet the limits would cost nothing, but poolers refuse that parameter. OPTIONS["session"]
holds them by name, OPTIONS["pooler"] what stands before the server: where each transaction may have another session,
the server has to set them, which `orders.database.pooling` checks.
"""

import logging
from collections.abc import Mapping
from typing import Any

import psycopg
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg.pq import TransactionStatus

from orderengine.postgres.validation import Validation
from orders.database.pooling import Pooler, pooler_of

logger = logging.getLogger(__name__)

# Of one session, least recently used first out. The busiest process has about half as many in use.
MAX_PREPARED = 200


class Cursor(ServerBindingCursor, psycopg.Cursor[Any]):
    """Django's own; a statement that the server cannot run as it was prepared is run once more."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """After a migration, or where a pooler changed the server, what a session has prepared would fail for ever.

        The server finds that out before it runs anything. Within a transaction its end gives up what was prepared.
        """
        try:
            return super().execute(query, params, **options)
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.InvalidSqlStatementName) as error:
            session = self.connection
            if session.info.transaction_status != TransactionStatus.IDLE or session.prepare_threshold is None:
                raise
            logger.info("statements are prepared again: %s", error)
            session.execute("DEALLOCATE ALL")
        return super().execute(query, params, **{**options, "prepare": False})


def session_statement(session: Mapping[str, str]) -> tuple[str, list[str]]:
    """A statement that sets all of them until the session ends, and its parameters."""
    calls = ", ".join("set_config(%s, %s, false)" for _ in session)
    return f"SELECT {calls}", [word for setting in session.items() for word in setting]


class DatabaseWrapper(PostgresWrapper):
    """Django's own, but for the limits of each new session, with a pool or without, and for what DEBUG costs it."""

    validation_class = Validation

    @property
    def queries_logged(self) -> bool:
        """Only where somebody asks for it: Django would also time and keep the text of every statement in DEBUG."""
        return bool(self.force_debug_cursor)

    def get_connection_params(self) -> dict[str, Any]:
        """What the driver takes."""
        parameters: dict[str, Any] = super().get_connection_params()
        parameters.pop("session", None)
        parameters.pop("pooler", None)
        if parameters["cursor_factory"] is ServerBindingCursor:
            parameters["cursor_factory"] = Cursor
        return parameters

    def session_statement(self) -> tuple[str, list[str]] | None:
        """For sessions that are opened beside Django, as `session_statement`; None where there is nothing to set."""
        session = self.settings_dict["OPTIONS"].get("session")
        return session_statement(session) if session and pooler_of(self) is Pooler.SESSION else None

    def _configure_connection(self, connection: Any) -> bool:
        """Once for each new session. Returns whether there is something to commit."""
        # The stubs know nothing of it.
        needs_commit = bool(super()._configure_connection(connection))  # type: ignore[misc]
        connection.prepared_max = MAX_PREPARED
        statement = self.session_statement()
        if statement is None:
            return needs_commit
        with connection.cursor() as cursor:
            cursor.execute(*statement)
        return True
