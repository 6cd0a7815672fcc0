"""Admin pages of webhooks and their deliveries: facts to read, and acts that ask for a reason. No secret is on them."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from orders.admin.base import Act, ReadOnly
from orders.admin.large import AmongNewest, LargeTable
from orders.audit.record import Actor
from orders.models import Webhook, WebhookDelivery
from orders.problems import ProblemError
from orders.webhooks.endpoints import ask_for_delivery, cursor_of, switch_by_operator

DISABLE = (
    "Nothing more is sent there, but what is on its way. Only an operator enables it again; it goes on where it stood."
)
ENABLE = "It goes on with the message that it stands before, and has all its attempts again."
REDELIVER = "The event of each is sent once more, out of turn and without retries; disabled webhooks are sent nothing."
# Rows that one act takes.
MOST = 100
# The permission that all acts need.
MAY_ACT = "orders.change_webhook"


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


class Acting(ReadOnly):
    """Read-only rows on which acts are done: each asks for a reason on a page of its own."""

    # By the name of the action: title, explanation, button.
    acts: dict[str, tuple[str, str, str]]

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Who may change webhooks may act."""
        return bool(request.user.has_perm(MAY_ACT))

    def get_urls(self) -> list[Any]:
        """One page for each act."""
        view = self.admin_site.admin_view(self.act_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [path("act/<str:word>/", view, name=name), *super().get_urls()]

    def asked(self, word: str, queryset: QuerySet[Any]) -> HttpResponse:
        """Ask for the reason first."""
        ids = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True)[:MOST])
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_act"
        return HttpResponseRedirect(f"{reverse(name, args=[word])}?ids={ids}")

    def act_view(self, request: HttpRequest, word: str) -> HttpResponse:
        """Ask for a reason, then act on each."""
        if word not in self.acts or not self.has_act_permission(request):
            raise PermissionDenied
        rows = self.rows(request.GET.get("ids", "").split(",")[:MOST])
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        title, explanation, button = self.acts[word]
        answer = Act(title, explanation, button, [self.shown(row) for row in rows], back).ask(request, self.admin_site)
        if isinstance(answer, HttpResponse):
            return answer
        count = self.act(word, rows, answer, lambda text: self.message_user(request, text, messages.WARNING))
        self.message_user(request, f"{count} × done", messages.SUCCESS if count else messages.INFO)
        return HttpResponseRedirect(back)

    def rows(self, ids: Sequence[str]) -> list[Any]:
        """Those that are there."""
        raise NotImplementedError

    def shown(self, row: Any) -> str:
        """A row on the page that asks."""
        raise NotImplementedError

    def act(self, word: str, rows: Sequence[Any], actor: Actor, tell: Callable[[str], None]) -> int:
        """Act on each; how many that changed."""
        raise NotImplementedError


@admin.register(Webhook)
class WebhookAdmin(Acting):
    """Endpoints of all accounts, and where each stands."""

    list_display = ("id", "account", "url", "state", "last_success_at", "attempt", "failure")
    list_filter = (StateFilter,)
    list_select_related = ("account",)
    search_fields = ("url", "account__name")
    fields = (
        *("id", "account", "url", "description", "statuses", "pair", "tag", "state", "cursor", "attempt", "due_at"),
        *("failure", "last_attempt_at", "last_success_at", "disabled_at", "created_at"),
    )
    readonly_fields = ("state", "cursor")
    actions = ("disable", "enable")
    acts = {
        "disable": ("Disable webhooks", DISABLE, "Disable"),
        "enable": ("Enable webhooks", ENABLE, "Enable"),
    }

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

    @admin.action(description="Disable selected webhooks", permissions=("act",))
    def disable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse:
        """Asks for the reason."""
        return self.asked("disable", queryset)

    @admin.action(description="Enable selected webhooks", permissions=("act",))
    def enable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse:
        """Asks for the reason."""
        return self.asked("enable", queryset)

    def rows(self, ids: Sequence[str]) -> list[Webhook]:
        """See `Acting`."""
        return list(Webhook.objects.filter(pk__in=[one for one in map(_uuid, ids) if one]).select_related("account"))

    def shown(self, row: Webhook) -> str:
        """See `Acting`."""
        return f"{row.account}: {row.url}"

    def act(self, word: str, rows: Sequence[Webhook], actor: Actor, tell: Callable[[str], None]) -> int:
        """See `Acting`."""
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
class WebhookDeliveryAdmin(LargeTable, Acting):
    """Attempts at messages, newest first."""

    list_display = ("id", "at", "webhook", "message_id", "attempt", "status", "error", "took_ms", "is_requested")
    list_filter = (ResultFilter,)
    list_select_related = ("webhook",)
    search_fields = ("webhook_id",)
    search_help_text = "id of a webhook"
    sortable_by = ("id",)
    actions = ("redeliver",)
    acts = {"redeliver": ("Send events again", REDELIVER, "Send again")}

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
        known = [int(text) for text in ids if text.isascii() and text.isdecimal() and len(text) < 19]
        return list(WebhookDelivery.objects.filter(pk__in=known).select_related("webhook__account"))

    def shown(self, row: WebhookDelivery) -> str:
        """See `Acting`."""
        return f"{row.message_id} to {row.webhook.url}"

    def act(self, word: str, rows: Sequence[WebhookDelivery], actor: Actor, tell: Callable[[str], None]) -> int:
        """See `Acting`."""
        count = 0
        for row in rows:
            try:
                ask_for_delivery(row.webhook.account, row.webhook_id, row.pk, actor)
                count += 1
            except ProblemError as error:
                tell(f"{row.message_id}: {error.problem.detail}")
        return count


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
