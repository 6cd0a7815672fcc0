"""Balancer weighted pools, by hand and by hypothesis."""

from hypothesis import strategies as st

from dex.pools.kinds.balancer_weighted.fixed_point import ONE
from dex.pools.kinds.balancer_weighted.pool import WeightedPool
from dex.testing.kind_tests import KindTests, Sides

PERCENT = ONE // 100


def weighted_pool(
    pool_id: str,
    tokens: tuple[str, ...],
    reserves: tuple[int, ...],
    percents: tuple[int, ...],
    *,
    decimals: tuple[int, ...] | None = None,
    swap_fee: int = 3 * ONE // 1_000,
    has_ratio_limits: bool = True,
    venue: str = "balancer",
) -> WeightedPool:
    """A weighted pool with a fee of 0.3 %; `percents` are its weights, `decimals` nine of each token unless given."""
    weights = tuple(percent * PERCENT for percent in percents)
    decimals = decimals or (9,) * len(tokens)
    return WeightedPool(pool_id, venue, tokens, decimals, weights, swap_fee, reserves, has_ratio_limits)


@st.composite
def weighted_pools(draw: st.DrawFn, pool_id: str, tokens: tuple[str, str]) -> WeightedPool:
    """Weighted pools with limits of every shape, and milder ones without.

    Reserves stay where the contract's error margin, 1e-14 of them, is far below one atom: above that, buying
    what a sale pays costs more than the sale. The same happens at the far end of a curve that nothing limits.
    """
    has_ratio_limits = draw(st.booleans())
    percent = draw(st.integers(1, 99) if has_ratio_limits else st.integers(35, 65))
    reserve = st.integers(10**7, 10**10) if has_ratio_limits else st.integers(1, 10**6)
    return weighted_pool(
        pool_id,
        tokens,
        (draw(reserve), draw(reserve)),
        (percent, 100 - percent),
        decimals=(draw(st.integers(0, 18)), draw(st.integers(0, 18))),
        swap_fee=draw(st.integers(0, ONE // 10)),
        has_ratio_limits=has_ratio_limits,
    )


def _pool_at(pool_id: str, tokens: tuple[str, str], sides: Sides) -> WeightedPool:
    return weighted_pool(pool_id, tokens, (4 * sides.atoms[0], sides.atoms[1]), (80, 20), has_ratio_limits=False)


TESTS = KindTests(weighted_pools, _pool_at)
