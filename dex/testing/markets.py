"""Whole markets and requests, by hypothesis."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dex.pools import POOL_KINDS, Pool
from dex.testing.constants import TOKENS
from dex.testing.kind_tests import kind_tests
from dex.types import PPM, Side, SwapRequest


@st.composite
def markets(draw: st.DrawFn, max_pools: int = 7) -> list[Pool]:
    """A few pools of any kind over four tokens, some side by side."""
    pools = []
    for number in range(draw(st.integers(1, max_pools))):
        pair = draw(st.permutations(TOKENS))[:2]
        kind = draw(st.sampled_from(sorted(POOL_KINDS)))
        pools.append(draw(kind_tests(kind).strategy(f"pool-{number}", (pair[0], pair[1]))))
    return pools


def request(token_in: str, token_out: str, amount: int, side: Side = Side.EXACT_IN, /, **terms: Any) -> SwapRequest:
    """A request without guards; `terms` are fields of SwapRequest."""
    return SwapRequest(token_in, token_out, side, amount, **{"max_slippage_ppm": PPM // 200} | terms)


def requests() -> SearchStrategy[SwapRequest]:
    """Requests between the tokens of `markets`, of any size and both sides."""
    amount = st.integers(0, 14).flatmap(lambda digits: st.integers(1, 10**digits))
    pair = st.permutations(TOKENS).map(lambda tokens: tokens[:2])
    return st.builds(lambda p, a, s: request(p[0], p[1], a, s), pair, amount, st.sampled_from(Side))
