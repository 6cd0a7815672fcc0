"""Uniswap V2 pools, by hand and by hypothesis."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dex.pools.kinds.uniswap_v2 import MAX_RESERVE, UniswapV2Pool
from dex.testing.kind_tests import KindTests, Sides


def v2_pool(
    pool_id: str,
    tokens: tuple[str, str],
    reserves: tuple[int, int],
    *,
    fee_rate: int = 3_000,
    venue: str = "uniswap_v2",
) -> UniswapV2Pool:
    """A constant product pool with a fee in ppm."""
    return UniswapV2Pool(pool_id, venue, tokens, reserves, fee_rate)


def v2_pools(pool_id: str, tokens: tuple[str, str]) -> SearchStrategy[UniswapV2Pool]:
    """Constant product pools of every shape: dust to reserves that are nearly full, fees of forks."""
    reserve = st.one_of(st.integers(1, 10**20), st.integers(1, 10**20), st.integers(MAX_RESERVE - 10**16, MAX_RESERVE))
    return st.builds(
        UniswapV2Pool,
        st.just(pool_id),
        st.just("uniswap_v2"),
        st.just(tokens),
        st.tuples(reserve, reserve),
        st.sampled_from([0, 500, 2_500, 3_000, 10_000]),
    )


def _pool_at(pool_id: str, tokens: tuple[str, str], sides: Sides) -> UniswapV2Pool:
    return v2_pool(pool_id, tokens, sides.atoms, fee_rate=sides.fee_ppm)


TESTS = KindTests(v2_pools, _pool_at, adds_an_atom=True)
