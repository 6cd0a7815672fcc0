"""What the WebSockets send beside events: each kind of message has one shape, sent and published."""

from orders.event_log.cursor import Cursor
from orders.presentation.orders import ORDER, QUOTE
from orders.problems import PROBLEM, Problem
from orders.shapes import GIVEN, Shape, boolean, constant, integer, listed, nested, text, time

_BEAT = "Seconds between two heartbeats."

WINDOW = Shape[None](
    "WindowShape",
    "How much may be sent before it is acknowledged.",
    {"events": integer(GIVEN), "bytes": integer(GIVEN)},
)
HELLO = Shape[None](
    "HelloMessage",
    "Always first: where the account stream begins.",
    {
        "type": constant("hello"),
        "cursor": text(GIVEN),
        "resumed": boolean(GIVEN, "Whether the client's cursor was accepted."),
        "heartbeat_s": integer(GIVEN, _BEAT),
        "window": nested(WINDOW, GIVEN),
    },
)
SNAPSHOT = Shape[None](
    "SnapshotMessage",
    "The account's open orders, in parts.",
    {
        "type": constant("snapshot"),
        "cursor": text(GIVEN),
        "orders": listed(ORDER, GIVEN),
        "is_last": boolean(GIVEN, "Whether events follow."),
    },
)
GAP = Shape[tuple[Cursor, Cursor]](
    "GapMessage",
    "Events between two cursors cannot be shown: they were archived, or are of another database. A snapshot follows.",
    {
        "type": constant("gap"),
        "from": text(lambda ends: str(ends[0])),
        "to": text(lambda ends: str(ends[1])),
    },
)
HEARTBEAT = Shape[None](
    "HeartbeatMessage",
    "The account stream is alive, and has sent everything up to the cursor.",
    {"type": constant("heartbeat"), "cursor": text(GIVEN), "at": time(GIVEN)},
)
ORDER_SNAPSHOT = Shape[None](
    "OrderSnapshotMessage",
    "Always first: the order as it stands.",
    {
        "type": constant("snapshot"),
        "seq": integer(GIVEN, "seq of the order's last event."),
        "after": integer(GIVEN, "The seq after which events follow, where the address states one.", null=True),
        "order": nested(ORDER, GIVEN),
    },
)
ORDER_HEARTBEAT = Shape[None](
    "OrderHeartbeatMessage",
    "The stream of an order is alive, and has sent everything up to the seq.",
    {"type": constant("heartbeat"), "seq": integer(GIVEN), "at": time(GIVEN)},
)
ERROR = Shape[Problem](
    "ErrorMessage",
    "Why the socket closes, which it does next.",
    {"type": constant("error"), "problem": nested(PROBLEM, lambda problem: problem.to_json())},
)
QUOTE_HELLO = Shape[None](
    "QuoteHelloMessage",
    "Always first.",
    {
        "type": constant("hello"),
        "subscription": integer(GIVEN, "1 where the address states what is quoted, 0 where a frame has to."),
        "heartbeat_s": integer(GIVEN, _BEAT),
    },
)
_SUBSCRIPTION = "Which one it answers: each that the socket takes has the next number."
QUOTED = Shape[None](
    "QuoteMessage",
    "The newest quote. The next one follows when this one is acknowledged, and something has changed.",
    {
        "type": constant("quote"),
        "subscription": integer(GIVEN, _SUBSCRIPTION),
        "quote": nested(QUOTE, GIVEN),
    },
)
UNQUOTED = Shape[None](
    "NoQuoteMessage",
    "Why there is no quote now. The socket stays open.",
    {
        "type": constant("error"),
        "subscription": integer(GIVEN, _SUBSCRIPTION),
        "problem": nested(PROBLEM, GIVEN),
    },
)
QUOTE_HEARTBEAT = Shape[None](
    "QuoteHeartbeatMessage",
    "The quote stream is alive.",
    {"type": constant("heartbeat"), "at": time(GIVEN)},
)
