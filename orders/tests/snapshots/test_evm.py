"""The same on a chain with real contracts: the market of an order as events and contracts gave it."""

import json

import pytest

from dex import Engine
from dex.chains.evm.local.world import World
from dex.recorded.canonical import canonical
from dex.recorded.market import RecordedMarket
from orders.models import Order
from orders.receipts.check import check_market, check_route
from orders.receipts.content import CONTENT
from orders.snapshots.reading import read_snapshot
from orders.tests.evm import engine_on, finish, sale
from orders.tests.factories import new_account, place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chain]


@pytest.fixture
def engine(world: World, db: None) -> Engine:
    """On the local chain, whose tokens are registered."""
    return engine_on(world)


def test_routes_over_contracts_are_found_again(world: World, engine: Engine) -> None:
    account = new_account()
    orders = place(account, sale(engine), sale(engine, max_network_fee=10**17))
    finish(world, engine)
    orders += place(account, sale(engine, 3 * 10**18, max_legs=1))
    finish(world, engine)

    for order in Order.objects.filter(pk__in=[order.pk for order in orders]):
        assert order.plan is not None
        assert order.plan.market is not None
        snapshot = read_snapshot(order.plan.market)
        assert snapshot is not None
        receipt = json.loads(canonical(CONTENT.render(order)))
        named, market = check_market(receipt, canonical(snapshot.document))
        assert named.holds, named
        assert isinstance(market, RecordedMarket)
        assert {pool.kind for pool in market.pools().values()} >= {"uniswap_v2", "uniswap_v3"}
        assert [(finding.what, finding.holds) for finding in check_route(receipt, market)] == [
            ("amounts", True),
            ("route", True),
        ]
