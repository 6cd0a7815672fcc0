"""How pools of the default market begin: one file for each kind, from a line of market.json to a state."""

from collections.abc import Callable
from typing import Any

from dex.chains.simulated.genesis.balancer_weighted import balancer_weighted
from dex.chains.simulated.genesis.curve_stableswap_ng import curve_stableswap_ng
from dex.chains.simulated.genesis.meteora_damm_v2 import meteora_damm_v2
from dex.chains.simulated.genesis.meteora_dlmm import meteora_dlmm
from dex.chains.simulated.genesis.opening import Opening
from dex.chains.simulated.genesis.orca_whirlpool import orca_whirlpool
from dex.chains.simulated.genesis.raydium_cpmm import raydium_cpmm
from dex.chains.simulated.genesis.uniswap_v2 import uniswap_v2
from dex.chains.simulated.genesis.uniswap_v3 import uniswap_v3

# The state of a new pool of each kind, as `pool_from_state` reads it.
GENERATORS: dict[str, Callable[[Opening], dict[str, Any]]] = {
    "balancer_weighted": balancer_weighted,
    "curve_stableswap_ng": curve_stableswap_ng,
    "meteora_damm_v2": meteora_damm_v2,
    "meteora_dlmm": meteora_dlmm,
    "orca_whirlpool": orca_whirlpool,
    "raydium_cpmm": raydium_cpmm,
    "uniswap_v2": uniswap_v2,
    "uniswap_v3": uniswap_v3,
}

__all__ = ["GENERATORS", "Opening"]
