"""Who calls: the account behind an API key, or, while developing on this machine alone, the local account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from orders.config import api_is_open
from orders.models import Account, ApiKey
from orders.models.key_format import prefix_of
from orders.scopes import SCOPES

LOCAL_ACCOUNT = "local"
_LOOPBACK = {"127.0.0.1", "::1"}
# `last_used_at` tells when a key was last used, not how often: one write a minute is all that it may cost.
USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller; everything it may see or do belongs to `account`.

    `key` is the API key it came with, None for the local account of development, which may do everything.
    """

    account: Account
    name: str
    is_authenticated: bool = True
    key: ApiKey | None = field(default=None, repr=False)

    @property
    def key_prefix(self) -> str:
        """What its key begins with, empty for the local account."""
        return "" if self.key is None else self.key.prefix

    def may(self, scope: str) -> bool:
        """Whether its key has this scope."""
        return scope in (SCOPES if self.key is None else self.key.scopes)


def caller_from(authorization: str, remote_address: str) -> Caller | None:
    """The caller behind an Authorization header, or None. Shared by REST and WebSocket.

    Raises: AuthenticationFailed for a header that is present and wrong, also where none is needed.
    """
    if authorization:
        scheme, _, key = authorization.partition(" ")
        api_key = _find_key(key.strip()) if scheme.lower() == "bearer" else None
        if api_key is None:
            raise AuthenticationFailed("the API key is unknown, expired or revoked")
        if not is_within(remote_address, api_key.ip_ranges):
            raise AuthenticationFailed("the API key may not be used from this address")
        return caller_with(api_key)
    if is_open_to(remote_address):
        account, _created = Account.objects.get_or_create(name=LOCAL_ACCOUNT)
        return Caller(account, "local")
    return None


def caller_with(api_key: ApiKey) -> Caller:
    """The caller that a valid key stands for."""
    return Caller(api_key.account, f"key {api_key.prefix}", key=api_key)


def valid_key(prefix: str) -> ApiKey | None:
    """The key of this prefix, unless it has expired or was revoked."""
    found = ApiKey.objects.select_related("account").filter(prefix=prefix, revoked=False).first()
    return None if found is None or found.has_expired else found


def is_open_to(remote_address: str) -> bool:
    """Whether this caller needs no key: development, and a process on this very machine."""
    return api_is_open() and remote_address in _LOOPBACK


def is_within(remote_address: str, ranges: Sequence[str]) -> bool:
    """Whether an address lies in one of these networks; no ranges mean everywhere."""
    if not ranges:
        return True
    try:
        address = ip_address(remote_address)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in ip_network(each) for each in ranges)


def _find_key(text: str) -> ApiKey | None:
    prefix = prefix_of(text)
    if not prefix or not text.isprintable():
        return None
    used = ExpressionWrapper(Q(last_used_at__gt=Now() - USED_EVERY), output_field=BooleanField())
    expired = ExpressionWrapper(Q(expiry_date__lte=Now()), output_field=BooleanField())
    found = (
        ApiKey.objects.filter(prefix=prefix, revoked=False)
        .select_related("account")
        .annotate(is_noted=used, is_past=expired)
        .first()
    )
    if found is None or found.is_past or not found.is_valid(text):
        return None
    if not found.is_noted:
        ApiKey.objects.filter(pk=found.pk).update(last_used_at=Now())
    return found  # type: ignore[no-any-return]  # the library's manager has no types


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
