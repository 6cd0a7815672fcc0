"""What the admin shows around an order: its parts, linked orders, what it has cost, and its records."""

from collections.abc import Callable, Collection, Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dex.recorded.canonical import canonical
from orders.admin.cells import NOTHING, in_one_line, table, units
from orders.admin.order_details import OrderFacts
from orders.models import ArchivedOrder, Order
from orders.presentation.execution import EXECUTION
from orders.problems import ProblemError
from orders.receipts.issue import receipt_of
from orders.receipts.replay import require_others_sent, routed_order, snapshot_of_plan
from orders.selectors import siblings_of
from orders.services.explain import execution_of
from orders.states import is_terminal

# Parts that the page of a parent lists.
MOST_PARTS = 200


class OrderRelations(OrderFacts):
    """Fields of an order's page that other rows tell."""

    @admin.display(description="parts")
    def parts(self, order: Order) -> SafeString:
        """Of a parent, in the order in which they were made."""
        if not order.is_parent:
            return NOTHING
        rows = self._rows(order.children.order_by("id")[:MOST_PARTS])
        return table(("order", "state", "swap", "given → got", "placed (UTC)"), rows)

    @admin.display(description="linked orders")
    def linked(self, order: Order) -> SafeString:
        """Those that decide on each other with it."""
        others = siblings_of(order)
        told = [(other.link, other.link_rank) for other in others]
        rows = [(*row, *link) for row, link in zip(self._rows(others), told, strict=True)]
        return table(("order", "state", "swap", "given → got", "placed (UTC)", "link", "turn"), rows)

    def _rows(self, orders: Iterable[Order]) -> list[tuple[Any, ...]]:
        return [
            (
                order_link(order.pk),
                self.state(order),
                self.swap(order),
                self.executed(order),
                in_one_line(self.placed_at(order)),
            )
            for order in orders
        ]

    @admin.display(description="what it has cost")
    def costs(self, order: Order) -> SafeString:
        """In the token of the side that is not fixed, as docs/execution-quality.md explains each."""
        told = EXECUTION.render(execution_of(order))
        token, costs = told["cost_token"], told["shortfall"] or {}
        rows = [
            (name.replace("_", " "), units(cost["amount"], token), f"{cost['bps']} bp" if cost["bps"] else NOTHING)
            for name, cost in costs.items()
            if cost is not None and cost["amount"] is not None
        ]
        saved = told["saved"]
        if saved is not None:
            against = told["best_single_venue"] or "the best venue"
            rows.append((f"saved against {against}", units(saved, token), f"{told['saved_bps']} bp"))
        return table(("cost", "amount", "of the benchmark"), rows)

    @admin.display(description="records")
    def records(self, order: Order) -> SafeString:
        """Its signed receipt and the market that it was routed on, as files."""
        if not is_terminal(order.status):
            return NOTHING
        links = [format_html('<a href="{}">receipt</a>', _page("receipt", order))]
        if order.plan is not None and order.plan.market is not None:
            market = format_html('<a href="{}">market</a>', _page("market", order))
            links.append(format_html("{} <code>{}</code>", market, order.plan.market.hash))
        return format_html("{}" + ", {}" * (len(links) - 1), *links)

    def receipt_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The same bytes that its owner is given."""
        order = self._order(request, pk)
        return self._file(request, order, "receipt", lambda: receipt_of(order.account, order.pk))

    def market_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The market as canonical JSON."""
        order = self._order(request, pk)
        return self._file(request, order, "market", lambda: _market(order))

    def _order(self, request: HttpRequest, pk: UUID) -> Order:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Order.objects.select_related("account"), pk=pk)

    def _file(self, request: HttpRequest, order: Order, name: str, make: Callable[[], bytes]) -> HttpResponse:
        try:
            content = make()
        except ProblemError as error:
            self.message_user(request, error.problem.detail, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:orders_order_change", args=[order.pk]))
        answer = HttpResponse(content, content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="{name}-{order.pk}.json"'
        answer["Cache-Control"] = "no-store"
        return answer


def order_link(order_id: Any) -> SafeString:
    """The page of an order, by the end of its id."""
    page = reverse("admin:orders_order_change", args=[order_id])
    return format_html('<a href="{}">…{}</a>', page, str(order_id)[-12:])


def archived_page(order_ids: Collection[UUID]) -> str | None:
    """Where it is told of an order that has left the tables; None where none of them has."""
    noted = ArchivedOrder.objects.filter(pk__in=order_ids).first()
    return None if noted is None else reverse("admin:orders_archivedorder_change", args=[noted.pk])


def _market(order: Order) -> bytes:
    _, plan = routed_order(order.account, order.pk)
    require_others_sent(order)
    return canonical(snapshot_of_plan(plan).document)


def _page(name: str, order: Order) -> str:
    return reverse(f"admin:orders_order_{name}", args=[order.pk])
