"""The base of the API's views, and what a key's caps and allow-lists make of an order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dex import Side
from orders.authentication import Caller
from orders.models import Account, ApiKey
from orders.problems import Problem, ProblemError
from orders.query import Query
from orders.services.audit import Actor
from orders.services.limits import ASK_FOR_VALUE, NO_VALUE
from orders.terms import Terms
from orders.values import atoms_of, shown
from orders.write_watch import current_watch


def caller_of(request: Request) -> Caller:
    """Who asks."""
    assert isinstance(request.user, Caller)
    return request.user


def account_of(request: Request) -> Account:
    """The caller's account."""
    return caller_of(request).account


def actor_of(request: Request, reason: str) -> Actor:
    """The caller, for the audit log."""
    return Actor(caller_of(request).name, request.META.get("REMOTE_ADDR", ""), reason)


class AccountView(APIView):
    """A view of the API: says by method which scope it needs, and tells the caller's rate limit with each answer."""

    scopes: ClassVar[Mapping[str, str]] = {}
    # Names of query parameters by method, and those that may be stated more than once.
    query_names: ClassVar[Mapping[str, Collection[str]]] = {}
    repeatable: ClassVar[Collection[str]] = ()
    # By method, how a caller learns what became of a request whose answer to it is lost.
    look_up: ClassVar[Mapping[str, str]] = {}
    query: Query
    asked_throttles: Sequence[Any] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let in who may be; a misspelt parameter must not be a missing one. Raises: ProblemError."""
        watch = current_watch()
        if watch is not None:
            watch.ignore()
        super().initial(request, *args, **kwargs)
        if watch is not None:
            watch.begin()
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method in self.allowed_methods:  # else there is nothing to ask for: 405
            self.query = Query(request.query_params.lists(), self.query_names.get(method, ()), self.repeatable)

    def check_permissions(self, request: Request) -> None:
        """Count the request first: one that is refused for its scope costs as much as another."""
        super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Done with the permissions."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Add the headers of the throttle that let the request in, or did not."""
        final = super().finalize_response(request, response, *args, **kwargs)
        for throttle in self.asked_throttles:
            for name, value in throttle.headers().items():
                final[name] = value
        return final

    def get_throttles(self) -> list[Any]:
        """Keep them for the headers; a view lives as long as its request."""
        self.asked_throttles = super().get_throttles()
        return self.asked_throttles


def require_real_orders(caller: Caller) -> None:
    """Raises: ProblemError with code `scope` where the key may only rehearse orders."""
    if caller.key is not None and caller.key.is_dry_run_only:
        raise ProblemError(Problem("scope", "this key may place orders with ?dry_run=true only"))


def within_key(terms: Terms, caller: Caller) -> Terms | Problem:
    """The terms under the key's allow-lists and cap per order, or why they do not fit."""
    if caller.key is None:
        return terms
    return _refusal(terms, caller.key) or _within_venues(_within_cap(terms, caller.key), caller.key)


def checked(terms: Terms, caller: Caller) -> Terms:
    """As `within_key`. Raises: ProblemError instead of answering one."""
    answer = within_key(terms, caller)
    if isinstance(answer, Problem):
        raise ProblemError(answer)
    return answer


def _refusal(terms: Terms, key: ApiKey) -> Problem | None:
    for token in (terms.token_in, terms.token_out):
        if key.tokens and token not in key.tokens:
            return Problem("scope", f"this key may not trade {token}", facts={"tokens": sorted(key.tokens)})
    cap = key.max_order_value
    if cap is not None:
        facts = {"limit": "order_value", "most": shown(cap)}
        if terms.value is None:
            return Problem("limit_exceeded", NO_VALUE, ASK_FOR_VALUE, facts=facts)
        if terms.side is Side.EXACT_OUT and not terms.unit_value_in:
            detail = f"{terms.token_in} has no reference value, so what exact_out would give cannot be bounded"
            return Problem("limit_exceeded", detail, ASK_FOR_VALUE, facts=facts)
        if terms.value > cap:
            detail = f"the order is worth {shown(terms.value)}, this key may place {shown(cap)} at a time"
            hint = f"Send orders worth {shown(cap)} at most, or use a key that may place more"
            return Problem("limit_exceeded", detail, hint, facts=facts | {"value": shown(terms.value)})
    return None


def _within_cap(terms: Terms, key: ApiKey) -> Terms:
    """What an exact_out order may give, cut down to the key's cap: its fixed side does not bound that."""
    if key.max_order_value is None or terms.side is not Side.EXACT_OUT:
        return terms
    assert terms.unit_value_in  # refused before
    most = atoms_of(key.max_order_value, terms.decimals_in, terms.unit_value_in)
    stated = terms.extra.get("max_amount_in")
    if stated is not None and int(stated) <= most:
        return terms
    return replace(terms, extra={**terms.extra, "max_amount_in": str(most)})


def _within_venues(terms: Terms, key: ApiKey) -> Terms | Problem:
    """The order's own allow-list cut down to the key's: the route may not leave it."""
    if not key.venues:
        return terms
    stated = terms.extra.get("allow") or key.venues
    allowed = sorted(set(stated) & set(key.venues))
    if not allowed:
        return Problem("scope", "this key may trade on other venues only", facts={"venues": sorted(key.venues)})
    return replace(terms, extra={**terms.extra, "allow": allowed})
