"""As test_waits.py, on the local chain: nodes that are away, and base fees above the cap."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dex import Engine
from dex.chains.evm.local.world import World
from dex.testing.json_rpc import RpcProxy, rpc_proxy
from orders.models import Account, Order, OrderEvent, SignedTransaction
from orders.states import Stage
from orders.tests.evm import engine_on, finish, sale, work
from orders.tests.factories import new_account, place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chain]

GWEI = 10**9
CAP = 10 * GWEI


@pytest.fixture
def owner(world: World, db: None) -> Account:
    engine_on(world)
    return new_account()


@pytest.fixture
def proxy(world: World) -> Iterator[RpcProxy]:
    with rpc_proxy(world.anvil.url) as proxy:
        yield proxy


def due(*stages: Stage, engine: Engine, rounds: int = 1) -> None:
    """Rounds of a worker, with all orders due at once."""
    for _ in range(rounds):
        Order.objects.filter(lease_until__isnull=True).update(due_at="2026-01-01T00:00:00Z")
        work(engine, *stages)


def base_fee(world: World, wei: int) -> None:
    world.anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(wei))
    world.anvil.mine()


def told(order: Order) -> list[str]:
    return list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("status", flat=True))


def test_a_base_fee_above_the_cap_is_waited_for_before_anything_is_signed(world: World, owner: Account) -> None:
    engine = Engine(world.chain(max_fee=CAP))
    [order] = place(owner, sale(engine))
    base_fee(world, 2 * CAP)

    due(engine=engine, rounds=6)

    order.refresh_from_db()
    assert (order.status, order.attempt, order.waiting_for) == ("BUILDING", 1, "fees")
    assert told(order) == ["PENDING", "ROUTING", "BUILDING", "BUILDING"]
    assert not SignedTransaction.objects.exists()
    base_fee(world, GWEI)
    finish(world, engine)
    order.refresh_from_db()
    assert (order.status, order.attempt) == ("CONFIRMED", 1)


def test_a_base_fee_above_the_cap_leaves_a_sent_swap_to_the_chain(world: World, owner: Account) -> None:
    engine = Engine(world.chain(max_fee=CAP))
    [order] = place(owner, sale(engine))
    due(Stage.ROUTE, Stage.BUILD, Stage.SUBMIT, engine=engine)
    base_fee(world, 2 * CAP)

    due(Stage.CONFIRM, engine=engine, rounds=4)

    order.refresh_from_db()
    assert (order.status, order.outcome) in {("SUBMITTED", None), ("CONFIRMED", "filled")}
    base_fee(world, GWEI)
    finish(world, engine)
    order.refresh_from_db()
    assert (order.status, SignedTransaction.objects.count()) == ("CONFIRMED", 1)


@pytest.mark.parametrize("method", ["eth_getBlockByNumber", "eth_feeHistory", "eth_call"])
def test_a_node_that_is_away_is_waited_for(
    world: World, owner: Account, proxy: RpcProxy, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """It hangs up on requests for this, as a node does that starts again."""
    engine = Engine(world.chain(urls=(proxy.url,)))
    answers: Callable[[bytes], Any] = proxy.handle

    def handle(body: bytes) -> Any:
        if method.encode() in body:
            raise ConnectionAbortedError
        return answers(body)

    [order] = place(owner, sale(engine))
    monkeypatch.setattr(proxy, "handle", handle)

    due(engine=engine, rounds=6)

    order.refresh_from_db()
    assert (order.outcome, order.attempt, order.waiting_for) == (None, 1, "chain")
    assert sum("waiting_for" in row.data for row in OrderEvent.objects.filter(order=order)) == 1
    monkeypatch.setattr(proxy, "handle", answers)
    started_at = time.monotonic()
    finish(world, engine)
    order.refresh_from_db()
    assert (order.status, order.attempt) == ("CONFIRMED", 1)
    assert time.monotonic() - started_at < 20
