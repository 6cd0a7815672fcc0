"""A request to the router as JSON, and read back; what is not limited is left out, amounts are text."""

from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any

from dex.costs import FeeStrategy
from dex.recorded.canonical import RecordError
from dex.types import Side, SwapRequest

_AMOUNTS = {"amount", "min_amount_out", "max_amount_in", "max_network_fee"}
_PRICES = {"limit_price", "reference_price"}
_SETS = {"allow_venues", "deny_venues", "deny_tokens"}
_WORDS = {"side": Side, "fee_strategy": FeeStrategy}
_UNLIMITED = {
    known.name: getattr(SwapRequest("", "", Side.EXACT_IN, 0, 0), known.name) for known in fields(SwapRequest)[5:]
}
_STATED = tuple(known.name for known in fields(SwapRequest)[:5])


def request_json(request: SwapRequest) -> dict[str, Any]:
    """What the router was asked."""
    told: dict[str, Any] = {
        "token_in": request.token_in,
        "token_out": request.token_out,
        "side": request.side.value,
        "amount": str(request.amount),
        "max_slippage_ppm": request.max_slippage_ppm,
    }
    for name, unlimited in _UNLIMITED.items():
        value = getattr(request, name)
        if value != unlimited:
            told[name] = _told(name, value)
    return told


def read_request(told: Mapping[str, Any]) -> SwapRequest:
    """Inverse of `request_json`. Raises: RecordError."""
    try:
        unknown = told.keys() - {*_STATED, *_UNLIMITED}
        if unknown:
            raise RecordError(f"its request says {', '.join(sorted(unknown))}, which this version does not know")
        return SwapRequest(**{name: _read(name, value) for name, value in told.items()})
    except RecordError:
        raise
    except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise RecordError(f"its request cannot be read: {error}") from error


def _told(name: str, value: Any) -> Any:
    if name in _SETS:
        return sorted(value)
    if name in _AMOUNTS or name in _PRICES:
        return str(value)
    return value.value if name in _WORDS else value


def _read(name: str, value: Any) -> Any:
    if name in _SETS:
        return frozenset(value)
    if name in _PRICES:
        # As it is written. Fraction would read 1e99999999 too, and take hours for it.
        numerator, _, denominator = value.partition("/")
        return Fraction(int(numerator), int(denominator or 1))
    if name in _WORDS:
        return _WORDS[name](value)
    return int(value) if name in _AMOUNTS else value
