"""Answers about webhooks. Secrets are shown once, by the two shapes that are named for it."""

from datetime import datetime
from typing import Any, NamedTuple

from orders.event_log.event import timestamp
from orders.models import Webhook, WebhookDelivery
from orders.problems import PROBLEM, Problem
from orders.shapes import GIVEN, Field, Shape, boolean, integer, listed, nested, text, texts, time, uuid
from orders.webhooks.backlog import MOST_COUNTED
from orders.webhooks.endpoints import BY_OPERATOR, BY_OWNER, Made, cursor_of
from orders.webhooks.messages import KINDS
from orders.webhooks.settling import BY_FAILURES, BY_RECEIVER

_BY = {
    BY_OWNER: "disabled by its account",
    BY_OPERATOR: "disabled by the operator",
    BY_FAILURES: "disabled after the last of its attempts",
    BY_RECEIVER: "disabled because the receiver answered 410 Gone",
}


class Shown(NamedTuple):
    """An endpoint, and how many events it has still to pass."""

    webhook: Webhook
    events_behind: int


class Page(NamedTuple):
    """Some deliveries, and the address of those before them."""

    deliveries: list[WebhookDelivery]
    next: str | None


class Requested(NamedTuple):
    """A message that will be sent by hand."""

    message_id: str


def problem_of(webhook: Webhook) -> Problem | None:
    """Why nothing is sent now, or why the message whose turn it is was not taken; None where all is well."""
    if webhook.disabled_by is not None:
        said = f"{_BY[webhook.disabled_by]}{f': {webhook.failure}' if webhook.failure else ''}"
        return Problem("webhook_disabled", said)
    if webhook.attempt:
        failed = f"{webhook.attempt} failed attempt{'' if webhook.attempt == 1 else 's'}"
        return Problem("webhook_failing", f"{failed}, the last one: {webhook.failure}")
    return None


def problem_json(webhook: Webhook) -> dict[str, Any] | None:
    """The same as it is answered."""
    problem = problem_of(webhook)
    return None if problem is None else problem.to_json()


_FIELDS: dict[str, Field[Shown]] = {
    "id": uuid(lambda shown: str(shown.webhook.pk)),
    "url": text(lambda shown: shown.webhook.url),
    "description": text(lambda shown: shown.webhook.description, blank=True),
    "status": texts(lambda shown: shown.webhook.statuses or None, null=True),
    "pair": text(lambda shown: shown.webhook.pair, null=True),
    "tag": text(lambda shown: shown.webhook.tag, null=True),
    "is_enabled": boolean(lambda shown: shown.webhook.disabled_at is None),
    "problem": nested(PROBLEM, lambda shown: problem_json(shown.webhook), null=True),
    "cursor": text(lambda shown: str(cursor_of(shown.webhook)), "Events after it are still to be sent."),
    "events_behind": integer(
        lambda shown: shown.events_behind, f"Events of the account after the cursor, {MOST_COUNTED} at most."
    ),
    "failed_attempts": integer(lambda shown: shown.webhook.attempt, "At the message whose turn it is."),
    "next_attempt_at": time(
        lambda shown: (
            _time(shown.webhook.due_at) if shown.webhook.attempt and shown.webhook.disabled_at is None else None
        ),
        null=True,
    ),
    "last_attempt_at": time(lambda shown: _time(shown.webhook.last_attempt_at), null=True),
    "last_success_at": time(lambda shown: _time(shown.webhook.last_success_at), null=True),
    "previous_secret_until": time(
        lambda shown: _latest(shown.webhook.previous),
        "Until then messages are signed with secrets of before, too.",
        null=True,
    ),
    "created_at": time(lambda shown: _time(shown.webhook.created_at)),
}
_SECRET = {"secret": text(GIVEN, "Shown this once: receivers verify messages with it.")}
WEBHOOK = Shape[Shown]("WebhookShape", "An endpoint, and where it stands in the event log.", _FIELDS)
WEBHOOK_MADE = Shape[Shown]("WebhookSecretShape", "An endpoint with its new secret.", _FIELDS | _SECRET)
WEBHOOKS = Shape[list[Shown]](
    "WebhooksShape",
    "The account's endpoints, oldest first.",
    {"results": listed(WEBHOOK, lambda every: [WEBHOOK.render(shown) for shown in every])},
)
DELIVERY = Shape[WebhookDelivery](
    "WebhookDeliveryShape",
    "One attempt at one message, and what came of it.",
    {
        "id": integer(),
        "message_id": text(about="The header webhook-id: the same at every attempt."),
        "type": text(lambda row: row.kind, pattern=f"^({'|'.join(KINDS)})$"),
        "order_id": uuid(lambda row: row.order_id and str(row.order_id), null=True),
        "seq": integer(null=True),
        "cursor": text(lambda row: row.cursor or None, null=True),
        "attempt": integer(about="From 1."),
        "is_requested": boolean(about="It was sent out of turn, once: by hand, or as news of a webhook."),
        "is_delivered": boolean(lambda row: row.status is not None and 200 <= row.status < 300),
        "status": integer(about="Of the receiver's answer; null where there was none.", null=True),
        "error": text(about="Why there was no answer.", null=True),
        "response": text(about="The first bytes of the answer's body.", blank=True),
        "took_ms": integer(),
        "at": time(lambda row: timestamp(row.at)),
    },
)
DELIVERIES = Shape[Page](
    "WebhookDeliveriesShape",
    "Attempts at the endpoint, newest first. They are kept for some days.",
    {
        "results": listed(DELIVERY, lambda page: [DELIVERY.render(row) for row in page.deliveries]),
        "next": text(about="Address of the attempts before these.", null=True),
    },
)
REQUESTED = Shape[Requested](
    "WebhookRequestedShape",
    "A message that is sent once, out of turn; its delivery says what came of it.",
    {"message_id": text()},
)


def made_json(made: Made, events_behind: int) -> dict[str, object]:
    """An endpoint with its secret."""
    return WEBHOOK_MADE.render(Shown(made.webhook, events_behind), secret=made.secret)


def _latest(previous: list[dict[str, str]]) -> str | None:
    ends = [datetime.fromisoformat(one["until"]) for one in previous]
    return timestamp(max(ends)) if ends else None


def _time(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)
