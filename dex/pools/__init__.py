"""Pool kinds: one file each, named after the program whose rounding it repeats. Pure integer arithmetic, no I/O."""

from typing import Any

from dex.pools.balancer_weighted import WeightedPool
from dex.pools.base import Pool, Swap
from dex.pools.curve_stableswap_ng import StablePool
from dex.pools.meteora_damm_v2 import DammPool
from dex.pools.meteora_dlmm import DlmmPool
from dex.pools.orca_whirlpool import WhirlpoolPool
from dex.pools.raydium_cpmm import CpmmPool
from dex.pools.static_bins import StaticBinsPool
from dex.pools.uniswap_v2 import UniswapV2Pool
from dex.pools.uniswap_v3 import UniswapV3Pool

POOL_KINDS: dict[str, type[Pool]] = {
    "balancer_weighted": WeightedPool,
    "bins": StaticBinsPool,
    "curve_stableswap_ng": StablePool,
    "meteora_damm_v2": DammPool,
    "meteora_dlmm": DlmmPool,
    "orca_whirlpool": WhirlpoolPool,
    "raydium_cpmm": CpmmPool,
    "uniswap_v2": UniswapV2Pool,
    "uniswap_v3": UniswapV3Pool,
}

__all__ = ["POOL_KINDS", "Pool", "Swap", "pool_from_state"]


def pool_from_state(kind: str, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Pool:
    """Build the pool that `to_state` described. Raises: KeyError for a kind that is not in `POOL_KINDS`."""
    return POOL_KINDS[kind].from_state(pool_id, venue, tokens, state)
