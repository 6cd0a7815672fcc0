"""Pools: pure integer arithmetic without I/O. `POOL_KINDS` is the registry of their kinds."""

from typing import Any, Final

from dex.pools.base import Pool, Swap
from dex.pools.kind import PoolKind
from dex.pools.kinds import (
    balancer_weighted,
    bins,
    curve_stableswap_ng,
    meteora_damm_v2,
    meteora_dlmm,
    orca_whirlpool,
    raydium_cpmm,
    uniswap_v2,
    uniswap_v3,
)

POOL_KINDS: Final[dict[str, PoolKind]] = {
    kind.name: kind
    for kind in (
        balancer_weighted.KIND,
        bins.KIND,
        curve_stableswap_ng.KIND,
        meteora_damm_v2.KIND,
        meteora_dlmm.KIND,
        orca_whirlpool.KIND,
        raydium_cpmm.KIND,
        uniswap_v2.KIND,
        uniswap_v3.KIND,
    )
}

__all__ = ["POOL_KINDS", "Pool", "PoolKind", "Swap", "pool_from_state"]


def pool_from_state(kind: str, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Pool:
    """Build the pool that `to_state` described. Raises: KeyError for a kind that is not in `POOL_KINDS`."""
    return POOL_KINDS[kind].pool.from_state(pool_id, venue, tokens, state)
