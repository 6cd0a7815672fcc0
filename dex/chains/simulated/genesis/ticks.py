"""Positions around the price, out of which pools with ticks are made."""

from collections.abc import Callable
from fractions import Fraction

from dex.chains.simulated.genesis.opening import Opening
from dex.pools.positions import Position

FULL = "full"


def positions(
    opening: Opening, tick: int, sqrt_price: int, bits: int, limits: tuple[int, int], price_at: Callable[[int], int]
) -> list[Position]:
    """Positions that are worth what the opening asks for.

    Terms: `tick_spacing`, and `ranges`: ticks to either side of the price (or `full`) to percent of the value.
    """
    spacing: int = opening.terms["tick_spacing"]
    lowest, highest = -(-limits[0] // spacing) * spacing, limits[1] // spacing * spacing
    made = []
    for reach, percent in opening.terms["ranges"].items():
        lower, upper = lowest, highest
        if reach != FULL:
            lower = max((tick - int(reach)) // spacing * spacing, lowest)
            upper = min(-(-(tick + int(reach)) // spacing) * spacing, highest)
        worth = _worth(opening, price_at(lower), sqrt_price, price_at(upper), bits)
        made.append((lower, upper, int(opening.usd * Fraction(percent, 100) / worth)))
    return made


def _worth(opening: Opening, lower: int, sqrt_price: int, upper: int, bits: int) -> Fraction:
    """What one unit of liquidity is worth between two square root prices."""
    amount0 = Fraction(upper - sqrt_price << bits, upper * sqrt_price)
    amount1 = Fraction(sqrt_price - lower, 1 << bits)
    return opening.values[0] * amount0 + opening.values[1] * amount1
