"""What every pool kind promises, checked on random pools of each."""

import json
import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools import POOL_KINDS, Pool, Swap, pool_from_state
from dex.pools.curves import Segments
from dex.testing import NOW, kind_tests
from dex.testing.curves import first_price

TOKENS = ("AAA", "BBB")
FLOAT_ERROR = 1e-9
# What rounding can cost at most: an atom or two at every step along the way, of what is sold and of what is paid.
ROUNDING = 100

amounts = st.integers(0, 16).flatmap(lambda digits: st.integers(1, 10**digits))
moments = st.integers(NOW, NOW + 1_000)
directions = st.sampled_from([TOKENS, TOKENS[::-1]])
every_kind = pytest.mark.parametrize("kind", sorted(POOL_KINDS))
buys_in_one = [name for name in sorted(POOL_KINDS) if not kind_tests(name).buys_bin_by_bin]
keeps_its_fee = [name for name in sorted(POOL_KINDS) if not kind_tests(name).moves_fee_within_a_swap]


def some_pool(kind: str) -> st.SearchStrategy[Pool]:
    return kind_tests(kind).strategy("pool", TOKENS)


def buy_or_skip(swap: Callable[..., Swap], pair: tuple[str, ...], amount: int) -> Swap:
    try:
        return swap(*pair, amount, NOW)
    except InsufficientLiquidity:
        assume(False)
        raise


def swap_or_refusal(pool: Pool, pair: tuple[str, str], amount: int, now: int) -> tuple[int, int] | type[Exception]:
    try:
        swap = pool.swap_exact_in(*pair, amount, now)
    except InsufficientLiquidity as refusal:
        return type(refusal)
    return swap.amount_in, swap.amount_out


@every_kind
def test_a_kind_is_registered_under_the_name_of_its_module_and_of_its_pools(kind: str) -> None:
    registered = POOL_KINDS[kind]

    assert registered.name == kind == getattr(registered.pool, "kind", None)
    assert import_module(f"dex.pools.kinds.{kind}").KIND is registered


@every_kind
@given(data=st.data(), pair=directions, amount=amounts, is_exact_in=st.booleans())
def test_no_atom_is_made_or_lost(kind: str, data: Any, pair: tuple[str, str], amount: int, is_exact_in: bool) -> None:
    pool = data.draw(some_pool(kind))
    swap = buy_or_skip(pool.swap_exact_in if is_exact_in else pool.swap_exact_out, pair, amount)

    before, after = pool.balances(), swap.pool_after.balances()
    assert (swap.amount_in if is_exact_in else swap.amount_out) == amount
    assert after[pair[0]] - before[pair[0]] == swap.amount_in > 0
    assert before[pair[1]] - after[pair[1]] == swap.amount_out > 0
    assert min(after.values()) >= 0 <= min(swap.fee, swap.fee_out)


@every_kind
@given(data=st.data(), pair=directions, amount=amounts, is_exact_in=st.booleans())
def test_a_swap_leaves_the_pool_itself_alone(
    kind: str, data: Any, pair: tuple[str, str], amount: int, is_exact_in: bool
) -> None:
    pool = data.draw(some_pool(kind))
    before = pool.to_state()
    swap = buy_or_skip(pool.swap_exact_in if is_exact_in else pool.swap_exact_out, pair, amount)

    assert pool.to_state() == before != swap.pool_after.to_state()
    assert (swap.pool_after.pool_id, swap.pool_after.venue, swap.pool_after.tokens) == ("pool", pool.venue, TOKENS)


@every_kind
@given(data=st.data(), pair=directions, amount=amounts, more=amounts)
def test_selling_more_never_pays_less(kind: str, data: Any, pair: tuple[str, str], amount: int, more: int) -> None:
    pool = data.draw(some_pool(kind))
    less = buy_or_skip(pool.swap_exact_in, pair, amount)
    greater = buy_or_skip(pool.swap_exact_in, pair, amount + more)

    assert greater.amount_out >= less.amount_out


@every_kind
@given(data=st.data(), pair=directions, amount=amounts, more=amounts)
def test_buying_more_never_costs_less(kind: str, data: Any, pair: tuple[str, str], amount: int, more: int) -> None:
    pool = data.draw(some_pool(kind))
    less = buy_or_skip(pool.swap_exact_out, pair, amount)
    greater = buy_or_skip(pool.swap_exact_out, pair, amount + more)

    assert greater.amount_in >= less.amount_in


@every_kind
@given(data=st.data(), pair=directions, amount=amounts)
def test_what_exact_in_pays_exact_out_sells_for_no_more(
    kind: str, data: Any, pair: tuple[str, str], amount: int
) -> None:
    pool = data.draw(some_pool(kind))
    sold = buy_or_skip(pool.swap_exact_in, pair, amount)
    bought = buy_or_skip(pool.swap_exact_out, pair, sold.amount_out - kind_tests(kind).charges_for_fractions)

    assert bought.amount_in <= amount + kind_tests(kind).adds_an_atom


@pytest.mark.parametrize("kind", buys_in_one)
@given(data=st.data(), pair=directions, amount=amounts)
def test_the_price_of_exact_out_buys_as_much_exact_in(kind: str, data: Any, pair: tuple[str, str], amount: int) -> None:
    pool = data.draw(some_pool(kind))
    bought = buy_or_skip(pool.swap_exact_out, pair, amount)
    sold = buy_or_skip(pool.swap_exact_in, pair, bought.amount_in)

    assert sold.amount_out >= amount


@every_kind
@given(data=st.data(), pair=directions, amount=amounts)
def test_there_and_back_never_gains(kind: str, data: Any, pair: tuple[str, str], amount: int) -> None:
    pool = data.draw(some_pool(kind))
    there = buy_or_skip(pool.swap_exact_in, pair, amount)
    back = buy_or_skip(there.pool_after.swap_exact_in, pair[::-1], there.amount_out)

    assert back.amount_out <= amount


@every_kind
@given(data=st.data(), pair=directions, amount=amounts, is_exact_in=st.booleans())
def test_no_swap_beats_the_first_price_of_the_curve(
    kind: str, data: Any, pair: tuple[str, str], amount: int, is_exact_in: bool
) -> None:
    pool = data.draw(some_pool(kind))
    bound = first_price(pool.curve(*pair, NOW))
    swap = buy_or_skip(pool.swap_exact_in if is_exact_in else pool.swap_exact_out, pair, amount)

    assert swap.amount_out <= swap.amount_in * bound * (1 + FLOAT_ERROR)
    assert 0 < pool.marginal_price(*pair, NOW) <= bound * (1 + FLOAT_ERROR)
    assert 0 <= pool.fee_ppm(pair[0], NOW) < 1_000_000


@every_kind
@given(data=st.data(), pair=directions, amount=amounts)
def test_no_swap_beats_the_curve(kind: str, data: Any, pair: tuple[str, str], amount: int) -> None:
    pool = data.draw(some_pool(kind))
    curve = pool.curve(*pair, NOW)
    swap = buy_or_skip(pool.swap_exact_in, pair, amount)

    assert swap.amount_out <= curve.pays(amount) * (1 + FLOAT_ERROR) + 1


@pytest.mark.parametrize("kind", keeps_its_fee)
@given(data=st.data(), pair=directions, amount=amounts)
def test_a_swap_pays_what_the_curve_says_but_for_rounding(
    kind: str, data: Any, pair: tuple[str, str], amount: int
) -> None:
    pool = data.draw(some_pool(kind))
    curve = pool.curve(*pair, NOW)
    swap = buy_or_skip(pool.swap_exact_in, pair, amount)

    assert swap.amount_out >= curve.pays(max(amount - ROUNDING, 0)) * (1 - FLOAT_ERROR) - ROUNDING


@every_kind
@given(data=st.data(), pair=directions, amount=amounts, more=amounts)
def test_a_curve_rises_ever_more_slowly(kind: str, data: Any, pair: tuple[str, str], amount: int, more: int) -> None:
    curve = data.draw(some_pool(kind)).curve(*pair, NOW)
    less, half, all_of_it = (curve.pays(sold) for sold in (amount, amount + more / 2, amount + more))

    assert curve.pays(0) == 0 <= less <= half * (1 + FLOAT_ERROR)
    assert (less + all_of_it) / 2 <= half * (1 + FLOAT_ERROR)


@every_kind
@given(data=st.data(), pair=directions)
def test_prices_along_a_curve_only_fall(kind: str, data: Any, pair: tuple[str, str]) -> None:
    pool = data.draw(some_pool(kind))
    curve = pool.curve(*pair, NOW)

    end = math.inf
    for price, curvature, capacity in zip(*curve, strict=True) if isinstance(curve, Segments) else ():
        assert price > 0 <= curvature
        assert capacity > 0
        assert price <= end * (1 + FLOAT_ERROR)
        end = price / (1 + curvature * capacity) ** 2


@every_kind
@given(data=st.data(), pair=directions, amount=amounts, times=st.tuples(moments, moments))
def test_time_changes_nothing_unless_the_fee_moves(
    kind: str, data: Any, pair: tuple[str, str], amount: int, times: tuple[int, int]
) -> None:
    pool = data.draw(some_pool(kind))
    assume(not pool.fee_moves(*times))
    curves = [pool.curve(*pair, now) for now in times]
    fees = [pool.fee_ppm(pair[0], now) for now in times]
    prices = [pool.marginal_price(*pair, now) for now in times]

    assert (curves[0], fees[0], prices[0]) == (curves[1], fees[1], prices[1])
    swaps = [swap_or_refusal(pool, pair, amount, now) for now in times]
    assert swaps[0] == swaps[1]


@every_kind
@given(data=st.data(), pair=directions, amount=st.integers(-5, 0))
def test_nothing_and_less_than_nothing_is_refused(kind: str, data: Any, pair: tuple[str, str], amount: int) -> None:
    pool = data.draw(some_pool(kind))

    with pytest.raises(AmountTooSmall):
        pool.swap_exact_in(*pair, amount, NOW)
    with pytest.raises(AmountTooSmall):
        pool.swap_exact_out(*pair, amount, NOW)


@every_kind
@given(data=st.data(), pair=directions)
def test_more_than_a_pool_holds_cannot_be_bought(kind: str, data: Any, pair: tuple[str, str]) -> None:
    pool = data.draw(some_pool(kind))

    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_out(*pair, pool.balances()[pair[1]] + 1, NOW)


@every_kind
@given(data=st.data())
def test_state_survives_json(kind: str, data: Any) -> None:
    pool = data.draw(some_pool(kind))
    state = json.loads(json.dumps(pool.to_state()))

    again = pool_from_state(kind, "pool", pool.venue, TOKENS, state)

    assert again == pool
    assert again.to_state() == pool.to_state()
