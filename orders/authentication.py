"""Who calls: the account behind an API key, or, while developing on this machine alone, the local account."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from orders.config import api_is_open
from orders.models import Account, ApiKey

LOCAL_ACCOUNT = "local"
_LOOPBACK = {"127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller; everything it may see or do belongs to `account`.

    `key_prefix` names the API key that it came with, or is empty.
    """

    account: Account
    name: str
    key_prefix: str = ""
    is_authenticated: bool = True


def caller_from(authorization: str, remote_address: str) -> Caller | None:
    """The caller behind an Authorization header, or None. Shared by REST and WebSocket.

    Raises: AuthenticationFailed for a header that is present and wrong, also where none is needed.
    """
    if authorization:
        scheme, _, key = authorization.partition(" ")
        api_key = _find_key(key.strip()) if scheme.lower() == "bearer" else None
        if api_key is None:
            raise AuthenticationFailed("the API key is unknown, expired or revoked")
        return caller_with(api_key)
    if is_open_to(remote_address):
        account, _created = Account.objects.get_or_create(name=LOCAL_ACCOUNT)
        return Caller(account, "local")
    return None


def caller_with(api_key: ApiKey) -> Caller:
    """The caller that a valid key stands for."""
    return Caller(api_key.account, f"key {api_key.prefix}", key_prefix=api_key.prefix)


def valid_key(prefix: str) -> ApiKey | None:
    """The key of this prefix, unless it has expired or was revoked."""
    found = ApiKey.objects.select_related("account").filter(prefix=prefix, revoked=False).first()
    return None if found is None or found.has_expired else found


def is_open_to(remote_address: str) -> bool:
    """Whether this caller needs no key: development, and a process on this very machine."""
    return api_is_open() and remote_address in _LOOPBACK


def _find_key(key: str) -> ApiKey | None:
    if not key or "\x00" in key:
        return None
    try:
        found = ApiKey.objects.get_from_key(key)
    except ApiKey.DoesNotExist:
        return None
    return None if found.has_expired else ApiKey.objects.select_related("account").get(pk=found.pk)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """The caller, or None where a key is required and missing."""
        meta: Mapping[str, Any] = request.META
        caller = caller_from(meta.get("HTTP_AUTHORIZATION", ""), meta.get("REMOTE_ADDR", ""))
        return None if caller is None else (caller, None)

    def authenticate_header(self, request: Request) -> str:
        """Makes a missing key a 401 and not a 403."""
        return "Bearer"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the schema about the bearer key."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """An opaque bearer token."""
        return {"type": "http", "scheme": "bearer"}
