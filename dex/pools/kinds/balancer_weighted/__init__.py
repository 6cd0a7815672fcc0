"""Balancer weighted pools."""

from dex.pools.kind import PoolKind
from dex.pools.kinds.balancer_weighted.opening import new_state
from dex.pools.kinds.balancer_weighted.pool import WeightedPool
from dex.pools.kinds.balancer_weighted.problem import problem_pool

KIND = PoolKind(
    "balancer_weighted",
    WeightedPool,
    new_state,
    example={"weights": [50, 50]},
    problems={"weighted": problem_pool},
)
