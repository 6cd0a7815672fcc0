"""For tests of this package and of other people's adapters: pools by hand or by hypothesis, and a chain in memory.

The test part of each pool kind is in `kinds/`. Never imported by production code.
"""

from dex.testing.chain import FakeChain
from dex.testing.constants import NOW, TOKENS
from dex.testing.kind_tests import KindTests, Sides, kind_tests
from dex.testing.kinds.balancer_weighted import weighted_pool, weighted_pools
from dex.testing.kinds.bins import bins_pool, bins_pools
from dex.testing.kinds.curve_stableswap_ng import stable_pool, stable_pools
from dex.testing.kinds.meteora_damm_v2 import damm_pool, damm_pools
from dex.testing.kinds.meteora_dlmm import dlmm_pool, dlmm_pools
from dex.testing.kinds.orca_whirlpool import whirlpool, whirlpools
from dex.testing.kinds.raydium_cpmm import cpmm_pool, cpmm_pools
from dex.testing.kinds.uniswap_v2 import v2_pool, v2_pools
from dex.testing.kinds.uniswap_v3 import v3_pool, v3_pools
from dex.testing.markets import markets, request, requests

__all__ = [
    "NOW",
    "TOKENS",
    "FakeChain",
    "KindTests",
    "Sides",
    "bins_pool",
    "bins_pools",
    "cpmm_pool",
    "cpmm_pools",
    "damm_pool",
    "damm_pools",
    "dlmm_pool",
    "dlmm_pools",
    "kind_tests",
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
