"""What pages of the admin may load and run: this server's own files, and nothing that stands in a page's text."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

_admin_view = admin.site.admin_view


def _with_policy(view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
    """Each page of the admin goes through here."""
    shown = _admin_view(view, cacheable)

    @wraps(shown)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = shown(request, *args, **kwargs)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return answer


admin.site.admin_view = _with_policy  # type: ignore[method-assign,assignment]
