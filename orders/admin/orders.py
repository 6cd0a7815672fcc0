"""The admin: orders with all their facts to read, and two acts, cancel and unpark, which ask for a reason."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.safestring import SafeString

from orders.admin.base import Act
from orders.admin.cells import amount, code
from orders.admin.large import MOST_FOUND, OfOrders, order_ids
from orders.admin.order_filters import (
    OutcomeFilter,
    PlacedFilter,
    StatusFilter,
    TokenInFilter,
    TokenOutFilter,
    VenueFilter,
)
from orders.admin.order_relations import OrderRelations, archived_page
from orders.models import Fill, Order, OrderEvent, SignedTransaction
from orders.pipeline.quarantine import release_orders_from_quarantine
from orders.services.cancel import CancelResult, cancel_orders
from orders.states import is_terminal

CANCEL_EXPLAINED = (
    "An order without a signed transaction is cancelled at once; for another one a cancellation transaction is "
    "sent at its nonce, and the chain decides between the two. The reason is kept with your name."
)
UNPARK_EXPLAINED = (
    "Their workers died again and again while their bytes may be on the chain. Unparked they are looked at as often as "
    "any other, from now on. The reason is kept with your name."
)


@admin.register(Order)
class OrderAdmin(OrderRelations):
    """Orders with their whole story."""

    list_display = ("placed_at", "short_id", "state", "swap", "got", "cost", "account")
    list_display_links = ("short_id",)
    list_filter = (
        StatusFilter,
        OutcomeFilter,
        ("parked_at", admin.EmptyFieldListFilter),
        PlacedFilter,
        VenueFilter,
        TokenInFilter,
        TokenOutFilter,
    )
    list_select_related = ("account",)
    list_per_page = 50
    # Those that the order of ids serves: any other would sort the whole table.
    sortable_by = ("placed_at", "short_id")
    search_fields = ("id", "client_order_id", "tx_hash")
    search_help_text = "order id, client_order_id or any transaction hash"
    actions = ("cancel_selected", "unpark_selected")
    change_form_template = "admin/orders/order/change_form.html"

    class Media:
        """Rows of one line each."""

        css = {"all": ("orders/admin.css",)}

    readonly_fields = (
        "state", "pair", "stated", "family", "promised", "executed", "fee_expected", "fee_paid", "net",
        "explained", "timeline", "route_proof", "route_picture", "route_legs",
        "venue_quotes", "failure_shown", "terms_shown", "times", "transactions", "fills_shown", "acts",
        "parts", "linked", "costs", "records",
    )  # fmt: skip
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("state", "pair", "stated", "family", "promised", "executed", "fee_expected", "fee_paid", "net"),
                    *("attempt", "account", "client_order_id", "placed_key", "records"),
                )
            },
        ),
        ("Explained", {"fields": ("explained",)}),
        ("Timeline", {"fields": ("timeline",)}),
        ("Parts and linked orders", {"fields": ("parts", "linked")}),
        ("Route", {"fields": ("route_proof", "route_picture", "route_legs", "venue_quotes")}),
        ("Execution", {"fields": ("costs",)}),
        ("Failure", {"fields": ("failure_shown",)}),
        ("Chain", {"fields": ("transactions", "fills_shown")}),
        ("Terms", {"fields": ("terms_shown", "times", "cancel_requested_at")}),
        ("Acts by hand", {"fields": ("acts",)}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """By each kind of id in turn, each with its index; also by the hash of an earlier, closed transaction."""
        term = search_term.strip()
        if not term:
            return queryset, False
        by_tx = SignedTransaction.objects.filter(tx_hash=term).values_list("submission__order_id", flat=True)
        by_own_id = Order.objects.filter(client_order_id=term).order_by("client_order_id", "account")
        found = [*order_ids(term), *by_tx, *by_own_id.values_list("pk", flat=True)[:MOST_FOUND]]
        return queryset.filter(pk__in=[pk for pk in found if pk is not None]), False

    def get_urls(self) -> list[Any]:
        """The pages that ask for the reason."""
        view = self.admin_site.admin_view
        cancel = path("cancel/", view(self.cancel_view), name="orders_order_cancel")
        unpark = path("unpark/", view(self.unpark_view), name="orders_order_unpark")
        receipt = path("<uuid:pk>/receipt/", view(self.receipt_view), name="orders_order_receipt")
        market = path("<uuid:pk>/market/", view(self.market_view), name="orders_order_market")
        return [cancel, unpark, receipt, market, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offer buttons only where they mean something."""
        order = self.get_object(request, object_id)
        if order is None and (page := archived_page(order_ids(object_id))):
            return HttpResponseRedirect(page)
        is_live = order is not None and not is_terminal(order.status)
        is_parked = is_live and order is not None and order.parked_at is not None
        offered = {
            "can_cancel": is_live and self.has_cancel_permission(request),
            "can_unpark": is_parked and self.has_unpark_permission(request),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **offered})

    @admin.action(description="Cancel selected orders", permissions=("cancel",))
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse:
        """Ask for the reason first."""
        return _to_page("cancel", queryset)

    @admin.action(description="Unpark selected orders: their workers died too often", permissions=("unpark",))
    def unpark_selected(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse:
        """Ask for the reason first."""
        return _to_page("unpark", queryset)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Who may change orders may cancel them."""
        return bool(request.user.has_perm("orders.change_order"))

    def has_unpark_permission(self, request: HttpRequest) -> bool:
        """A permission of its own: the person states that workers will survive the order."""
        return bool(request.user.has_perm("orders.unpark_order"))

    def cancel_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a reason, then cancel; each act is recorded with who, from where and why."""
        if not self.has_cancel_permission(request):
            raise PermissionDenied
        ids = _asked_ids(request)
        answer = _act("Cancel orders", CANCEL_EXPLAINED, "Cancel these orders", ids).ask(request, self.admin_site)
        if isinstance(answer, HttpResponse):
            return answer
        results = list(cancel_orders(ids, actor=answer).values())
        for result, level in (
            (CancelResult.CANCELLED, messages.SUCCESS),
            (CancelResult.TOO_LATE, messages.WARNING),
            (CancelResult.ALREADY_ENDED, messages.INFO),
        ):
            if count := results.count(result):
                self.message_user(request, f"{count} × {result.replace('_', ' ')}", level)
        return HttpResponseRedirect(reverse("admin:orders_order_changelist"))

    def unpark_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a reason, then work on them as on any other again."""
        if not self.has_unpark_permission(request):
            raise PermissionDenied
        ids = _asked_ids(request)
        answer = _act("Unpark orders", UNPARK_EXPLAINED, "Unpark these orders", ids).ask(request, self.admin_site)
        if isinstance(answer, HttpResponse):
            return answer
        count = release_orders_from_quarantine(ids, actor=answer)
        self.message_user(request, f"{count} × unparked", messages.SUCCESS if count else messages.INFO)
        return HttpResponseRedirect(reverse("admin:orders_order_changelist"))


def _to_page(name: str, queryset: QuerySet[Order]) -> HttpResponse:
    ids = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True)[:500])
    return HttpResponseRedirect(f"{reverse(f'admin:orders_order_{name}')}?ids={ids}")


def _asked_ids(request: HttpRequest) -> list[Any]:
    return [pk for text in request.GET.get("ids", "").split(",")[:500] for pk in order_ids(text)]


def _act(title: str, explanation: str, button: str, ids: list[Any]) -> Act:
    things = Order.objects.filter(pk__in=ids)
    return Act(title, explanation, button, things, reverse("admin:orders_order_changelist"))


@admin.register(OrderEvent)
class OrderEventAdmin(OfOrders):
    """The event log."""

    list_display = ("id", "order_id", "seq", "status", "attempt", "outcome", "at")
    sortable_by = ("id",)


@admin.register(Fill)
class FillAdmin(OfOrders):
    """Executed amounts, one row for each leg."""

    list_display = ("order_id", "leg", "given", "got", "block_number", "created_at")
    fields = ("order_id", "leg", "given", "got", "transaction", "block_number", "created_at")
    readonly_fields = ("given", "got", "transaction")
    list_select_related = ("order",)
    sortable_by = ()

    class Media:
        """Hashes that break."""

        css = {"all": ("orders/admin.css",)}

    def given(self, fill: Fill) -> str:
        """In token units."""
        return amount(fill.amount_in, fill.order.decimals_in, fill.order.token_in)

    def got(self, fill: Fill) -> str:
        """In token units."""
        return amount(fill.amount_out, fill.order.decimals_out, fill.order.token_out)

    def transaction(self, fill: Fill) -> SafeString:
        """Its hash in full."""
        return code(fill.tx_hash)


admin.site.site_header = admin.site.site_title = "Order Execution Engine"
admin.site.index_title = "Operations"
