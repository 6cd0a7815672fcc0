"""Each order type once on the real contracts: it waits for prices that a rival's swaps make, and the chain fills it."""

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import pytest

from dex import Engine, Side
from dex.chains.evm.local.world import World
from dex.tests.chains.evm.evm_orders import ETH, UNIT_6, Trader
from orders.audit.record import Actor
from orders.models import Account, Fill, Order, OrderEvent
from orders.services.cancel import CancelResult, cancel_orders
from orders.states import TERMINAL
from orders.tests.evm import LIMIT_S, POLICY, engine_on, sale, work
from orders.tests.factories import new_account, place
from orders.waiting.trigger_pass import trigger_orders

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chain]

PAIR = ("WETH", "USDC")
LAST = {"trigger_source": "last"}


class Market:
    """WETH/USDC on the local chain, a rival who moves its price, and a worker that looks at each block."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.engine: Engine = engine_on(world)
        self.owner: Account = new_account()
        self.rival = Trader.on(world, "account/rival")

    def times(self, percent: int) -> str:
        """That percentage of the mid price, as an order states it."""
        mid = self.engine.prices([PAIR]).by_pair[PAIR].mid
        assert mid is not None
        price = Fraction(mid) * 10**12 * percent / 100
        return f"{Decimal(price.numerator) / price.denominator:.6f}"

    def put(self, order_type: str, own: Mapping[str, object], amount: int = ETH, side: Side = Side.EXACT_IN) -> Order:
        """An order that waits."""
        terms = sale(
            self.engine,
            amount,
            token_out="USDC",
            side=side,
            order_type=order_type,
            type_terms=own,
            time_in_force="gtc",
        )
        [order] = place(self.owner, terms)
        return order

    def move(self, token_in: str, token_out: str, amount: int) -> None:
        """A large swap of the rival, and its block."""
        quote = self.rival.quote(amount, token_in, token_out, max_hops=1)
        assert self.rival.send(self.rival.signed(quote)) == [None]
        self.world.anvil.mine()

    def rise(self) -> None:
        """A rise of the price of WETH by more than two percent."""
        self.move("USDC", "WETH", 2_500_000 * UNIT_6)

    def fall(self) -> None:
        """Its fall by more than two percent."""
        self.move("WETH", "USDC", 800 * ETH)

    def look(self) -> None:
        """A pass and a round of a worker."""
        trigger_orders(self.engine, POLICY, at_least_s=0.0)
        work(self.engine)

    def finish(self, *orders: Order) -> None:
        """Look at each block until these have ended."""
        ends_at = time.monotonic() + LIMIT_S
        left = Order.objects.filter(pk__in=[order.pk for order in orders]).exclude(status__in=TERMINAL)
        while left.exists():
            self.look()
            self.world.anvil.mine()
            assert time.monotonic() < ends_at, list(left.values())
            time.sleep(0.02)
        for order in orders:
            order.refresh_from_db()


@pytest.fixture
def market(world: World, db: None) -> Market:
    return Market(world)


def assert_filled(market: Market, orders: Sequence[Order]) -> None:
    """Each by one transaction that the chain has carried out, and for what its fills add up to."""
    for order in orders:
        assert (order.status, order.outcome) == ("CONFIRMED", "filled"), order.failure
        assert sum(fill.amount_out for fill in Fill.objects.filter(order=order)) == order.amount_out
        receipt = market.world.anvil.ask("eth_getTransactionReceipt", order.tx_hash)
        assert receipt["status"] == "0x1"
    assert len({order.tx_hash for order in orders}) == len(orders)


def has_fired(order: Order) -> int:
    return OrderEvent.objects.filter(order=order, data__has_key="triggered").count()


@pytest.mark.parametrize("side", Side)
def test_a_limit_order_is_filled_at_its_price_or_better(market: Market, side: Side) -> None:
    price = market.times(101)
    order = market.put("limit", {"limit_price": price}, ETH if side is Side.EXACT_IN else 3_000 * UNIT_6, side)
    market.look()
    order.refresh_from_db()
    assert (order.status, order.waiting_for, order.attempt) == ("PENDING", "price", 1)

    market.rise()
    market.finish(order)

    assert_filled(market, [order])
    assert order.amount_in is not None
    assert order.amount_out is not None
    assert Fraction(order.amount_out, order.amount_in) * 10**12 >= Fraction(price)


def test_a_stop_sells_once_the_price_has_fallen(market: Market) -> None:
    order = market.put("stop", {"trigger_price": market.times(99)} | LAST)
    market.look()
    assert has_fired(order) == 0

    market.fall()
    market.finish(order)

    assert_filled(market, [order])
    assert has_fired(order) == 1


def test_a_stop_limit_waits_for_its_limit_after_its_trigger(market: Market) -> None:
    own = {"trigger_price": market.times(99), "limit_price": market.times(100)} | LAST
    order = market.put("stop_limit", own)
    market.fall()
    market.look()
    order.refresh_from_db()
    assert (order.status, order.waiting_for, has_fired(order)) == ("PENDING", "price", 1)

    market.rise()
    market.rise()
    market.finish(order)

    assert_filled(market, [order])
    assert order.amount_in is not None
    assert order.amount_out is not None
    assert Fraction(order.amount_out, order.amount_in) * 10**12 >= Fraction(own["limit_price"])


def test_a_trailing_stop_follows_the_price_up_and_sells_below_its_best(market: Market) -> None:
    order = market.put("trailing_stop", {"trail_bps": "100"} | LAST)
    market.look()
    order.refresh_from_db()
    first = order.trigger_at_price
    market.rise()
    market.look()
    order.refresh_from_db()
    assert order.trigger_at_price is not None
    assert first is not None
    assert order.trigger_at_price > first
    assert abs(order.trigger_at_price - Decimal(market.times(99))) < 1
    assert has_fired(order) == 0

    market.fall()
    market.finish(order)

    assert_filled(market, [order])
    assert has_fired(order) == 1


def test_the_slices_of_a_twap_add_up_to_its_amount(market: Market) -> None:
    order = market.put("twap", {"twap": {"slices": 3, "interval_s": 1}}, 10 * ETH + 1)
    market.finish(order)

    children = list(Order.objects.filter(parent=order))
    assert (order.status, order.outcome, len(children)) == ("CONFIRMED", "filled", 3)
    assert_filled(market, children)
    assert sum(child.amount_in or 0 for child in children) == order.filled_amount_in == 10 * ETH + 1
    assert sum(child.amount_out or 0 for child in children) == order.filled_amount_out


def test_the_steps_of_a_ladder_are_filled_as_the_price_rises(market: Market) -> None:
    own = {"from": market.times(99), "to": market.times(101), "steps": 2}
    order = market.put("ladder", own, 2 * ETH)
    ends_at = time.monotonic() + LIMIT_S
    while order.filled_amount_in != ETH:
        market.look()
        market.world.anvil.mine()
        assert time.monotonic() < ends_at
        order.refresh_from_db()
    assert order.status == "PENDING"

    market.rise()
    market.finish(order)

    children = list(Order.objects.filter(parent=order))
    assert (order.outcome, len(children)) == ("filled", 2)
    assert_filled(market, children)
    assert sum(child.amount_in or 0 for child in children) == order.filled_amount_in == 2 * ETH


def test_of_a_limit_order_in_parts_the_market_gives_one_and_the_rest_waits(market: Market) -> None:
    price = market.times(99)
    order = market.put("limit", {"limit_price": price, "allow_partial": True}, 3_000 * ETH)
    ends_at = time.monotonic() + LIMIT_S
    while not order.filled_amount_in or order.waiting_for != "price":
        market.look()
        market.world.anvil.mine()
        assert time.monotonic() < ends_at
        order.refresh_from_db()

    children = list(Order.objects.filter(parent=order))
    assert_filled(market, children)
    for child in children:
        assert child.amount_in is not None
        assert child.amount_out is not None
        assert Fraction(child.amount_out, child.amount_in) * 10**12 >= Fraction(price)
    assert order.filled_amount_in == sum(child.amount_in or 0 for child in children)
    assert 0 < order.filled_amount_in < 3_000 * ETH
    assert cancel_orders([order.id], actor=Actor("its owner")) == {order.id: CancelResult.CANCELLED}
    order.refresh_from_db()
    assert (order.status, order.outcome) == ("CONFIRMED", "partially_filled")
