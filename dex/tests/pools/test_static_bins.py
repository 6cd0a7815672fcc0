"""Bins with a fixed fee: every bin pays the best integer that its price allows."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.kinds.bins import StaticBinsPool, bin_price
from dex.testing import bins_pool

PAIR = ("AAA", "BBB")


def _price(bin_step: int, bin_id: int) -> Fraction:
    return Fraction(10_000 + bin_step, 10_000) ** bin_id


@given(bin_step=st.integers(1, 400), bin_id=st.integers(-3_000, 3_000))
def test_price_is_the_fraction_or_next_to_it(bin_step: int, bin_id: int) -> None:
    true, price = _price(bin_step, bin_id), Fraction(*bin_price(bin_step, bin_id))

    assert abs(price - true) <= true / 2**230
    assert price == true or abs(bin_id) > 64
    assert price * Fraction(*bin_price(bin_step, -bin_id)) == 1


@given(
    bin_step=st.sampled_from([1, 7, 20, 100]),
    active_id=st.integers(-3_000, 3_000),
    amount=st.integers(1, 10**30),
    is_first=st.booleans(),
)
def test_bin_pays_the_best_integer(bin_step: int, active_id: int, amount: int, is_first: bool) -> None:
    pool = bins_pool("pool", PAIR, active_id, (10**60, 10**60), bin_step=bin_step, reach=0, fee_rate=0)
    pair = PAIR if is_first else PAIR[::-1]
    true = amount * _price(bin_step, active_id if is_first else -active_id)

    if true < 1:
        with pytest.raises(AmountTooSmall):
            pool.swap_exact_in(*pair, amount, 0)
    else:
        assert pool.swap_exact_in(*pair, amount, 0).amount_out == int(true)
        assert pool.swap_exact_out(*pair, int(true), 0).amount_in <= amount


def test_price_far_below_one_keeps_its_digits() -> None:
    pool = bins_pool("pool", PAIR, -3_471, (10**40, 5 * 10**10), bin_step=100, fee_rate=0)  # 1e-15 BBB each

    paid = pool.swap_exact_in(*PAIR, 10**27, 0).amount_out

    walked, left = Fraction(0), Fraction(10**27)
    for bin_id in range(-3_471, -3_507, -1):
        part = min(left, 5 * 10**10 / _price(100, bin_id))
        walked += part * _price(100, bin_id)
        left -= part
    assert int(walked) == paid == 917_089_296_817


def test_fee_need_not_be_divisible_by_the_step() -> None:
    pool = bins_pool("pool", PAIR, 0, (10**12, 10**12), bin_step=30, fee_rate=1_013)

    swap = pool.swap_exact_in(*PAIR, 10**9, 0)

    assert (swap.fee, swap.amount_out) == (1_013_000, 10**9 - 1_013_000)
    assert pool.fee_ppm("AAA", 0) == 1_013


def test_walk_goes_down_for_the_first_token_and_up_for_the_second() -> None:
    pool = StaticBinsPool("pool", "bins", PAIR, 100, 5, 0, ((3, 0, 100), (5, 40, 0), (9, 70, 0)))

    down = pool.swap_exact_in(*PAIR, 97, 0)
    up = pool.swap_exact_in("BBB", "AAA", 100, 0)

    assert (down.amount_out, down.pool_after.to_state()["active_id"]) == (99, 3)
    # 43 buy the 40 of bin 5 at 1.051, the other 57 buy 52 in bin 9 at 1.0937.
    assert (up.amount_out, up.pool_after.to_state()["active_id"]) == (92, 9)
    assert up.pool_after.to_state()["bins"] == [[3, "0", "100"], [5, "0", "43"], [9, "18", "57"]]


def test_what_the_bins_cannot_take_in_full_is_refused() -> None:
    pool = bins_pool("pool", PAIR, 0, (10**6, 10**6), reach=2, fee_rate=0)

    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_in(*PAIR, 4 * 10**6, 0)


def test_input_above_what_the_bins_are_worth_is_refused_though_rounding_hides_it() -> None:
    pool = bins_pool("pool", PAIR, 500, (10**6, 10**6), bin_step=7, reach=40, fee_rate=1_013)
    worth = sum(10**6 / _price(7, 500 - k) for k in range(41)) * Fraction(1_000_000, 1_000_000 - 1_013)

    assert pool.swap_exact_in(*PAIR, int(worth), 0).amount_out > 41 * 10**6 - 100
    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_in(*PAIR, int(worth) + 1, 0)
    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_out(*PAIR, 41 * 10**6, 0)
    assert pool.swap_exact_out(*PAIR, 41 * 10**6 - 100, 0).amount_in <= int(worth)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"bin_step": 0},
        {"fee_ppm": 1_000_000},
        {"bins": [[1, "0", "5"], [1, "5", "0"]]},
        {"bins": [[1, "-1", "5"]]},
        {"active_id": 700_000},
        {"unclaimed": ["-1", "0"]},
    ],
)
def test_state_that_can_be_no_pool_of_bins_is_refused(spoiled: dict[str, Any]) -> None:
    state = bins_pool("pool", PAIR, 0, (5, 5)).to_state()

    with pytest.raises(ValueError, match="pool: not the state of a bins pool"):
        StaticBinsPool.from_state("pool", "bins", PAIR, state | spoiled)
