"""Curve StableSwap NG pools."""

from dex.pools.kind import PoolKind
from dex.pools.kinds.curve_stableswap_ng.opening import new_state
from dex.pools.kinds.curve_stableswap_ng.pool import StablePool
from dex.pools.kinds.curve_stableswap_ng.problem import problem_pool

KIND = PoolKind(
    "curve_stableswap_ng",
    StablePool,
    new_state,
    example={"amplification": 200},
    problems={"stable": problem_pool},
)
