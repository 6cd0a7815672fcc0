"""What a run says of its own faults."""

from unittest.mock import Mock

from orderengine.chaos.faults import FaultPlan
from orderengine.chaos.levels import Level, once


def test_a_fault_whose_time_did_not_come_is_named() -> None:
    plan = FaultPlan(
        Mock(), Level(1, 1, {"reorg": once(0), "web_kill": once(60)}), seed=1, reorg=lambda depth, forget: True
    )

    plan.begin()
    plan.strike()

    assert plan.counts == {"reorg": 1}
    assert plan.missed() == ["web_kill"]
