"""What can go wrong, as exceptions. A problem object of the server is a ProblemError of its kind."""

import json
from collections.abc import Sequence
from typing import Any

from orderengine_client.flows import Answer

# Answers that a repeat may turn into a success.
RETRYABLE = frozenset({429, 502, 503, 504})
# The first request with the same key or id is still running (409): the one other refusal that ends by itself.
IN_PROGRESS = "request_in_progress"


class ClientError(Exception):
    """Everything that this package raises by itself."""

    is_retryable = False
    """Whether the same call may succeed later."""

    client_order_ids: tuple[str, ...] = ()
    """Of a call that places orders: under which ids to look for them. They may be placed, though no answer came."""

    @property
    def client_order_id(self) -> str | None:
        """The id of a call that places one order."""
        return self.client_order_ids[0] if len(self.client_order_ids) == 1 else None


class NoAnswerError(ClientError):
    """No answer came until the deadline. What was asked for may have been done, unless `is_sent` is False."""

    is_retryable = True

    def __init__(self, reason: str, *, is_sent: bool) -> None:
        super().__init__(reason)
        self.is_sent = is_sent


class UnexpectedAnswerError(ClientError):
    """The answer is none of this API: another server, or a version that this client does not know."""


class WaitTimeoutError(ClientError, TimeoutError):
    """What was waited for has not come in time; the order goes on."""


class GapError(ClientError):
    """Events after the cursor are not there any more: they were archived, or the database is another one.

    Read your orders, then go on with `stream(after=error.cursor)`.
    """

    def __init__(self, lost_from: str, cursor: str) -> None:
        super().__init__(f"events after {lost_from} are gone: read your orders, then go on from {cursor}")
        self.lost_from, self.cursor = lost_from, cursor


class ProblemError(ClientError):
    """The server refused, with an RFC 9457 problem object: `problem` as it came, its members as attributes."""

    def __init__(self, status: int, problem: dict[str, Any], retry_after_s: float | None = None) -> None:
        self.status, self.problem, self.retry_after_s = status, problem, retry_after_s
        self.code = str(problem.get("code") or f"http_{status}")
        """Stable; docs/errors.md of the engine lists all."""
        self.detail = str(problem.get("detail") or problem.get("title") or "")
        self.next_step: str | None = problem.get("try")
        """The member `try`: what to do next."""
        self.errors: Sequence[dict[str, str]] = problem.get("errors") or ()
        """Wrong fields: `pointer`, `code`, `detail`."""
        self.facts: dict[str, Any] = problem.get("facts") or {}
        super().__init__(f"{status} {self.code}: {self.detail}" + (f" ({self.next_step})" if self.next_step else ""))

    @property
    def is_retryable(self) -> bool:  # type: ignore[override]
        """Whether the same call may succeed later."""
        return self.code == IN_PROGRESS if self.status == 409 else self.status in RETRYABLE


class InvalidRequestError(ProblemError):
    """400, 405, 406, 408, 413, 415, 428: the request is malformed."""


class UnauthorizedError(ProblemError):
    """401: no key, or one that does not hold (any more)."""


class ForbiddenError(ProblemError):
    """403: the key or a limit does not allow it."""


class NotFoundError(ProblemError):
    """404: not there, or of another account."""


class ConflictError(ProblemError):
    """409: the order has ended, or does not wait."""


class GoneError(ProblemError):
    """410: archived, or a cursor before a gap."""


class VersionChangedError(ProblemError):
    """412: the order has changed since the version that was named."""


class RefusedError(ProblemError):
    """422: well-formed, and not possible."""


class ThrottledError(ProblemError):
    """429: too many requests, until the deadline."""


class ServiceError(ProblemError):
    """5xx: the service, or what it depends on, is away or failed."""


_KINDS: dict[int, type[ProblemError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    412: VersionChangedError,
    422: RefusedError,
    429: ThrottledError,
}


def problem_error(status: int, problem: dict[str, Any], retry_after_s: float | None = None) -> ProblemError:
    """The exception of a problem's kind."""
    kind = _KINDS.get(status, ServiceError if status >= 500 else InvalidRequestError)
    return kind(status, problem, retry_after_s)


def error_of(answer: Answer) -> ClientError:
    """The exception of an answer that is no success; a proxy's page counts by its status alone."""
    if answer.status < 400:
        return UnexpectedAnswerError(f"the server answered {answer.status}, where no redirect is followed")
    return problem_error(answer.status, _object_in(answer.body), retry_after_s(answer))


def retry_after_s(answer: Answer) -> float | None:
    """The seconds that the answer asks to wait for, if it states them as a number."""
    stated = answer.headers.get("retry-after", "")
    return float(stated) if stated.isascii() and stated.isdigit() else None


def _object_in(body: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if isinstance(problem, dict) and isinstance(problem.get("code"), str):
        return problem
    return {"detail": body[:200].decode(errors="replace")}
