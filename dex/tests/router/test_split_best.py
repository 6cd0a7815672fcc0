"""Routes in fair markets, where no cycle of swaps gains, are the best there are: what is true of optima is of them."""

import math
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dex.errors import InsufficientLiquidity, NoRoute
from dex.pools import Pool
from dex.router.graph.compiled import CompiledMarket
from dex.router.split import find_split
from dex.router.split_values import SplitOrder
from dex.testing import NOW, TOKENS
from dex.testing.examples import examples
from dex.testing.fair_markets import fair_markets, scaled_markets
from dex.testing.kinds.balancer_weighted import weighted_pool
from dex.testing.kinds.meteora_damm_v2 import damm_pool
from dex.testing.kinds.uniswap_v2 import v2_pool
from dex.tests.router.splits import CLOSE, IN, OUT, amount_of, filled, loss, orders, rounding, split_of

FEW_FIT = settings(max_examples=examples(12), suppress_health_check=[HealthCheck.filter_too_much])
MANY_ATOMS = 10**6  # from which rounding does not decide which route is best


@FEW_FIT
@given(pools=fair_markets(), order=orders(most_digits=18))
def test_routes_reach_the_bound(pools: list[Pool], order: SplitOrder) -> None:
    split = filled(pools, order)

    amount = amount_of(split, order)
    few = min(min(swap.amount_in, swap.amount_out) for swap in split.swaps)
    if few > MANY_ATOMS:
        assert abs(split.bound - amount) <= CLOSE * amount + rounding(order, split)


@FEW_FIT
@given(pools=fair_markets(), order=orders(), data=st.data())
def test_names_and_order_change_nothing(pools: list[Pool], order: SplitOrder, data: st.DataObject) -> None:
    names = dict(zip(TOKENS, data.draw(st.permutations(TOKENS)), strict=True))
    renamed = [replace(pool, tokens=tuple(names[token] for token in pool.tokens)) for pool in pools]  # type: ignore[type-var]
    moved = data.draw(st.permutations(renamed))
    split = filled(pools, order)

    again = split_of(moved, replace(order, token_in=names[order.token_in], token_out=names[order.token_out]))

    assert again is not None
    assert loss(order, split, amount_of(again, order)) <= 0


@FEW_FIT
@given(markets=scaled_markets(), order=orders())
def test_smaller_atoms_change_nothing(markets: tuple[list[Pool], list[Pool], str], order: SplitOrder) -> None:
    coarse, fine, token = markets
    fixed, other = (order.token_in, order.token_out) if order.side is IN else (order.token_out, order.token_in)
    split = filled(coarse, order)

    again = split_of(fine, replace(order, amount=order.amount * (10 if token == fixed else 1)))

    assert again is not None
    factor = 10 if token == other else 1
    amount = amount_of(again, order) / factor
    assert loss(order, split, math.floor(amount) if order.side is IN else math.ceil(amount)) <= 0
    more = amount_of(split, order) * factor
    assert loss(order, again, more) <= factor * rounding(order, split)


@FEW_FIT
@given(pools=fair_markets(), order=orders(), data=st.data())
def test_another_pool_never_costs_the_owner(pools: list[Pool], order: SplitOrder, data: st.DataObject) -> None:
    left_out = data.draw(st.sampled_from(pools))
    before = filled([pool for pool in pools if pool is not left_out], order)

    after = split_of(pools, order)

    assert after is not None
    assert loss(order, after, amount_of(before, order)) <= 0


@FEW_FIT
@given(pools=fair_markets(), order=orders(), share=st.integers(1, 999))
def test_larger_orders_have_no_better_average_price(pools: list[Pool], order: SplitOrder, share: int) -> None:
    part = replace(order, amount=order.amount * share // 1_000)
    large, small = filled(pools, order), filled(pools, part)

    fair_share = amount_of(large, order) * part.amount / order.amount

    assert loss(part, small, math.floor(fair_share) if order.side is IN else math.ceil(fair_share)) <= 0


@FEW_FIT
@given(pools=fair_markets(), order=orders())
def test_buying_what_a_sale_paid_costs_no_more(pools: list[Pool], order: SplitOrder) -> None:
    sold = filled(pools, replace(order, side=IN))
    purchase = replace(order, side=OUT, amount=sold.amount_out)

    bought = split_of(pools, purchase)

    assert bought is not None
    assert loss(purchase, bought, order.amount) <= 0


@FEW_FIT
@given(pools=fair_markets(), order=orders())
def test_market_moved_on_by_a_route_is_as_good_as_a_new_one(pools: list[Pool], order: SplitOrder) -> None:
    first = filled(pools, order)
    market = CompiledMarket(pools, NOW)
    market.apply(first.pools_after)
    after = {pool.pool_id: pool for pool in first.pools_after}
    new = [after.get(pool.pool_id, pool) for pool in pools]

    try:
        moved = find_split(market, order)
    except (NoRoute, InsufficientLiquidity):
        assert split_of(new, order) is None
        return

    assert moved == find_split(CompiledMarket(new, NOW), order)


def test_what_only_one_pool_can_still_take_keeps_no_other_from_its_part() -> None:
    """The order is far larger than what the pools hold: at its end prices are next to nothing."""
    ranges = (58_148_455_950_000, 581_523_519), (750_000_000_000, 7_500_503)
    pools: list[Pool] = [
        *(damm_pool(f"range-{number}", ("JUP", "USDC"), reserves) for number, reserves in enumerate(ranges)),
        weighted_pool("endless", ("JUP", "USDC"), (824_033_320_000, 2_060_406), (80, 20), has_ratio_limits=False),
        v2_pool("aside", ("USDC", "BONK"), (6_182_256, 61_820_587)),
        v2_pool("farther", ("BONK", "SOL"), (2_349_383_925_000, 235_002_295_742_760_000)),
    ]

    split = split_of(pools, SplitOrder("USDC", "JUP", IN, 16_439_393_093))

    assert split is not None
    assert {swap.pool_id for swap in split.swaps} == {"range-0", "range-1", "endless"}
    assert split.bound - split.amount_out <= CLOSE * split.amount_out


def test_order_that_leaves_most_of_a_token_on_the_way_is_refused() -> None:
    """What the first pool can take is no use where the second has no room for what it pays."""
    narrow = damm_pool("narrow", ("JUP", "USDC"), (10**9, 10**9))
    pools: list[Pool] = [v2_pool("endless", ("BONK", "JUP"), (10**13, 10**13)), narrow]

    assert split_of(pools, SplitOrder("BONK", "USDC", IN, 10**8)) is not None
    assert split_of(pools, SplitOrder("BONK", "USDC", IN, 10**12)) is None
