"""Routes executed on pools that are not quite as they were when the route was planned."""

import pytest

from dex import execution
from dex.legs import legs_of
from dex.pools import Pool
from dex.testing import NOW, v2_pool
from dex.types import Hop, Route

DEEP = 10**12


def pools(price_percent: int = 100) -> dict[str, Pool]:
    """Two pools from A to B, one from B to C at a price of a percentage of the planned one."""
    made = [
        v2_pool("wide", ("A", "B"), (DEEP, DEEP)),
        v2_pool("narrow", ("A", "B"), (DEEP, DEEP)),
        v2_pool("last", ("B", "C"), (DEEP, DEEP * price_percent // 100)),
    ]
    return {pool.pool_id: pool for pool in made}


def planned(sold: tuple[int, int]) -> Route:
    """These atoms of A to each of the two, and what comes of them to the last."""
    state, hops = pools(), []
    for pool_id, amount in zip(("wide", "narrow"), sold, strict=True):
        swap = state[pool_id].swap_exact_in("A", "B", amount, NOW)
        hops.append(Hop("v2", pool_id, "A", "B", amount, swap.amount_out))
    bought = sum(hop.amount_out for hop in hops)
    paid = state["last"].swap_exact_in("B", "C", bought, NOW).amount_out
    return Route("A", "C", (*hops, Hop("v2", "last", "B", "C", bought, paid)))


def test_a_plan_executes_as_planned_where_nothing_moved() -> None:
    route = planned((10**9, 10**6))

    assert execution.sell(pools(), route, NOW) == route.hops
    bought = execution.buy(pools(), route, route.amount_out, NOW)
    assert bought[-1].amount_out == route.amount_out
    assert sum(hop.amount_in for hop in bought if hop.token_in == "A") <= route.amount_in


@pytest.mark.parametrize("percent", [101, 120, 200])
def test_a_better_price_never_undoes_a_purchase(percent: int) -> None:
    route = planned((2, 10**6))  # the first is so small that at a better price nothing is left for it to buy

    done = execution.buy(pools(percent), route, route.amount_out, NOW)

    assert sum(hop.amount_out for hop in done if hop.token_out == "C") == route.amount_out
    assert sum(hop.amount_in for hop in done if hop.token_in == "A") <= route.amount_in
    assert all(hop.amount_in and hop.amount_out for hop in done)
    assert legs_of(Route("A", "C", done))


def test_a_hop_that_gets_nothing_to_sell_is_left_out() -> None:
    first = v2_pool("first", ("A", "B"), (DEEP, DEEP))
    ways = [v2_pool(name, ("B", "C"), (DEEP, DEEP)) for name in ("much", "atom")]
    bought = first.swap_exact_in("A", "B", 10**6, NOW).amount_out
    hops = (
        Hop("v2", "first", "A", "B", 10**6, bought),
        Hop("v2", "much", "B", "C", bought - 1, bought - 1),
        Hop("v2", "atom", "B", "C", 1, 1),
    )
    dearer = v2_pool("first", ("A", "B"), (DEEP, DEEP // 2))

    done = execution.sell({pool.pool_id: pool for pool in (dearer, *ways)}, Route("A", "C", hops), NOW)

    assert [hop.pool_id for hop in done] == ["first", "much"]
