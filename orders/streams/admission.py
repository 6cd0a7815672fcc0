"""Who opens a WebSocket: a key in the header, a single-use ticket, or, while developing, a program of this machine.

People who are signed in come with a ticket: their cookie opens no socket, since a browser adds it for any page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import AuthenticationFailed

from orders.access.authentication import LOCAL_ACCOUNT, Caller, caller_with, is_open_to, is_within, valid_key
from orders.access.known import known_caller, look_up
from orders.access.sessions import signed_in_by
from orders.access.tickets import Redeemed, redeem_ticket
from orders.config import is_allowed_origin
from orders.database.rows import Condition
from orders.models import Account, ApiKey
from orders.problems import Problem
from orders.scopes import QUOTE, READ

# What a key that lacks a socket's scope may not do.
_ACTS = {READ: "read orders", QUOTE: "ask for quotes"}
TICKET_PREFIX = "ticket."
UNAUTHORIZED, FORBIDDEN = 4401, 4403


@dataclass(frozen=True, slots=True)
class Access:
    """An admitted caller."""

    caller: Caller

    @property
    def account(self) -> Account:
        """Whose things the socket shows."""
        return self.caller.account

    @property
    def can_end(self) -> bool:
        """Whether a key or a session vouches for it, which may end while the socket is open."""
        return self.caller.key is not None or self.caller.person is not None


class Refused(Exception):
    """The socket cannot be served: close code, and a problem that says why."""

    def __init__(self, close_code: int, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.close_code = close_code
        self.problem = problem


def known_caller_of(scope: Mapping[str, Any], needed: str) -> tuple[Access, Condition] | None:
    """Who showed the same key before, and the condition under which it still has the scope. Reads no row."""
    if any(offered.startswith(TICKET_PREFIX) for offered in scope.get("subprotocols") or ()):
        return None
    headers = _headers_of(scope)
    if "origin" in headers:
        return None
    known = known_caller(headers.get("authorization", ""), address_of(scope))
    if known is None or not known.caller.may(needed):
        return None
    return Access(known.caller), known.holds


def caller_of(scope: Mapping[str, Any], needed: str) -> Access | None:
    """Who asks, or None where the first frame has to tell. Raises: Refused 4401, 4403.

    A ticket is shown on purpose, so a page of any origin may use one. What a browser adds by itself, and what holds
    for this whole machine, counts for pages of our own hosts alone.
    """
    address = address_of(scope)
    for offered in scope.get("subprotocols") or ():
        if offered.startswith(TICKET_PREFIX):
            return caller_with_ticket(offered.removeprefix(TICKET_PREFIX), address, needed)
    headers = _headers_of(scope)
    if "origin" in headers and not is_allowed_origin(headers["origin"], headers.get("host", "")):
        if headers.get("authorization"):
            raise Refused(FORBIDDEN, Problem("forbidden", "pages of this origin may not open sockets with a key"))
        return None
    try:
        known = look_up(headers.get("authorization", ""), address)
    except AuthenticationFailed as error:
        raise Refused(UNAUTHORIZED, Problem("unauthorized", str(error.detail))) from None
    if known is None:
        return None
    if not known.caller.may(needed):
        raise Refused(FORBIDDEN, Problem("scope", f"this key may not {_ACTS[needed]}"))
    return Access(known.caller)


def address_of(scope: Mapping[str, Any]) -> str:
    """Where the socket comes from."""
    return str((scope.get("client") or ("", 0))[0])


def _headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def caller_with_ticket(ticket: str, address: str, needed: str) -> Access:
    """Who the ticket was made for; it is used up. It opens no more than its key or session would. Raises: Refused."""
    redeemed = redeem_ticket(ticket)
    access = None if redeemed is None else _access_of(redeemed, address, needed)
    if redeemed is None or access is None or access.account.pk != redeemed.account_id:
        raise Refused(UNAUTHORIZED, Problem("unauthorized", "the ticket is unknown, used or older than 30 s"))
    return access


def _access_of(redeemed: Redeemed, address: str, needed: str) -> Access | None:
    if redeemed.session_key:
        return _session_access(redeemed.session_key, address, needed)
    if redeemed.key_prefix:
        return valid_access(redeemed.key_prefix, address, needed)
    local = Account.objects.get(pk=redeemed.account_id)
    return Access(Caller(local, LOCAL_ACCOUNT)) if is_open_to(address) else None


def access_now(access: Access, address: str, needed: str) -> Access | None:
    """The key or session as it is now; None where it has ended, or is no longer what the socket was opened with."""
    person = access.caller.person
    if person is None:
        return valid_access(access.caller.key_prefix, address, needed)
    now = _session_access(person.session_key, address, needed)
    is_same = now is not None and (now.caller.person, now.account.pk) == (person, access.account.pk)
    return now if is_same else None


def valid_access(key_prefix: str, address: str, needed: str) -> Access | None:
    """The key as it is now; None where it has expired, was revoked, or has lost what it needs here."""
    key = valid_key(key_prefix)
    return None if key is None or not _may_from(key, address, needed) else Access(caller_with(key))


def _session_access(session_key: str, address: str, needed: str) -> Access | None:
    found = signed_in_by(session_key, address)
    caller = None if found is None else found.caller
    return Access(caller) if caller is not None and caller.may(needed) else None


def _may_from(key: ApiKey, address: str, needed: str) -> bool:
    return needed in key.scopes and is_within(address, key.ip_ranges)
