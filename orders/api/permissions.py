"""Which scope a request needs. Apart from the views, whose base class loads this by name."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from orders.access.authentication import Caller
from orders.problems import Problem, ProblemError
from orders.scopes import READ, TRADE


class HasScope(BasePermission):
    """The key must have the scope that the view names for the method; without a word, `read` or `trade`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True, or raises: ProblemError with code `scope`."""
        default = READ if request.method in SAFE_METHODS else TRADE
        require(request.user, getattr(view, "scopes", {}).get(request.method, default))  # type: ignore[arg-type]
        return True


def require(caller: Caller, scope: str) -> None:
    """Raises: ProblemError with code `scope` unless the caller may do it."""
    if not caller.may(scope):
        raise ProblemError(Problem("scope", f"this needs the scope {scope}", facts={"scope": scope}))
