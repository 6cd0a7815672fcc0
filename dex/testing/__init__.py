"""For tests of this package and of other people's adapters: pools by hand or by hypothesis, and a chain in memory.

One file per pool kind. Never imported by production code.
"""

from dex.testing.balancer_weighted import weighted_pool, weighted_pools
from dex.testing.chain import FakeChain
from dex.testing.constants import NOW, TOKENS
from dex.testing.curve_stableswap_ng import stable_pool, stable_pools
from dex.testing.markets import POOL_STRATEGIES, markets, request, requests
from dex.testing.meteora_damm_v2 import damm_pool, damm_pools
from dex.testing.meteora_dlmm import dlmm_pool, dlmm_pools
from dex.testing.orca_whirlpool import whirlpool, whirlpools
from dex.testing.raydium_cpmm import cpmm_pool, cpmm_pools
from dex.testing.static_bins import bins_pool, bins_pools
from dex.testing.uniswap_v2 import v2_pool, v2_pools
from dex.testing.uniswap_v3 import v3_pool, v3_pools

__all__ = [
    "NOW",
    "POOL_STRATEGIES",
    "TOKENS",
    "FakeChain",
    "bins_pool",
    "bins_pools",
    "cpmm_pool",
    "cpmm_pools",
    "damm_pool",
    "damm_pools",
    "dlmm_pool",
    "dlmm_pools",
    "markets",
    "request",
    "requests",
    "stable_pool",
    "stable_pools",
    "v2_pool",
    "v2_pools",
    "v3_pool",
    "v3_pools",
    "weighted_pool",
    "weighted_pools",
    "whirlpool",
    "whirlpools",
]
