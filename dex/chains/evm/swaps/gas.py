"""How much gas a swap may use: a bound from its steps, so that signing asks no node. What is not used is not paid."""

from collections.abc import Callable

from dex.chains.evm.pools.states import WORD_BITS
from dex.errors import DexError
from dex.pools import Pool
from dex.pools.kinds.uniswap_v3 import UniswapV3Pool
from dex.types import Hop, Route

# Measured on the real contracts: 87,000 for one V2 swap, 118,000 for one V3 swap, in all; tokens may ask for more.
BASE = 90_000
PER_HOP = 160_000
PER_TICK = 45_000
PER_WORD = 12_000
# Measured: 3,000 for a batch with one swap, 72,000 for a fork's pool beside others: three calls, its swap among them.
PER_CALL = 60_000
# Above what most chains let into one block.
MOST = 12_000_000


def gas_for(route: Route, pool_of: Callable[[str], Pool | None], extra: int) -> int:
    """The limit for a route, by the pools as they were last seen."""
    return min(BASE + sum(PER_HOP + _walked(hop, pool_of(hop.pool_id)) for hop in route.hops), MOST) + extra


def gas_for_batch(route: Route, calls: int, pool_of: Callable[[str], Pool | None], extra: int) -> int:
    """As `gas_for`, for a route that takes `calls` calls of routers and tokens."""
    return gas_for(route, pool_of, extra) + PER_CALL * calls


def _walked(hop: Hop, pool: Pool | None) -> int:
    """What crossing ticks costs, with as many again for a price that moves on before."""
    if not isinstance(pool, UniswapV3Pool):
        return 0
    try:
        after = pool.swap_exact_in(hop.token_in, hop.token_out, hop.amount_in, 0).pool_after
    except DexError:
        return len(pool.ticks) * PER_TICK
    assert isinstance(after, UniswapV3Pool)
    low, high = sorted((pool.tick, after.tick))
    crossed = sum(low < tick <= high for tick, _ in pool.ticks)
    words = ((high - low) // pool.tick_spacing >> WORD_BITS) + 1
    return 2 * (crossed * PER_TICK + words * PER_WORD)
