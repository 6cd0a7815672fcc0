"""Who the caller is, and what it may do: GET /me."""

from typing import ClassVar, NamedTuple

from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders.access.authentication import Caller
from orders.api import schema
from orders.api.base import AccountView, caller_of
from orders.scopes import READ, SCOPES
from orders.shapes import Shape, text, texts


class _Me(NamedTuple):
    """A caller, and the token that its page sends."""

    caller: Caller
    csrf_token: str | None


ME = Shape[_Me](
    "MeShape",
    "The caller: a key, a person who is signed in, or the local account of development.",
    {
        "account": text(lambda me: me.caller.account.name, "Whose orders it sees and places."),
        "user": text(lambda me: me.caller.name if me.caller.person else None, "Who is signed in.", null=True),
        "role": text(lambda me: me.caller.person and me.caller.person.role, "Of the person.", null=True),
        "key_prefix": text(lambda me: me.caller.key_prefix or None, "Of the key.", null=True),
        "scopes": texts(lambda me: [scope for scope in SCOPES if me.caller.may(scope)]),
        "csrf_token": text(
            lambda me: me.csrf_token,
            "Of a person: what requests that are not safe send as `X-CSRFToken`.",
            null=True,
        ),
    },
)


class MeView(AccountView):
    """GET /me."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(ME), operation_id="getMe")
    def get(self, request: Request) -> Response:
        """Who asks, as the engine sees it."""
        caller = caller_of(request)
        token = None if caller.person is None else get_token(request._request)
        answer = Response(ME.render(_Me(caller, token)))
        answer["Cache-Control"] = "no-store"
        return answer
