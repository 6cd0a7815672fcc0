"""Meteora DLMM pools: bins around the price, the nearer ones deeper."""

import math
from fractions import Fraction
from typing import Any

from dex.pools.opening import Opening

BASE_FACTOR_PER_PPM = 100  # at a bin step of 1
FEES = {
    "filter_period": 30,
    "decay_period": 600,
    "reduction_factor": 5_000,
    "variable_fee_control": 40_000,
    "max_volatility_accumulator": 150_000,
    "protocol_share": 500,
}


def new_state(opening: Opening) -> dict[str, Any]:
    """State of a new pool. Terms: `bin_step`, and `bins` on each side of the active one, which share half the value."""
    step, per_side = opening.terms["bin_step"], opening.terms["bins"]
    # Prices come in steps, so the nearest one is off by up to half a step.
    active = round(math.log(opening.values[0] / opening.values[1]) / math.log1p(step / 10_000))
    total = (per_side + 1) * (per_side + 2) // 2

    def held(i: int, distance: int) -> str:
        """Atoms in the bin so far on a token's own side of the active one."""
        return str(opening.atoms(i, Fraction(per_side + 1 - distance, 2 * total))) if distance >= 0 else "0"

    return {
        "bin_step": step,
        "active_id": active,
        "fees": {**FEES, "base_factor": opening.fee_ppm * BASE_FACTOR_PER_PPM // step},
        "volatility": {
            "volatility_accumulator": 0,
            "volatility_reference": 0,
            "index_reference": active,
            "last_update_timestamp": 0,
        },
        "bins": [[active + offset, held(0, offset), held(1, -offset)] for offset in range(-per_side, per_side + 1)],
        "unclaimed": ["0", "0"],
    }
