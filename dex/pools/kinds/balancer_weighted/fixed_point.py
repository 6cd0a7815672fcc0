"""Balancer V2's fixed-point numbers with 18 decimals: what rounds up, and how far a power may be off.

Source: https://github.com/balancer/balancer-v2-monorepo/blob/master/pkg/solidity-utils/contracts/math/FixedPoint.sol
"""

from dex.pools.kinds.balancer_weighted.log_exp import ONE, power

__all__ = ["ONE", "div_up", "mul_up", "power_up"]

POWER_ERROR = 10_000  # 1e-14 of the power, far above what logarithm and exponential can be off


def mul_up(a: int, b: int) -> int:
    """The product, rounded up."""
    return -(-a * b // ONE)


def div_up(a: int, b: int) -> int:
    """The quotient, rounded up."""
    return -(-a * ONE // b)


def power_up(base: int, exponent: int) -> int:
    """A number that the true power cannot pass. Raises: OverflowError as `power` does.

    The first deployments of weighted pools (April 2021) have no shorter way for the exponents 1, 2 and 4.
    """
    raw = power(base, exponent)
    return raw + 1 - (-raw * POWER_ERROR // ONE)
