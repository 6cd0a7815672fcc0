"""Events over the channel layer to the sockets that follow their orders; what is lost, readers find in the rows.

A message holds events as they leave on a WebSocket, so that a socket whose next event is among them reads no row for
it. Beside a seal that only this engine can make (envelope.py) two things make it safe to believe one, late or repeated
as it may come: it is sent after the commit, so the event is in the rows; and an order's events are numbered and never
change, so that in one database, which the epoch names, there is one event for each number.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from channels.layers import get_channel_layer
from django.db import Error as DatabaseError

from orders.config import channels_redis_url
from orders.database.pooling import is_pooled
from orders.event_log.event import Event, EventMessage
from orders.event_log.log import event_message, session_epoch
from orders.notify.breaker import hints
from orders.notify.envelope import open_sealed, seal
from orders.notify.kept import kept

# Every process that serves sockets listens to this one group and fans out in memory.
GROUP = "order-events"
# Where the channel layer (`RedisPubSubLoopLayer`) publishes for the group.
CHANNEL = f"asgi__group__{GROUP}"
# Of a larger batch only the accounts are sent: rows read once for all sockets then cost less than texts for all events,
# of which hardly any is followed.
MAX_EVENTS = 32


class News(NamedTuple):
    """The accounts that have new events, and the events themselves unless there are many, from one database."""

    epoch: str
    account_ids: Sequence[int]
    events: Sequence[EventMessage]


def push_events(events: Sequence[Event]) -> None:
    """Send events that are committed to every socket process; a message that is lost costs a second.

    Call after the commit, never inside a transaction. Never raises.
    """
    if events:
        push_news([news_of(events)])


def push_news(parts: Sequence[News]) -> None:
    """Send what was made of events by `news_of`, in one message. As `push_events`."""
    if parts:
        message = _layer().serialize(seal(_packed(_joined(parts))))
        hints.attempt(lambda: _send(message))


def read_news(message: Any) -> News | None:
    """What a message says, None for one that this engine has not sent."""
    body = open_sealed(message)
    if body is None:
        return None
    epoch, account_ids, events = _layer().deserialize(body)
    return News(epoch, account_ids, [EventMessage(one, UUID(bytes=two), *rest) for one, two, *rest in events])


def news_of(events: Sequence[Event]) -> News:
    """What is told of committed events: on the session that they were committed on, outside of transactions."""
    account_ids = sorted({event.account_id for event in events})
    # Behind a pooler a transaction later may see another database than the one that the events are in.
    if len(events) > MAX_EVENTS or is_pooled():
        return News("", account_ids, [])
    try:
        epoch = session_epoch()
    except DatabaseError:  # its next user says so
        return News("", account_ids, [])
    return News(epoch, account_ids, [event_message(event, epoch) for event in events])


def _joined(parts: Sequence[News]) -> News:
    """One for all; without events where one has none or is of another database."""
    account_ids = sorted({account_id for part in parts for account_id in part.account_ids})
    [epoch, *others] = {part.epoch for part in parts}
    if others or not epoch:
        return News("", account_ids, [])
    return News(epoch, account_ids, [event for part in parts for event in part.events])


def _packed(news: News) -> bytes:
    events = [(event.account_id, event.order_id.bytes, *event[2:]) for event in news.events]
    packed: bytes = _layer().serialize((news.epoch, news.account_ids, events))
    return packed


def _layer() -> Any:
    layer = get_channel_layer()
    assert layer is not None
    return layer


def _send(message: bytes) -> None:
    """As the layer's `group_send` does, without an event loop for it and what lies between."""
    kept(channels_redis_url()).send([("PUBLISH", CHANNEL, message)])
