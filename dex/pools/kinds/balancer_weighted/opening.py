"""Balancer weighted pools: each token's weight is its share of the value."""

from fractions import Fraction
from typing import Any

from dex.pools.kinds.balancer_weighted.fixed_point import ONE
from dex.pools.opening import Opening
from dex.types import PPM

PERCENT = ONE // 100


def new_state(opening: Opening) -> dict[str, Any]:
    """State of a new pool. Terms: `weights`, percent of each token."""
    weights: list[int] = opening.terms["weights"]
    return {
        "decimals": [token.decimals for token in opening.tokens],
        "weights": [str(weight * PERCENT) for weight in weights],
        "swap_fee": str(opening.fee_ppm * (ONE // PPM)),
        "reserves": [str(opening.atoms(i, Fraction(weight, 100))) for i, weight in enumerate(weights)],
        "has_ratio_limits": True,
    }
