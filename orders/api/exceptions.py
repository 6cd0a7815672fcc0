"""Errors as HTTP answers: problem objects for views of the REST framework, Django and middleware."""

import logging
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions as drf
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response

from orders.database.errors import drop_connection, is_unavailable
from orders.database.write_watch import watch_writes
from orders.faults import UNFORESEEN, fault_problem
from orders.problems import KINDS, FieldError, Problem, ProblemError

Answer = TypeVar("Answer", bound=HttpResponse)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
# What the operator has not set up: no fault, so the log has no line for each request.
NOT_SET_UP = 501

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
    (SuspiciousOperation, "invalid"),  # such as a thousand query parameters
)


def problem_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler; an unexpected error is logged with its trace and answered with 500."""
    request = context["request"]
    problem = logged_problem(error, request, _look_up(context))
    return _logged(problem_response(problem, instance=request.path, headers=problem_headers(problem, error)))


def logged_problem(error: Exception, request: Any, look_up: str) -> Problem:
    """What the caller is told of an error, which has its line in the log where it is ours.

    Of the request its method and path are shown. `look_up` says how to learn its outcome, where that is unknown.
    """
    problem = _framework_problem(error) or fault_problem(error)
    if problem is not None and problem.code == "outcome_unknown" and not problem.hint:
        problem = replace(problem, hint=look_up)
    if problem is None:
        logger.error("%s %s", request.method, request.path, exc_info=error)
        return UNFORESEEN
    if problem.status >= 500 and problem.status != NOT_SET_UP:
        _log(request, problem, error)
    return problem


def _look_up(context: Mapping[str, Any]) -> str:
    """Where the request's view says how to learn what became of it."""
    ways = getattr(context.get("view"), "look_up", {})
    return str(ways.get(context["request"].method, "")).format(**context.get("kwargs") or {})


def _framework_problem(error: Exception) -> Problem | None:
    if isinstance(error, drf.ValidationError):
        return validation_problem(error.detail)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    return None if code is None else Problem(code, str(getattr(error, "detail", "")) or KINDS[code].title)


def problem_headers(problem: Problem, error: BaseException) -> dict[str, str]:
    """Headers that belong to the problem."""
    if problem.status == 503:
        return {"Retry-After": str(RETRY_AFTER_S)}
    if isinstance(error, drf.Throttled):
        return {"Retry-After": str(math.ceil(getattr(error, "wait", None) or RETRY_AFTER_S))}
    return {"WWW-Authenticate": "Bearer"} if problem.code == "unauthorized" else {}


def _log(request: Any, problem: Problem, error: BaseException) -> None:
    """One line; the cause may name hosts, which the answer does not. A session whose server refuses is given up."""
    if is_unavailable(error):
        drop_connection()
    cause = " ".join(str(error.__cause__ or error if isinstance(error, ProblemError) else error).split())
    logger.error("%s %s: %s: %s (%s)", request.method, request.path, problem.code, problem.detail, cause)


def _logged(answer: Answer) -> Answer:
    """The answer to an error that has its line in the log: Django adds none, and no trace."""
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer


def problem_response(problem: Problem, *, instance: str = "", headers: Mapping[str, str] | None = None) -> Response:
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


class ProblemMiddleware:
    """Watches what requests write, and answers the errors of views outside DRF as those inside."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Where nothing is to be written, nothing is watched."""
        if request.method in SAFE_METHODS:
            return self._get_response(request)
        with watch_writes():
            return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The answer to an error of a dependency; None for any other."""
        return _fault_response(request, error)


@csrf_exempt  # refused or not, a program gets a problem object
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's 404 outside DRF, in the same shape."""
    return _plain(Problem("not_found", "there is nothing at this address"), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's 500 outside DRF, in the same shape; the log has the cause.

    Errors of middleware come here alone, such as of a session that cannot be stored.
    """
    error = sys.exception()
    answer = _fault_response(request, error) if error is not None else None
    return _plain(UNFORESEEN, request) if answer is None else answer


def _fault_response(request: HttpRequest, error: BaseException) -> HttpResponse | None:
    problem = fault_problem(error)
    if problem is None:
        return None
    if problem.status >= 500:
        _log(request, problem, error)
    answer = _logged(_plain(problem, request))
    for name, value in problem_headers(problem, error).items():
        answer[name] = value
    return answer


def _plain(problem: Problem, request: HttpRequest) -> HttpResponse:
    body = problem.to_json() | {"instance": request.path}
    return JsonResponse(body, status=problem.status, content_type=MEDIA_TYPE)
