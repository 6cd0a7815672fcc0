"""The admin's pages of the audit log: who did what, its proof, and incidents, which a person acknowledges."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from orders.admin.acting import Acting, ActWords, whole_numbers
from orders.admin.cells import NOTHING, moment
from orders.admin.large import MOST_FOUND, LargeTable, among_newest, order_ids
from orders.audit.chain import verify_between
from orders.audit.record import Actor
from orders.audit.words import acts_done
from orders.models import AuditEntry
from orders.models.audit import SIGNATURE
from orders.reconciliation.incidents import acknowledge, acknowledgement_of, is_incident

ACKNOWLEDGE = (
    "They leave the first page: you have looked at them. Nothing else changes; what the engine has paused with one is "
    "resumed by itself, on the page of pauses."
)
# Entries that one page proves.
MOST_PROVED = 2_000


class ActionFilter(admin.SimpleListFilter):
    """What was done."""

    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those in the log, each found by a look into the index, and signatures."""
        return [(word, word) for word in [*acts_done(), SIGNATURE]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Signatures are nearly all there is: of them the newest are shown."""
        word = self.value()
        if word is None:
            return queryset
        if word == SIGNATURE:
            return among_newest(queryset).filter(action=word)
        return queryset.exclude(action=SIGNATURE).filter(action=word)


@admin.register(AuditEntry)
class AuditEntryAdmin(Acting, LargeTable):
    """Who changed what, by hand or by key; what was signed stands among it, by batch."""

    change_list_template = "admin/orders/auditentry/change_list.html"
    list_display = ("id", "at", "actor", "address", "action", "subject", "reason")
    list_filter = (ActionFilter,)
    sortable_by = ("id",)
    search_fields = ("subject", "actor")
    readonly_fields = ("acknowledged",)
    actions = ("acknowledge",)
    act_permission = "orders.change_auditentry"
    acts = {"acknowledge": ActWords("Acknowledge incidents", ACKNOWLEDGE, "Acknowledge")}
    search_help_text = "who (name or key), or to what: order:ID, account:NAME, wallet:ADDRESS, chain:ID"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """The whole of either, of all but signatures; an order's id is its subject too."""
        term = search_term.strip()
        if not term:
            return queryset, False
        acts = AuditEntry.objects.exclude(action=SIGNATURE).order_by("-id").values_list("pk", flat=True)
        wanted = [term, *(f"order:{order_id}" for order_id in order_ids(term))]
        found = [pk for subject in wanted for pk in acts.filter(subject=subject)[:MOST_FOUND]]
        return queryset.filter(pk__in=[*found, *acts.filter(actor=term)[:MOST_FOUND]]), False

    @admin.display(description="acknowledged")
    def acknowledged(self, entry: AuditEntry) -> str:
        """Of an incident, by whom and when."""
        if not is_incident(entry):
            return str(NOTHING)
        by = acknowledgement_of(entry.pk)
        return "not yet" if by is None else f"by {by.actor}, {moment(by.at, 'seconds')}: {by.reason}"

    @admin.action(description="Acknowledge selected incidents", permissions=("act",))
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> HttpResponse:
        """Asks for the reason."""
        return self.asked("acknowledge", queryset)

    def offered(self, row: AuditEntry) -> Sequence[str]:
        """See `Acting`."""
        return ("acknowledge",) if is_incident(row) and acknowledgement_of(row.pk) is None else ()

    def rows(self, ids: Sequence[str]) -> list[AuditEntry]:
        """See `Acting`."""
        return list(AuditEntry.objects.filter(pk__in=whole_numbers(ids)).order_by("pk"))

    def act(self, word: str, rows: Sequence[AuditEntry], actor: Actor, tell: Callable[[str], None]) -> int:
        """See `Acting`."""
        return acknowledge([row.pk for row in rows], actor)

    def get_urls(self) -> list[Any]:
        """The page that proves entries."""
        view = self.admin_site.admin_view(self.verify_view)
        return [path("verify/", view, name="orders_auditentry_verify"), *super().get_urls()]

    def verify_view(self, request: HttpRequest) -> HttpResponse:
        """Recompute the hashes of some entries: the newest, unless the address says up to which."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        newest = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        until = min([newest, *whole_numbers([request.GET.get("until", "")])])
        first = max(1, until - MOST_PROVED + 1)
        verdict = verify_between(first, until)
        context = {**self.admin_site.each_context(request), "title": "Prove the audit log", "verdict": verdict,
                   "first": first, "until": until, "before": first - 1, "newest": newest}  # fmt: skip
        return render(request, "admin/orders/auditentry/verify.html", context)
