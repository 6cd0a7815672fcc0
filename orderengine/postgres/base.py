"""Sets the limits of a session once it is connected, and keeps its statements prepared.

As `options` of the start-up packet the limits would cost nothing, but poolers refuse that parameter. OPTIONS["session"]
holds them by name, OPTIONS["pooler"] what stands before the server: where each transaction may have another session,
the server has to set them, which `orders.database.pooling` checks.
"""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import psycopg
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg.pq import TransactionStatus

from orderengine.postgres.conversation import Answer, Conversation, Row, Values
from orderengine.postgres.pool import has_ended
from orderengine.postgres.validation import Validation
from orders.database.pooling import Pooler, pooler_of

logger = logging.getLogger(__name__)

# Of one session, least recently used first out. The busiest process has about half as many in use.
MAX_PREPARED = 200
# The server cannot run a statement as it was prepared, as after a migration. It finds that out before it runs anything.
_STALE = (psycopg.errors.FeatureNotSupported, psycopg.errors.InvalidSqlStatementName)


class Cursor(ServerBindingCursor, psycopg.Cursor[Any]):
    """Django's own; a statement that the server cannot run as it was prepared is run once more."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """After a migration, or where a pooler changed the server, what a session has prepared would keep failing.

        The server finds that out before it runs anything. Within a transaction its end gives up what was prepared.
        """
        self._send_waiting()
        try:
            return super().execute(query, params, **options)
        except _STALE as error:
            session = self.connection
            if session.info.transaction_status != TransactionStatus.IDLE or session.prepare_threshold is None:
                raise
            logger.info("statements are prepared again: %s", error)
            session.execute("DEALLOCATE ALL")
        return super().execute(query, params, **{**options, "prepare": False})

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        """Behind what waits, too."""
        self._send_waiting()
        super().executemany(query, params_seq, **options)

    def _send_waiting(self) -> None:
        conversation = getattr(self.connection, "conversation", None)
        if conversation is not None and conversation.has_waiting:
            conversation.send()


def session_statement(session: Mapping[str, str]) -> tuple[str, list[str]]:
    """A statement that sets all of them until the session ends, and its parameters."""
    calls = ", ".join("set_config(%s, %s, false)" for _ in session)
    return f"SELECT {calls}", [word for setting in session.items() for word in setting]


class DatabaseWrapper(PostgresWrapper):
    """Django's own, but for the limits of each new session, with a pool or without, and for what DEBUG costs it.

    What a worker does for each order asks by `rows` and `later`, whose statements share round trips.
    """

    validation_class = Validation

    @property
    def queries_logged(self) -> bool:
        """Only where it is switched on: Django would also time and keep the text of every statement in DEBUG."""
        return bool(self.force_debug_cursor)

    def get_connection_params(self) -> dict[str, Any]:
        """What the driver takes."""
        parameters: dict[str, Any] = super().get_connection_params()
        parameters.pop("session", None)
        parameters.pop("pooler", None)
        if parameters["cursor_factory"] is ServerBindingCursor:
            parameters["cursor_factory"] = Cursor
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Of the pool only one that the server has not ended meanwhile: after a restart that would be each of them.

        Raises: django.db.Error when there is none in time.
        """
        session = super().get_new_connection(conn_params)
        while self.pool is not None and has_ended(session):
            # The pool opens another one for each closed one that it is given back.
            session.close()
            self.pool.putconn(session)
            session = super().get_new_connection(conn_params)
        return session

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

    def create_cursor(self, name: str | None = None) -> Any:
        """Of the server too, which reads by itself: behind what waits."""
        if self.connection is not None and self._conversation().has_waiting:
            self._send()
        return super().create_cursor(name)

    def rows(self, sql: str, values: Values) -> list[Row]:
        """Run a statement now; its rows, as `fetchall` of a cursor gives them. Raises: django.db.Error.

        Wrappers of `execute` see it as they see a cursor's, but for the cursor, which there is none of.
        """
        if not self.execute_wrappers or not self._converses:
            return self.later(sql, values).rows()
        run: Any = self._run
        for wrapper in reversed(self.execute_wrappers):
            run = partial(wrapper, run)
        rows: list[Row] = run(sql, values, False, {"connection": self, "cursor": None})
        return rows

    def _run(self, sql: str, values: Values, _many: bool, _context: object) -> list[Row]:
        return self._say(sql, values).rows()

    def later(self, sql: str, values: Values) -> Answer:
        """A statement that goes out with the transaction's next one, or with COMMIT; outside of one it is run now.

        Until its answer is asked for it may not have run, and its locks not be held. Raises: django.db.Error.
        """
        return self._now(sql, values) if self.execute_wrappers or not self._converses else self._say(sql, values)

    def ahead(self, sql: str, values: Values) -> Answer | None:
        """A statement that goes out with the session's next one of these, in a transaction or not.

        None where statements do not share round trips. Its answer is given up where the next one fails.
        """
        if self.execute_wrappers or not self._converses:
            return None
        self.validate_thread_sharing()
        self.validate_no_broken_transaction()
        self.close_if_health_check_failed()
        with self.wrap_database_errors:
            return self._conversation().say(sql, values, self._send)

    @property
    def _converses(self) -> bool:
        """Whether there is a session that is this thread's for good, whose statements need not be logged."""
        has_pooler = self.settings_dict["OPTIONS"].get("pooler", Pooler.SESSION) != Pooler.SESSION
        return not (self.queries_logged or has_pooler or self.connection is None)

    def _say(self, sql: str, values: Values) -> Answer:
        self.validate_thread_sharing()
        self.validate_no_broken_transaction()
        self.close_if_health_check_failed()
        with self.wrap_database_errors:
            conversation = self._conversation()
            answer = conversation.say(sql, values, self._send)
            if not self.in_atomic_block:
                try:
                    conversation.send()
                except _STALE:
                    return self._now(sql, values)
        return answer

    def _now(self, sql: str, values: Values) -> Answer:
        """By a cursor of Django's: it connects, wrappers of `execute` see each, a pooler gets one at a time."""
        with self.cursor() as cursor:
            cursor.execute(sql, values)
            return Answer(None, cursor.fetchall() if cursor.description is not None else [])

    def _conversation(self) -> Conversation:
        """Of the session at hand."""
        session: Any = self.connection
        found: Conversation | None = getattr(session, "conversation", None)
        if found is None:
            found = session.conversation = Conversation(session)
        return found

    def _send(self, *, commits: bool = False) -> None:
        with self.wrap_database_errors:
            self._conversation().send(commits=commits)

    def _drop_waiting(self) -> None:
        if self.connection is not None:
            self._conversation().drop()

    def _commit(self) -> None:
        if self.connection is not None and self._conversation().has_waiting:
            self._send(commits=True)
        else:
            super()._commit()  # type: ignore[misc]

    def _rollback(self) -> None:
        self._drop_waiting()
        super()._rollback()  # type: ignore[misc]

    def _close(self) -> None:
        self._drop_waiting()
        super()._close()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        # All of it was said behind the savepoint, which was sent at once.
        self._drop_waiting()
        super()._savepoint_rollback(sid)  # type: ignore[misc]
