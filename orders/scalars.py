"""The scalars that callers send, each read in one place: numbers, times, flags, names. Pure.

The patterns are those of the published schema. What a pattern does not match is refused, never corrected: nothing is
stripped, rounded or completed, and empty text is no value. Only a stated null means "none", where null is allowed.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

# In the words of JSON Schema, which knows no `\Z`; they are matched against the whole text here.
AMOUNT_PATTERN = r"^(0\.[0-9]*[1-9][0-9]*|[1-9][0-9]*(\.[0-9]+)?)$"
BPS_PATTERN = r"^(10000(\.0{1,2})?|(0|[1-9][0-9]{0,3})(\.[0-9]{1,2})?)$"
# RFC 3339 without leap seconds, which no clock here has.
TIME_PATTERN = (
    r"^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
CLIENT_ORDER_ID = r"^[A-Za-z0-9._:\-]{1,64}\Z"
# Of any version; services/quote_ids.py makes and reads them.
QUOTE_ID = r"^q[1-9]\.[A-Za-z0-9_\-]{1,96}\Z"
MAX_BPS = 10_000
MAX_AMOUNT_LENGTH = 80
MIN_TIME_LENGTH, MAX_TIME_LENGTH = len("2026-01-01T00:00:00Z"), len("2026-01-01T00:00:00.000000000+00:00")
# What the readers below take, as it is published.
AMOUNT_SCHEMA = {"type": "string", "maxLength": MAX_AMOUNT_LENGTH, "pattern": AMOUNT_PATTERN}
BPS_SCHEMA = {
    "oneOf": [
        {"type": "number", "minimum": 0, "maximum": MAX_BPS, "multipleOf": 0.01},
        {"type": "string", "pattern": BPS_PATTERN},
    ]
}
TIME_SCHEMA = {
    "type": "string",
    "format": "date-time",
    "minLength": MIN_TIME_LENGTH,
    "maxLength": MAX_TIME_LENGTH,
    "pattern": TIME_PATTERN,
}

_BPS = re.compile(BPS_PATTERN)
_TIME = re.compile(TIME_PATTERN)
_WHOLE = re.compile(r"0|[1-9][0-9]*")
# Zero, and zeros after the point, are decimals; what an amount may be is decided where its token is known.
_DECIMAL = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_SHOWN = 40  # characters of a refused value
_MAX_DIGITS = 18


class ScalarError(ValueError):
    """A value that is not what its field takes. `code` is stable, `detail` is for people."""

    def __init__(self, detail: str, code: str = "invalid") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def shown(text: str, limit: int = _SHOWN) -> str:
    """Caller's text, quoted and cut, safe to repeat in a message."""
    return repr(text if len(text) <= limit else text[:limit] + "…")


def read_text(value: Any, *, most: int, least: int = 1, pattern: str = "", demand: str = "") -> str:
    """Text of `least` to `most` characters that the whole pattern matches. Raises: ScalarError."""
    if not isinstance(value, str):
        raise ScalarError("must be text")
    if not least <= len(value) <= most or "\x00" in value:
        raise ScalarError(f"must have {least} to {most} characters, and no NUL")
    if pattern and re.fullmatch(pattern, value, re.ASCII) is None:
        raise ScalarError(demand or f"{shown(value)} does not have the form {pattern}")
    return value


def read_choice(value: Any, choices: Collection[str]) -> str:
    """One of some words, as it is written. Raises: ScalarError."""
    if not isinstance(value, str) or value not in choices:
        raise ScalarError(f"must be one of {', '.join(map(str, choices))}")
    return value


def read_flag(value: Any) -> bool:
    """JSON's true or false. Raises: ScalarError."""
    if not isinstance(value, bool):
        raise ScalarError("must be true or false")
    return value


def read_flag_text(text: str) -> bool:
    """The words `true` or `false`. Raises: ScalarError."""
    if text not in {"true", "false"}:
        raise ScalarError("must be true or false")
    return text == "true"


def read_whole(value: Any, least: int, most: int) -> int:
    """A whole JSON number in a range; as in JSON Schema 1.0 is one, and true is none. Raises: ScalarError."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ScalarError(f"must be a whole number from {least} to {most}")
    return value


def read_whole_text(text: str, least: int, most: int) -> int:
    """A whole number as text: ASCII digits without sign or leading zeros. Raises: ScalarError."""
    if len(text) > _MAX_DIGITS or _WHOLE.fullmatch(text) is None or not least <= int(text) <= most:
        raise ScalarError(f"must be a whole number from {least} to {most}, not {shown(text)}")
    return int(text)


def read_amount(value: Any) -> str:
    """An amount in token units, as text. How fine it may be depends on the token: amounts.py. Raises: ScalarError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ScalarError("a JSON number cannot hold an exact amount", "amount_must_be_string")
    if not isinstance(value, str):
        raise ScalarError("must be a decimal string")
    whole, fraction = split_decimal(value)
    if not int(whole + fraction):
        raise ScalarError("the amount must be greater than zero", "amount_not_positive")
    return value


def split_decimal(text: str, most: int = MAX_AMOUNT_LENGTH) -> tuple[str, str]:
    """The digits before and after the point of a plain decimal. Raises: ScalarError `amount_malformed`."""
    match = _DECIMAL.fullmatch(text) if len(text) <= most else None
    if match is None:
        detail = f"{shown(text)} is not a plain decimal number of at most {most} characters"
        raise ScalarError(detail, "amount_malformed")
    return match[1], match[2] or ""


def read_decimal_text(text: str, least: int, most: int) -> Decimal:
    """A plain decimal in a range. Raises: ScalarError."""
    try:
        split_decimal(text)
    except ScalarError:
        raise ScalarError(f"{shown(text)} is not a plain decimal number") from None
    number = Decimal(text)
    if not least <= number <= most:
        raise ScalarError(f"must be a number from {least} to {most}, not {shown(text)}")
    return number


def read_bps(value: Any) -> Decimal:
    """Basis points from 0 to 10000 with at most two decimals, as a JSON number or as text. Raises: ScalarError."""
    if isinstance(value, str) and _BPS.fullmatch(value):
        return Decimal(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_BPS:
        number = abs(Decimal(repr(value)))  # a JSON number may be written -0
        if number == round(number, 2):
            return number
    raise ScalarError(f"must be basis points from 0 to {MAX_BPS} with at most two decimals")


def read_time(value: Any) -> datetime:
    """A moment as RFC 3339 writes it, with its zone; in UTC. Raises: ScalarError."""
    if isinstance(value, str) and len(value) <= MAX_TIME_LENGTH and _TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # a day that the month does not have, or no year of ours in UTC
    raise ScalarError("must be a time with its zone, as RFC 3339 writes it: 2026-01-01T00:00:00Z")


def read_names(text: str) -> list[str]:
    """Names with commas between them, at least one. Raises: ScalarError."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise ScalarError(f"must be one name or several with commas between them, not {shown(text)}")
    return names
