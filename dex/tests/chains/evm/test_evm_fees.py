"""What the fees of each strategy are, from what nodes say of past blocks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex import FeesTooHigh, FeeStrategy
from dex.chains.evm.answers import FeeHistory
from dex.chains.evm.config.deployments import ETHEREUM
from dex.chains.evm.config.options import GWEI, EvmOptions
from dex.chains.evm.transactions.fees import gas_prices, offers_of, tips_of

OPTIONS = EvmOptions(ETHEREUM, ("https://node.example",), (), max_fee=100 * GWEI)
SLOW, NORMAL, FAST = FeeStrategy
amounts = st.integers(0, 300 * GWEI)
# Sorted or not: a node may say anything.
blocks = st.lists(st.one_of(st.just(()), st.tuples(amounts, amounts, amounts)), max_size=12)


@given(st.lists(amounts, min_size=1, max_size=11), blocks, st.integers(1, 400 * GWEI), amounts, amounts)
def test_no_strategy_offers_less_than_a_slower_one_and_none_goes_above_a_cap(
    base_fees: list[int], tips: list[tuple[int, ...]], most: int, least_tip: int, most_tip: int
) -> None:
    options = replace(OPTIONS, max_fee=most, min_priority_fee=least_tip, max_priority_fee=most_tip)
    history, base = FeeHistory(tuple(base_fees), tuple(tips)), base_fees[-1]
    prices = gas_prices(history, options)

    assert base <= prices[SLOW] <= prices[NORMAL] <= prices[FAST] <= base + most_tip
    if prices[NORMAL] > most:
        with pytest.raises(FeesTooHigh, match="above the most"):
            offers_of(history, options)
        return
    offers = offers_of(history, options)
    for strategy, offer in offers.items():
        assert prices[strategy] <= offer.max_fee <= most
        assert base + offer.priority_fee == prices[strategy]
    assert offers[NORMAL] == offers[NORMAL].at_least(offers[SLOW])
    assert offers[FAST] == offers[FAST].at_least(offers[NORMAL])


def test_each_strategy_goes_by_its_percentile_and_the_blocks_median() -> None:
    rows = tuple((tip * GWEI // 10, tip * GWEI // 2, tip * GWEI) for tip in (1, 4, 2, 3, 5))
    history = FeeHistory((30 * GWEI, 20 * GWEI), (*rows, ()))

    assert tips_of(history, OPTIONS) == {SLOW: 3 * GWEI // 10, NORMAL: 3 * GWEI // 2, FAST: 3 * GWEI}
    offers = offers_of(history, OPTIONS)
    assert (offers[FAST].max_fee, offers[FAST].priority_fee) == (43 * GWEI, 3 * GWEI)


def test_where_blocks_tip_nothing_all_offer_the_least() -> None:
    history = FeeHistory((GWEI,), ())

    assert set(tips_of(history, OPTIONS).values()) == {OPTIONS.min_priority_fee}
    assert len(set(offers_of(history, OPTIONS).values())) == 1


def test_a_fast_offer_takes_what_the_cap_leaves() -> None:
    history = FeeHistory((98 * GWEI,), ((GWEI, GWEI, 5 * GWEI),))

    offers = offers_of(history, OPTIONS)

    assert offers[FAST].priority_fee == 2 * GWEI > offers[NORMAL].priority_fee == GWEI
    assert offers[FAST].max_fee == offers[NORMAL].max_fee == OPTIONS.max_fee
