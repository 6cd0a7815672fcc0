"""Pages for people: the desk, the start page of callers to whom the API is not open, and one page per problem."""

from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from orders.access.authentication import is_open_to
from orders.engine import moves_real_money
from orders.problems import KINDS, Problem

STATIC = Path(__file__).resolve().parents[1] / "static"
# What the desk loads, so that a browser asks for all of it at once and not module after module.
MODULES = sorted(path.relative_to(STATIC).as_posix() for path in (STATIC / "orders" / "desk").glob("*.js"))
# Nothing but this server's own files and calls: no script, style or form from a page's text, no frame around it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {socket}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)


@require_safe
def start_page(request: HttpRequest) -> HttpResponse:
    """The desk where the API itself is open to this caller, else links. Reads no row: the desk asks the API."""
    if is_open_to(request.META.get("REMOTE_ADDR", "")):
        response = _page(request, "orders/desk.html", {"modules": MODULES})
    else:
        response = _page(request, "orders/start.html", {"moves_real_money": moves_real_money()})
    # Which of the two it is depends on the caller.
    patch_cache_control(response, private=True, no_cache=True)
    return response


@require_safe
def problem_page(request: HttpRequest, name: str) -> HttpResponse:
    """What the `type` of a problem object leads to: its code, in words."""
    code = name.replace("-", "_")
    kind = KINDS.get(code)
    if kind is None:
        raise Http404
    others = [Problem(other, "") for other in sorted(KINDS)]
    return _page(request, "orders/problem.html", {"code": code, "kind": kind, "others": others})


def _page(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    # Some browsers do not count WebSockets of the same host as 'self'. The host is one of ALLOWED_HOSTS.
    socket = f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"
    response["Content-Security-Policy"] = POLICY.format(socket=socket)
    return response
