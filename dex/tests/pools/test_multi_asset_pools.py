"""Pools of three and four tokens, each used between one pair of them: bounds hold, however little time there was."""

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from dex.errors import DexError
from dex.pools import Pool
from dex.router.graph.compiled import CompiledMarket
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.router.time_limit import TimeLimit
from dex.testing import NOW
from dex.testing.kinds.balancer_weighted import weighted_pool
from dex.testing.kinds.curve_stableswap_ng import stable_pool
from dex.testing.kinds.uniswap_v2 import v2_pool
from dex.types import Side

TOKENS = ("A", "B", "C", "D")
DIGITS = 9
BOUND_ERROR = 1e-9
ATOMS = 2


@st.composite
def multi_asset_markets(draw: st.DrawFn) -> list[Pool]:
    """Pools of two to four tokens that are all worth about the same."""
    pools: list[Pool] = []
    for number in range(draw(st.integers(2, 6))):
        tokens = tuple(draw(st.permutations(TOKENS))[: draw(st.integers(2, 4))])
        reserves = tuple(draw(st.integers(10**9, 2 * 10**9)) for _ in tokens)
        kind = "product" if len(tokens) == 2 else draw(st.sampled_from(["weighted", "stable"]))
        if kind == "product":
            pools.append(v2_pool(f"pool-{number}", (tokens[0], tokens[1]), (reserves[0], reserves[1])))
        elif kind == "weighted":
            weights = (40, 30, 30) if len(tokens) == 3 else (25, 25, 25, 25)
            pools.append(weighted_pool(f"pool-{number}", tokens, reserves, weights))
        else:
            pools.append(stable_pool(f"pool-{number}", tokens, reserves, (DIGITS,) * len(tokens), amplification=10))
    return pools


orders = st.builds(
    lambda ends, side, amount: SplitOrder(ends[0], ends[1], side, amount),
    st.permutations(TOKENS),
    st.sampled_from(Side),
    st.integers(10**4, 10**9),
)


def split_of(pools: list[Pool], order: SplitOrder) -> Split | None:
    try:
        return find_split(CompiledMarket(pools, NOW), order)
    except DexError:
        return None


def assert_bounds(one: Split, other: Split, side: Side) -> None:
    """The bound of one holds for the route of the other."""
    slack = BOUND_ERROR * one.bound + ATOMS * len(other.swaps)
    if side is Side.EXACT_IN:
        assert other.amount_out <= one.bound + slack
    else:
        assert other.amount_in >= one.bound - slack


@example(  # the first optimum uses the pool of three tokens twice, and there is no time to look which way is better
    pools=[
        weighted_pool("wide", ("A", "B", "C"), (3 * 10**9, 2 * 10**9, 3 * 10**9), (33, 33, 34)),
        v2_pool("pair", ("C", "B"), (10**9, 10**9)),
    ],
    order=SplitOrder("A", "B", Side.EXACT_IN, 5 * 10**8),
)
@given(pools=multi_asset_markets(), order=orders)
def test_bounds_hold_however_little_time_there_was(pools: list[Pool], order: SplitOrder) -> None:
    patient, hurried = split_of(pools, order), split_of(pools, replace(order, time_limit=TimeLimit.of_ms(0.0)))

    if patient is not None and hurried is not None:
        assert_bounds(hurried, patient, order.side)
        assert_bounds(patient, hurried, order.side)


@given(pools=multi_asset_markets(), order=orders, data=st.data())
def test_bounds_hold_for_routes_under_limits(pools: list[Pool], order: SplitOrder, data: st.DataObject) -> None:
    few = st.none() | st.integers(1, 3)
    swaps, hops, legs = (data.draw(few, name) for name in ("max_swaps", "max_hops", "max_legs"))
    small = replace(order, max_swaps=swaps, max_hops=hops, max_legs=legs)
    free, limited = split_of(pools, order), split_of(pools, small)

    if free is not None and limited is not None:
        assert_bounds(free, limited, order.side)


@given(pools=multi_asset_markets(), order=orders)
def test_each_pool_is_used_once(pools: list[Pool], order: SplitOrder) -> None:
    split = split_of(pools, order)

    if split is not None:
        used = [swap.pool_id for swap in split.swaps]
        assert len(used) == len(set(used))
