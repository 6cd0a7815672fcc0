"""The admin: orders with all their facts to read, and two acts, cancel and unpark, which ask for a reason."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from orders import admin_access, admin_login, admin_wallets  # noqa: F401 - they register their pages
from orders.admin_base import Act, ReadOnly
from orders.amounts import format_units
from orders.engine import get_engine
from orders.models import AuditEntry, Fill, Order, OrderEvent, SignedTransaction
from orders.pictures import route_svg
from orders.routes import proof_sentences, venue_title
from orders.services.cancel import CancelResult, cancel_orders
from orders.services.park import unpark_orders
from orders.states import is_terminal

CANCEL_EXPLAINED = (
    "An order without a signed transaction is cancelled at once; for another one a transaction that does nothing is "
    "sent at its nonce, and the chain decides between the two. The reason is kept with your name."
)
UNPARK_EXPLAINED = (
    "Their workers died again and again while their bytes may be on the chain. Unparked they are looked at as often as "
    "any other, from now on. The reason is kept with your name."
)
SIGNS = {"CONFIRMED": "✓", "FAILED": "✕"}


class VenueFilter(admin.SimpleListFilter):
    """Orders whose route goes through a venue."""

    title = "venue"
    parameter_name = "venue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The engine's venues."""
        return [(venue.name, venue.display_name) for venue in get_engine().venues]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        """Those with a hop there."""
        if self.value() is None:
            return queryset
        return queryset.filter(route__contains={"legs": [{"hops": [{"venue": self.value()}]}]})


def pretty(value: Any) -> SafeString:
    """JSON for people, escaped."""
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False)) if value else SafeString("–")


def rows_table(headings: tuple[str, ...], rows: list[tuple[Any, ...]]) -> SafeString:
    """A table of escaped cells."""
    if not rows:
        return SafeString("–")
    head = format_html_join("", "<th>{}</th>", ((heading,) for heading in headings))
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    )
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)


@admin.register(Order)
class OrderAdmin(ReadOnly):
    """Orders with their whole story."""

    list_display = ("short_id", "state", "pair", "stated", "attempt", "account", "created_at")
    list_filter = (
        "status",
        "outcome",
        ("parked_at", admin.EmptyFieldListFilter),
        VenueFilter,
        "token_in",
        "token_out",
        "created_at",
    )
    list_select_related = ("account",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("id", "client_order_id", "tx_hash")
    search_help_text = "order id, client_order_id or any transaction hash"
    actions = ("cancel_selected", "unpark_selected")
    change_form_template = "admin/orders/order/change_form.html"

    class Media:
        """Rows of one line each."""

        css = {"all": ("orders/admin.css",)}

    readonly_fields = (
        "state", "pair", "stated", "promised", "executed", "timeline", "route_proof", "route_picture", "route_legs",
        "venue_quotes", "failure_shown", "transactions", "fills_shown", "acts",
    )  # fmt: skip
    fieldsets = (
        (
            None,
            {"fields": ("state", "pair", "stated", "promised", "executed", "attempt", "account", "client_order_id")},
        ),
        ("Timeline", {"fields": ("timeline",)}),
        ("Route", {"fields": ("route_proof", "route_picture", "route_legs", "venue_quotes")}),
        ("Failure", {"fields": ("failure_shown",)}),
        ("Chain", {"fields": ("transactions", "fills_shown")}),
        ("Terms", {"fields": ("terms", "expires_at", "created_at", "updated_at")}),
        ("Acts by hand", {"fields": ("acts",)}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Also by the hash of an earlier, closed transaction."""
        term = search_term.strip()
        if not term:
            return queryset, False
        by_tx = SignedTransaction.objects.filter(tx_hash=term).values("submission__order_id")
        found = Q(client_order_id=term) | Q(tx_hash=term) | Q(pk__in=by_tx) | Q(pk__in=_ids(term))
        return queryset.filter(found), False

    @admin.display(description="order", ordering="id")
    def short_id(self, order: Order) -> str:
        """The end of the id, which differs most."""
        return f"…{str(order.id)[-12:]}"

    @admin.display(description="status", ordering="status")
    def state(self, order: Order) -> str:
        """Sign, status and outcome: never colour alone."""
        sign = "–" if order.outcome == "cancelled" else SIGNS.get(order.status, "…")
        return f"{sign} {order.status}" + (f" · {order.outcome}" if order.outcome else "")

    @admin.display(ordering="token_in")
    def pair(self, order: Order) -> str:
        """What for what."""
        return f"{order.token_in} → {order.token_out}"

    @admin.display(description="amount", ordering="amount")
    def stated(self, order: Order) -> str:
        """The fixed side in token units."""
        if order.side == "exact_in":
            return f"{format_units(order.amount, order.decimals_in)} {order.token_in}"
        return f"{format_units(order.amount, order.decimals_out)} {order.token_out} (exact out)"

    def promised(self, order: Order) -> str:
        """Quoted amounts and the limit that the chain enforces."""
        if order.quoted_amount_in is None or order.quoted_amount_out is None or order.min_amount_out is None:
            return "–"
        return (
            f"{format_units(order.quoted_amount_in, order.decimals_in)} {order.token_in} → "
            f"{format_units(order.quoted_amount_out, order.decimals_out)} {order.token_out}, "
            f"at least {format_units(order.min_amount_out, order.decimals_out)}"
        )

    def executed(self, order: Order) -> str:
        """What the chain moved."""
        if order.amount_in is None or order.amount_out is None:
            return "–"
        return (
            f"{format_units(order.amount_in, order.decimals_in)} {order.token_in} → "
            f"{format_units(order.amount_out, order.decimals_out)} {order.token_out}"
        )

    def timeline(self, order: Order) -> SafeString:
        """Every event with the time since the one before."""
        rows = [
            (e.seq, e.status, e.attempt, e.outcome or "", e.at.isoformat(timespec="milliseconds"), f"+{e.took_ms} ms")
            for e in order.events.order_by("seq")
        ]
        return rows_table(("seq", "status", "attempt", "outcome", "at", "after"), rows)

    @admin.display(description="how good")
    def route_proof(self, order: Order) -> str:
        """The route beside what nothing beats, and beside the best venue alone."""
        return "; ".join(proof_sentences(order.route)) if order.route else "–"

    @admin.display(description="picture")
    def route_picture(self, order: Order) -> SafeString:
        """How the route splits and merges."""
        if not order.route:
            return SafeString("–")
        return SafeString(route_svg(order.route, f"route-{order.pk}"))  # the picture escapes its words

    def route_legs(self, order: Order) -> SafeString:
        """Hops of every leg."""
        rows = [
            (f"{leg['share']:.2%}", venue_title(hop["venue"]), hop["pool"], f"{hop['amount_in']} {hop['token_in']}",
             f"{hop['amount_out']} {hop['token_out']}")
            for leg in (order.route or {}).get("legs", [])
            for hop in leg["hops"]
        ]  # fmt: skip
        return rows_table(("share", "venue", "pool", "in", "out"), rows)

    def venue_quotes(self, order: Order) -> SafeString:
        """What each venue alone would have given."""
        rows = [
            (venue_title(quote["venue"]), quote["amount_in"] or "–", quote["amount_out"] or "–", quote["code"] or "")
            for quote in (order.route or {}).get("venue_quotes", [])
        ]
        return rows_table(("venue", "in", "out", "refused"), rows)

    @admin.display(description="failure")
    def failure_shown(self, order: Order) -> SafeString:
        """The problem object."""
        return pretty(order.failure)

    def transactions(self, order: Order) -> SafeString:
        """Hashes and nonces; never the signed bytes."""
        signed = SignedTransaction.objects.filter(submission__order=order).select_related("submission").defer("raw")
        rows = [
            (t.tx_hash, t.submission.nonce, "nothing" if t.is_noop else "swap", t.max_fee, t.priority_fee,
             t.created_at.isoformat(timespec="milliseconds"), t.resend_count,
             "closed" if t.submission.closed_at else "open")
            for t in signed.order_by("id")
        ]  # fmt: skip
        heads = ("hash", "nonce", "does", "max fee", "priority fee", "signed", "sent again", "hold")
        return rows_table(heads, rows)

    @admin.display(description="fills")
    def fills_shown(self, order: Order) -> SafeString:
        """Executed amounts per leg."""
        rows = [
            (
                fill.leg,
                format_units(fill.amount_in, order.decimals_in),
                format_units(fill.amount_out, order.decimals_out),
                fill.block_number,
            )
            for fill in order.fills.order_by("leg")
        ]
        return rows_table(("leg", order.token_in, order.token_out, "block"), rows)

    def acts(self, order: Order) -> SafeString:
        """Who did what by hand, and why."""
        rows = [
            (act.at and act.at.isoformat(timespec="seconds"), act.actor, act.action, f"{act.before} → {act.after}",
             act.reason)
            for act in AuditEntry.objects.filter(subject=f"order:{order.id}").order_by("id")
        ]  # fmt: skip
        return rows_table(("at", "who", "act", "status", "reason"), rows)

    # --- Acts by hand -------------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        """The pages that ask for the reason."""
        view = self.admin_site.admin_view
        cancel = path("cancel/", view(self.cancel_view), name="orders_order_cancel")
        unpark = path("unpark/", view(self.unpark_view), name="orders_order_unpark")
        return [cancel, unpark, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offer buttons only where they mean something."""
        order = self.get_object(request, object_id)
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
        """A permission of its own: whoever unparks says that workers will survive the order."""
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
        count = unpark_orders(ids, actor=answer)
        self.message_user(request, f"{count} × unparked", messages.SUCCESS if count else messages.INFO)
        return HttpResponseRedirect(reverse("admin:orders_order_changelist"))


def _to_page(name: str, queryset: QuerySet[Order]) -> HttpResponse:
    ids = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True)[:500])
    return HttpResponseRedirect(f"{reverse(f'admin:orders_order_{name}')}?ids={ids}")


def _asked_ids(request: HttpRequest) -> list[Any]:
    return [pk for text in request.GET.get("ids", "").split(",")[:500] for pk in _ids(text)]


def _act(title: str, explanation: str, button: str, ids: list[Any]) -> Act:
    things = Order.objects.filter(pk__in=ids)
    return Act(title, explanation, button, things, reverse("admin:orders_order_changelist"))


def _ids(text: str) -> list[Any]:
    """The UUID in the text, or nothing."""
    try:
        return [Order._meta.pk.to_python(text.strip())] if text.strip() else []
    except forms.ValidationError:
        return []


@admin.register(OrderEvent)
class OrderEventAdmin(ReadOnly):
    """The event log."""

    list_display = ("id", "order_id", "seq", "status", "attempt", "outcome", "at")
    list_filter = ("status", "outcome")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(Fill)
class FillAdmin(ReadOnly):
    """Executed amounts, in atoms."""

    list_display = ("order_id", "leg", "amount_in", "amount_out", "tx_hash", "block_number", "created_at")
    ordering = ("-id",)
    show_full_result_count = False
