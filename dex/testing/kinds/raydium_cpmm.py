"""Raydium CPMM pools, by hand and by hypothesis."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dex.pools.kinds.raydium_cpmm import CpmmFees, CpmmPool, CreatorFeeOn
from dex.testing.kind_tests import KindTests, Sides


def cpmm_pool(
    pool_id: str, tokens: tuple[str, str], reserves: tuple[int, int], *, fee_rate: int = 2_500, venue: str = "raydium"
) -> CpmmPool:
    """A constant product pool with a trade fee (ppm) and nothing else out of the ordinary."""
    return CpmmPool(pool_id, venue, tokens, CpmmFees(fee_rate), reserves)


def cpmm_pools(pool_id: str, tokens: tuple[str, str]) -> SearchStrategy[CpmmPool]:
    """Constant product pools of every shape: dust to 10**20 atoms, fees of all kinds."""
    sides: list[CreatorFeeOn] = ["input", "token0", "token1"]
    fees = st.builds(
        CpmmFees,
        trade_rate=st.integers(0, 50_000),
        creator_rate=st.sampled_from([0, 0, 500, 20_000]),
        creator_fee_on=st.sampled_from(sides),
        protocol_rate=st.integers(0, 500_000),
        fund_rate=st.integers(0, 500_000),
    )
    reserve, unclaimed = st.integers(1, 10**20), st.integers(0, 10**9)
    return st.builds(
        CpmmPool,
        st.just(pool_id),
        st.just("raydium"),
        st.just(tokens),
        fees,
        st.tuples(reserve, reserve),
        st.tuples(unclaimed, unclaimed),
    )


def _pool_at(pool_id: str, tokens: tuple[str, str], sides: Sides) -> CpmmPool:
    return cpmm_pool(pool_id, tokens, sides.atoms, fee_rate=sides.fee_ppm)


TESTS = KindTests(cpmm_pools, _pool_at)
