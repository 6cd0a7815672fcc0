"""What webhooks are sent, in the section `webhooks` of the published schema."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, OpenApiWebhook, extend_schema

from orders.webhooks.messages import KINDS, MESSAGES

# By their names, what is said of each.
_SUMMARIES = (
    "An event of the account's log",
    "Events are missing here",
    "A test that was asked for",
    "Another webhook was disabled",
)
HEADERS = {
    "webhook-id": "Of the message: the same at every attempt. Pass over one that was seen before.",
    "webhook-timestamp": "Seconds since 1970 of this attempt.",
    "webhook-signature": "`v1,` and base64 of the HMAC-SHA-256, as Standard Webhooks says; several with blanks.",
}
_ANSWERS = {
    "2XX": OpenApiResponse(description="Taken. With any other status it is sent again."),
    410: OpenApiResponse(description="The webhook is disabled."),
}

EVENT, GAP, TEST, DISABLED = (
    OpenApiWebhook(
        kind,
        extend_schema(
            summary=summary, description=shape.description, request=shape, responses=_ANSWERS, tags=["webhooks"],
            operation_id=f"receive{kind.title().replace('_', '')}",
        ),
    )
    for kind, shape, summary in zip(KINDS, MESSAGES, _SUMMARIES, strict=True)
)  # fmt: skip


def state_headers(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """The headers of messages, which the generator leaves out of webhooks."""
    for path in result.get("webhooks", {}).values():
        path["post"]["parameters"] = [
            {"name": name, "in": "header", "required": True, "description": about, "schema": {"type": "string"}}
            for name, about in HEADERS.items()
        ]
    return result
