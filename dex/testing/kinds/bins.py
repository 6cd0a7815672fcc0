"""Pools of bins with a fixed fee, by hand and by hypothesis."""

from hypothesis import strategies as st

from dex.pools.kinds.bins import StaticBinsPool
from dex.testing.kind_tests import BIN_STEP, KindTests, Sides, bin_at, depth_at


def bins_pool(
    pool_id: str,
    tokens: tuple[str, str],
    active_id: int,
    depth: tuple[int, int],
    *,
    bin_step: int = 10,
    reach: int = 35,
    fee_rate: int = 1_000,
    venue: str = "bins",
) -> StaticBinsPool:
    """Bins from `reach` below to `reach` above the active one; `depth` is atoms of either token in each."""
    x, y = depth
    bins = tuple(
        (bin_id, x if bin_id >= active_id else 0, y if bin_id <= active_id else 0)
        for bin_id in range(active_id - reach, active_id + reach + 1)
    )
    return StaticBinsPool(pool_id, venue, tokens, bin_step, active_id, fee_rate, bins)


@st.composite
def bins_pools(draw: st.DrawFn, pool_id: str, tokens: tuple[str, str]) -> StaticBinsPool:
    """Bin pools of every shape: gaps, empty sides, prices from 1e-20 to 1e20, fees that no bin step divides."""
    active_id = draw(st.integers(-4_600, 4_600))
    offsets = sorted(draw(st.sets(st.integers(-12, 12), min_size=1, max_size=12)))
    amount = st.integers(0, 10 ** draw(st.integers(1, 16)))
    bins = tuple(
        (active_id + offset, draw(amount) if offset >= 0 else 0, draw(amount) if offset <= 0 else 0)
        for offset in offsets
    )
    bin_step = draw(st.sampled_from([1, 7, 30, 100]))
    return StaticBinsPool(pool_id, "bins", tokens, bin_step, active_id, draw(st.integers(0, 50_000)), bins)


def _pool_at(pool_id: str, tokens: tuple[str, str], sides: Sides) -> StaticBinsPool:
    return bins_pool(pool_id, tokens, bin_at(sides), depth_at(sides), fee_rate=sides.fee_ppm, bin_step=BIN_STEP)


TESTS = KindTests(bins_pools, _pool_at, has_price_grid=True)
