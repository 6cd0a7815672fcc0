"""Connections to Redis that stay open for what is sent after each commit.

redis-py's client takes a connection out of its pool, looks at its health and counts it, for each command: most of what
a small command costs. Here redis-py's connections are used as they are, with all that an address may ask of them.
"""

import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# A frozen server costs the one caller that finds out this long, and only once.
SOCKET_TIMEOUT_S = 0.2

Command = tuple[str | bytes | int, ...]


class Kept:
    """The open connections of one process to one address.

    Each thread takes one and gives it back, which the interpreter does in one step: no lock, and no thread waits.
    """

    def __init__(self, url: str, timeout_s: float = SOCKET_TIMEOUT_S) -> None:
        self._pool = redis.ConnectionPool.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            health_check_interval=0,
        )
        self._idle: list[Any] = []

    def send(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands and read their answers. Raises: RedisError, after which no open connection is used again.

        One server has gone or was demoted: the next command goes wherever the address leads by then.
        """
        return self.begin(commands)()

    def begin(self, commands: Sequence[Command]) -> Callable[[], list[Any]]:
        """Send commands; the call, of which there is one at most, reads their answers. Both raise as `send` does."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._pool.make_connection()
        try:
            connection.send_packed_command(connection.pack_commands(commands))
        except BaseException:
            self._give_up(connection)
            raise

        def answers() -> list[Any]:
            try:
                read = [connection.read_response() for _ in commands]
            except BaseException:
                self._give_up(connection)
                raise
            self._idle.append(connection)
            return read

        return answers

    def _give_up(self, connection: Any) -> None:
        connection.disconnect()
        while True:
            try:
                self._idle.pop().disconnect()
            except IndexError:
                return


def kept(url: str) -> Kept:
    """This process's connections to an address; each command on them takes `SOCKET_TIMEOUT_S` at most."""
    return _kept(url, os.getpid())


@cache
def _kept(url: str, pid: int) -> Kept:
    # A connection must not be shared across a fork.
    return Kept(url)
