"""What callers send about webhooks."""

from typing import Any, NamedTuple

from drf_spectacular.utils import OpenApiParameter, extend_schema_field

from orders.api.life.cancel import PairField, TagField
from orders.api.serializers import FlagField, ScalarField, StrictTextField, WholeField
from orders.api.strict import StrictSerializer
from orders.event_log.cursor import CURSOR_PATTERN, Cursor, read_cursor
from orders.scalars import ScalarError, read_choice, read_text
from orders.states import OrderStatus
from orders.webhooks.endpoints import DEFAULT_OVERLAP_H, MOST_OVERLAP_H
from orders.webhooks.targets import MAX_URL, URL_PATTERN, read_target, target_policy

STATUSES = [status.value for status in OrderStatus]
MAX_ID = 10**18 - 1


@extend_schema_field({"type": "string", "maxLength": MAX_URL, "pattern": URL_PATTERN})
class UrlField(ScalarField):
    """An address that messages may be sent to."""

    @staticmethod
    def read(value: Any) -> str:
        """Raises: ScalarError."""
        return read_target(read_text(value, most=MAX_URL), target_policy())


@extend_schema_field(
    {
        "oneOf": [
            {"enum": STATUSES},
            {"type": "array", "items": {"enum": STATUSES}, "minItems": 1, "maxItems": len(STATUSES)},
        ]
    }
)
class StatusesField(ScalarField):
    """One status, or several."""

    @staticmethod
    def read(value: Any) -> list[str]:
        """Raises: ScalarError."""
        named = value if isinstance(value, list) else [value]
        if not 1 <= len(named) <= len(STATUSES):
            raise ScalarError(f"must name 1 to {len(STATUSES)} statuses: send null for all of them")
        stated = {read_choice(name, STATUSES) for name in named}
        return [status for status in STATUSES if status in stated]


@extend_schema_field({"type": "string", "pattern": CURSOR_PATTERN})
class CursorField(ScalarField):
    """A cursor as it was sent, or 0 for the beginning, which is read as an After without one."""

    @staticmethod
    def read(value: Any) -> "After":
        """Raises: ScalarError."""
        return After(read_cursor(read_text(value, most=96)))


class After(NamedTuple):
    """Where to go on: after a cursor, or without one from the beginning."""

    cursor: Cursor | None


_DESCRIPTION = "For people; kept in the audit log with the rest."


class WebhookSerializer(StrictSerializer):
    """POST /webhooks: only `url` is required."""

    url = UrlField(help_text="https, of a public host, on port 443 or 8443 unless the operator allows more.")
    description = StrictTextField(required=False, max_length=200, allow_blank=True, help_text=_DESCRIPTION)
    status = StatusesField(required=False, allow_null=True, help_text="Events with these; null: with any.")
    pair = PairField(required=False, allow_null=True, help_text="`SOL/USDC`: in that direction; null: of any.")
    tag = TagField(required=False, allow_null=True, help_text="`book:eu`, or `book` for any value; null: all orders.")


class WebhookChangeSerializer(WebhookSerializer):
    """PATCH /webhooks/{id}: what is not stated stays as it is."""

    url = UrlField(required=False, help_text="Failed attempts are forgotten with the address that failed.")
    is_enabled = FlagField(required=False, help_text="false: nothing is sent. true: it goes on where it stands.")


class WebhookRotateSerializer(StrictSerializer):
    """POST /webhooks/{id}/rotate-secret."""

    overlap_hours = WholeField(
        0, MOST_OVERLAP_H, required=False, default=DEFAULT_OVERLAP_H, help_text="Signed by both secrets for so long."
    )


class WebhookRedeliverSerializer(StrictSerializer):
    """POST /webhooks/{id}/redeliver: one delivery, or everything after a cursor."""

    delivery_id = WholeField(1, MAX_ID, required=False, help_text="Its event is sent once more, out of turn.")
    after = CursorField(required=False, help_text="The webhook goes on from there, back or forward; 0: all there is.")


def columns_of(fields: dict[str, Any], stated: Any) -> dict[str, Any]:
    """The columns of what a body states, pair and tag as the texts that they were read from."""
    texts = {name: stated[name] for name in ("pair", "tag") if name in fields}
    rest = {name: fields[name] for name in ("url", "description") if name in fields}
    return rest | texts | ({"statuses": fields["status"] or []} if "status" in fields else {})


PAGE_CURSOR = OpenApiParameter(
    "cursor", {"type": "integer", "minimum": 1, "maximum": MAX_ID}, description="From `next`."
)
