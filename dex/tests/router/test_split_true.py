"""Routes in any market - prices apart by any factor, cycles that gain, dust - are true, bounded and repeatable."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from dex.errors import DexError, InsufficientLiquidity
from dex.pools import Pool
from dex.pools.curves import Segments
from dex.router.graph.compiled import CompiledMarket
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.testing import NOW, TOKENS, markets
from dex.testing.examples import examples
from dex.testing.kinds.bins import bins_pool
from dex.testing.kinds.uniswap_v2 import v2_pool
from dex.tests.router.splits import ATOMS, BOUND_ERROR, IN, OUT, limited_orders, loss, orders, split_of

THREADS = 4
FEW_FIT = settings(suppress_health_check=[HealthCheck.filter_too_much])

Answer = Split | tuple[str, str, dict[str, object]]


@given(pools=markets(), order=orders())
def test_order_gets_a_true_route_or_a_named_refusal(pools: list[Pool], order: SplitOrder) -> None:
    split = split_of(pools, order)
    event("refused" if split is None else f"{len(split.swaps)} swaps")


@given(pools=markets(), order=limited_orders())
def test_limits_hold_and_costs_are_charged(pools: list[Pool], order: SplitOrder) -> None:
    split = split_of(pools, order)

    if split is not None and order.side is IN:
        assert split.cost == order.swap_cost * len(split.swaps)
    elif split is not None:  # in atoms of the token that is sold; nothing where an atom more of the other costs nothing
        assert split.cost >= 0
        assert order.swap_cost > 0 or split.cost == 0


@settings(FEW_FIT, max_examples=examples(12))
@given(pools=markets(max_pools=5), order=orders(), data=st.data())
def test_no_random_route_passes_the_bound(pools: list[Pool], order: SplitOrder, data: st.DataObject) -> None:
    paid, can_be_bought = data.draw(random_routes(pools, order))
    assume(paid > 0)

    sold = split_of(pools, replace(order, side=IN))
    bought = split_of(pools, replace(order, side=OUT, amount=paid)) if can_be_bought else None

    slack = ATOMS * len(pools)
    if sold is not None:
        assert paid <= sold.bound * (1 + BOUND_ERROR) + slack
    if bought is not None:
        assert order.amount >= bought.bound * (1 - BOUND_ERROR) - slack


@st.composite
def random_routes(draw: st.DrawFn, pools: list[Pool], order: SplitOrder) -> tuple[int, bool]:
    """What some route pays that sells each token's balance to pools drawn at random; 0 where it sells not all.

    And whether each of its swaps can be bought as well: some programs sell more than they let anyone buy at once, and
    a fixed output is bought.
    """
    between = draw(st.permutations([token for token in TOKENS if token not in (order.token_in, order.token_out)]))
    tokens = [order.token_in, *between, order.token_out]
    unused, balance, can_be_bought = list(pools), Counter({order.token_in: order.amount}), True
    for place, token in enumerate(tokens[:-1]):
        for pool, other in draw(st.permutations(list(_ways(pools, token, tokens[place + 1 :])))):
            share = draw(st.integers(1, 4))
            part = balance[token] * share // 4
            if pool not in unused:
                continue
            try:
                paid = pool.swap_exact_in(token, other, part, NOW).amount_out
            except InsufficientLiquidity:
                continue
            unused.remove(pool)
            balance[token] -= part
            balance[other] += paid
            can_be_bought = can_be_bought and _can_be_bought(pool, token, other, paid)
    return 0 if balance[order.token_in] else balance[order.token_out], can_be_bought


def _can_be_bought(pool: Pool, token_in: str, token_out: str, amount: int) -> bool:
    try:
        pool.swap_exact_out(token_in, token_out, amount, NOW)
    except InsufficientLiquidity:
        return False
    return True


def _ways(pools: list[Pool], token: str, others: list[str]) -> Iterator[tuple[Pool, str]]:
    return ((pool, other) for pool in pools for other in others if {token, other} <= set(pool.tokens))


@FEW_FIT
@given(pools=markets(), order=orders())
def test_split_is_no_worse_than_any_single_path(pools: list[Pool], order: SplitOrder) -> None:
    singles = list(_single_paths(pools, order, order.token_in if order.side is IN else order.token_out, order.amount))
    assume(singles)
    best = max(singles) if order.side is IN else min(singles)

    split = split_of(pools, order)

    if split is None and order.side is IN:  # as far as it can be sold well: more would be bought on the way in vain
        split = split_of(pools, replace(order, amount=_largest(pools, order)))
    assert split is not None
    assert loss(order, split, best) <= 0


def test_a_pool_that_pays_more_than_can_be_sold_on_hides_no_other() -> None:
    """An atom of SOL is too much for the first pool; what the second pays for ten is sold on."""
    pools: list[Pool] = [
        v2_pool("huge", ("SOL", "USDC"), (1, 10**33), fee_rate=0),
        v2_pool("even", ("SOL", "USDC"), (1_000, 1_000), fee_rate=0),
        bins_pool("little", ("BONK", "USDC"), 0, (100, 0), reach=0, fee_rate=0),
    ]

    for market in (pools, pools[::-1]):
        split = split_of(market, SplitOrder("SOL", "BONK", IN, 10))
        assert split is not None
        assert ([swap.pool_id for swap in split.swaps], split.amount_out) == (["even", "little"], 9)


def _single_paths(pools: list[Pool], order: SplitOrder, token: str, amount: int) -> Iterator[int]:
    """What every path gives for the amount at its fixed end, in pools' integers; those without room are left out."""
    goal = order.token_out if order.side is IN else order.token_in
    if token == goal:
        yield amount
        return
    for pool in pools:
        if token not in pool.tokens:
            continue
        other = pool.tokens[1 - pool.tokens.index(token)]
        rest = [left for left in pools if token not in left.tokens]
        with suppress(InsufficientLiquidity):
            if order.side is IN:
                swap = pool.swap_exact_in(token, other, amount, NOW)
                is_fitting, after = _has_room(pool, token, other, amount), swap.amount_out
            else:
                swap = pool.swap_exact_out(other, token, amount, NOW)
                is_fitting, after = _has_room(pool, other, token, swap.amount_in), swap.amount_in
            if is_fitting:
                yield from _single_paths(rest, order, other, after)


def _has_room(pool: Pool, token_in: str, token_out: str, amount: int) -> bool:
    """Whether all of the input is sold: some programs take more for the last atom of a range than it is worth."""
    curve = pool.curve(token_in, token_out, NOW)
    room = sum(curve.capacity) if isinstance(curve, Segments) else curve.capacity
    return amount <= room * (1 - BOUND_ERROR)


def _largest(pools: list[Pool], order: SplitOrder) -> int:
    with pytest.raises(InsufficientLiquidity) as refusal:
        find_split(CompiledMarket(pools, NOW), order)
    return int(str(refusal.value.facts["largest_amount"]))


@given(pools=markets(), order=orders())
def test_same_input_gives_the_same_route(pools: list[Pool], order: SplitOrder) -> None:
    market = CompiledMarket(pools, NOW)

    assert _answer(market, order) == _answer(market, order) == _answer(CompiledMarket(pools, NOW), order)


@settings(max_examples=examples(5))
@given(pools=markets(), asked=st.lists(orders(), min_size=THREADS, max_size=2 * THREADS))
def test_threads_that_share_a_market_change_nothing(pools: list[Pool], asked: list[SplitOrder]) -> None:
    market = CompiledMarket(pools, NOW)
    one_by_one = [_answer(CompiledMarket(pools, NOW), order) for order in asked]

    with ThreadPoolExecutor(THREADS) as executor:
        together = list(executor.map(lambda order: _answer(market, order), asked))

    assert together == one_by_one


def _answer(market: CompiledMarket, order: SplitOrder) -> Answer:
    try:
        return find_split(market, order)
    except DexError as error:
        return error.code, error.detail, error.facts
