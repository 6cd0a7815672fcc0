"""Orca Whirlpools: positions of several widths, and the tick arrays that a swap can be given."""

from typing import Any

from dex.chains.simulated.genesis.opening import Opening
from dex.chains.simulated.genesis.ticks import positions
from dex.pools.orca_whirlpool import MAX_TICK, MIN_TICK, TICKS_IN_ARRAY, WhirlpoolPool
from dex.pools.positions import holdings, liquidity_at, ticks_of
from dex.pools.tick_math import sqrt_price_x64, tick_at

# A swap takes up to three arrays: the one of the price and two in its direction.
ARRAYS_BESIDE = 2


def orca_whirlpool(opening: Opening) -> dict[str, Any]:
    """State of a new pool. Terms: see `positions`. Liquidity beyond the arrays is there, but out of reach."""
    bits, spacing = WhirlpoolPool.bits, opening.terms["tick_spacing"]
    sqrt_price = opening.sqrt_price(bits)
    tick = tick_at(sqrt_price, bits, sqrt_price_x64)
    made = positions(opening, tick, sqrt_price, bits, (MIN_TICK, MAX_TICK), sqrt_price_x64)
    length = TICKS_IN_ARRAY * spacing
    starts = [(tick // length + number) * length for number in range(-ARRAYS_BESIDE, ARRAYS_BESIDE + 1)]
    return {
        "fee_ppm": opening.fee_ppm,
        "tick_spacing": spacing,
        "sqrt_price_x64": str(sqrt_price),
        "tick": tick,
        "liquidity": str(liquidity_at(made, tick)),
        "ticks": [[at, str(net)] for at, net in ticks_of(made) if starts[0] <= at < starts[-1] + length],
        "balances": [str(atoms) for atoms in holdings(made, sqrt_price, bits, sqrt_price_x64)],
        "tick_array_starts": starts,
    }
