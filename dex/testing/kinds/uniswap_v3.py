"""Uniswap V3 pools, by hand and by hypothesis."""

from collections.abc import Sequence

from hypothesis import strategies as st

from dex.pools.kinds.uniswap_v3 import UniswapV3Pool
from dex.pools.math.positions import Position, holdings, liquidity_at, ticks_of
from dex.pools.math.ticks import sqrt_price_x96
from dex.testing.kind_tests import KindTests, Sides, positions_at, tick_at


def v3_pool(
    pool_id: str,
    tokens: tuple[str, str],
    tick: int,
    positions: Sequence[Position],
    *,
    sqrt_price: int | None = None,
    fee_rate: int = 3_000,
    tick_spacing: int = 60,
    venue: str = "uniswap_v3",
    steps_at_words: bool = True,
) -> UniswapV3Pool:
    """A pool that holds just what its positions brought; the price is that of its tick when none is given."""
    sqrt_price = sqrt_price_x96(tick) if sqrt_price is None else sqrt_price
    return UniswapV3Pool(
        pool_id,
        venue,
        tokens,
        fee_rate,
        tick_spacing,
        sqrt_price,
        tick,
        liquidity_at(positions, tick),
        ticks_of(positions),
        holdings(positions, sqrt_price, UniswapV3Pool.bits, sqrt_price_x96),
        steps_at_words,
    )


@st.composite
def v3_pools(draw: st.DrawFn, pool_id: str, tokens: tuple[str, str]) -> UniswapV3Pool:
    """Pools of every shape: gaps, positions over many words and inside one, prices on ticks and between them."""
    tick_spacing = draw(st.sampled_from([1, 10, 60]))
    tick = draw(st.integers(-60_000, 60_000))
    at_tick, at_next = sqrt_price_x96(tick), sqrt_price_x96(tick + 1)
    sqrt_price = draw(st.one_of(st.sampled_from([at_tick, at_next]), st.integers(at_tick, at_next)))
    # Mostly deep enough for the amounts of the tests, a few shallow ones, and gaps in a few.
    liquidity = st.integers(1, 10 ** draw(st.sampled_from([2, 9, 17, 20, 20])))
    place = st.tuples(st.integers(-300, 300), st.integers(1, 500), liquidity)
    everywhere = st.tuples(st.just(-300), st.just(600), liquidity)
    middle = tick // tick_spacing
    places = draw(st.lists(place, min_size=1, max_size=5)) + [draw(everywhere)] * draw(st.sampled_from([0, 1, 1, 1]))
    positions = [
        ((middle + offset) * tick_spacing, (middle + offset + width) * tick_spacing, depth)
        for offset, width, depth in places
    ]
    return v3_pool(
        pool_id,
        tokens,
        tick,
        positions,
        sqrt_price=sqrt_price,
        fee_rate=draw(st.sampled_from([0, 100, 500, 3_000, 10_000])),
        tick_spacing=tick_spacing,
        steps_at_words=draw(st.booleans()),
    )


def _pool_at(pool_id: str, tokens: tuple[str, str], sides: Sides) -> UniswapV3Pool:
    return v3_pool(pool_id, tokens, tick_at(sides), positions_at(sides, 60), fee_rate=sides.fee_ppm)


TESTS = KindTests(v3_pools, _pool_at, has_price_grid=True, charges_for_fractions=True)
