"""What is true of every route of the split router, by the pools' own arithmetic; and orders for it."""

import math
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from hypothesis import assume
from hypothesis import strategies as st

from dex.errors import InsufficientLiquidity, NoRoute
from dex.pools import Pool, Swap
from dex.pools.kinds.balancer_weighted.pool import WeightedPool
from dex.router.constrained.limits import Limits
from dex.router.graph.compiled import CompiledMarket
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.testing import NOW, TOKENS
from dex.types import Hop, Side

CLOSE = 1e-5  # relative, 0.1 bp: by as much one route may beat another that ought to be better
BOUND_ERROR = 1e-9  # relative
FLOAT_ERROR = 1e-15  # of an output; where a pool is nearly sold out the input that it costs is large
BASIS_POINTS = 10_000
LEFT_OVER = 0.01  # share of a token bought on the way that its pools may have no room for
ATOMS = 2  # that rounding may cost at each end of a swap
POWER_ERROR = 1e-14  # share of its reserves that Balancer keeps back for the error of powers
IN, OUT = Side.EXACT_IN, Side.EXACT_OUT


@st.composite
def orders(draw: st.DrawFn, most_digits: int = 14) -> SplitOrder:
    """An order of any size, free and without limits."""
    token_in, token_out = draw(st.permutations(TOKENS))[:2]
    amount = draw(st.integers(0, most_digits).flatmap(lambda digits: st.integers(1, 10**digits)))
    return SplitOrder(token_in, token_out, draw(st.sampled_from(Side)), amount)


@st.composite
def limited_orders(draw: st.DrawFn) -> SplitOrder:
    """An order with costs, limits, venues and tokens left out."""
    few = st.none() | st.integers(1, 3)
    return replace(
        draw(orders()),
        swap_cost=draw(st.sampled_from([0.0, 0.5, 1e3, 1e9])),
        max_swaps=draw(few),
        max_hops=draw(few),
        max_legs=draw(few),
        deny_venues=draw(st.sampled_from([frozenset[str](), frozenset({"meteora"})])),
        deny_tokens=draw(st.sampled_from([frozenset[str](), frozenset({"BONK"})])),
    )


def split_of(pools: list[Pool], order: SplitOrder) -> Split | None:
    """The route, held against all that is true of every route; None where the order is refused by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ResourceWarning)  # of a socket that some test before has left behind
        try:
            split = find_split(CompiledMarket(pools, NOW), order)
        except (NoRoute, InsufficientLiquidity):
            return None
    assert_true(pools, order, split)
    return split


def filled(pools: list[Pool], order: SplitOrder) -> Split:
    """The route of an order that is not refused; other examples are of no use."""
    split = split_of(pools, order)
    assume(split is not None)
    assert split is not None
    return split


def amount_of(split: Split, order: SplitOrder) -> int:
    """The side that was not fixed, in atoms."""
    return split.amount_out if order.side is IN else split.amount_in


def assert_true(pools: list[Pool], order: SplitOrder, split: Split) -> None:
    """Atoms add up and are what the pools pay, the order is filled within its limits, the bound holds."""
    _assert_balanced(order, split)
    unused = {pool.pool_id: pool for pool in pools}
    for swap, after in zip(split.swaps, split.pools_after, strict=True):
        pool = unused.pop(swap.pool_id)  # none twice
        assert (swap.amount_in, swap.amount_out, after) in _made(pool, order.side, swap)
        assert pool.venue not in order.deny_venues
        assert not (order.deny_tokens - {order.token_in, order.token_out}) & {swap.token_in, swap.token_out}
    ends = [(TOKENS.index(swap.token_in), TOKENS.index(swap.token_out)) for swap in split.swaps]
    assert not Limits(order.max_swaps, order.max_hops, order.max_legs).excess(ends)
    _assert_bounded(order, split)


def _assert_balanced(order: SplitOrder, split: Split) -> None:
    """Nothing is sold before it is bought, the input is sold to the last atom, and the output is what was bought."""
    bought: Counter[str] = Counter({order.token_in: split.amount_in})
    balance = Counter(bought)
    for swap in split.swaps:
        assert 0 < swap.amount_in <= balance[swap.token_in]
        assert swap.amount_out > 0
        balance[swap.token_in] -= swap.amount_in
        balance[swap.token_out] += swap.amount_out
        bought[swap.token_out] += swap.amount_out
    assert balance.pop(order.token_in) == 0
    assert balance.pop(order.token_out) == split.amount_out
    for token, left in balance.items():
        assert left <= max(LEFT_OVER * bought[token], ATOMS), (token, left, bought[token])
    if order.side is IN:
        assert split.amount_in == order.amount
    else:
        assert split.amount_out >= order.amount  # more where no input in whole atoms pays just that


def _made(pool: Pool, side: Side, swap: Hop) -> list[tuple[int, int, Pool]]:
    """What the pool does: sells or, for a fixed output, is bought from, unless the plan uses up a pool."""
    ways: list[tuple[Callable[[str, str, int, int], Swap], int]] = [(pool.swap_exact_in, swap.amount_in)]
    if side is OUT:
        ways.append((pool.swap_exact_out, swap.amount_out))
    made = []
    for way, amount in ways:
        with suppress(InsufficientLiquidity):
            done = way(swap.token_in, swap.token_out, amount, NOW)
            made.append((done.amount_in, done.amount_out, done.pool_after))
    return made


def _assert_bounded(order: SplitOrder, split: Split) -> None:
    """Nothing passes the bound, but for atoms that programs round in the trader's favour."""
    slack = BOUND_ERROR * abs(split.bound) + ATOMS * len(split.swaps)
    if order.side is IN:
        assert split.amount_out - split.cost <= split.bound + slack
    else:
        assert split.amount_in + split.cost >= split.bound - slack
    inexact = (
        FLOAT_ERROR * split.amount_out / (split.prices[order.token_in] or math.ulp(0.0)) if order.side is OUT else 0.0
    )
    assert -split.gap_bps * amount_of(split, order) <= BASIS_POINTS * (BOUND_ERROR * amount_of(split, order) + inexact)
    assert math.isfinite(split.bound)
    assert math.isfinite(split.float_amount)
    assert split.prices.keys() >= {token for swap in split.swaps for token in (swap.token_in, swap.token_out)}


def rounding(order: SplitOrder, split: Split) -> float:
    """What rounding at every swap may cost at most, in atoms of the side that is not fixed."""
    atoms = 0.0
    for swap, pool in zip(split.swaps, split.pools_after, strict=True):
        atoms += max(1.0, *(_grain(pool, token) * split.prices[token] for token in (swap.token_in, swap.token_out)))
    if order.side is IN:
        return ATOMS * atoms
    return ATOMS * (atoms / split.prices[order.token_in] + len(split.swaps))


def _grain(pool: Pool, token: str) -> float:
    """Atoms that a program rounds by: one, or what it deducts for the error of its powers."""
    if isinstance(pool, WeightedPool):
        return 1 + POWER_ERROR * pool.reserves[pool.tokens.index(token)]
    return 1.0


def loss(order: SplitOrder, split: Split, amount: int) -> float:
    """By how many atoms a route is worse than an amount, beyond what is close and what rounding costs."""
    worse = amount - split.amount_out if order.side is IN else split.amount_in - amount
    return worse - CLOSE * amount - rounding(order, split)
