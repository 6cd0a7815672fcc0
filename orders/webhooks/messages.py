"""What is sent: the records of the event log as every reader gets them, gaps in it, and tests.

The id of a message is that of the fact that it tells, the same at every attempt and at every endpoint.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from orders.event_log.archived import EventsArchived
from orders.event_log.cursor import Cursor, Position
from orders.event_log.event import EVENT
from orders.event_log.log import Entry, newest, order_events, read_page
from orders.shapes import GIVEN, Shape, text, uuid
from orders.webhooks.claims import Endpoint

# Rows of one read.
PAGE_ROWS = 64


class Message(NamedTuple):
    """A message, and where its endpoint stands once it is taken."""

    id: str
    kind: str
    body: str
    position: Position
    epoch: str
    cursor: str = ""
    order_id: UUID | None = None
    seq: int | None = None


class Next(NamedTuple):
    """Some messages whose turn it is, in order; `end` is the place after all of them and what they leave out."""

    messages: Sequence[Message]
    end: Position
    epoch: str
    has_more: bool


GAP = Shape[Any](
    "GapShape",
    "Events are missing here: archived, or the database is another one, as after a restore. Read your orders.",
    {"type": text(lambda _: "gap"), "from": text(GIVEN), "to": text(GIVEN, "The events after this cursor follow.")},
)
TEST = Shape[Any](
    "WebhookTestShape",
    "A message that was asked for by hand; it tells nothing.",
    {"type": text(lambda _: "test"), "webhook_id": uuid(GIVEN)},
)
DISABLED = Shape[dict[str, str]](
    "WebhookDisabledShape",
    "Another webhook of the account was disabled, since its receiver did not take a message.",
    {
        "type": text(lambda _: "webhook_disabled"),
        "webhook_id": uuid(lambda request: request["webhook_id"]),
        "failure": text(lambda request: request["failure"], "Of its last attempt."),
    },
)
# What an endpoint is sent, for the published schema.
MESSAGES: Sequence[Shape[Any]] = (EVENT, GAP, TEST, DISABLED)
KINDS = ("event", "gap", "test", "webhook_disabled")


def next_messages(endpoint: Endpoint, position: Position, epoch: str) -> Next:
    """What follows a position, after which the log was last read in `epoch`."""
    try:
        page = read_page(endpoint.account_id, position, PAGE_ROWS)
    except EventsArchived as archived:
        return _gap(endpoint, position, epoch, archived.oldest)
    if page.end.epoch != epoch:
        return _gap(endpoint, position, epoch, position)
    messages = [event_message(entry) for entry in page.entries if endpoint.filter.fits(entry)]
    return Next(messages, page.end.position, epoch, page.is_full)


def requested_message(endpoint: Endpoint, request: dict[str, Any]) -> Message | None:
    """What is sent out of turn; None where its event is archived by now."""
    place = (endpoint.position, endpoint.epoch)
    if request["kind"] == "webhook_disabled":
        return Message(request["id"], "webhook_disabled", orjson.dumps(DISABLED.render(request)).decode(), *place)
    if request["kind"] == "test":
        body = orjson.dumps(TEST.render(None, webhook_id=str(endpoint.id))).decode()
        return Message(request["id"], "test", body, *place)
    order_id, seq, cursor = UUID(request["order_id"]), request["seq"], request["cursor"]
    events = [event for event in order_events(order_id, seq - 1) if event.seq == seq]
    if not events or events[0].account_id != endpoint.account_id:
        return None
    return Message(message_id(order_id, seq), "event", events[0].to_text(cursor), *place, cursor, order_id, seq)


def event_message(entry: Entry) -> Message:
    """An event as the WebSocket sends it too."""
    event, cursor = entry.event, entry.cursor
    name = message_id(event.order_id, event.seq)
    return Message(name, "event", entry.text, cursor.position, cursor.epoch, str(cursor), event.order_id, event.seq)


def message_id(order_id: UUID, seq: int) -> str:
    """The `webhook-id` of an event."""
    return f"evt_{order_id}_{seq}"


def _gap(endpoint: Endpoint, position: Position, epoch: str, to: Position) -> Next:
    """Events were archived, or the database is another one than before, whose log may be behind the place."""
    end = newest()
    if to.is_ahead_of(end.position):
        to = end.position
    cursor = str(Cursor(end.epoch, to))
    body = orjson.dumps(GAP.render(None, **{"from": str(Cursor(epoch, position)), "to": cursor})).decode()
    message = Message(f"gap_{endpoint.id}_{cursor}", "gap", body, to, end.epoch, cursor)
    return Next([message], to, end.epoch, has_more=True)
