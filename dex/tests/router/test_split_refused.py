"""Orders that all pools together cannot fill: the refusal names an amount that they can."""

from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dex.errors import InsufficientLiquidity, NoRoute
from dex.pools import Pool
from dex.router.graph.compiled import CompiledMarket
from dex.router.split import find_split
from dex.router.split_values import SplitOrder
from dex.testing import NOW
from dex.testing.examples import examples
from dex.testing.fair_markets import fair_markets
from dex.tests.router.splits import IN, split_of
from dex.types import Side

# Shares of an amount. Between what fills and what does not the last digits of floats decide, here and there each way.
A_LITTLE = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
MANY_ZEROS = st.integers(12, 22)
FEW_FIT = settings(max_examples=examples(6), suppress_health_check=[HealthCheck.filter_too_much])


def refusal_of(pools: list[Pool], order: SplitOrder) -> InsufficientLiquidity:
    """Why an order is refused for its size; other examples are of no use."""
    try:
        find_split(CompiledMarket(pools, NOW), order)
    except NoRoute:
        pass
    except InsufficientLiquidity as refusal:
        if type(refusal) is InsufficientLiquidity:
            return refusal
    assume(False)
    raise AssertionError


@st.composite
def large_orders(draw: st.DrawFn, pools: list[Pool]) -> SplitOrder:
    """An order between the tokens of some pool, for more than most markets hold."""
    token_in, token_out = draw(st.permutations(draw(st.sampled_from(pools)).tokens))
    return SplitOrder(
        token_in, token_out, draw(st.sampled_from(Side)), draw(st.integers(1, 99)) * 10 ** draw(MANY_ZEROS)
    )


@FEW_FIT
@given(pools=fair_markets(max_pools=5), data=st.data())
def test_largest_amount_named_fills_and_little_more_does_not(pools: list[Pool], data: st.DataObject) -> None:
    order = data.draw(large_orders(pools))
    refusal = refusal_of(pools, order)
    largest = int(str(refusal.facts["largest_amount"]))

    assert refusal.facts["token"] == (order.token_in if order.side is IN else order.token_out)
    assert 0 < largest < order.amount
    assert split_of(pools, replace(order, amount=largest)) is not None
    assert None in [split_of(pools, replace(order, amount=largest + int(largest * more) + 1)) for more in A_LITTLE]
