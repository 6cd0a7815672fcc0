"""Pages for people: the start page, with the last orders of the open local account, and one page per problem."""

from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orders.access.authentication import LOCAL_ACCOUNT, is_open_to
from orders.amounts import format_units
from orders.models import Account, Order
from orders.order_list.pages import read_page
from orders.order_list.wanted import Wanted
from orders.problems import KINDS, Problem
from orders.states import OrderStatus

SHOWN = 20
# Never by colour alone: a sign and a word each.
SIGNS = {OrderStatus.CONFIRMED: "✓", OrderStatus.FAILED: "✕"}


@require_safe
def start_page(request: HttpRequest) -> HttpResponse:
    """Links for every visitor; orders only where the API itself is open to this caller."""
    is_open = is_open_to(request.META.get("REMOTE_ADDR", ""))
    try:
        rows = [_row(order) for order in _last_orders()] if is_open else []
        context = {"is_open": is_open, "orders": rows}
        return render(request, "orders/start.html", context)
    except DatabaseError:
        context = {"is_open": is_open, "orders": [], "is_down": True}
        return render(request, "orders/start.html", context, status=503)


@require_safe
def problem_page(request: HttpRequest, name: str) -> HttpResponse:
    """What the `type` of a problem object leads to: its code, in words."""
    code = name.replace("-", "_")
    kind = KINDS.get(code)
    if kind is None:
        raise Http404
    return render(
        request,
        "orders/problem.html",
        {"code": code, "kind": kind, "others": [Problem(other, "") for other in sorted(KINDS)]},
    )


def _last_orders() -> list[Order]:
    account = Account.objects.filter(name=LOCAL_ACCOUNT).first()
    return [] if account is None else read_page(account.pk, Wanted(), SHOWN)


def _row(order: Order) -> dict[str, object]:
    is_exact_in = order.side == "exact_in"
    decimals, token = (order.decimals_in, order.token_in) if is_exact_in else (order.decimals_out, order.token_out)
    return {
        "id": order.id,
        "pair": f"{order.token_in} → {order.token_out}",
        "amount": f"{format_units(order.amount, decimals)} {token}",
        "sign": "–" if order.outcome == "cancelled" else SIGNS.get(OrderStatus(order.status), "…"),
        "status": order.status,
        "outcome": order.outcome or "",
        "created_at": order.created_at,
    }
