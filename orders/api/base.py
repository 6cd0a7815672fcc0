"""The base of the API's views."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from orders.access.authentication import Caller
from orders.audit.record import Actor
from orders.database.write_watch import current_watch
from orders.inputs.query import Query
from orders.models import Account
from orders.scopes import CANCEL, READ, TRADE

# A browser that several people use, and a proxy before it, keep no answer to one of them for another.
PERSONAL = "private, no-cache"


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


def fields_of(request: Request, serializer_class: "type[Serializer[Any]]") -> dict[str, Any]:
    """The body's fields. Raises: ValidationError."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    fields: dict[str, Any] = serializer.validated_data
    return fields


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
    # Whether the answer is to a person who is signed in.
    is_personal = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let in who may be; a misspelt parameter must not be a missing one. Raises: ProblemError."""
        watch = current_watch()
        if watch is not None:
            watch.ignore()
        super().initial(request, *args, **kwargs)
        self.is_personal = getattr(request.user, "person", None) is not None
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
        if self.is_personal and not final.has_header("Cache-Control"):
            final["Cache-Control"] = PERSONAL
        return final

    def get_throttles(self) -> list[Any]:
        """Keep them for the headers; a view lives as long as its request."""
        self.asked_throttles = super().get_throttles()
        return self.asked_throttles


class SwitchView(AccountView):
    """What stops orders of an account: GET shows it, POST sets it, DELETE, with the scope `trade`, lifts it."""

    scopes: ClassVar = {"GET": READ, "POST": CANCEL, "DELETE": TRADE}
