"""Meteora DAMM v2 pools."""

from dex.pools.kind import PoolKind
from dex.pools.kinds.meteora_damm_v2.opening import new_state
from dex.pools.kinds.meteora_damm_v2.pool import DammPool

KIND = PoolKind("meteora_damm_v2", DammPool, new_state, example={"collect_fee_mode": 1})
