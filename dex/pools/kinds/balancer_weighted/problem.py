"""Weighted pools of problem files: any two weights, and no limit on a swap's share of a balance."""

from decimal import ROUND_HALF_EVEN

from dex.fields import Fields, refusal
from dex.pools.base import Pool
from dex.pools.kinds.balancer_weighted.fixed_point import ONE
from dex.pools.kinds.balancer_weighted.pool import MAX_DECIMALS, WeightedPool
from dex.types import PPM

MAX_WEIGHT = 100


def problem_pool(fields: Fields, pool_id: str, tokens: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    """Read `reserves`, `weights` and `fee_ppm`. Raises: ProblemError, ValueError."""
    weights = []
    for k, weight in enumerate(fields.decimals("weights", 2)):
        if not 0 < weight <= MAX_WEIGHT:
            raise refusal(fields.where, f"weights[{k}]", f"above 0 and up to {MAX_WEIGHT}", str(weight))
        weights.append(int((weight * ONE).to_integral_value(ROUND_HALF_EVEN)))
    state = {
        # Scale decides nothing but rounding here, and the contract knows no more than 18.
        "decimals": [min(exponent, MAX_DECIMALS) for exponent in decimals],
        "weights": weights,
        "swap_fee": fields.whole("fee_ppm", 0, PPM - 1) * (ONE // PPM),
        "reserves": fields.wholes("reserves", 2, least=1),
        "has_ratio_limits": False,
    }
    return WeightedPool.from_state(pool_id, "weighted", tokens, state)
