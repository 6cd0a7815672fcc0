"""A market of one pool in memory whose price the test states, and a worker beside it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any

from dex import Engine, RetryableError
from dex.testing import FakeChain, cpmm_pool
from orders.config import Policy
from orders.models import Account, Order, OrderEvent
from orders.pipeline.loop import run_stage
from orders.states import Stage
from orders.terms import NewOrder
from orders.tests.factories import place, terms
from orders.waiting.trigger_pass import trigger_orders

CHAIN = "fake"
# Atoms of SOL in the pool: an order of one SOL moves its price by less than a thousandth.
DEPTH = 10**6 * 10**9
STAGES = (Stage.ROUTE, Stage.BUILD, Stage.SUBMIT, Stage.CONFIRM)


class Market:
    """The chain, its engine, and what a worker does between two blocks."""

    def __init__(self, policy: Policy, price: str = "100") -> None:
        self.chain = FakeChain(())
        self.engine = Engine(self.chain)
        self.policy = policy
        self.set(price)

    def set(self, price: str) -> None:
        """The mid price of SOL in USDC, from the next block on."""
        usdc = int(Fraction(price) * DEPTH / 1000)
        self.chain.pools = (cpmm_pool("sol-usdc", ("SOL", "USDC"), (DEPTH, usdc)),)
        self.chain.version += 1

    def trigger(self) -> bool:
        """One trigger pass."""
        return trigger_orders(self.engine, self.policy, at_least_s=0.0)

    def work(self, *stages: Stage) -> None:
        """Run stages on what is due; none named: all."""
        for stage in stages or STAGES:
            with suppress(RetryableError):
                run_stage(stage, engine=self.engine, policy=self.policy)

    def step(self, price: str | None = None) -> None:
        """A block, a pass, and all that follows from it."""
        if price is not None:
            self.set(price)
        self.trigger()
        self.work()


def limit(price: str, **changes: object) -> NewOrder:
    """A limit order, one SOL -> USDC unless changed."""
    return typed("limit", {"limit_price": price}, **changes)


def typed(order_type: str, own: Mapping[str, Any], **changes: object) -> NewOrder:
    """An order of a type, as the API would read it."""
    return terms(**{"chain_id": CHAIN, "order_type": order_type, "type_terms": own, "time_in_force": "gtc", **changes})


def put(account: Account, *items: NewOrder) -> list[Order]:
    """Orders as POST stores them, read again."""
    return [Order.objects.get(pk=order.pk) for order in place(account, *items)]


def statuses(orders: Sequence[Order]) -> list[str]:
    """What they are now: their status, or how they ended."""
    found = {order.id: order for order in Order.objects.filter(pk__in=[order.pk for order in orders])}
    return [found[order.id].outcome or found[order.id].status for order in orders]


def history(order: Order) -> list[str]:
    """The statuses of an order's events."""
    return list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("status", flat=True))
