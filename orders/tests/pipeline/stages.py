"""One stage on orders that a test has claimed, with all that it leaves behind written."""

from collections.abc import Sequence

from dex import Engine
from orders.config import Policy
from orders.pipeline.claim import ClaimedOrder
from orders.pipeline.loop import STAGES
from orders.pipeline.planned import write_planned
from orders.pipeline.results import Settled
from orders.states import Stage


def work_alone(stage: Stage, orders: Sequence[ClaimedOrder], engine: Engine, policy: Policy) -> Settled:
    """As a worker does that carries no order on."""
    settled = STAGES[stage](orders, engine=engine, policy=policy)
    settled.carried, events = write_planned(settled.carried)
    settled.events += events
    return settled
