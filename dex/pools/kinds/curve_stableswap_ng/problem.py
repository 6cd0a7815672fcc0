"""StableSwap pools of problem files: a fixed fee, nothing for an administrator, rates from the tokens' decimals."""

from dex.fields import Fields
from dex.pools.base import Pool
from dex.pools.kinds.curve_stableswap_ng.pool import StablePool
from dex.pools.kinds.curve_stableswap_ng.stable_math import A_PRECISION, FEE_PRECISION
from dex.types import PPM

RATE_DIGITS = 36  # of a rate and the decimals of its token together


def problem_pool(fields: Fields, pool_id: str, tokens: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    """Read `amp`, `reserves` and `fee_ppm`. Raises: ProblemError, ValueError."""
    state = {
        "amp": fields.whole("amp", 1) * A_PRECISION,
        "fee": fields.whole("fee_ppm", 0, PPM - 1) * (FEE_PRECISION // PPM),
        "offpeg_fee_multiplier": 0,
        "admin_fee": 0,
        "rates": [10 ** (RATE_DIGITS - exponent) for exponent in decimals],
        "reserves": fields.wholes("reserves", 2, least=1),
        "unclaimed": (0, 0),
    }
    return StablePool.from_state(pool_id, "stable", tokens, state)
