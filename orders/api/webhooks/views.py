"""Webhooks over HTTP: /webhooks and what is below it."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from orders.api import parameters, schema
from orders.api.base import AccountView, account_of, actor_of, fields_of
from orders.api.webhooks.requests import (
    MAX_ID,
    PAGE_CURSOR,
    WebhookChangeSerializer,
    WebhookRedeliverSerializer,
    WebhookRotateSerializer,
    WebhookSerializer,
    columns_of,
)
from orders.api.webhooks.shapes import (
    DELIVERIES,
    REQUESTED,
    WEBHOOK,
    WEBHOOK_MADE,
    WEBHOOKS,
    Page,
    Requested,
    Shown,
    made_json,
)
from orders.models import Webhook
from orders.problems import Problem, ProblemError
from orders.scalars import read_whole_text
from orders.scopes import WEBHOOKS as SCOPE
from orders.webhooks import endpoints
from orders.webhooks.backlog import events_behind
from orders.webhooks.deliveries import newest_deliveries

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
HOOK = schema.example("Ends of orders", {"url": "https://trade.example.com/hooks", "status": ["CONFIRMED", "FAILED"]})


class WebhooksView(AccountView):
    """GET and POST /webhooks."""

    scopes: ClassVar = {"GET": SCOPE, "POST": SCOPE}
    look_up: ClassVar = {"POST": "GET /api/v1/webhooks lists what is stored; delete one whose secret did not arrive"}

    @extend_schema(responses=schema.answers(WEBHOOKS), operation_id="listWebhooks")
    def get(self, request: Request) -> Response:
        """The account's webhooks, where each stands, and what is wrong with it."""
        found = endpoints.of_account(account_of(request))
        behind = events_behind(found)
        return Response(WEBHOOKS.render([Shown(webhook, behind.get(webhook.pk, 0)) for webhook in found]))

    @extend_schema(
        request=WebhookSerializer,
        examples=[HOOK],
        responses=schema.answers(WEBHOOK_MADE, 201),
        operation_id="createWebhook",
    )
    def post(self, request: Request) -> Response:
        """Have events sent to an address from now on. The answer shows the secret, once."""
        fields = fields_of(request, WebhookSerializer)
        made = endpoints.create(account_of(request), columns_of(fields, request.data), actor_of(request, ""))
        return _secret(made, 201)


class WebhookView(AccountView):
    """GET, PATCH and DELETE /webhooks/{webhook_id}."""

    scopes: ClassVar = {"GET": SCOPE, "PATCH": SCOPE, "DELETE": SCOPE}
    look_up: ClassVar = {
        "PATCH": "GET /api/v1/webhooks/{webhook_id} says how it stands; again does no harm",
        "DELETE": "GET /api/v1/webhooks/{webhook_id} answers 404 once it is gone; again does no harm",
    }

    @extend_schema(responses=schema.answers(WEBHOOK), operation_id="getWebhook")
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One webhook, where it stands, and what is wrong with it."""
        return _shown(endpoints.find(account_of(request), webhook_id))

    @extend_schema(
        request=WebhookChangeSerializer,
        examples=[schema.example("On again", {"is_enabled": True})],
        responses=schema.answers(WEBHOOK),
        operation_id="changeWebhook",
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change it, disable it, or enable it again; a message that is on its way is sent again where it matters."""
        account = account_of(request)
        endpoints.find(account, webhook_id)
        fields = fields_of(request, WebhookChangeSerializer)
        if not fields:
            raise ProblemError(Problem("fields_conflict", "the body states nothing that is to be changed"))
        is_enabled = fields.pop("is_enabled", None)
        stated = columns_of(fields, request.data)
        return _shown(endpoints.change(account, webhook_id, stated, is_enabled, actor_of(request, "")))

    @extend_schema(request=None, responses={204: None, **schema.refusals()}, operation_id="deleteWebhook")
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """From this answer on nothing is sent, but what is on its way. Its deliveries are deleted with it."""
        endpoints.delete(account_of(request), webhook_id, actor_of(request, ""))
        return Response(status=204)


class WebhookTestView(AccountView):
    """POST /webhooks/{webhook_id}/test."""

    scopes: ClassVar = {"POST": SCOPE}
    look_up: ClassVar = {"POST": "GET /api/v1/webhooks/{webhook_id}/deliveries shows it; again sends another one"}

    @extend_schema(request=None, responses=schema.answers(REQUESTED, 202), operation_id="testWebhook")
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Have a test message sent at once, out of turn; the deliveries say what came of it."""
        sent = endpoints.ask_for_test(account_of(request), webhook_id, actor_of(request, ""))
        return Response(REQUESTED.render(Requested(sent)), status=202)


class WebhookSecretView(AccountView):
    """POST /webhooks/{webhook_id}/rotate-secret."""

    scopes: ClassVar = {"POST": SCOPE}
    look_up: ClassVar = {"POST": "rotate it again: the secret in use signs beside the newest one"}

    @extend_schema(
        request=WebhookRotateSerializer, responses=schema.answers(WEBHOOK_MADE), operation_id="rotateWebhookSecret"
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Make a new secret, shown once. Messages are signed by both until the overlap ends."""
        account = account_of(request)
        endpoints.find(account, webhook_id)
        overlap_h = fields_of(request, WebhookRotateSerializer)["overlap_hours"]
        return _secret(endpoints.rotate_secret(account, webhook_id, overlap_h, actor_of(request, "")), 200)


class WebhookRedeliverView(AccountView):
    """POST /webhooks/{webhook_id}/redeliver."""

    scopes: ClassVar = {"POST": SCOPE}
    look_up: ClassVar = {"POST": "GET /api/v1/webhooks/{webhook_id} says where it stands; again does no harm"}

    @extend_schema(
        request=WebhookRedeliverSerializer,
        responses={**schema.answers(WEBHOOK), 202: REQUESTED, **schema.GONE},
        operation_id="redeliverWebhook",
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Have one delivery's event sent again, once (202), or go on after a cursor, in order, with retries (200)."""
        account, actor = account_of(request), actor_of(request, "")
        endpoints.find(account, webhook_id)
        fields = fields_of(request, WebhookRedeliverSerializer)
        if len(fields) != 1:
            raise ProblemError(Problem("fields_conflict", "state either delivery_id or after"))
        if "after" in fields:
            return _shown(endpoints.move_to(account, webhook_id, fields["after"].cursor, actor))
        sent = endpoints.ask_for_delivery(account, webhook_id, fields["delivery_id"], actor)
        return Response(REQUESTED.render(Requested(sent)), status=202)


class WebhookDeliveriesView(AccountView):
    """GET /webhooks/{webhook_id}/deliveries."""

    scopes: ClassVar = {"GET": SCOPE}
    query_names: ClassVar = {"GET": ("limit", "cursor")}

    @extend_schema(
        parameters=[parameters.limit(MAX_LIMIT, DEFAULT_LIMIT, "Attempts per page."), PAGE_CURSOR],
        responses=schema.answers(DELIVERIES),
        operation_id="listWebhookDeliveries",
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """The attempts at a webhook, newest first: what was sent, what the receiver answered, how long it took."""
        limit = self.query.read("limit", lambda text: read_whole_text(text, 1, MAX_LIMIT)) or DEFAULT_LIMIT
        before = self.query.read("cursor", lambda text: read_whole_text(text, 1, MAX_ID))
        webhook = endpoints.find(account_of(request), webhook_id)
        rows = newest_deliveries(webhook.pk, before, limit + 1)
        has_more, rows = len(rows) > limit, rows[:limit]
        link = replace_query_param(request.build_absolute_uri(), "cursor", str(rows[-1].pk)) if has_more else None
        return Response(DELIVERIES.render(Page(rows, link)))


def _shown(webhook: Webhook) -> Response:
    return Response(WEBHOOK.render(Shown(webhook, events_behind([webhook]).get(webhook.pk, 0))))


def _secret(made: endpoints.Made, status: int) -> Response:
    body: dict[str, Any] = made_json(made, events_behind([made.webhook]).get(made.webhook.pk, 0))
    answer = Response(body, status=status)
    answer["Cache-Control"] = "no-store"
    return answer
