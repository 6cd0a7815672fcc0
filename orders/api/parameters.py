"""Query parameters and headers of the API in the OpenAPI schema's words, as narrow as the views read them."""

from drf_spectacular.utils import OpenApiParameter

from orders.api.serializers import CLIENT_ORDER_ID_PATTERN
from orders.event_log.cursor import CURSOR_PATTERN
from orders.inputs.filters import ID_PATTERN, MAX_SYMBOL, TAG_LENGTH
from orders.inputs.query import MAX_SEQ
from orders.order_types import ORDER_TYPES
from orders.problems import OUTCOMES
from orders.scalars import TIME_SCHEMA
from orders.states import OrderStatus

MAX_KEY_LENGTH = 255
# Printable ASCII but the comma, with which HTTP joins the values of a header that is stated twice.
KEY_PATTERN = r"^[!-+\--~]+$"


# No text here holds NUL, which PostgreSQL cannot store.
PAIR = {"type": "string", "maxLength": 2 * MAX_SYMBOL + 1, "pattern": r"^[^/\x00]+/[^/\x00]+$"}
TAG = {"type": "string", "maxLength": TAG_LENGTH, "pattern": r"^[^:\x00]+(:[^\x00]+)?$"}
OWN_ID = {"type": "string", "pattern": CLIENT_ORDER_ID_PATTERN}


def limit(most: int, default: int, description: str) -> OpenApiParameter:
    """How many rows a page has."""
    shape = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return OpenApiParameter("limit", shape, description=description)


AFTER_SEQ = OpenApiParameter(
    "after", {"type": "integer", "minimum": 0, "maximum": MAX_SEQ}, description="Only events with a higher seq."
)
AFTER_CURSOR = OpenApiParameter(
    "after",
    {"type": "string", "pattern": CURSOR_PATTERN},
    description="A cursor as it was sent; from the first event without one.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description="Repeats within 24 h give the first answer again.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": r'^"[1-9][0-9]{0,8}"$'},
    OpenApiParameter.HEADER,
    required=True,
    description="The order's version in quotes, as its ETag says it.",
)
DRY_RUN = OpenApiParameter("dry_run", bool, description="Go through every step up to the broadcast; store nothing.")
LIST_PARAMETERS = [
    OpenApiParameter("status", str, enum=[status.value for status in OrderStatus], many=True),
    OpenApiParameter("outcome", str, enum=sorted(OUTCOMES)),
    OpenApiParameter("type", str, enum=sorted(ORDER_TYPES)),
    OpenApiParameter("pair", PAIR, description="`SOL/USDC`: in that direction."),
    OpenApiParameter("tag", TAG, description="`book:eu`, or `book` for any value."),
    OpenApiParameter("client_order_id", OWN_ID),
    OpenApiParameter("parent", {"type": "string", "pattern": ID_PATTERN}, description="The children of this order."),
    OpenApiParameter("created_after", TIME_SCHEMA, description="RFC 3339."),
    OpenApiParameter("created_before", TIME_SCHEMA, description="RFC 3339."),
    limit(500, 50, "Orders per page."),
    OpenApiParameter("cursor", {"type": "string", "minLength": 1}, description="From `next` or `previous`."),
]
