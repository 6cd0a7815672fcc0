"""Query parameters and headers of the API in the OpenAPI schema's words, as narrow as the views read them."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from orders.cursor import CURSOR_PATTERN
from orders.serializers import TIME
from orders.states import OrderStatus

MAX_KEY_LENGTH = 255
KEY_PATTERN = r"^[!-~]+$"


def _text(most: int) -> dict[str, Any]:
    """Text without NUL, which PostgreSQL cannot hold."""
    return {"type": "string", "minLength": 1, "maxLength": most, "pattern": r"^[^\x00]*$"}


def limit(most: int, default: int, description: str) -> OpenApiParameter:
    """How many rows a page has."""
    shape = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return OpenApiParameter("limit", shape, description=description)


MAX_SEQ = 999_999_999
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
DRY_RUN = OpenApiParameter("dry_run", bool, description="Go through every step up to the broadcast; store nothing.")
LIST_PARAMETERS = [
    OpenApiParameter("status", str, enum=[status.value for status in OrderStatus], many=True),
    OpenApiParameter("outcome", _text(32)),
    OpenApiParameter("type", _text(32)),
    OpenApiParameter("pair", _text(65), description="`SOL/USDC`: in that direction."),
    OpenApiParameter("tag", _text(130), description="`book:eu`, or `book` for any value."),
    OpenApiParameter("client_order_id", _text(64)),
    OpenApiParameter("created_after", TIME, description="RFC 3339."),
    OpenApiParameter("created_before", TIME, description="RFC 3339."),
    limit(500, 50, "Orders per page."),
    OpenApiParameter("cursor", str, description="From `next` or `previous`."),
]
