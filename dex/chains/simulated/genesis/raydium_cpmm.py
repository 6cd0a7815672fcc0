"""Raydium CPMM pools: the same value of both tokens."""

from fractions import Fraction
from typing import Any

from dex.chains.simulated.genesis.opening import Opening

# Shares of the trade fee, in ppm, of most pools. Source: https://docs.raydium.io
PROTOCOL_RATE, FUND_RATE = 120_000, 40_000


def raydium_cpmm(opening: Opening) -> dict[str, Any]:
    """State of a new pool without a creator's fee."""
    return {
        "reserves": [str(opening.atoms(i, Fraction(1, 2))) for i in range(2)],
        "unclaimed": ["0", "0"],
        "trade_fee_rate": opening.fee_ppm,
        "creator_fee_rate": 0,
        "creator_fee_on": "input",
        "protocol_fee_rate": PROTOCOL_RATE,
        "fund_fee_rate": FUND_RATE,
    }
