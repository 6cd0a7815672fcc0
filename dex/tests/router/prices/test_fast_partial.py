"""Partial fills with the kernels of the extra `fast`: the same parts of the same value as with numpy.

The market has the edge of what stays unfilled, whose curve no pool has: a constant price without an end.
"""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dex.errors import LimitPriceNotReached
from dex.router import find_route
from dex.testing.examples import examples
from dex.tests.router.cost_markets import SHAPES
from dex.tests.router.kernels import both, needs_numba
from dex.tests.router.prices.limit_cases import LimitCase, limit_case
from dex.types import Quote, Side

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=examples(12))  # of each shape
VALUE: Final = 1e-7  # of what is traded: how far what two parts gain may be apart
CHOSEN: Final = 0.05  # the same where the search chooses; seen in one of a thousand markets of such pools
ATOMS: Final = 4
GAP_BPS: Final = 0.01

pytestmark = needs_numba


def _answer(case: LimitCase) -> Quote | LimitPriceNotReached:
    try:
        return find_route(case.market, case.partly).quote
    except LimitPriceNotReached as error:
        return error


def _gain(case: LimitCase, quote: Quote | LimitPriceNotReached) -> float:
    """Over the limit, net, in atoms of the side that is not fixed; nothing where nothing is traded."""
    if isinstance(quote, LimitPriceNotReached):
        return 0.0
    assert quote.net_amount is not None
    if quote.side is Side.EXACT_IN:
        return float(quote.net_amount - quote.amount_in * case.limit)
    return float(quote.amount_out / case.limit - quote.net_amount)


@pytest.mark.parametrize("is_charged", [False, True], ids=["free", "charged"])
@pytest.mark.parametrize("shape", SHAPES)
@FEW
@given(seed=SEEDS)
def test_parts_gain_the_same_and_have_the_same_bound(shape: str, is_charged: bool, seed: int) -> None:
    case = limit_case(seed, shape, is_charged=is_charged)
    assume(case is not None)
    assert case is not None

    numpy, kernels = both(lambda: _answer(case))

    answers = [quote for quote in (numpy, kernels) if isinstance(quote, Quote)]
    traded = max((one.amount_out if one.side is Side.EXACT_IN else one.amount_in for one in answers), default=0)
    # Which two of its tokens a pool of three serves is a choice of the search, which a last digit can turn.
    is_chosen = case.market.compiled.has_multi_asset_pools
    assert abs(_gain(case, numpy) - _gain(case, kernels)) <= (CHOSEN if is_chosen else VALUE) * traded + ATOMS
    if isinstance(numpy, LimitPriceNotReached) and isinstance(kernels, LimitPriceNotReached):
        assert numpy.worth_routing_from == kernels.worth_routing_from
    elif isinstance(numpy, Quote) and isinstance(kernels, Quote) and not is_chosen:
        assert numpy.gap_bps is not None
        rounding = 1e4 * ATOMS * (len(numpy.route.hops) + len(kernels.route.hops)) / traded
        assert kernels.gap_bps == pytest.approx(numpy.gap_bps, abs=GAP_BPS + rounding, rel=1e-4)
