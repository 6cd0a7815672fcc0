"""What an order counts against limits (pure): the value of its fixed side at the tokens' reference values, in integers.

A reference value is 10^-12 reference units (US dollars on the simulated chain) per token unit; a value is in
micro-units (10^-6), rounded up. They measure size for limits and are no prices: no order executes by them.
"""

from typing import NamedTuple

from orders.scalars import ScalarError, split_decimal

MICRO_DIGITS = 6
MICRO = 10**MICRO_DIGITS
_PICO_PER_MICRO_EXPONENT = 6
MAX_DIGITS = 60

NO_VALUE = "a token without a reference value cannot be counted"
ASK_FOR_VALUE = "Ask the operator for a reference value of the token (admin, Tokens), or trade another one"


class Worth(NamedTuple):
    """What something counts, in micro-units. `doubt` says why it may be more: then it passes no limit of value."""

    value: int
    doubt: str = ""
    hint: str = ""


def value_of(atoms: int, decimals: int, unit_value: int | None) -> int | None:
    """Micro-units that `atoms` count for, rounded up; None where the token has no reference value."""
    if unit_value is None:
        return None
    scale: int = 10 ** (decimals + _PICO_PER_MICRO_EXPONENT)
    return -(-atoms * unit_value // scale)


def atoms_of(value: int, decimals: int, unit_value: int) -> int:
    """Most atoms that count for no more than `value` micro-units."""
    scale: int = 10 ** (decimals + _PICO_PER_MICRO_EXPONENT)
    return value * scale // unit_value


def parse_value(text: str) -> int:
    """Micro-units of a plain decimal in reference units. Raises: ScalarError."""
    whole, fraction = split_decimal(text, MAX_DIGITS)
    fraction = fraction.rstrip("0")
    if len(fraction) > MICRO_DIGITS:
        raise ScalarError(f"{text[:40]!r} is finer than a millionth")
    return int(whole + fraction.ljust(MICRO_DIGITS, "0"))


def shown(micro: int) -> str:
    """Micro-units as a decimal string in reference units."""
    whole, rest = divmod(micro, MICRO)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def of_most(counted: int, most: int | None) -> str:
    """What is counted in micro-units beside its limit, in reference units."""
    return f"{shown(counted)} of {'any' if most is None else shown(most)}"
