"""Pools of generated markets as the eight programs keep them: where two share a rule, either of them may hold one."""

import math
import random
from collections.abc import Iterable

from dex.pools import Pool
from dex.pools.curves import Segments
from dex.pools.kinds.bins import StaticBinsPool
from dex.pools.kinds.meteora_dlmm.fees import BASE_FEE_UNIT, DlmmFees, Volatility
from dex.pools.kinds.meteora_dlmm.pool import DlmmPool
from dex.pools.kinds.orca_whirlpool import TICKS_IN_ARRAY, WhirlpoolPool
from dex.pools.kinds.raydium_cpmm import CpmmFees, CpmmPool
from dex.pools.kinds.uniswap_v2 import UniswapV2Pool
from dex.pools.kinds.uniswap_v3 import UniswapV3Pool
from dex.pools.math.bins import BASIS_POINTS
from dex.testing import damm_pool

NOW = 0
MOST_ATOMS = 2**62  # that a pool of a 64-bit program holds here
MOST_BITS = (-40, 40)  # powers of two between which prices of 64 bits have enough digits
ARRAYS = 3  # of ticks on each side of the current one; an order seldom moves a price further
RATE_OF_PPM = 1_000  # fees of Meteora's programs are out of 1e9


def on_chain(pools: Iterable[Pool], seed: int) -> list[Pool]:
    """The same market held by eight programs. Bins get Meteora's fee, which rises as the price moves."""
    rng = random.Random(seed)
    return [_on_chain(rng, pool) for pool in pools]


def _on_chain(rng: random.Random, pool: Pool) -> Pool:
    if isinstance(pool, UniswapV2Pool):
        return _constant_product(rng, pool) if max(pool.reserves) < MOST_ATOMS else pool
    if isinstance(pool, UniswapV3Pool):
        return _whirlpool(pool) if _room(pool) < MOST_ATOMS and rng.random() < 1 / 2 else _v3(pool)
    if isinstance(pool, StaticBinsPool):
        ends = pool.bins[0][0], pool.bins[-1][0]
        return _dlmm(pool) if all(MOST_BITS[0] < _bits(pool, end) < MOST_BITS[1] for end in ends) else pool
    return pool


def _room(pool: Pool) -> float:
    """Atoms of either token that the pool can take, at most."""
    first, second = pool.tokens
    sides = pool.curve(first, second, NOW), pool.curve(second, first, NOW)
    return max(sum(side.capacity) for side in sides if isinstance(side, Segments))


def _bits(pool: StaticBinsPool, bin_id: int) -> float:
    """The price of a bin as a power of two."""
    return bin_id * math.log2(1 + pool.bin_step / BASIS_POINTS)


def _constant_product(rng: random.Random, pool: UniswapV2Pool) -> Pool:
    draw = rng.random()
    if draw < 1 / 3:
        return CpmmPool(pool.pool_id, "raydium_cpmm", pool.tokens, CpmmFees(pool.fee_rate), pool.reserves)
    if draw < 2 / 3:
        first, second = pool.tokens
        rate = pool.fee_rate * RATE_OF_PPM
        return damm_pool(pool.pool_id, (first, second), pool.reserves, fee_rate=rate, venue="meteora_damm_v2")
    return pool


def _v3(pool: UniswapV3Pool) -> Pool:
    state = pool.to_state() | {"steps_at_words": True}
    return UniswapV3Pool.from_state(pool.pool_id, pool.venue, pool.tokens, state)


def _whirlpool(pool: UniswapV3Pool) -> Pool:
    length = TICKS_IN_ARRAY * pool.tick_spacing
    current = pool.tick // length
    starts = [(current + number) * length for number in range(-ARRAYS, ARRAYS + 1)]
    state = pool.to_state()
    ticks = [net for net in state["ticks"] if starts[0] <= net[0] < starts[-1] + length]
    sqrt_price = str(pool.sqrt_price >> pool.bits - WhirlpoolPool.bits)
    state |= {"sqrt_price_x64": sqrt_price, "ticks": ticks, "tick_array_starts": starts}
    return WhirlpoolPool.from_state(pool.pool_id, "orca_whirlpool", pool.tokens, state)


def _dlmm(pool: StaticBinsPool) -> Pool:
    step = pool.bin_step
    base_factor = pool.fee_rate * RATE_OF_PPM // (step * BASE_FEE_UNIT)
    fees = DlmmFees(base_factor, 30, 600, 5_000, 40_000, 35 * BASIS_POINTS, 500)
    volatility = Volatility(0, 0, pool.active_id, NOW)
    bins = tuple(pool.bins)
    return DlmmPool(pool.pool_id, "meteora_dlmm", pool.tokens, step, pool.active_id, fees, volatility, bins)
