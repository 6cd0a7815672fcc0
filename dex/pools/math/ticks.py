"""Ticks and their square root prices: the price at a tick is 1.0001 ** tick, kept as the fixed point of its root.

The programs multiply rounded powers of sqrt(1.0001) of their own width, so their last bits differ; here they equal
each one's own.
"""

import math
from collections.abc import Callable
from functools import lru_cache

# Bits a factor is worked out with before it is rounded to the width of a program.
Tick = tuple[int, int]  # tick, liquidity that begins there on the way up (ends there when negative)

_WORK_BITS = 512
# How far, in ticks, a logarithm in floats and the rounded price of a tick can be off together: the smallest price of
# either program has 32 bits, and 20 roundings of one bit in 2**32 are 1e-4 ticks.
_TICK_ERROR = 1e-3
_TICKS_PER_DOUBLING = 2 / math.log2(1.0001)


def _factors(numerator: int, denominator: int, bits: int, is_nearest: bool) -> tuple[int, ...]:
    """sqrt(numerator / denominator) ** (2 ** i) times 2 ** bits for every i of 20, rounded down or to the nearest."""
    power = math.isqrt((numerator << 2 * _WORK_BITS) // denominator)
    spare, factors = _WORK_BITS - bits, []
    for _ in range(20):
        factors.append(power + (is_nearest << spare - 1) >> spare)
        power = power * power >> _WORK_BITS
    return tuple(factors)


_X128_DOWN = _factors(10_000, 10_001, 128, is_nearest=True)
_X64_DOWN = _factors(10_000, 10_001, 64, is_nearest=False)
_X96_UP = _factors(10_001, 10_000, 96, is_nearest=False)


def _product(factors: tuple[int, ...], exponent: int, bits: int) -> int:
    product, position = 1 << bits, 0
    while exponent:
        if exponent & 1:
            product = product * factors[position] >> bits
        exponent >>= 1
        position += 1
    return product


@lru_cache(maxsize=1 << 16)
def sqrt_price_x96(tick: int) -> int:
    """Uniswap V3's square root price of a tick, times 2**96.

    Source: https://github.com/Uniswap/v3-core/blob/main/contracts/libraries/TickMath.sol (getSqrtRatioAtTick)
    """
    ratio = _product(_X128_DOWN, abs(tick), 128)
    if tick > 0:
        ratio = (2**256 - 1) // ratio
    return -(-ratio >> 32)


@lru_cache(maxsize=1 << 16)
def sqrt_price_x64(tick: int) -> int:
    """Orca Whirlpool's square root price of a tick, times 2**64.

    Source: https://github.com/orca-so/whirlpools/blob/main/programs/whirlpool/src/math/tick_math.rs
    """
    return _product(_X96_UP, tick, 96) >> 32 if tick >= 0 else _product(_X64_DOWN, -tick, 64)


def tick_at(sqrt_price: int, bits: int, sqrt_price_at: Callable[[int], int]) -> int:
    """The greatest tick whose `sqrt_price_at` is not above a square root price times 2**bits."""
    exact = (math.log2(sqrt_price) - bits) * _TICKS_PER_DOUBLING
    tick = math.floor(exact + _TICK_ERROR)
    # Only next to a tick's own price can the float fall on the wrong side.
    if exact - tick < _TICK_ERROR and sqrt_price_at(tick) > sqrt_price:
        return tick - 1
    return tick
