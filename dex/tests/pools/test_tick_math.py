"""Prices of ticks, and the tick of a price, at and between the ticks of both programs."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex.pools import orca_whirlpool, uniswap_v3
from dex.pools.math.ticks import sqrt_price_x64, sqrt_price_x96, tick_at
from dex.tests.vector_files import load_vectors

WIDTHS = [(96, sqrt_price_x96, uniswap_v3.MAX_TICK), (64, sqrt_price_x64, orca_whirlpool.MAX_TICK)]
both_widths = pytest.mark.parametrize(("bits", "price_at", "max_tick"), WIDTHS, ids=["uniswap", "orca"])


def test_ends_of_the_scale_are_the_constants_of_the_programs() -> None:
    assert sqrt_price_x96(-887_272) == 4_295_128_739
    assert sqrt_price_x96(887_272) == 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
    assert sqrt_price_x64(-443_636) == 4_295_048_016
    assert sqrt_price_x64(443_636) == 79_226_673_515_401_279_992_447_579_055


@pytest.mark.parametrize("case", load_vectors("orca_whirlpool", "pools"), ids=lambda case: case["id"])
def test_orca_prices_equal_the_vector(case: dict[str, list[tuple[int, str, str]]]) -> None:
    assert [str(sqrt_price_x64(tick)) for tick, _, _ in case["ticks"]] == [price for _, _, price in case["ticks"]]


@both_widths
@given(data=st.data())
def test_tick_of_a_price_is_the_last_one_not_above_it(
    bits: int, price_at: Callable[[int], int], max_tick: int, data: st.DataObject
) -> None:
    # The coarsest prices, where a float could go wrong, are the lowest.
    tick = data.draw(st.one_of(st.integers(-max_tick, max_tick - 1), st.integers(-max_tick, 1_000 - max_tick)))
    here, above = price_at(tick), price_at(tick + 1)
    between = data.draw(st.integers(here, above - 1))

    assert here < above
    assert {tick_at(price, bits, price_at) for price in (here, between, above - 1)} == {tick}
