"""Turns every error that reaches the HTTP edge into a problem object."""

import logging
import math
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions as drf
from rest_framework.response import Response

from orders.database_errors import drop_connection, is_unavailable, unavailable_reason
from orders.problems import KINDS, FieldError, Problem, ProblemError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2

_CODES: tuple[tuple[type[Exception], str], ...] = (
    (drf.NotAuthenticated, "unauthorized"),
    (drf.AuthenticationFailed, "unauthorized"),
    (drf.PermissionDenied, "forbidden"),
    (PermissionDenied, "forbidden"),
    (drf.NotFound, "not_found"),
    (Http404, "not_found"),
    (drf.MethodNotAllowed, "method_not_allowed"),
    (drf.UnsupportedMediaType, "unsupported_media_type"),
    (drf.NotAcceptable, "not_acceptable"),
    (drf.Throttled, "throttled"),
    (drf.ParseError, "malformed_json"),
    (RequestDataTooBig, "body_too_large"),
)


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler; None lets an unknown error become a logged 500."""
    headers: dict[str, str] = {}
    if isinstance(error, ProblemError):
        problem = error.problem
    elif isinstance(error, drf.ValidationError):
        problem = validation_problem(error.detail)
    elif is_unavailable(error):
        logger.error("database unavailable: %s", error)
        drop_connection()
        problem = Problem("not_ready", f"{unavailable_reason(error)}; nothing was stored")
        headers["Retry-After"] = str(RETRY_AFTER_S)
    else:
        code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
        if code is None:
            return None
        problem = Problem(code, str(getattr(error, "detail", "")) or KINDS[code].title)
        if isinstance(error, drf.Throttled):
            headers["Retry-After"] = str(math.ceil(getattr(error, "wait", None) or RETRY_AFTER_S))
        if code == "unauthorized":
            headers["WWW-Authenticate"] = "Bearer"
    return problem_response(problem, instance=context["request"].path, headers=headers)


def problem_response(problem: Problem, *, instance: str = "", headers: dict[str, str] | None = None) -> Response:
    """The problem as an HTTP answer."""
    body = problem.to_json() | ({"instance": instance} if instance else {})
    return Response(body, status=problem.status, content_type=MEDIA_TYPE, headers=headers)


def validation_problem(detail: Any) -> Problem:
    """One problem for all wrong fields; it takes the first field's code where that has a page of its own."""
    errors = list(_flatten(detail, ""))
    first = errors[0].code if errors else "invalid"
    code = first if first in KINDS else "invalid"
    words = "; ".join(f"{error.pointer or 'body'}: {error.detail}" for error in errors[:3])
    return Problem(code, words, errors=errors)


def _flatten(detail: Any, pointer: str) -> Iterator[FieldError]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _flatten(inner, pointer if name == "non_field_errors" else f"{pointer}/{_escaped(str(name))}")
    elif isinstance(detail, list):
        for i, inner in enumerate(detail):
            is_leaf = isinstance(inner, drf.ErrorDetail)
            yield from _flatten(inner, pointer if is_leaf else f"{pointer}/{i}")
    elif detail:
        yield FieldError(pointer, str(getattr(detail, "code", "invalid")), str(detail))


def _escaped(name: str) -> str:
    return name[:64].replace("~", "~0").replace("/", "~1")


@csrf_exempt  # refused or not, a program gets a problem object
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's 404 outside DRF, in the same shape."""
    return _plain(Problem("not_found", "there is nothing at this address"), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's 500 outside DRF, in the same shape; the log has the cause."""
    return _plain(Problem("server_error", "the request met an error that was not foreseen; it is in the log"), request)


def _plain(problem: Problem, request: HttpRequest) -> HttpResponse:
    body = problem.to_json() | {"instance": request.path}
    return JsonResponse(body, status=problem.status, content_type=MEDIA_TYPE)
