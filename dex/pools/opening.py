"""A new pool of the simulated chain: what its line in the market file asks for, as exact fractions."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

from dex.pools.math.positions import Position
from dex.types import PPM, Token

# How far the price of a pool may be off the reference, as a share of its fee. Below 1 no cycle of swaps gains, and
# what is left has room for prices that come in steps.
OFFSET_SHARE = Fraction(3, 10)
_DIGEST_BYTES = 4
_FULL = "full"


@dataclass(frozen=True, slots=True)
class Opening:
    """A pool to be made: `values` of an atom of each token by which it is priced, `usd` the value of all it will hold.

    Both are in reference units (US dollars). `terms` are the fields that only its kind knows.
    """

    tokens: tuple[Token, ...]
    values: tuple[Fraction, ...]
    usd: Fraction
    fee_ppm: int
    terms: Mapping[str, Any]

    @classmethod
    def of(cls, entry: Mapping[str, Any], tokens: Mapping[str, Token], values: Mapping[str, Fraction]) -> Self:
        """Read an entry of the file; its prices are a little off `values`, by its own name alone."""
        symbols, fee_ppm = entry["tokens"], entry["fee_ppm"]
        return cls(
            tuple(tokens[symbol] for symbol in symbols),
            tuple(values[symbol] * (1 + _offset(entry["pool"], symbol, fee_ppm)) for symbol in symbols),
            Fraction(entry["usd"]),
            fee_ppm,
            entry,
        )

    def atoms(self, i: int, share: Fraction) -> int:
        """Atoms of `tokens[i]` whose value is `share` of what the pool holds, rounded down."""
        return int(self.usd * share / self.values[i])

    def sqrt_price(self, bits: int) -> int:
        """The root of atoms of the second token per atom of the first, times 2**`bits`, rounded down."""
        price = self.values[0] / self.values[1]
        return math.isqrt((price.numerator << 2 * bits) // price.denominator)


def _offset(pool_id: str, symbol: str, fee_ppm: int) -> Fraction:
    """How far a pool's value of a token is off the reference, either way: up to half of the offset of a price."""
    digest = hashlib.sha256(f"{pool_id}/{symbol}".encode()).digest()[:_DIGEST_BYTES]
    half = 1 << 8 * _DIGEST_BYTES - 1
    return OFFSET_SHARE / 2 * Fraction(fee_ppm, PPM) * Fraction(int.from_bytes(digest) - half, half)


def positions(
    opening: Opening, tick: int, sqrt_price: int, bits: int, limits: tuple[int, int], price_at: Callable[[int], int]
) -> list[Position]:
    """Positions of the value that the opening asks for.

    Terms: `tick_spacing`, and `ranges`: ticks to either side of the price (or `full`) to percent of the value.
    """
    spacing: int = opening.terms["tick_spacing"]
    lowest, highest = -(-limits[0] // spacing) * spacing, limits[1] // spacing * spacing
    made = []
    for reach, percent in opening.terms["ranges"].items():
        lower, upper = lowest, highest
        if reach != _FULL:
            lower = max((tick - int(reach)) // spacing * spacing, lowest)
            upper = min(-(-(tick + int(reach)) // spacing) * spacing, highest)
        value = _unit_value(opening, price_at(lower), sqrt_price, price_at(upper), bits)
        made.append((lower, upper, int(opening.usd * Fraction(percent, 100) / value)))
    return made


def _unit_value(opening: Opening, lower: int, sqrt_price: int, upper: int, bits: int) -> Fraction:
    """The value of one unit of liquidity between two square root prices."""
    amount0 = Fraction(upper - sqrt_price << bits, upper * sqrt_price)
    amount1 = Fraction(sqrt_price - lower, 1 << bits)
    return opening.values[0] * amount0 + opening.values[1] * amount1
