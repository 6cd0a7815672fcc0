"""What an order counts against limits (pure): the value of its fixed side at the tokens' reference values, in integers.

A reference value is 10^-12 reference units (US dollars on the simulated chain) per token unit; a value is in
micro-units (10^-6), rounded up. They measure size for limits and are no prices: no order executes by them.
"""

from decimal import Decimal, InvalidOperation

MICRO = 10**6
_PICO_PER_MICRO_EXPONENT = 6
MAX_DIGITS = 60


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
    """Micro-units of a decimal string in reference units. Raises: ValueError."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:40]!r} is no decimal number") from None
    if not value.is_finite() or value < 0 or len(text) > MAX_DIGITS or value.adjusted() > MAX_DIGITS:
        raise ValueError(f"{text[:40]!r} is no amount")
    micro = value * MICRO
    if micro != int(micro):
        raise ValueError(f"{text[:40]!r} is finer than a millionth")
    return int(micro)


def shown(micro: int) -> str:
    """Micro-units as a decimal string in reference units."""
    whole, rest = divmod(micro, MICRO)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
