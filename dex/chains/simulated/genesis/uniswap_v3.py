"""Uniswap V3 pools: positions of several widths."""

from typing import Any

from dex.chains.simulated.genesis.opening import Opening
from dex.chains.simulated.genesis.ticks import positions
from dex.pools.positions import holdings, liquidity_at, ticks_of
from dex.pools.tick_math import sqrt_price_x96, tick_at
from dex.pools.uniswap_v3 import MAX_TICK, MIN_TICK, UniswapV3Pool


def uniswap_v3(opening: Opening) -> dict[str, Any]:
    """State of a new pool. Terms: see `positions`."""
    bits = UniswapV3Pool.bits
    sqrt_price = opening.sqrt_price(bits)
    tick = tick_at(sqrt_price, bits, sqrt_price_x96)
    made = positions(opening, tick, sqrt_price, bits, (MIN_TICK, MAX_TICK), sqrt_price_x96)
    return {
        "fee_ppm": opening.fee_ppm,
        "tick_spacing": opening.terms["tick_spacing"],
        "sqrt_price_x96": str(sqrt_price),
        "tick": tick,
        "liquidity": str(liquidity_at(made, tick)),
        "ticks": [[at, str(net)] for at, net in ticks_of(made)],
        "balances": [str(atoms) for atoms in holdings(made, sqrt_price, bits, sqrt_price_x96)],
        "steps_at_words": True,
    }
