"""Values of requests as JSON: exact amounts, times, ids. A float is refused, since it cannot hold an amount."""

import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

Amount: TypeAlias = str | int | Decimal
"""In token units: `"250.5"`, `250`, `Decimal("250.5")`."""
OrderId: TypeAlias = str | UUID

# Whole numbers that the API takes as text only.
_AMOUNTS = frozenset(
    {
        *("amount", "amounts", "limit_price", "trigger_price", "min_liquidity", "from", "to"),
        *("min_amount_out", "max_amount_in", "max_native"),
    }
)


def new_client_order_id() -> str:
    """A UUIDv7 (RFC 9562): unique, and sorted by time."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << 80) | (0x7 << 76) | (secrets.randbits(12) << 64) | (0b10 << 62) | secrets.randbits(62)
    return str(UUID(int=number))


def id_text(value: OrderId) -> str:
    """An id as paths hold it. Raises: ValueError for other text, which could lead to another path (`../halt`)."""
    try:
        return str(value if isinstance(value, UUID) else UUID(value))
    except ValueError:
        raise ValueError(f"{value!r} is no id, which is a UUID") from None


def as_json(value: Any, name: str = "") -> Any:
    """The value as JSON holds it; `name` is the field's. Raises: TypeError, ValueError."""
    if isinstance(value, float):
        raise TypeError(f"{name or 'a value'} is a float, which holds no exact number: state text or Decimal")
    if isinstance(value, Mapping):
        return {key.rstrip("_"): as_json(member, key.rstrip("_")) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(member, name) for member in value]
    if isinstance(value, Decimal):
        return _decimal_text(value, name)
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, UUID):
        return str(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_whole and name in _AMOUNTS else value


def time_text(at: datetime) -> str:
    """RFC 3339 in UTC. Raises: ValueError without a time zone."""
    if at.tzinfo is None:
        raise ValueError("a time needs its time zone")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are stated."""
    return {name: value for name, value in members.items() if value is not None}


def swap_body(token_in: str, token_out: str, amount: Amount, terms: Mapping[str, Any]) -> dict[str, Any]:
    """The body that states a swap. Raises: TypeError for a float, ValueError."""
    stated = {"token_in": token_in, "token_out": token_out, "amount": amount, **terms}
    body: dict[str, Any] = as_json(without_none(stated))
    return body


def _decimal_text(value: Decimal, name: str) -> str:
    if not value.is_finite():
        raise ValueError(f"{name or 'a value'} is {value}, which is no number")
    return format(value, "f")
