"""Token units and atoms: decimal strings outside, integers inside, exact both ways."""

from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

from dex import BPS_IN_PPM
from orders.scalars import ScalarError, split_decimal

_MAX_ATOMS = 10**78 - 1
# The same amounts are shown again and again: a route repeats them, and orders are polled.
RECENT = 8192
# Digits of a price that is compared with others, and of one that is shown.
PRICE_DIGITS, SHOWN_DIGITS = 130, 12


def parse_units(text: str, decimals: int) -> int:
    """Token units as a decimal string to atoms. Raises: ScalarError when it is malformed, zero or too fine."""
    whole, fraction = split_decimal(text)
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise ScalarError(f"{text} has {len(fraction)} decimals, the token has {decimals}", "amount_too_fine")
    atoms: int = int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or 0)
    if atoms == 0:
        raise ScalarError("the amount must be greater than zero", "amount_not_positive")
    if atoms > _MAX_ATOMS:
        raise ScalarError("the amount has more than 78 digits in the token's smallest unit", "amount_too_large")
    return atoms


@lru_cache(RECENT)
def format_units(atoms: int, decimals: int) -> str:
    """Atoms to token units, exact, without trailing zeros."""
    if atoms < 0:
        return f"-{format_units(-atoms, decimals)}"
    if not decimals:
        return str(atoms)
    digits = str(atoms).rjust(decimals + 1, "0")
    fraction = digits[-decimals:].rstrip("0")
    return f"{digits[:-decimals]}.{fraction}" if fraction else digits[:-decimals]


def bps_to_ppm(bps: Decimal) -> int:
    """Basis points, up to two decimals, to millionths."""
    return int(bps * BPS_IN_PPM)


@lru_cache(RECENT)
def bps_text(bps: float, decimals: int) -> str:
    """Basis points as a plain decimal string, rounded to `decimals` places."""
    number = round(Decimal(repr(bps)), decimals)
    text = f"{number:f}"
    return "0" if not number else text.rstrip("0").rstrip(".") if "." in text else text


def ppm_to_bps(ppm: int) -> str:
    """Millionths to basis points as a decimal string."""
    return format_units(ppm, 2)


def grouped(amount: str, most_decimals: int = 9) -> str:
    """Thousands in groups, at most `decimals` places (cut, never rounded up)."""
    sign, digits = ("-", amount[1:]) if amount.startswith("-") else ("", amount)
    whole, _, fraction = digits.partition(".")
    fraction = fraction[:most_decimals].rstrip("0")
    return f"{sign}{int(whole):,}" + (f".{fraction}" if fraction else "")


def in_units(price: Fraction, decimals_in: int, decimals_out: int) -> Decimal:
    """A price in atoms per atom as one in token units, to `PRICE_DIGITS` significant digits."""
    with localcontext() as context:
        context.prec = PRICE_DIGITS
        return (Decimal(price.numerator) / Decimal(price.denominator)).scaleb(decimals_in - decimals_out)


def shown_price(price: Decimal) -> str:
    """As people read it: `SHOWN_DIGITS` significant digits."""
    with localcontext() as context:
        context.prec = SHOWN_DIGITS
        return format((+price).normalize(), "f")
