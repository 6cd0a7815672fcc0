"""Whole markets and requests, by hypothesis."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dex.pools import Pool
from dex.testing.balancer_weighted import weighted_pools
from dex.testing.constants import TOKENS
from dex.testing.curve_stableswap_ng import stable_pools
from dex.testing.meteora_damm_v2 import damm_pools
from dex.testing.meteora_dlmm import dlmm_pools
from dex.testing.orca_whirlpool import whirlpools
from dex.testing.raydium_cpmm import cpmm_pools
from dex.testing.static_bins import bins_pools
from dex.testing.uniswap_v2 import v2_pools
from dex.testing.uniswap_v3 import v3_pools
from dex.types import PPM, Side, SwapRequest

# One strategy per pool kind: pool id and tokens in, pools out. A test compares the keys with POOL_KINDS.
POOL_STRATEGIES: dict[str, Callable[[str, tuple[str, str]], SearchStrategy[Pool]]] = {
    "balancer_weighted": weighted_pools,
    "bins": bins_pools,
    "curve_stableswap_ng": stable_pools,
    "meteora_damm_v2": damm_pools,
    "meteora_dlmm": dlmm_pools,
    "orca_whirlpool": whirlpools,
    "raydium_cpmm": cpmm_pools,
    "uniswap_v2": v2_pools,
    "uniswap_v3": v3_pools,
}


@st.composite
def markets(draw: st.DrawFn, max_pools: int = 7) -> list[Pool]:
    """A few pools of any kind over four tokens, some side by side."""
    pools = []
    for number in range(draw(st.integers(1, max_pools))):
        pair = draw(st.permutations(TOKENS))[:2]
        kind = draw(st.sampled_from(sorted(POOL_STRATEGIES)))
        pools.append(draw(POOL_STRATEGIES[kind](f"pool-{number}", (pair[0], pair[1]))))
    return pools


def request(token_in: str, token_out: str, amount: int, side: Side = Side.EXACT_IN, /, **terms: Any) -> SwapRequest:
    """A request without guards; `terms` are fields of SwapRequest."""
    return SwapRequest(token_in, token_out, side, amount, **{"max_slippage_ppm": PPM // 200} | terms)


def requests() -> SearchStrategy[SwapRequest]:
    """Requests between the tokens of `markets`, of any size and both sides."""
    amount = st.integers(0, 14).flatmap(lambda digits: st.integers(1, 10**digits))
    pair = st.permutations(TOKENS).map(lambda tokens: tokens[:2])
    return st.builds(lambda p, a, s: request(p[0], p[1], a, s), pair, amount, st.sampled_from(Side))
