"""Marginal prices of pairs: no route gets more, and paths that get as much exist."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex.errors import DexError
from dex.pools import Pool
from dex.router.graph.compiled import CompiledMarket
from dex.router.marginal import marginal_prices
from dex.router.split import find_split
from dex.router.split_values import SplitOrder
from dex.testing import NOW, TOKENS, cpmm_pool
from dex.testing.markets import markets
from dex.types import Side

_CLOSE: Final = 1e-8
_ATOMS: Final = 2  # that a program may round in the trader's favour, in each swap


def _along_paths(pools: list[Pool], source: str, target: str) -> float:
    """The best product of marginal prices along any path that visits no token twice."""
    inner = [token for token in TOKENS if token not in (source, target)]
    paths = [(source, *via, target) for length in range(len(inner) + 1) for via in permutations(inner, length)]
    return max(_product(pools, path) for path in paths)


def _product(pools: list[Pool], path: tuple[str, ...]) -> float:
    product = 1.0
    for tail, head in pairwise(path):
        product *= max((pool.marginal_price(tail, head, NOW) for pool in pools if _trades(pool, tail, head)), default=0)
    return product


def _trades(pool: Pool, tail: str, head: str) -> bool:
    return tail in pool.tokens and head in pool.tokens


def _prices(pools: list[Pool]) -> tuple[CompiledMarket, dict[tuple[str, str], float]]:
    market = CompiledMarket(pools, NOW)
    ends = {(a, b): (market.token_number[a], market.token_number[b]) for a, b in permutations(sorted(market.tokens), 2)}
    found = marginal_prices(market, ends.values())
    return market, {pair: found[numbers] for pair, numbers in ends.items()}


@given(pools=markets())
def test_a_marginal_price_is_that_of_the_best_path(pools: list[Pool]) -> None:
    """At any prices: most of these markets hold cycles that gain."""
    for (source, target), price in _prices(pools)[1].items():
        assert price == pytest.approx(_along_paths(pools, source, target), rel=1e-3)
        assert price >= _along_paths(pools, source, target) * (1 - 1e-9)


@given(
    pools=markets(),
    pair=st.permutations(TOKENS).map(lambda tokens: tokens[:2]),
    digits=st.integers(0, 9),
    side=st.sampled_from(Side),
)
def test_no_route_gets_more(pools: list[Pool], pair: list[str], digits: int, side: Side) -> None:
    """Of the smallest amounts and of larger ones, in floats and in whole atoms."""
    market, prices = _prices(pools)
    source, target = pair
    try:
        split = find_split(market, SplitOrder(source, target, side, 10**digits))
    except DexError:
        return
    price = prices[source, target]
    paid, sold = (split.float_amount, 10**digits) if side is Side.EXACT_IN else (10**digits, split.float_amount)
    assert paid <= price * sold * (1 + _CLOSE)
    rounded = sum(_ATOMS * (prices[swap.token_out, target] if swap.token_out != target else 1) for swap in split.swaps)
    assert split.amount_out <= price * split.amount_in * (1 + _CLOSE) + rounded


def test_a_cycle_that_gains_is_counted_once_where_it_is_on_the_way_and_never_where_it_is_not() -> None:
    """A pool of dust that gives twice the price: A to B gets that; what only passes by does not go round it."""
    pools: list[Pool] = [
        cpmm_pool("ab", ("A", "B"), (10**12, 10**12), fee_rate=0),
        cpmm_pool("dust", ("A", "B"), (10**3, 2 * 10**3), fee_rate=0),
        cpmm_pool("bc", ("B", "C"), (10**12, 10**12), fee_rate=0),
        cpmm_pool("ad", ("A", "D"), (10**12, 10**12), fee_rate=0),
    ]
    prices = _prices(pools)[1]
    assert prices["A", "B"] == pytest.approx(2)
    assert prices["B", "A"] == pytest.approx(1)
    assert prices["D", "C"] == pytest.approx(2)  # over A and B
    assert prices["C", "D"] == pytest.approx(1)
    assert prices["A", "D"] == pytest.approx(1)  # not over B and back
