"""Celery's Redis transport, but for two things: a worker outlives the loss of its broker, and has it back at once.

kombu (5.7) keeps a copy of each message in Redis until it is acknowledged, at the price of several commands. The copy
goes back to the queue over a connection that kombu has taken apart itself by then: AttributeError, and the worker's
main process exits. Here there is no copy, and nothing has to go back. A message only says that there may be work, and
maintenance says so again within a second.

A broker that does not answer at once is asked again after 2, 4, 6 ... seconds, in which no job runs.

A server that refuses (a replica after a failover, a full disk or memory, too few replicas) raises errors by which the
worker's main process exits. Here any error of Redis is the loss of the connection, and a connection is there once the
server takes a write.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection
from kombu.transport import redis
from kombu.transport.virtual import QoS as VirtualQoS
from redis import RedisError

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0


PROBE_KEY, PROBE_MS = "orderengine:probe", 1000
# What the process does between two attempts to connect, in which its event loop stands still.
meanwhile: list[Callable[[], object]] = []


class Broker(Connection):
    """A connection that is tried again soon, and says once for each reason why it is not there."""

    def ensure_connection(self, errback: Any = None, *args: Any, callback: Any = None, **kwargs: Any) -> Any:
        """Connect, however long it takes."""
        soon = {"interval_start": FIRST_PAUSE_S, "interval_step": FIRST_PAUSE_S, "interval_max": LONGEST_PAUSE_S}
        said: set[str] = set()

        def say_once(error: Exception, interval: float) -> None:
            if errback is not None and str(error) not in said:
                said.add(str(error))
                errback(error, interval)

        def between() -> None:
            if callback is not None:
                callback()
            for act in meanwhile:
                act()

        chosen: dict[str, Any] = soon | kwargs | {"callback": between}
        return super().ensure_connection(say_once, *args, **chosen)


class Amqp(AMQP):
    """What the Celery app speaks through."""

    Connection = Broker


class QoS(VirtualQoS):
    """Counts what was delivered over a connection and not acknowledged yet."""

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Take a message off the count, and give it back where its process has died: the next one looks for leases."""
        delivered: dict[str, Any] = self._delivered or {}
        message = delivered.get(delivery_tag)
        super().reject(delivery_tag)
        if requeue and message is not None and self._is_connected():
            message.properties["delivery_info"]["redelivered"] = True
            self.channel._restore(message)

    def _is_connected(self) -> bool:
        connection = self.channel.connection
        return connection is not None and connection.client is not None


class Channel(redis.Channel):
    """Of one connection. Raises: RedisError where the server takes no writes."""

    # What was not acknowledged is forgotten with its connection.
    do_restore = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.QoS: Any = QoS
        try:
            self.client.set(PROBE_KEY, "", px=PROBE_MS)
        except RedisError:
            self.close()
            raise

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """As kombu's. After an error the next command opens a connection: this server may have been demoted."""
        with super().conn_or_acquire(client) as used:
            try:
                yield used
            except RedisError:
                self.pool.disconnect(inuse_connections=False)
                raise


class Transport(redis.Transport):
    """What CELERY_BROKER_TRANSPORT names."""

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, RedisError)
