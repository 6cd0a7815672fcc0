"""Statements of one session that go out together, and what each of them answers.

A statement of a transaction waits for the next one whose answer is asked for, or for COMMIT, and goes out with it: all
of them, and the BEGIN before them, are one round trip (libpq's pipeline mode). Each trip that is saved is a wake-up of
the server and one of ours, which cost a lone order more than what its statements do. PostgreSQL runs them one after
the other, each with a snapshot of its own, as if they had come alone. After an error it runs none of the rest, and
COMMIT is one of them: its own answer says whether it has committed.

Beside that this is psycopg's cursor without what a single statement has no use for; both share what is prepared.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from django.db import InterfaceError
from psycopg import generators, pq
from psycopg._preparing import Prepare
from psycopg._queries import PostgresQuery
from psycopg.abc import PQGen, Transformer
from psycopg.adapt import Transformer as NewTransformer

Values = Mapping[str, Any] | Sequence[Any]
Row = tuple[Any, ...]

_GOOD = {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}
_COMMIT = b"COMMIT"


class Answer:
    """What a statement answers."""

    __slots__ = ("_rows", "_send")

    def __init__(self, send: Callable[[], None] | None, rows: list[Row] | None = None) -> None:
        self._send = send
        self._rows = rows

    def rows(self) -> list[Row]:
        """Its rows, once it and what was said before it are sent. Raises: django.db.Error."""
        if self._rows is None and self._send is not None:
            self._send()
        if self._rows is None:
            raise InterfaceError("the statement was given up before it was sent, or did not run")
        return self._rows

    @property
    def has_come(self) -> bool:
        """Whether it was sent and answered."""
        return self._rows is not None

    def take(self, rows: list[Row]) -> None:
        """Keep what has come."""
        self._send, self._rows = None, rows

    def give_up(self) -> None:
        """It was not sent, did not run, or was undone: that is not an answer without rows."""
        self._send = self._rows = None


class _Bound(NamedTuple):
    """A statement with its parameters, as psycopg's `PrepareManager` takes it."""

    query: bytes
    types: tuple[int, ...]
    params: Sequence[Any] | None
    formats: Sequence[pq.Format] | None
    transformer: Transformer
    answer: Answer


# What is sent: a statement with what psycopg has to be told of how preparing it went, or something of our own.
_Sent = tuple[_Bound | None, tuple[Any, Prepare, bytes] | None]
_OURS: _Sent = (None, None)


class Conversation:
    """Of one session. What waits is sent before anything else that the session is asked (`base.Cursor`)."""

    def __init__(self, session: "psycopg.Connection[Any]") -> None:
        self._session = session
        self._pgconn = session.pgconn
        # By text, as psycopg's cursors keep theirs while they are used for the same statement.
        self._known: dict[str, tuple[Transformer, PostgresQuery]] = {}
        self._waiting: list[_Bound] = []

    @property
    def has_waiting(self) -> bool:
        """Whether something was said and not sent."""
        return bool(self._waiting)

    def say(self, sql: str, values: Values, send: Callable[[], None]) -> Answer:
        """Take a statement; `send` is called when its answer is asked for before it was sent."""
        known = self._known.get(sql)
        if known is None:
            transformer = NewTransformer.from_context(self._session)
            query = PostgresQuery(transformer)
            query.convert(sql.encode(), values)
            self._known[sql] = transformer, query
        else:
            transformer, query = known
            query.dump(values)
        answer = Answer(send)
        self._waiting.append(_Bound(query.query, query.types, query.params, query.formats, transformer, answer))
        return answer

    def send(self, *, commits: bool = False) -> None:
        """Send what waits, with the BEGIN that it needs and the COMMIT that is to follow, and read all answers.

        Raises: psycopg.Error, of the first statement that did not run.
        """
        waiting, self._waiting = self._waiting, []
        session = self._session
        begins = not session.autocommit and self._pgconn.transaction_status == pq.TransactionStatus.IDLE
        is_alone = len(waiting) == 1 and not begins and not commits
        try:
            with session.lock:
                session.wait(self._alone(waiting[0]) if is_alone else self._together(waiting, begins, commits))
        except BaseException:
            for bound in waiting:
                bound.answer.give_up()
            raise

    def drop(self) -> None:
        """Give up what waits: its transaction is not going to commit."""
        waiting, self._waiting = self._waiting, []
        for bound in waiting:
            bound.answer.give_up()

    def _alone(self, bound: _Bound) -> PQGen[None]:
        """A statement by itself, as psycopg's cursor sends it."""
        prepared = self._session._prepared
        prep, name = prepared.get(bound)  # type: ignore[arg-type]
        if prep is Prepare.SHOULD:
            self._pgconn.send_prepare(name, bound.query, param_types=bound.types)
            self._require((yield from generators.execute(self._pgconn)))
        key = self._send_bound(bound, prep, name)
        results = yield from generators.execute(self._pgconn)
        if key is not None:
            prepared.validate(key, prep, name, results)
        self._take(bound, results)
        yield from prepared.maintain_gen(self._session)

    def _together(self, waiting: Sequence[_Bound], begins: bool, commits: bool) -> PQGen[None]:
        prepared = self._session._prepared
        self._pgconn.enter_pipeline_mode()
        try:
            sent = self._send_all(waiting, begins, commits)
            yield from generators.send(self._pgconn)
            answers = yield from self._read(len(sent))
            self._pgconn.exit_pipeline_mode()
        except BaseException:
            # Answers may be under way that will not be read.
            self._session.close()
            raise
        for (_, preparing), results in zip(sent, answers, strict=True):
            if preparing is not None:
                prepared.validate(*preparing, results)
        for (bound, _), results in zip(sent, answers, strict=True):
            if bound is None:
                self._require(results)
            else:
                self._take(bound, results)
        if commits and answers[-1][-1].command_status != _COMMIT:
            raise psycopg.InternalError("the server has rolled back instead of committing")
        yield from prepared.maintain_gen(self._session)

    def _send_all(self, waiting: Sequence[_Bound], begins: bool, commits: bool) -> list[_Sent]:
        """Fill the buffer; what was put there, in its order."""
        sent: list[_Sent] = []
        if begins:
            self._pgconn.send_query_params(self._session._get_tx_start_command(), None)
            sent.append(_OURS)
        for bound in waiting:
            prep, name = self._session._prepared.get(bound)  # type: ignore[arg-type]
            if prep is Prepare.SHOULD:
                self._pgconn.send_prepare(name, bound.query, param_types=bound.types)
                sent.append(_OURS)
            key = self._send_bound(bound, prep, name)
            sent.append((bound, key and (key, prep, name)))
        if commits:
            self._pgconn.send_query_params(_COMMIT, None)
            sent.append(_OURS)
        self._pgconn.pipeline_sync()
        return sent

    def _read(self, count: int) -> PQGen[list[list[Any]]]:
        """The answers to `count` statements, and the end of the pipeline behind them."""
        answers: list[list[Any]] = []
        while len(answers) <= count:
            answers.append((yield from generators.fetch_many(self._pgconn)))
        return answers[:count]

    def _send_bound(self, bound: _Bound, prep: Prepare, name: bytes) -> Any:
        """Send it; what psycopg has to be told of how it went, None where it knows."""
        if prep is Prepare.NO:
            self._pgconn.send_query_params(
                bound.query, bound.params, param_formats=bound.formats, param_types=bound.types
            )
        else:
            self._pgconn.send_query_prepared(name, bound.params, param_formats=bound.formats)
        return self._session._prepared.maybe_add_to_cache(bound, prep, name)  # type: ignore[arg-type]

    def _take(self, bound: _Bound, results: Sequence[Any]) -> None:
        self._require(results)
        result = results[-1]
        bound.transformer.set_pgresult(result)
        bound.answer.take(bound.transformer.load_rows(0, result.ntuples, tuple))

    def _require(self, results: Sequence[Any]) -> None:
        """Raises: psycopg.Error."""
        if not results:
            raise psycopg.OperationalError("the session has ended")
        for result in results:
            if result.status not in _GOOD:
                if result.status == pq.ExecStatus.PIPELINE_ABORTED:
                    raise psycopg.errors.PipelineAborted("a statement before it failed")
                raise psycopg.errors.error_from_result(result, encoding=self._session.info.encoding)
