"""Meteora DAMM v2 pools: one price range, or reserves alone where fees become liquidity."""

import math
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from dex.pools.kinds.meteora_damm_v2.fees import (
    COMPOUNDING,
    FEE_PRECISION,
    VARIABLE_FEE_SCALE,
    DammFees,
    DammVolatility,
    DynamicFee,
)
from dex.pools.kinds.meteora_damm_v2.range_math import (
    MAX_SQRT_PRICE,
    MIN_SQRT_PRICE,
    SCALE_BITS,
    amount_a,
    amount_b,
    price_of_reserves,
)
from dex.pools.opening import Opening
from dex.types import PPM

COMPOUNDING_FEE_BPS = 5_000
# The dynamic part counts price bins of 1 bp of the root, is full when the price has moved by 15 %, and is then a fifth
# of the base fee. Source: https://docs.meteora.ag/core-products/damm-v2/fees/dynamic-fees
MAX_VOLATILITY_ACCUMULATOR = 14_460_000
FILTER_PERIOD_S, DECAY_PERIOD_S, REDUCTION_FACTOR = 10, 120, 5_000
DYNAMIC_SHARE = 5

State = dict[str, Any]


def new_state(opening: Opening) -> State:
    """State of a new pool.

    Terms: `collect_fee_mode` as in the program; `is_dynamic` where a part of the fee follows volatility; `reach`, the
    factor from the price to either end of the range, or none for the full range.
    """
    mode: int = opening.terms["collect_fee_mode"]
    fees = DammFees(
        cliff_fee_numerator=opening.fee_ppm * (FEE_PRECISION // PPM),
        collect_fee_mode=mode,
        compounding_fee_bps=COMPOUNDING_FEE_BPS if mode == COMPOUNDING else 0,
        dynamic=_dynamic(opening),
    )
    held = _reserves_alone(opening) if mode == COMPOUNDING else _range(opening)
    state: State = {"fees": asdict(fees), "volatility": [str(value) for value in DammVolatility()]}
    return state | held | {"unclaimed": ["0", "0"]}


def _dynamic(opening: Opening) -> DynamicFee:
    if not opening.terms.get("is_dynamic"):
        return DynamicFee()
    most = opening.fee_ppm * (FEE_PRECISION // PPM) // DYNAMIC_SHARE
    return DynamicFee(
        variable_fee_control=most * VARIABLE_FEE_SCALE // MAX_VOLATILITY_ACCUMULATOR**2,
        max_volatility_accumulator=MAX_VOLATILITY_ACCUMULATOR,
        filter_period=FILTER_PERIOD_S,
        decay_period=DECAY_PERIOD_S,
        reduction_factor=REDUCTION_FACTOR,
    )


def _reserves_alone(opening: Opening) -> State:
    reserve_a, reserve_b = (opening.atoms(i, Fraction(1, 2)) for i in range(2))
    return {
        "liquidity": str(math.isqrt(reserve_a * reserve_b) << SCALE_BITS),
        "sqrt_price": str(price_of_reserves(reserve_a, reserve_b)),
        "price_range": [str(MIN_SQRT_PRICE), str(MAX_SQRT_PRICE)],
        "reserves": [str(reserve_a), str(reserve_b)],
    }


def _range(opening: Opening) -> State:
    sqrt_price, (lowest, highest) = opening.sqrt_price(SCALE_BITS), (MIN_SQRT_PRICE, MAX_SQRT_PRICE)
    if "reach" in opening.terms:
        square: int = opening.terms["reach"]
        lowest, highest = math.isqrt(sqrt_price**2 // square), math.isqrt(sqrt_price**2 * square)
    value = opening.values[0] * Fraction(highest - sqrt_price, highest * sqrt_price)
    value += opening.values[1] * Fraction(sqrt_price - lowest, 1 << 2 * SCALE_BITS)
    liquidity = int(opening.usd / value)
    return {
        "liquidity": str(liquidity),
        "sqrt_price": str(sqrt_price),
        "price_range": [str(lowest), str(highest)],
        "reserves": [
            str(amount_a(sqrt_price, highest, liquidity, round_up=True)),
            str(amount_b(lowest, sqrt_price, liquidity, round_up=True)),
        ],
    }
