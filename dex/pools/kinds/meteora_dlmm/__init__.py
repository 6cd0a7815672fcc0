"""Meteora DLMM pools."""

from dex.pools.kind import PoolKind
from dex.pools.kinds.meteora_dlmm.opening import new_state
from dex.pools.kinds.meteora_dlmm.pool import DlmmPool

KIND = PoolKind("meteora_dlmm", DlmmPool, new_state, example={"bin_step": 10, "bins": 34})
