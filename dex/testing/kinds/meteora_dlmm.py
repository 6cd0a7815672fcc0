"""Meteora DLMM pools, by hand and by hypothesis."""

from hypothesis import strategies as st

from dex.pools.kinds.meteora_dlmm.fees import DlmmFees, Volatility
from dex.pools.kinds.meteora_dlmm.orders import BinOrders
from dex.pools.kinds.meteora_dlmm.pool import DlmmPool
from dex.testing.constants import NOW
from dex.testing.kind_tests import BIN_STEP, KindTests, Sides, bin_at, depth_at


def dlmm_pool(
    pool_id: str,
    tokens: tuple[str, str],
    active_id: int,
    depth: tuple[int, int],
    *,
    bin_step: int = 10,
    reach: int = 35,
    variable_fee_control: int = 40_000,
    venue: str = "meteora",
) -> DlmmPool:
    """Bins from `reach` below to `reach` above the active one; `depth` is atoms of X and of Y in each."""
    x, y = depth
    bins = tuple(
        (bin_id, x if bin_id >= active_id else 0, y if bin_id <= active_id else 0)
        for bin_id in range(active_id - reach, active_id + reach + 1)
    )
    fees = DlmmFees(10_000, 30, 600, 5_000, variable_fee_control, 350_000, 500)
    return DlmmPool(pool_id, venue, tokens, bin_step, active_id, fees, Volatility(0, 0, active_id, NOW - 60), bins)


@st.composite
def dlmm_pools(draw: st.DrawFn, pool_id: str, tokens: tuple[str, str]) -> DlmmPool:
    """Bin pools of every shape: gaps, empty sides, limit orders, calm and excited fees, both ways of taking them."""
    active_id = draw(st.integers(-600, 600))
    offsets = sorted(draw(st.sets(st.integers(-12, 12), min_size=1, max_size=12)))
    amount = st.integers(0, 10 ** draw(st.integers(1, 14)))
    bins = tuple(
        (active_id + offset, draw(amount) if offset >= 0 else 0, draw(amount) if offset <= 0 else 0)
        for offset in offsets
    )
    with_orders = sorted(draw(st.sets(st.sampled_from(offsets)))) if draw(st.booleans()) else []
    orders = tuple(
        BinOrders(active_id + offset, offset > 0 or (offset == 0 and draw(st.booleans())), draw(amount), draw(amount))
        for offset in with_orders
    )
    fees = DlmmFees(
        base_factor=draw(st.sampled_from([0, 5_000, 15_000])),
        filter_period=30,
        decay_period=600,
        reduction_factor=5_000,
        variable_fee_control=draw(st.sampled_from([0, 7_500, 120_000])),
        max_volatility_accumulator=draw(st.sampled_from([150_000, 350_000])),
        protocol_share=draw(st.sampled_from([0, 500, 2_500])),
        collect_fee_mode=draw(st.integers(0, 1)),
    )
    volatility = Volatility(
        volatility_accumulator=draw(st.integers(0, 150_000)),
        volatility_reference=draw(st.integers(0, 100_000)),
        index_reference=active_id + draw(st.integers(-8, 8)),
        last_update_timestamp=NOW - draw(st.sampled_from([0, 29, 30, 599, 600])),
    )
    bin_step = draw(st.sampled_from([1, 10, 25, 100]))
    return DlmmPool(pool_id, "meteora", tokens, bin_step, active_id, fees, volatility, bins, orders=orders)


def _pool_at(pool_id: str, tokens: tuple[str, str], sides: Sides) -> DlmmPool:
    return dlmm_pool(pool_id, tokens, bin_at(sides), depth_at(sides), variable_fee_control=0, bin_step=BIN_STEP)


TESTS = KindTests(dlmm_pools, _pool_at, has_price_grid=True, moves_fee_within_a_swap=True, buys_bin_by_bin=True)
