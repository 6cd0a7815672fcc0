"""Workers that can be stopped between any two statements, and killed there: each is a thread with a connection."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.db import DatabaseError, connection

from dex import Engine, RetryableError
from dex.chains.simulated import SimulatedChain, SimulatedOptions

# A worker that has not come to its next stop after so long is asked for: does PostgreSQL say that it waits for a lock?
ASK_S = 0.01
ENDS_WITHIN_S = 20.0
# Reorgs of up to two blocks can happen.
CONFIRMATIONS = 3


class Killed(BaseException):
    """The process is gone: nothing catches it, nothing else of it runs."""


def new_engine() -> Engine:
    """An engine as a process that has just started has it: blocks at once, no latency, no other traders."""
    options = SimulatedOptions(block_time_ms=0, quote_delay_ms=0, build_delay_ms=0, submit_delay_ms=0, noise_trades=0)
    options = replace(options, required_confirmations=CONFIRMATIONS)
    return Engine(SimulatedChain(options))


class Worker:
    """Runs one piece of work and stops at each statement, the chain's included.

    Outside a transaction it stops before the statement, inside behind it: what lies between two stops is then
    either in the database or not, and no two stops are the same to it.
    """

    def __init__(self) -> None:
        self.engine = new_engine()
        self.errors: list[BaseException] = []
        self.in_transaction = False
        self._may_go = threading.Semaphore(0)
        self._has_stopped = threading.Semaphore(0)
        self._is_waiting = False
        self._is_killed = False
        # Of its session in PostgreSQL, 0 before its first statement.
        self._session = 0
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Whether its work has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, work: Callable[[Engine], Any]) -> None:
        """Start the work, up to its first statement."""
        self._is_killed = False
        self._is_waiting = False
        self._session = 0
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()
        self._await_stop()

    def go_on(self, stops: int) -> None:
        """Let it pass that many stops, or as many as there are before it ends or waits for a lock."""
        for _ in range(stops):
            if not self.is_busy:
                return
            if self._is_waiting:
                # It may have stopped only now, behind a lock, when its caller waited no longer.
                while self._has_stopped.acquire(blocking=False):
                    pass
                self._is_waiting = False
                self._may_go.release()
            if not self._await_stop():
                return

    def kill(self) -> None:
        """End it where it stands: the connection is dropped, an open transaction is lost, a sent statement is not."""
        self._is_killed = True
        if self.is_busy:
            self._may_go.release()
            assert self._thread is not None
            self._thread.join(ENDS_WITHIN_S)
            assert not self._thread.is_alive()
        self.engine = new_engine()
        self._may_go = threading.Semaphore(0)
        self._has_stopped = threading.Semaphore(0)

    def finish(self) -> None:
        """Let it come to its end."""
        while self.is_busy:
            self.go_on(1)

    def _await_stop(self) -> bool:
        """True at a stop, False when it has ended or hangs on a lock. How long a statement takes says neither."""
        assert self._thread is not None
        ends_at = time.monotonic() + ENDS_WITHIN_S
        while not self._has_stopped.acquire(timeout=ASK_S):
            if self._session and rows(f"SELECT pg_blocking_pids({self._session})") != [([],)]:
                return False
            assert time.monotonic() < ends_at, "a worker comes to no stop, and waits for no lock"
        return self._thread.is_alive()

    def _run(self, work: Callable[[Engine], Any]) -> None:
        try:
            with connection.execute_wrapper(self._stopping):
                work(self.engine)
        except (Killed, RetryableError):
            pass
        except DatabaseError as error:  # waited too long for a lock: the task would try again
            if type(error).__name__ != "OperationalError":
                self.errors.append(error)
        except BaseException as error:
            self.errors.append(error)
        finally:
            self.in_transaction = False
            connection.close()
            self._has_stopped.release()

    def _stopping(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self._session = connection.connection.info.backend_pid
        if not connection.in_atomic_block:
            self._stop()
        result = execute(sql, params, many, context)
        if connection.in_atomic_block:
            self._stop()
        return result

    def _stop(self) -> None:
        if not self._is_killed:
            self.in_transaction = connection.in_atomic_block
            self._is_waiting = True
            self._has_stopped.release()
            self._may_go.acquire()
        if self._is_killed:
            with suppress(Exception):
                connection.connection.close()
            raise Killed


def rows(question: str) -> Sequence[Sequence[Any]]:
    """What the test itself sees of the database."""
    with connection.cursor() as cursor:
        cursor.execute(question)
        answer: Sequence[Sequence[Any]] = cursor.fetchall()
    return answer
