"""Which database errors mean that the database is away: those of a dead socket, the server, or a pooler.

One that answers with an error is as far away as one that does not answer: the same statement may work later, and
nothing is wrong with what was asked. Everything else is a fault of ours.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

# Errors that psycopg does not count as operational, by SQLSTATE or by class of it.
_STATES = {
    "25006",  # read-only: a standby, or a primary that was demoted
    "25P03",  # the server ended the session in the middle of a transaction
    "25P04",  # the same, by transaction_timeout
    "26000",  # a prepared statement of another session: a pooler changed the server behind this connection
}
_CLASSES = {
    "08",  # connection
    "28",  # authorization: a password that is being rotated
    "53",  # disk, memory or connections used up
    "57",  # an operator's act: shutdown, start-up
    "58",  # the system under the server
    "XX",  # the server itself, or a pooler that says so of its own errors
}
_OPERATIONAL = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# The first that fits, by the beginning of the SQLSTATE.
_REASONS = (
    ("25006", "the database is read-only, as during a failover"),
    ("53100", "the database's disk is full"),
    ("53300", "the database has no connection left"),
    ("53", "the database has used up its resources"),
    ("55P03", "the database is busy with other requests for the same rows"),
    ("57014", "the database did not answer in time"),
    ("57P03", "the database is starting or stopping"),
    ("58", "the database meets errors of its disk or system"),
    ("28", "the database refuses the engine's credentials"),
)
# What a server or a pooler says instead of taking a connection, which comes without its SQLSTATE.
_SAID = (
    ("53300", re.compile(r"too many (clients|connections)|no more connections|connection slots", re.IGNORECASE)),
    ("57P03", re.compile(r"starting up|shutting down|not (yet )?accepting connections|recovery mode", re.IGNORECASE)),
    ("28", re.compile(r"authentication failed|no pg_hba|SASL|password", re.IGNORECASE)),
    ("57014", re.compile(r"query_wait_timeout", re.IGNORECASE)),
)
_AWAY = "the database cannot be reached"


def is_unavailable(error: BaseException | None) -> bool:
    """Whether the database is away. Takes errors of Django and of psycopg."""
    state = sqlstate(error)
    return isinstance(error, _OPERATIONAL) or state in _STATES or state[:2] in _CLASSES


def sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE that the server gave, empty where none came."""
    while error is not None:
        if isinstance(error, psycopg.Error):
            return error.sqlstate or ""
        error = error.__cause__
    return ""


def unavailable_reason(error: BaseException) -> str:
    """Why the database is away, in words that hold no host, name or query."""
    state = sqlstate(error) or next((state for state, words in _SAID if words.search(str(error))), "")
    return next((words for begin, words in _REASONS if state.startswith(begin)), _AWAY)


def drop_connection() -> None:
    """End this thread's session with the database; the next statement opens another.

    A pool would hand the same session out again, to a server that was demoted meanwhile. Not within a transaction,
    whose end closes what is broken by itself.
    """
    session = connection.connection
    if session is None or connection.in_atomic_block:
        return
    session.close()
    connection.close()


class Watch:
    """Says once that the database is away, and once that it is back."""

    def __init__(self) -> None:
        self._reason = ""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Work on the database. Raises: OperationalError, where the driver raises another class too."""
        try:
            yield
        except DatabaseError as error:
            drop_connection()
            if not is_unavailable(error):
                raise
            self._say(unavailable_reason(error))
            if isinstance(error, _OPERATIONAL):
                raise
            raise OperationalError(str(error)) from error
        self._say("")

    def _say(self, reason: str) -> None:
        was, self._reason = self._reason, reason
        if reason and reason != was:
            logger.warning("%s; work waits for it", reason)
        elif was and not reason:
            logger.warning("the database is back")


DATABASE = Watch()
