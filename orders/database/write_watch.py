"""What is known of what a request has stored when the database is lost on its way.

Nothing is stored before a writing statement is sent outside a transaction, or COMMIT after such statements. From then
on only the server's answer decides: where that is lost, no answer may say that nothing was stored.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection
from django.db.backends.signals import connection_created

_WRITES = re.compile(r"\b(?:INSERT|DELETE|MERGE|TRUNCATE|(?<!FOR )(?<!KEY )UPDATE)\b", re.IGNORECASE)


class Written(StrEnum):
    """What became of a request's writes."""

    NOTHING = "nothing"
    UNKNOWN = "unknown"
    STORED = "stored"


class WriteWatch:
    """Follows every statement that Django sends on this thread's connection."""

    def __init__(self) -> None:
        self._is_pending = self._is_stored = self._is_ignoring = False

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Django's execute wrapper: note before a write is sent what its lost answer would mean."""
        session = context["connection"]
        if writes := not self._is_ignoring and _WRITES.search(str(sql)) is not None:
            self._is_pending = True
            if session.in_atomic_block:
                session.on_commit(self._store)
        try:
            answer = execute(sql, params, many, context)
        except DatabaseError as error:
            self._fail(session, error)
            raise
        if writes and not session.in_atomic_block:
            self._store()
        return answer

    def ignore(self) -> None:
        """Until `begin`: that a key was used is noted, but is not what the request asks for."""
        self._is_ignoring = True

    def begin(self) -> None:
        """Count what is written from here on."""
        self._is_pending = self._is_stored = self._is_ignoring = False

    def written(self, error: BaseException) -> Written:
        """What the request has stored, given the error that ended it."""
        if self._is_stored:
            return Written.STORED
        return Written.UNKNOWN if self._is_pending and not was_refused(error) else Written.NOTHING

    def _store(self) -> None:
        self._is_stored = True

    def _fail(self, session: Any, error: DatabaseError) -> None:
        """After a failed statement its transaction cannot commit, unless a savepoint takes it back."""
        is_undone = _is_lost(session) or not any(session.savepoint_ids)
        if is_undone if session.in_atomic_block else was_refused(error):
            self._is_pending = False


_current: ContextVar[WriteWatch | None] = ContextVar("write_watch", default=None)


@contextmanager
def watch_writes() -> Iterator[WriteWatch]:
    """Follow this thread's statements."""
    watch = WriteWatch()
    token = _current.set(watch)
    try:
        with connection.execute_wrapper(watch):
            yield watch
    finally:
        _current.reset(token)


def watch_process() -> WriteWatch:
    """Follow all statements of a process that runs one command, from its first connection on."""
    watch = WriteWatch()
    _current.set(watch)

    def follow(connection: Any, **_: Any) -> None:
        if watch not in connection.execute_wrappers:
            connection.execute_wrappers.append(watch)

    connection_created.connect(follow, weak=False)
    return watch


def current_watch() -> WriteWatch | None:
    """The watch over what runs now; None where nothing is to be written."""
    return _current.get()


def was_refused(error: BaseException) -> bool:
    """Whether the server itself answered that it did not do it; a session that it ends may have committed before."""
    diagnostic = getattr(error.__cause__, "diag", None)
    return getattr(diagnostic, "severity_nonlocalized", None) == "ERROR"


def _is_lost(session: Any) -> bool:
    return session.connection is None or session.connection.closed
