"""Arithmetic of a Meteora DAMM v2 price range: amounts between two prices, and prices after an amount.

Sqrt prices are the root of atoms of B per atom of A, times 2**64. Liquidity is the root of the product of both
virtual reserves, times 2**64. Amounts to pay in are rounded up and amounts to pay out down, prices against the trader.
Source: https://github.com/MeteoraAg/damm-v2 (programs/cp-amm/src/liquidity_handler)
"""

import math

SCALE_BITS = 64
MIN_SQRT_PRICE = 4_295_048_016
MAX_SQRT_PRICE = 79_226_673_521_066_979_257_578_248_091


def amount_a(lower: int, upper: int, liquidity: int, round_up: bool = False) -> int:
    """Atoms of A between two sqrt prices."""
    scaled, product = liquidity * (upper - lower), lower * upper
    return -(-scaled // product) if round_up else scaled // product


def amount_b(lower: int, upper: int, liquidity: int, round_up: bool = False) -> int:
    """Atoms of B between two sqrt prices."""
    scaled = liquidity * (upper - lower)
    return -(-scaled >> 2 * SCALE_BITS) if round_up else scaled >> 2 * SCALE_BITS


def price_after_input(sells_a: bool, sqrt_price: int, liquidity: int, amount: int) -> int:
    """The sqrt price once `amount` was paid in."""
    if sells_a:
        return -(-liquidity * sqrt_price // (liquidity + amount * sqrt_price))
    return sqrt_price + (amount << 2 * SCALE_BITS) // liquidity


def price_after_output(sells_a: bool, sqrt_price: int, liquidity: int, amount: int) -> int | None:
    """The sqrt price once `amount` was paid out, or nothing where there is no such price."""
    if sells_a:
        after = sqrt_price + (-amount << 2 * SCALE_BITS) // liquidity
        return after if after > 0 else None
    left = liquidity - amount * sqrt_price
    return -(-liquidity * sqrt_price // left) if left > 0 else None


def price_of_reserves(a: int, b: int) -> int:
    """The sqrt price at which a constant product of these reserves stands."""
    return math.isqrt((b << 2 * SCALE_BITS) // a)
