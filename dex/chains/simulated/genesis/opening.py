"""What the market file says of a pool before its first swap, in the units that pools are made of. Exact fractions."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

from dex.types import PPM, Token

# How far the price of a pool may be off the reference, as a share of its fee. Below 1 no circle of swaps gains, and
# what is left has room for prices that come in steps.
OFFSET_SHARE = Fraction(3, 10)
_DIGEST_BYTES = 4


@dataclass(frozen=True, slots=True)
class Opening:
    """A pool to be. `values` is what the pool takes an atom of each token to be worth, `usd` all that it will hold.

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
        """Atoms of `tokens[i]` that are worth `share` of what the pool holds, rounded down."""
        return int(self.usd * share / self.values[i])

    def sqrt_price(self, bits: int) -> int:
        """The root of atoms of the second token per atom of the first, times 2**`bits`, rounded down."""
        price = self.values[0] / self.values[1]
        return math.isqrt((price.numerator << 2 * bits) // price.denominator)


def _offset(pool_id: str, symbol: str, fee_ppm: int) -> Fraction:
    """How far off a pool values a token, up to half of what the prices of two may be off together, either way."""
    digest = hashlib.sha256(f"{pool_id}/{symbol}".encode()).digest()[:_DIGEST_BYTES]
    half = 1 << 8 * _DIGEST_BYTES - 1
    return OFFSET_SHARE / 2 * Fraction(fee_ppm, PPM) * Fraction(int.from_bytes(digest) - half, half)
