"""Stored bytes whose worker died leave all the same, once."""

from datetime import UTC, datetime, timedelta

import pytest

from dex import Engine
from dex.chains.simulated import SimulatedChain
from dex.chains.simulated.models import ChainTransaction
from orders.config import Policy
from orders.models import Account, Order, OrderEvent
from orders.pipeline.claim import claim_orders
from orders.pipeline.loop import run_stage
from orders.pipeline.maintenance import send_what_is_unsent
from orders.pipeline.resend import send_unsent
from orders.pipeline.submit import submit_orders
from orders.states import Stage
from orders.tests.factories import let_leases_run_out, place
from orders.tests.pipeline.chain_faults import Run, ended, settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]


def test_stored_bytes_leave_without_waiting_for_a_dead_workers_lease(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [order] = place(account)
    run_stage(Stage.ROUTE, engine=engine, policy=policy, carries_to={Stage.ROUTE: Stage.BUILD})
    assert send_unsent(engine) == []
    Order.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=2))

    send_what_is_unsent(engine)

    assert ended(order) == ("SUBMITTED", None)
    assert order.lease_until is None
    assert chain.receipts([order.tx_hash or ""])[0] is not None
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")


def test_a_slow_worker_whose_bytes_another_sent_settles_nothing(
    account: Account, engine: Engine, run: Run, policy: Policy
) -> None:
    [order] = place(account)
    run_stage(Stage.ROUTE, engine=engine, policy=policy, carries_to={Stage.ROUTE: Stage.BUILD})
    let_leases_run_out()
    [slow] = claim_orders(Stage.SUBMIT, 1, 10, chain_id="simulated").orders
    Order.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=2))
    send_unsent(engine)

    late = submit_orders([slow], engine=engine, policy=policy)

    assert late.events == []
    assert [row.status for row in OrderEvent.objects.filter(order=order).order_by("seq")][-1] == "SUBMITTED"
    assert ChainTransaction.objects.get().broadcast_count == 2
