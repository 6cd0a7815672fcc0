"""How often a submitted order is looked at: until a block takes it, and once more when that block can be final."""

import time
from collections.abc import Sequence

import pytest

from dex import Engine, Receipt
from dex.chains.base import Timing
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.testing.chain import FakeChain
from orders.config import Policy
from orders.models import Account
from orders.pipeline.claim import ClaimedOrder
from orders.pipeline.loop import STAGES, run_stage
from orders.pipeline.polling import MAX_DEPTH_WAIT_S, MIN_POLL_S, depth_wait_s
from orders.pipeline.results import Settled
from orders.states import Stage
from orders.tests.factories import place


@pytest.mark.parametrize(
    ("block_s", "required", "confirmations", "wait_s"),
    [
        (0.1, 6, 1, 0.5),
        (0.1, 6, 5, 0.1),
        (0.1, 6, 6, 0.1),  # deep enough by its count, and the node does not call it final yet
        (0.4, 32, 1, MAX_DEPTH_WAIT_S),
        (12.0, 64, 1, 12.0),
        (0.0, 2, 1, MIN_POLL_S),
    ],
)
def test_a_mined_order_is_left_alone_until_it_can_be_final_if_that_is_soon(
    block_s: float, required: int, confirmations: int, wait_s: float
) -> None:
    """Blocks of a second or more are looked at one by one: a reorg must not go unnoticed for long."""
    chain = FakeChain((), timing=Timing(block_s=block_s, confirmations=required))
    receipt = Receipt("hash", 1, "block", True, None, "", 0, 0, None, confirmations)

    assert depth_wait_s(receipt, Engine(chain)) == pytest.approx(wait_s)


@pytest.mark.django_db(transaction=True)
def test_six_blocks_take_few_looks(account: Account) -> None:
    options = SimulatedOptions(block_time_ms=50, required_confirmations=6, quote_delay_ms=0, build_delay_ms=0)
    engine, policy = Engine(SimulatedChain(options)), Policy()
    [order] = place(account)
    looks: list[ClaimedOrder] = []

    def look(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
        looks.extend(orders)
        return STAGES[Stage.CONFIRM](orders, engine=engine, policy=policy)

    run_stage(Stage.ROUTE, engine=engine, policy=policy)
    ends_at = time.monotonic() + 30
    while order.status != "CONFIRMED" and time.monotonic() < ends_at:
        time.sleep(0.005)
        run_stage(Stage.CONFIRM, engine=engine, policy=policy, works={**STAGES, Stage.CONFIRM: look})
        order.refresh_from_db()

    assert order.status == "CONFIRMED"
    assert len(looks) <= 4
