"""Liquidity positions, of which pools with ticks are made."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from dex.pools.math.sqrt_price import cost_between
from dex.pools.math.ticks import Tick

Position = tuple[int, int, int]  # lower tick, upper tick, liquidity


def ticks_of(positions: Sequence[Position]) -> tuple[Tick, ...]:
    """The ticks that the positions initialize, sorted."""
    nets: dict[int, int] = defaultdict(int)
    for lower, upper, liquidity in positions:
        nets[lower] += liquidity
        nets[upper] -= liquidity
    return tuple(sorted(nets.items()))


def liquidity_at(positions: Sequence[Position], tick: int) -> int:
    """Liquidity of the positions that are in range at a tick."""
    return sum(liquidity for lower, upper, liquidity in positions if lower <= tick < upper)


def holdings(
    positions: Sequence[Position], sqrt_price: int, bits: int, sqrt_price_at: Callable[[int], int]
) -> tuple[int, int]:
    """Atoms of both tokens that the positions brought, rounded up one by one as the programs take them."""
    held0 = held1 = 0
    for lower, upper, liquidity in positions:
        low, high = sqrt_price_at(lower), sqrt_price_at(upper)
        price = min(max(sqrt_price, low), high)
        held0 += cost_between(high, price, liquidity, bits)
        held1 += cost_between(low, price, liquidity, bits)
    return held0, held1
