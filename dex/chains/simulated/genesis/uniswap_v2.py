"""Uniswap V2 pairs: the same value of both tokens."""

from fractions import Fraction
from typing import Any

from dex.chains.simulated.genesis.opening import Opening


def uniswap_v2(opening: Opening) -> dict[str, Any]:
    """State of a new pair."""
    reserves = [str(opening.atoms(i, Fraction(1, 2))) for i in range(2)]
    return {"reserves": reserves, "fee_ppm": opening.fee_ppm}
