"""The pool kinds of problem files as exact pools: each generic rule becomes the program that it describes."""

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN

from dex.pools import Pool
from dex.pools.balancer_weighted import MAX_DECIMALS, WeightedPool
from dex.pools.constant_product import ConstantProductPool
from dex.pools.curve_stableswap_ng import StablePool
from dex.pools.fixed_point import ONE
from dex.pools.stable_math import A_PRECISION, FEE_PRECISION
from dex.pools.static_bins import StaticBinsPool
from dex.pools.uniswap_v3 import UniswapV3Pool
from dex.router.problem_fields import MAX_WHOLE, Fields, refusal
from dex.types import PPM

Build = Callable[[Fields, str, tuple[str, str], tuple[int, int]], Pool]

# The file does not say what a tick pool holds, and holdings limit nothing there.
_HOLDINGS = MAX_WHOLE
# Where a step through a tick pool ends beside initialized ticks: at the edges of bitmap words, as in Uniswap V3.
_STEPS_AT_WORDS = {"words": True, "ticks": False}
_MAX_ID = 2**31 - 1  # of ticks and bins
_MAX_WEIGHT = 100
_MAX_TOKEN_DECIMALS = 36


def read_pool(fields: Fields, pool_id: str, names: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    """The pool that an object of a graph describes. Its venue is the generic kind. Raises: ProblemError."""
    build: Build = fields.choice("kind", _BUILDS)
    pool: Pool = fields.built(lambda: build(fields, pool_id, names, decimals))
    return pool


def _fee_ppm(fields: Fields) -> int:
    return fields.whole("fee_ppm", 0, PPM - 1)


def _constant_product(fields: Fields, pool_id: str, names: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    state = {"reserves": fields.wholes("reserves", 2, least=1), "fee_ppm": _fee_ppm(fields)}
    return ConstantProductPool.from_state(pool_id, "constant_product", names, state)


def _weighted(fields: Fields, pool_id: str, names: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    weights = []
    for k, weight in enumerate(fields.decimals("weights", 2)):
        if not 0 < weight <= _MAX_WEIGHT:
            raise refusal(fields.where, f"weights[{k}]", f"above 0 and up to {_MAX_WEIGHT}", str(weight))
        weights.append(int((weight * ONE).to_integral_value(ROUND_HALF_EVEN)))
    state = {
        # Scale decides nothing but rounding here, and the contract knows no more than 18.
        "decimals": [min(exponent, MAX_DECIMALS) for exponent in decimals],
        "weights": weights,
        "swap_fee": _fee_ppm(fields) * (ONE // PPM),
        "reserves": fields.wholes("reserves", 2, least=1),
        "has_ratio_limits": False,
    }
    return WeightedPool.from_state(pool_id, "weighted", names, state)


def _stable(fields: Fields, pool_id: str, names: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    state = {
        "amp": fields.whole("amp", 1) * A_PRECISION,
        "fee": _fee_ppm(fields) * (FEE_PRECISION // PPM),
        "offpeg_fee_multiplier": 0,
        "admin_fee": 0,
        "rates": [10 ** (_MAX_TOKEN_DECIMALS - exponent) for exponent in decimals],
        "reserves": fields.wholes("reserves", 2, least=1),
        "unclaimed": (0, 0),
    }
    return StablePool.from_state(pool_id, "stable", names, state)


def _concentrated(fields: Fields, pool_id: str, names: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    state = {
        "fee_ppm": _fee_ppm(fields),
        "tick_spacing": fields.whole("tick_spacing", 1, _MAX_ID),
        "sqrt_price_x96": fields.whole("sqrt_price_x96", 1),
        "tick": fields.whole("tick", -_MAX_ID, _MAX_ID),
        "liquidity": fields.whole("liquidity"),
        "ticks": fields.rows("ticks", 2, least=-MAX_WHOLE),
        "balances": (_HOLDINGS, _HOLDINGS),
        "steps_at_words": fields.choice("steps", _STEPS_AT_WORDS) if fields.has("steps") else True,
    }
    return UniswapV3Pool.from_state(pool_id, fields.text("kind"), names, state)


def _bins(fields: Fields, pool_id: str, names: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    state = {
        "fee_ppm": _fee_ppm(fields),
        "bin_step": fields.whole("bin_step", 1, _MAX_ID),
        "active_id": fields.whole("active_id", -_MAX_ID, _MAX_ID),
        "bins": fields.rows("bins", 3, least=-MAX_WHOLE),
        "unclaimed": (0, 0),
    }
    return StaticBinsPool.from_state(pool_id, "bins", names, state)


_BUILDS: dict[str, Build] = {
    "constant_product": _constant_product,
    "weighted": _weighted,
    "stable": _stable,
    "concentrated": _concentrated,
    "uniswap_v3": _concentrated,
    "bins": _bins,
}
