"""Meteora DAMM v2 pools, by hand and by hypothesis."""

from hypothesis import strategies as st

from dex.pools.kinds.meteora_damm_v2.fees import COMPOUNDING, FEE_IN_B, DammFees, DammVolatility, DynamicFee, FeeDecay
from dex.pools.kinds.meteora_damm_v2.pool import DammPool
from dex.pools.kinds.meteora_damm_v2.range_math import (
    MAX_SQRT_PRICE,
    MIN_SQRT_PRICE,
    SCALE_BITS,
    amount_a,
    amount_b,
    price_of_reserves,
)
from dex.testing.constants import NOW
from dex.testing.kind_tests import KindTests, Sides


def damm_pool(
    pool_id: str,
    tokens: tuple[str, str],
    reserves: tuple[int, int],
    *,
    fee_rate: int = 2_500_000,
    reach: int = 4,
    venue: str = "meteora",
) -> DammPool:
    """A pool at the price of two depths (virtual reserves), with a fee out of 1e9, always in B.

    Its range goes from the sqrt price divided by `reach` to the sqrt price times `reach`.
    """
    sqrt_price = price_of_reserves(*reserves)
    liquidity = reserves[0] * sqrt_price
    lowest, highest = sqrt_price // reach, sqrt_price * reach
    held = range_reserves(liquidity, sqrt_price, (lowest, highest))
    fees = DammFees(fee_rate, FEE_IN_B)
    return DammPool(pool_id, venue, tokens, fees, DammVolatility(), liquidity, sqrt_price, (lowest, highest), held)


def range_reserves(liquidity: int, sqrt_price: int, price_range: tuple[int, int]) -> tuple[int, int]:
    """What a pool with this liquidity holds of A and B, rounded up as at its creation."""
    lowest, highest = price_range
    return amount_a(sqrt_price, highest, liquidity, True), amount_b(lowest, sqrt_price, liquidity, True)


@st.composite
def damm_pools(draw: st.DrawFn, pool_id: str, tokens: tuple[str, str]) -> DammPool:
    """Pools of every shape: all three ways of taking fees, decaying and excited fees, prices at either end."""
    fees = draw(_fees())
    unclaimed = (draw(st.integers(0, 10**9)), draw(st.integers(0, 10**9)))
    if fees.collect_fee_mode == COMPOUNDING:
        reserves = (draw(st.integers(1, 10**18)), draw(st.integers(1, 10**18)))
        price_range, sqrt_price = (MIN_SQRT_PRICE, MAX_SQRT_PRICE), price_of_reserves(*reserves)
        liquidity = 1 << SCALE_BITS
    else:
        lowest = draw(st.integers(1 << 52, 1 << 76))
        price_range = (lowest, lowest + draw(st.integers(lowest // 100, 1 << 78)))
        sqrt_price = draw(st.integers(*price_range))
        liquidity = draw(st.integers(1 << 90, 1 << draw(st.integers(91, 124))))
        reserves = range_reserves(liquidity, sqrt_price, price_range)
    volatility = DammVolatility(
        volatility_accumulator=draw(st.integers(0, 350_000)),
        volatility_reference=draw(st.integers(0, 200_000)),
        sqrt_price_reference=sqrt_price * draw(st.integers(90, 110)) // 100 + 1,
        last_update_timestamp=NOW - draw(st.sampled_from([0, 9, 10, 119, 120])),
    )
    return DammPool(
        pool_id, "meteora", tokens, fees, volatility, liquidity, sqrt_price, price_range, reserves, unclaimed
    )


@st.composite
def _fees(draw: st.DrawFn) -> DammFees:
    mode = draw(st.integers(0, 2))
    decay = FeeDecay(
        number_of_period=draw(st.integers(1, 50)),
        period_frequency=draw(st.sampled_from([0, 60, 3_600])),
        reduction_factor=draw(st.integers(0, 100_000)),
        activation_point=NOW - draw(st.sampled_from([0, 600, 200_000])),
    )
    dynamic = DynamicFee(
        variable_fee_control=draw(st.sampled_from([0, 40_000, 200_000])),
        max_volatility_accumulator=draw(st.sampled_from([150_000, 350_000])),
        filter_period=10,
        decay_period=120,
        reduction_factor=5_000,
    )
    return DammFees(
        cliff_fee_numerator=draw(st.sampled_from([5_000_000, 40_000_000, 500_000_000])),
        collect_fee_mode=mode,
        compounding_fee_bps=draw(st.integers(0, 10_000)) if mode == COMPOUNDING else 0,
        fee_version=draw(st.integers(0, 1)),
        decay=decay,
        dynamic=dynamic,
    )


def _pool_at(pool_id: str, tokens: tuple[str, str], sides: Sides) -> DammPool:
    return damm_pool(pool_id, tokens, sides.atoms, fee_rate=sides.fee_ppm * 1_000)


TESTS = KindTests(damm_pools, _pool_at)
