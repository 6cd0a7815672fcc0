"""Admin pages of webhooks and their deliveries: facts to read, and acts that ask for a reason. No secret is on them."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from orders.admin.acting import Acting, ActWords, whole_numbers
from orders.admin.base import ReadOnly
from orders.admin.cells import in_one_line, moment, table
from orders.admin.large import AmongNewest, LargeTable
from orders.audit.record import Actor
from orders.models import Webhook, WebhookDelivery
from orders.problems import ProblemError
from orders.webhooks.backlog import MOST_COUNTED, events_behind
from orders.webhooks.deliveries import newest_deliveries
from orders.webhooks.endpoints import ask_for_delivery, ask_for_test, cursor_of, switch_by_operator

DISABLE = (
    "Nothing more is sent there, but what is on its way. Only an operator enables it again; it goes on where it stood."
)
ENABLE = "It goes on with the message that it stands before, and has all its attempts again."
TEST = "A test message is sent to each at once, out of turn and without retries; its deliveries say what came of it."
REDELIVER = "The event of each is sent once more, out of turn and without retries; disabled webhooks are sent nothing."
# The permission that all acts need.
MAY_ACT = "orders.change_webhook"
# Attempts that the page of a webhook shows.
SHOWN = 20


class StateFilter(admin.SimpleListFilter):
    """Whether something is wrong."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Enabled ones apart by whether their last attempt failed."""
        return [("enabled", "enabled"), ("failing", "failing"), ("disabled", "disabled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> QuerySet[Webhook]:
        """Those in the state."""
        if self.value() == "disabled":
            return queryset.filter(disabled_at__isnull=False)
        if self.value() == "failing":
            return queryset.filter(disabled_at__isnull=True, attempt__gt=0)
        return queryset.filter(disabled_at__isnull=True) if self.value() == "enabled" else queryset


@admin.register(Webhook)
class WebhookAdmin(Acting, ReadOnly):
    """Endpoints of all accounts, and where each stands."""

    list_display = ("id", "account", "url", "state", "last_success_at", "attempt", "failure")
    list_filter = (StateFilter,)
    list_select_related = ("account",)
    search_fields = ("url", "account__name")
    fields = (
        *("id", "account", "url", "description", "statuses", "pair", "tag", "state", "cursor", "attempt", "due_at"),
        *("failure", "last_attempt_at", "last_success_at", "disabled_at", "created_at", "behind", "deliveries"),
    )
    readonly_fields = ("state", "cursor", "behind", "deliveries")
    actions = ("disable", "enable", "test")
    act_permission = MAY_ACT
    acts = {
        "disable": ActWords("Disable webhooks", DISABLE, "Disable"),
        "enable": ActWords("Enable webhooks", ENABLE, "Enable"),
        "test": ActWords("Test webhooks", TEST, "Send a test message"),
    }

    class Media:
        """Tables that fit."""

        css = {"all": ("orders/admin.css",)}

    @admin.display(description="state")
    def state(self, webhook: Webhook) -> str:
        """Enabled, failing, or by whom it was disabled."""
        if webhook.disabled_by is not None:
            return f"disabled by {webhook.disabled_by}"
        return "failing" if webhook.attempt else "enabled"

    @admin.display(description="cursor")
    def cursor(self, webhook: Webhook) -> str:
        """Where it stands in the log."""
        return str(cursor_of(webhook))

    @admin.display(description="events behind")
    def behind(self, webhook: Webhook) -> str:
        """How many events of its account it has not been told of yet."""
        count = events_behind([webhook]).get(webhook.pk, 0)
        return f"{count:,}{' or more' if count >= MOST_COUNTED else ''}"

    @admin.display(description="newest attempts")
    def deliveries(self, webhook: Webhook) -> SafeString:
        """What was sent last, and what the receiver answered."""
        rows = [
            (
                format_html(
                    '<a href="{}">{}</a>', reverse("admin:orders_webhookdelivery_change", args=[row.pk]), row.pk
                ),
                in_one_line(moment(row.at, "seconds").removesuffix(" UTC")),
                row.kind,
                row.message_id,
                row.attempt,
                row.status or row.error or "",
                f"{row.took_ms:,} ms",
            )
            for row in newest_deliveries(webhook.pk, None, SHOWN)
        ]
        return table(("delivery", "at (UTC)", "kind", "message", "attempt", "answer", "took"), rows)

    def offered(self, row: Webhook) -> Sequence[str]:
        """See `Acting`."""
        return ("enable",) if row.disabled_at is not None else ("test", "disable")

    @admin.action(description="Disable selected webhooks", permissions=("act",))
    def disable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse:
        """Asks for the reason."""
        return self.asked("disable", queryset)

    @admin.action(description="Enable selected webhooks", permissions=("act",))
    def enable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse:
        """Asks for the reason."""
        return self.asked("enable", queryset)

    @admin.action(description="Send a test message to selected webhooks", permissions=("act",))
    def test(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse:
        """Asks for the reason."""
        return self.asked("test", queryset)

    def rows(self, ids: Sequence[str]) -> list[Webhook]:
        """See `Acting`."""
        return list(Webhook.objects.filter(pk__in=[one for one in map(_uuid, ids) if one]).select_related("account"))

    def shown(self, row: Webhook) -> str:
        """See `Acting`."""
        return f"{row.account}: {row.url}"

    def act(self, word: str, rows: Sequence[Webhook], actor: Actor, tell: Callable[[str], None]) -> int:
        """See `Acting`."""
        if word == "test":
            return _each(rows, lambda row: ask_for_test(row.account, row.pk, actor), tell)
        return sum(switch_by_operator(row.pk, actor, is_enabled=word == "enable") for row in rows)


class ResultFilter(AmongNewest):
    """What came of it."""

    title = "result"
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Taken or not."""
        return [("delivered", "delivered"), ("failed", "failed")]

    def narrowed(self, queryset: QuerySet[Any], word: str) -> QuerySet[Any]:
        """By the status of the answer."""
        is_taken = {"status__gte": 200, "status__lt": 300}
        return queryset.filter(**is_taken) if word == "delivered" else queryset.exclude(**is_taken)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(Acting, LargeTable):
    """Attempts at messages, newest first."""

    list_display = ("id", "at", "webhook", "message_id", "attempt", "status", "error", "took_ms", "is_requested")
    list_filter = (ResultFilter,)
    list_select_related = ("webhook",)
    search_fields = ("webhook_id",)
    search_help_text = "id of a webhook"
    sortable_by = ("id",)
    actions = ("redeliver",)
    act_permission = MAY_ACT
    acts = {"redeliver": ActWords("Send events again", REDELIVER, "Send again")}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Those of one webhook."""
        term = search_term.strip()
        return (queryset.filter(webhook_id=_uuid(term)) if term else queryset), False

    @admin.action(description="Send events of selected deliveries again", permissions=("act",))
    def redeliver(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> HttpResponse:
        """Asks for the reason."""
        return self.asked("redeliver", queryset)

    def rows(self, ids: Sequence[str]) -> list[WebhookDelivery]:
        """See `Acting`."""
        return list(WebhookDelivery.objects.filter(pk__in=whole_numbers(ids)).select_related("webhook__account"))

    def shown(self, row: WebhookDelivery) -> str:
        """See `Acting`."""
        return f"{row.message_id} to {row.webhook.url}"

    def act(self, word: str, rows: Sequence[WebhookDelivery], actor: Actor, tell: Callable[[str], None]) -> int:
        """See `Acting`."""
        return _each(rows, lambda row: ask_for_delivery(row.webhook.account, row.webhook_id, row.pk, actor), tell)

    def offered(self, row: WebhookDelivery) -> Sequence[str]:
        """See `Acting`. Only events are sent again."""
        return () if row.order_id is None else ("redeliver",)


def _each(rows: Sequence[Any], act: Callable[[Any], object], tell: Callable[[str], None]) -> int:
    """Act on each, tell of those on which it cannot be done; on how many it was."""
    count = 0
    for row in rows:
        try:
            act(row)
            count += 1
        except ProblemError as error:
            tell(f"{row}: {error.problem.detail}")
    return count


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
