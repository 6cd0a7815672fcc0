"""Routes net of costs, executed beside the best single path and the route as if swaps were free."""

import pytest

from dex.chains.evm.local.world import World
from dex.tests.chains.evm.net_orders import BP, Compared, compare, net_trader, random_orders
from dex.tests.chains.evm.test_evm_costs import BELOW_PERCENT

pytestmark = pytest.mark.chain

SEED, ORDERS = 3, 6


def allowed_bps(compared: Compared) -> float:
    """What an estimate of gas may be off by, as another test holds it; where both are one route, nothing is."""
    if compared.net.route == compared.single.route:
        return 0.0
    return compared.net.fee_value * BELOW_PERCENT / 100 / compared.size * BP


def test_a_route_net_of_costs_leaves_no_less_than_the_best_single_path(ticking: World) -> None:
    trader = net_trader(ticking)

    found = [compare(trader, order) for order in random_orders(SEED, ORDERS)]

    assert all(compared.above(compared.single) >= -allowed_bps(compared) for compared in found), found
    above_gross = [compared.above(compared.gross) for compared in found]
    assert sum(above_gross) > 0
    # There is something to compare: orders that are worth a split, and splits that are not worth their gas.
    assert any(compared.net.swaps > compared.single.swaps for compared in found)
    assert any(gain > 1 for gain in above_gross)
