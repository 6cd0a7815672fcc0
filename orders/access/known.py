"""Callers that were seen before, so that no statement of its own looks them up again.

What is remembered counts for nothing by itself. It comes with a condition that all of it still stands in the rows, key
neither revoked nor past its date, and the statement that acts for the caller acts under this condition or not at all:
then the caller is looked up as if it had never been seen.
"""

import hashlib
import secrets
from typing import NamedTuple

from orders.access.authentication import (
    ACCOUNT_STATED,
    KEY_STATED,
    LOCAL_ACCOUNT,
    USED_EVERY,
    Caller,
    Found,
    find_caller,
    is_open_to,
    is_within,
)
from orders.database.rows import Condition

# Callers that one process remembers; then it begins again.
MOST = 10_000
_SECRET = secrets.token_bytes(32)
_LOCAL = f"EXISTS (SELECT FROM orders_account a WHERE a.name = %s AND {ACCOUNT_STATED} = %s)"
_KEYED = f"""
    EXISTS (
        SELECT FROM orders_apikey k JOIN orders_account a ON a.id = k.account_id
        WHERE k.prefix = %s AND NOT k.revoked AND (k.expiry_date > now() OR k.expiry_date IS NULL)
            AND k.last_used_at > now() - {USED_EVERY} AND {KEY_STATED} = %s
    )
"""


class Known(NamedTuple):
    """A caller as it was last found, and the condition under which that still holds."""

    caller: Caller
    holds: Condition


_known: dict[bytes, Known] = {}


def known_caller(authorization: str, remote_address: str) -> Known | None:
    """Who called like this before, from an address from where that is allowed."""
    known = _known.get(_name(authorization))
    if known is None:
        return None
    key = known.caller.key
    is_allowed = is_open_to(remote_address) if key is None else is_within(remote_address, key.ip_ranges)
    return known if is_allowed else None


def look_up(authorization: str, remote_address: str) -> Known | None:
    """As `caller_from`, and remembers the caller that it finds. Raises: AuthenticationFailed."""
    name = _name(authorization)
    _known.pop(name, None)
    found = find_caller(authorization, remote_address)
    if found is None:
        return None
    if len(_known) >= MOST:
        _known.clear()
    known = _known[name] = Known(found.caller, _condition(found))
    return known


def _condition(found: Found) -> Condition:
    if found.caller.key is None:
        return Condition(_LOCAL, (LOCAL_ACCOUNT, found.stated))
    return Condition(_KEYED, (found.caller.key.prefix, found.stated))


def _name(authorization: str) -> bytes:
    """Keys themselves are not kept."""
    return hashlib.blake2b(authorization.encode("utf-8", "surrogatepass"), key=_SECRET, digest_size=32).digest()
