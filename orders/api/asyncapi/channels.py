"""Each WebSocket, and the webhooks: address, parameters, messages in both directions."""

from typing import Any, NamedTuple

from orders.api.asyncapi.components import Published
from orders.api.parameters import PAIR, TAG
from orders.event_log.cursor import CURSOR_PATTERN
from orders.event_log.event import EVENT
from orders.inputs.query import MAX_SEQ
from orders.inputs.quotes import PLAIN, PLAIN_GUARDS
from orders.presentation import messages
from orders.shapes import Shape
from orders.states import OrderStatus


class Message(NamedTuple):
    """A message: the shape of its JSON, or for one that is taken a schema."""

    name: str
    about: str
    payload: Any
    headers: Any = None


class Channel(NamedTuple):
    """An address, its query parameters as a JSON Schema, and what it sends and takes."""

    name: str
    address: str | None
    about: str
    query: dict[str, Any]
    sends: tuple[Message, ...]
    takes: tuple[Message, ...]


def _sent(name: str, shape: Shape[Any]) -> Message:
    return Message(name, shape.description, shape)


def _frame(op: str, **fields: Any) -> dict[str, Any]:
    properties = {"op": {"const": op}, **fields}
    return {"type": "object", "properties": properties, "required": sorted(properties), "additionalProperties": False}


def _parameters(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


_CURSOR = {"type": "string", "pattern": CURSOR_PATTERN}
_EVENT = _sent("Event", EVENT)
_ERROR = _sent("Error", messages.ERROR)
AUTH = Message(
    "Authenticate",
    "The first frame of a page that shows its ticket in no subprotocol, within 5 s.",
    _frame("auth", ticket={"type": "string", "minLength": 1}),
)
ACK = Message("Acknowledge", "Everything up to the cursor has been processed.", _frame("ack", cursor=_CURSOR))
SEEN = Message("AcknowledgeQuote", "The last quote or error has been processed.", _frame("ack"))
SUBSCRIBE = Message(
    "Subscribe",
    "What is quoted from now on: a body of POST /quotes.",
    _frame("subscribe", quote=Published("QuoteRequest")),
)
# As https://www.standardwebhooks.com has them.
_SIGNED = {
    "type": "object",
    "properties": {
        "webhook-id": {"type": "string", "description": "The same for each try to deliver the event."},
        "webhook-timestamp": {"type": "string", "pattern": "^[0-9]+$", "description": "Unix seconds of this try."},
        "webhook-signature": {"type": "string", "description": "One signature or more, with blanks between them."},
    },
    "required": ["webhook-id", "webhook-signature", "webhook-timestamp"],
}

CHANNELS = (
    Channel(
        "order",
        "/orders/{order_id}",
        "One order: a snapshot, then each event, until five seconds after its last.",
        _parameters(after={"type": "integer", "minimum": 0, "maximum": MAX_SEQ}),
        (
            _sent("OrderSnapshot", messages.ORDER_SNAPSHOT),
            _EVENT,
            _sent("OrderHeartbeat", messages.ORDER_HEARTBEAT),
            _ERROR,
        ),
        (AUTH,),
    ),
    Channel(
        "stream",
        "/ws/v1/stream",
        "Each event of the account once, in order.",
        _parameters(after=_CURSOR, pair=PAIR, status={"enum": [str(status) for status in OrderStatus]}, tag=TAG),
        (
            _sent("Hello", messages.HELLO),
            _sent("Snapshot", messages.SNAPSHOT),
            _EVENT,
            _sent("Gap", messages.GAP),
            _sent("Heartbeat", messages.HEARTBEAT),
            _ERROR,
        ),
        (AUTH, ACK),
    ),
    Channel(
        "quotes",
        "/ws/v1/quotes",
        "The quote of one swap, as it changes.",
        _parameters(
            **{name: Published("QuoteRequest", name) for name in PLAIN},
            **{name: Published("Guards", name) for name in PLAIN_GUARDS},
        ),
        (
            _sent("QuoteHello", messages.QUOTE_HELLO),
            _sent("Quote", messages.QUOTED),
            _sent("NoQuote", messages.UNQUOTED),
            _sent("QuoteHeartbeat", messages.QUOTE_HEARTBEAT),
            _ERROR,
        ),
        (AUTH, SEEN, SUBSCRIBE),
    ),
    Channel(
        "webhooks",
        None,
        "The same events, sent to addresses of the account.",
        {},
        (Message("WebhookEvent", "An event as POST body, signed.", EVENT, _SIGNED),),
        (),
    ),
)
