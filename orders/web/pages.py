"""Pages for people: the desk, the start page of who may not see it, one page per problem, and pages with a form."""

import re
from pathlib import Path
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.views.decorators.http import require_safe

from orders.access.authentication import is_open_to
from orders.access.sessions import SignedIn, signed_in_to
from orders.engine import moves_real_money
from orders.problems import KINDS, Problem
from orders.scopes import SCOPES

STATIC = Path(__file__).resolve().parents[1] / "static"
DESK = STATIC / "orders" / "desk"
IMPORT = re.compile(r'^import .* from "\./([a-z_]+\.js)";$', re.MULTILINE)


def with_imports(name: str) -> list[str]:
    """A module of the desk and all that it imports, in turn; not what it loads later."""
    found, todo = set(), [name]
    while todo:
        module = todo.pop()
        if module not in found:
            found.add(module)
            todo += IMPORT.findall((DESK / module).read_text())
    return sorted(found)


# What the desk begins with, so that a browser asks for all of it at once and not module after module.
MODULES = [f"orders/desk/{name}" for name in with_imports("main.js")]
# Nothing but this server's own files and calls: no script, style or form from a page's text, no frame around it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {socket}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
# The same for pages with a form, which run no script at all.
FORM_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@require_safe
def start_page(request: HttpRequest) -> HttpResponse:
    """The desk for who is signed in with a role, and where the API itself is open to this caller; else links.

    Reads no row but those of a session: the desk asks the API.
    """
    address = request.META.get("REMOTE_ADDR", "")
    person = None if is_open_to(address) else signed_in_to(request)
    if is_open_to(address) or (person and person.caller):
        response = _page(request, "orders/desk.html", {"modules": MODULES, "person": person, "lacks": _lacks(person)})
    else:
        response = _links(request, person)
    # Which of the two it is depends on the caller.
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _lacks(person: SignedIn | None) -> str:
    """The scopes that the person's role does not have, and `staff`: what needs them is not offered."""
    if person is None or person.caller is None:
        return ""
    lacked = [scope for scope in SCOPES if not person.caller.may(scope)]
    return " ".join(lacked if person.user.is_staff else [*lacked, "staff"])


def _links(request: HttpRequest, person: SignedIn | None) -> HttpResponse:
    response = _page(request, "orders/start.html", {"moves_real_money": moves_real_money(), "person": person})
    if person is not None:  # who may sign out
        response["Content-Security-Policy"] = FORM_POLICY
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


def form_page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page with a form, which no cache keeps."""
    response = render(request, template, context, status=status)
    response["Content-Security-Policy"] = FORM_POLICY
    add_never_cache_headers(response)
    return response


def _page(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    # Some browsers do not count WebSockets of the same host as 'self'. The host is one of ALLOWED_HOSTS.
    socket = f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"
    response["Content-Security-Policy"] = POLICY.format(socket=socket)
    return response
