"""Curve StableSwap NG pools: balances that give the pool the prices of its opening."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from dex.pools.kinds.curve_stableswap_ng.stable_math import A_PRECISION, FEE_PRECISION, RATE_PRECISION
from dex.pools.opening import Opening
from dex.types import PPM

RATE_DIGITS = 36
# Usual settings of the factory: fees double where a pool is far off balance, half of them are the admin's.
OFFPEG_FEE_MULTIPLIER, ADMIN_FEE = 2 * FEE_PRECISION, FEE_PRECISION // 2
_HALVINGS = 100  # more than floats have digits


def new_state(opening: Opening) -> dict[str, Any]:
    """State of a new pool. Terms: `amplification`, and `rates` of those tokens whose value is above one unit."""
    amplification: int = opening.terms["amplification"]
    growth = opening.terms.get("rates", {})
    rates = [int(Fraction(growth.get(t.symbol, 1)) * 10 ** (RATE_DIGITS - t.decimals)) for t in opening.tokens]
    values = [float(atom * RATE_PRECISION / rate) for atom, rate in zip(opening.values, rates, strict=True)]
    balances = balances_at(values, amplification)
    total = sum(balance * value for balance, value in zip(balances, values, strict=True))
    shares = [Fraction(balance * value / total) for balance, value in zip(balances, values, strict=True)]
    return {
        "amp": amplification * A_PRECISION,
        "fee": opening.fee_ppm * (FEE_PRECISION // PPM),
        "offpeg_fee_multiplier": OFFPEG_FEE_MULTIPLIER,
        "admin_fee": ADMIN_FEE,
        "rates": [str(rate) for rate in rates],
        "reserves": [str(opening.atoms(i, share)) for i, share in enumerate(shares)],
        "unclaimed": ["0"] * len(rates),
    }


def balances_at(values: Sequence[float], amplification: int) -> list[float]:
    """Balances, in units of the invariant D, at which the pool trades at prices in proportion to `values`.

    With S and P sum and product of the n balances x and K = 1 / (n**n P), the invariant is Ann S + 1 = Ann + K, and
    its slope along x is Ann + K / x. Slopes in proportion to the values give x = K y with y = 1 / (scale value - Ann),
    so K**(n+1) = 1 / (n**n product of y), and what is left to find is the scale.
    """
    n, ann, least = len(values), float(amplification * len(values)), min(values)

    def at(excess: float) -> tuple[float, list[float]]:
        """K and the balances where the scale is `excess` above its lower limit, Ann / least value."""
        ys = [1 / (ann * (value / least - 1) + excess * value) for value in values]
        k: float = (n**n * math.prod(ys)) ** (-1 / (n + 1))
        return k, [k * y for y in ys]

    def is_low(excess: float) -> bool:
        k, balances = at(excess)
        return ann * (sum(balances) - 1) + 1 > k

    low, high = 0.0, 1.0
    while is_low(high):
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_low(middle) else (low, middle)
    return at(high)[1]
