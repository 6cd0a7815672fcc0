"""Token units and atoms: decimal strings outside, integers inside, exact both ways."""

import re
from decimal import Decimal

from dex import BPS_IN_PPM

# Plain decimals only: no sign, exponent, NaN, blanks, underscores or digits of other scripts.
_DECIMAL = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)
_MAX_LENGTH = 80
_MAX_ATOMS = 10**78 - 1


class AmountError(ValueError):
    """The text is no amount of this token. `code` is stable, the message is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def parse_units(text: str, decimals: int) -> int:
    """Token units as a decimal string to atoms. Raises: AmountError when it is malformed, zero or too fine."""
    match = _DECIMAL.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        raise AmountError(
            "amount_malformed", f"{shown(text)} is not a plain decimal number of at most {_MAX_LENGTH} characters"
        )
    whole, fraction = match[1], (match[2] or "").rstrip("0")
    if len(fraction) > decimals:
        raise AmountError("amount_too_fine", f"{text} has {len(fraction)} decimals, the token has {decimals}")
    atoms: int = int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or 0)
    if atoms == 0:
        raise AmountError("amount_not_positive", "the amount must be greater than zero")
    if atoms > _MAX_ATOMS:
        raise AmountError("amount_too_large", "the amount has more than 78 digits in the token's smallest unit")
    return atoms


def format_units(atoms: int, decimals: int) -> str:
    """Atoms to token units, exact, without trailing zeros."""
    if not decimals:
        return str(atoms)
    digits = str(atoms).rjust(decimals + 1, "0")
    fraction = digits[-decimals:].rstrip("0")
    return f"{digits[:-decimals]}.{fraction}" if fraction else digits[:-decimals]


def bps_to_ppm(bps: Decimal) -> int:
    """Basis points, up to two decimals, to millionths."""
    return int(bps * BPS_IN_PPM)


def ppm_to_bps(ppm: int) -> str:
    """Millionths to basis points as a decimal string."""
    return format_units(ppm, 2)


def shown(text: str, limit: int = 40) -> str:
    """Caller's text, quoted and cut, safe to repeat in a message."""
    return repr(text if len(text) <= limit else text[:limit] + "…")
