"""Celery's Redis transport, but for two things: a worker outlives the loss of its broker, and has it back at once.

kombu (5.7) gives running tasks back to the queue, or takes them off it, over a connection that it has taken apart
itself by then: AttributeError, and the worker's main process exits. Here nothing has to go back. A message only says
that there may be work, and the upkeep says so again within a second.

A broker that does not answer at once is asked again after 2, 4, 6 ... seconds, in which nobody works.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection
from kombu.transport import redis
from kombu.transport.virtual import QoS as VirtualQoS

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0


class Broker(Connection):
    """A connection that is tried again soon."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, however long it takes."""
        soon = {"interval_start": FIRST_PAUSE_S, "interval_step": FIRST_PAUSE_S, "interval_max": LONGEST_PAUSE_S}
        return super().ensure_connection(*args, **(soon | kwargs))


class Amqp(AMQP):
    """What the Celery app speaks through."""

    Connection = Broker


class QoS(redis.QoS):
    """Knows what was delivered over a connection and not acknowledged yet."""

    def ack(self, delivery_tag: str) -> None:
        """Take a message off the queue for good."""
        if self._is_connected():
            with self._let_go(delivery_tag):
                super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Give a message back."""
        if self._is_connected():
            with self._let_go(delivery_tag):
                super().reject(delivery_tag, requeue)

    def restore_unacked(self, client: Any = None) -> None:
        """Forget all of it, as the connection is gone."""
        if self._delivered is not None:
            self._delivered.clear()

    @contextmanager
    def _let_go(self, delivery_tag: str) -> Iterator[None]:
        """Count a message as dealt with where Redis cannot be told: its worker would fetch one less for ever."""
        try:
            yield
        except Exception:
            # What kombu's own do at last.
            VirtualQoS.ack(self, delivery_tag)
            raise

    def _is_connected(self) -> bool:
        connection = self.channel.connection
        return connection is not None and connection.client is not None


class Channel(redis.Channel):
    """Of one connection."""

    QoS = QoS


class Transport(redis.Transport):
    """What CELERY_BROKER_TRANSPORT names."""

    Channel = Channel
