"""Orca Whirlpools, by hand and by hypothesis."""

from collections.abc import Sequence

from hypothesis import strategies as st

from dex.pools.kinds.orca_whirlpool import TICKS_IN_ARRAY, WhirlpoolPool
from dex.pools.math.positions import Position, holdings, liquidity_at, ticks_of
from dex.pools.math.ticks import sqrt_price_x64
from dex.testing.kind_tests import KindTests, Sides, positions_at, tick_at


def whirlpool(
    pool_id: str,
    tokens: tuple[str, str],
    tick: int,
    positions: Sequence[Position],
    *,
    sqrt_price: int | None = None,
    fee_rate: int = 3_000,
    tick_spacing: int = 64,
    arrays: int = 2,
    venue: str = "orca",
) -> WhirlpoolPool:
    """A pool that holds just what its positions brought, with `arrays` tick arrays on each side of the current one."""
    sqrt_price = sqrt_price_x64(tick) if sqrt_price is None else sqrt_price
    length = TICKS_IN_ARRAY * tick_spacing
    starts = tuple((tick // length + number) * length for number in range(-arrays, arrays + 1))
    return WhirlpoolPool(
        pool_id,
        venue,
        tokens,
        fee_rate,
        tick_spacing,
        sqrt_price,
        tick,
        liquidity_at(positions, tick),
        tuple(net for net in ticks_of(positions) if starts[0] <= net[0] < starts[-1] + length),
        holdings(positions, sqrt_price, WhirlpoolPool.bits, sqrt_price_x64),
        starts,
    )


@st.composite
def whirlpools(draw: st.DrawFn, pool_id: str, tokens: tuple[str, str]) -> WhirlpoolPool:
    """Pools of every shape: gaps, positions that outreach the arrays, prices on ticks and between them."""
    tick_spacing = draw(st.sampled_from([1, 8, 64, 64]))
    tick = draw(st.integers(-60_000, 60_000))
    at_tick, at_next = sqrt_price_x64(tick), sqrt_price_x64(tick + 1)
    sqrt_price = draw(st.one_of(st.sampled_from([at_tick, at_next]), st.integers(at_tick, at_next)))
    # Mostly deep enough for the amounts of the tests, a few shallow ones, and gaps in a few.
    liquidity = st.integers(1, 10 ** draw(st.sampled_from([2, 9, 14, 17, 17])))
    place = st.tuples(st.integers(-150, 150), st.integers(1, 300), liquidity)
    everywhere = st.tuples(st.just(-150), st.just(300), liquidity)
    middle = tick // tick_spacing
    places = draw(st.lists(place, min_size=1, max_size=5)) + [draw(everywhere)] * draw(st.sampled_from([0, 1, 1, 1]))
    positions = [
        ((middle + offset) * tick_spacing, (middle + offset + width) * tick_spacing, depth)
        for offset, width, depth in places
    ]
    return whirlpool(
        pool_id,
        tokens,
        tick,
        positions,
        sqrt_price=sqrt_price,
        fee_rate=draw(st.sampled_from([0, 100, 500, 3_000, 10_000])),
        tick_spacing=tick_spacing,
        arrays=draw(st.sampled_from([0, 1, 2, 2, 2])),
    )


def _pool_at(pool_id: str, tokens: tuple[str, str], sides: Sides) -> WhirlpoolPool:
    return whirlpool(pool_id, tokens, tick_at(sides), positions_at(sides, 64), fee_rate=sides.fee_ppm)


TESTS = KindTests(whirlpools, _pool_at, has_price_grid=True, charges_for_fractions=True)
