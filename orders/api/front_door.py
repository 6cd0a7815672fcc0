"""The first middleware: refuses what no view can answer, in one line of log at most, and forgives a trailing slash.

Django writes a traceback for each foreign Host header and each suspicious operation, so that any client can fill a log.
"""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    FieldDoesNotExist,
    FieldError,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DataError
from django.http import HttpRequest, HttpResponsePermanentRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import is_valid_path

from orders.api.exceptions import MEDIA_TYPE
from orders.problems import Problem

logger = logging.getLogger(__name__)

LOG_EVERY_S = 10.0
SHOWN_SIGNS = 160
NUL = "\x00"
FORM = "application/x-www-form-urlencoded"
ADMIN, DOCS = "/admin", "/api/v1/docs/"
# What Django's admin raises on a query that it does not understand: years of 400 digits, fields without a name.
UNREADABLE = (ValueError, OverflowError, LookupError, FieldDoesNotExist, FieldError, ValidationError, DataError)
TICKED = "_selected_action"
# Keeps its method and body.
PERMANENT_REDIRECT = 308


class Seldom:
    """Logs one line per interval, which counts those that it stands for: what strangers cause must not fill a log."""

    def __init__(self, every_s: float = LOG_EVERY_S) -> None:
        self._every_s, self._next_at, self._left_out = every_s, 0.0, 0

    def warning(self, words: str, shown: str) -> None:
        """Log what was refused, cut to a length; never raises."""
        now = time.monotonic()
        if now < self._next_at:
            self._left_out += 1
            return
        self._next_at = now + self._every_s
        others = f" ({self._left_out} more like it before)" if self._left_out else ""
        self._left_out = 0
        logger.warning("%s: %r%s", words, shown[:SHOWN_SIGNS], others)


class FrontDoor:
    """See the module."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._hosts, self._suspicious = Seldom(), Seldom()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Refuse, redirect, or pass on."""
        try:
            request.get_host()
        except DisallowedHost:
            self._hosts.warning("refused a Host header that is not in ALLOWED_HOSTS", request.META.get("HTTP_HOST", ""))
            return _answer(Problem("host_not_allowed", "this server does not answer to that host name"), request)
        if _holds_nul(request):
            return _answer(Problem("invalid", "the address or a cookie holds a NUL character"), request)
        if _is_form_of_other_signs(request):
            return _answer(Problem("invalid", "forms are sent as UTF-8"), request)
        return self._redirect(request) or self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """What a view found suspicious, or the admin could not read, is the caller's mistake: 400, and no traceback."""
        is_suspicious = isinstance(exception, (SuspiciousOperation, BadRequest))
        if is_suspicious or (isinstance(exception, UNREADABLE) and _names_rows_of_admin(request)):
            shown = f"{request.path}: {exception}"
            self._suspicious.warning(f"refused a request ({type(exception).__name__})", shown)
            return _answer(Problem("invalid", "the request was refused: its address cannot be read"), request)
        return None

    def _redirect(self, request: HttpRequest) -> HttpResponseBase | None:
        """A slash too many changes nothing; pages move to the address that their own links start from."""
        path = request.path_info
        is_admin = _is_admin(path)
        if is_admin and not path.endswith("/") and is_valid_path(f"{path}/"):
            return _moved(request, f"{path}/")
        if path == DOCS:
            return _moved(request, path[:-1])
        is_plain = len(path) > 1 and path.endswith("/") and not path.endswith("//")
        if is_plain and not is_admin and not path.startswith(settings.STATIC_URL):
            request.path_info = path[:-1]
        return None


def _is_admin(path: str) -> bool:
    return path == ADMIN or path.startswith(f"{ADMIN}/")


def _names_rows_of_admin(request: HttpRequest) -> bool:
    """Whether it is a query of the admin, or an action on rows that were ticked."""
    return _is_admin(request.path_info) and (bool(request.GET) or TICKED in request.POST)


def _moved(request: HttpRequest, path: str) -> HttpResponseBase:
    query = request.META.get("QUERY_STRING", "")
    response = HttpResponsePermanentRedirect(f"{path}?{query}" if query else path)
    if request.method not in {"GET", "HEAD"}:
        response.status_code = PERMANENT_REDIRECT
    return response


def _is_form_of_other_signs(request: HttpRequest) -> bool:
    """Whether Django refuses to read it: where it looks for the token of a page it would answer 500, and log that."""
    return request.content_type == FORM and (request.encoding or "utf-8").lower() != "utf-8"


def _holds_nul(request: HttpRequest) -> bool:
    """PostgreSQL's texts hold none, so nothing that is stored can be meant."""
    texts = (request.path_info, *request.COOKIES, *request.COOKIES.values())
    return "%00" in request.META.get("QUERY_STRING", "") or any(NUL in text for text in texts)


def _answer(problem: Problem, request: HttpRequest) -> HttpResponseBase:
    body = problem.to_json() | {"instance": request.path}
    return JsonResponse(body, status=problem.status, content_type=MEDIA_TYPE)
