"""Who calls: the account behind an API key, or, while developing on this machine alone, the local account.

People who are signed in are the third kind of callers: `orders/access/sessions.py` finds them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from django.db import connection
from django.db.models.functions import Now
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from orders.config import api_is_open
from orders.database.rows import Rows
from orders.models import Account, ApiKey
from orders.models.key_format import prefix_of
from orders.scopes import ROLES, SCOPES

LOCAL_ACCOUNT = "local"
_LOOPBACK = {"127.0.0.1", "::1"}
# `last_used_at` tells when a key was last used, not how often: one write a minute is all that it may cost.
USED_EVERY = "interval '1 minute'"
# What is counted of a key as it is used says nothing of what it may do.
_COUNTED = ("last_used_at", "day", "day_value", "fee_day", "day_fees")
_ACCOUNT, _KEY = Rows(Account), Rows(ApiKey)
# All that a caller is known by, in one text: of its account who it is, for the rest is read where it counts.
ACCOUNT_STATED = "md5(ROW(a.id, a.name)::text)"
KEY_STATED = f"md5(ROW({Rows(ApiKey, _COUNTED).columns('k')}, a.id, a.name)::text)"
_LOCAL = f"SELECT {_ACCOUNT.columns('a')}, {ACCOUNT_STATED} FROM orders_account a WHERE a.name = %s"
_BY_PREFIX = f"""
    SELECT {_KEY.columns("k")}, {_ACCOUNT.columns("a")}, coalesce(k.expiry_date <= now(), false),
        coalesce(k.last_used_at > now() - {USED_EVERY}, false), {KEY_STATED}
    FROM orders_apikey k JOIN orders_account a ON a.id = k.account_id
    WHERE k.prefix = %s AND NOT k.revoked
"""


@dataclass(frozen=True, slots=True)
class Person:
    """A user who is signed in, as one of the account's callers, and the session that says so."""

    user_id: int
    role: str
    session_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller; everything it may see or do belongs to `account`.

    `key` is the API key it came with, `person` who is signed in. Without either it is the local account of
    development, which may do everything. `name` is what the audit log calls it.
    """

    account: Account
    name: str
    is_authenticated: bool = True
    key: ApiKey | None = field(default=None, repr=False)
    person: Person | None = None

    @property
    def key_prefix(self) -> str:
        """What its key begins with, empty without one."""
        return "" if self.key is None else self.key.prefix

    @property
    def scopes(self) -> Collection[str]:
        """What it may do: as its key says, or its role."""
        if self.key is not None:
            return self.key.scopes
        return SCOPES if self.person is None else ROLES[self.person.role]

    def may(self, scope: str) -> bool:
        """Whether it has this scope."""
        return scope in self.scopes


class Found(NamedTuple):
    """A caller, and what it was known by when it was found."""

    caller: Caller
    stated: str


def caller_from(authorization: str, remote_address: str) -> Caller | None:
    """The caller behind an Authorization header, or None. Shared by REST and WebSocket.

    Raises: AuthenticationFailed for a header that is present and wrong, also where none is needed.
    """
    found = find_caller(authorization, remote_address)
    return None if found is None else found.caller


def find_caller(authorization: str, remote_address: str) -> Found | None:
    """As `caller_from`. Raises: AuthenticationFailed."""
    if authorization:
        scheme, _, text = authorization.partition(" ")
        found = _find_key(text.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            raise AuthenticationFailed("the API key is unknown, expired or revoked")
        key, stated = found
        if not is_within(remote_address, key.ip_ranges):
            raise AuthenticationFailed("the API key may not be used from this address")
        return Found(caller_with(key), stated)
    return _local_caller() if is_open_to(remote_address) else None


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


def _find_key(text: str) -> tuple[ApiKey, str] | None:
    prefix = prefix_of(text)
    if not prefix or not text.isprintable():
        return None
    row = _first_row(_BY_PREFIX, prefix)
    if row is None:
        return None
    found = _KEY.read(row)
    found.account = _ACCOUNT.read(row[_KEY.width :])
    is_past, is_noted, stated = row[-3:]
    if is_past or not found.is_valid(text):
        return None
    if not is_noted:
        ApiKey.objects.filter(pk=found.pk).update(last_used_at=Now())
    return found, stated


def _local_caller() -> Found:
    row = _first_row(_LOCAL, LOCAL_ACCOUNT)
    if row is None:
        Account.objects.get_or_create(name=LOCAL_ACCOUNT)
        row = _first_row(_LOCAL, LOCAL_ACCOUNT)
        assert row is not None
    return Found(Caller(_ACCOUNT.read(row), "local"), row[-1])


def _first_row(statement: str, parameter: str) -> Sequence[Any] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [parameter])
        row: Sequence[Any] | None = cursor.fetchone()
        return row


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
