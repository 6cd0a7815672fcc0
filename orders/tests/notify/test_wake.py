"""Wake-ups: none goes unheard, a lone one leaves at once, and a crowd of them shares few messages."""

import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.notify import wake as wakes
from orders.notify.wake import FEW, SLOT_S, wake
from orders.states import Stage

BASE = 1_900_000_000.0
# What a float of this size is good for.
HAIR_S = 1e-6


class Clock:
    """A clock that a test sets, and the messages sent by it: when each runs its stage."""

    def __init__(self) -> None:
        self.now = 0.0
        self.runs: list[float] = []
        self.failures = 0

    def begin(self) -> None:
        """Go to a time of which no flag is left in Redis from another example."""
        self.now = BASE + secrets.randbelow(10**9)
        self.runs = []

    def time(self) -> float:
        return self.now

    def send_task(self, name: str, *, countdown: float | None, **_: Any) -> None:
        assert name == "orders.confirm"
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        self.runs.append(self.now + (countdown or 0.0))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    clock.begin()
    monkeypatch.setattr(wakes, "time", clock)
    monkeypatch.setattr(wakes, "current_app", clock)
    return clock


def test_a_lone_order_does_not_wait(clock: Clock) -> None:
    wake(Stage.CONFIRM)

    assert clock.runs == [clock.now]


def test_one_for_later_does_not_stand_in_for_one_that_is_wanted_now(clock: Clock) -> None:
    for _ in range(10):
        wake(Stage.CONFIRM, 5 * SLOT_S)
    wake(Stage.CONFIRM)

    assert clock.runs[-1] == clock.now


def test_a_crowd_shares_the_end_of_its_slot_and_so_do_those_right_after_it(clock: Clock) -> None:
    begins = int(clock.now / SLOT_S) * SLOT_S
    for slot in range(2):
        for part in range(1, 41):
            clock.now = begins + SLOT_S * (slot + part / 50)
            wake(Stage.CONFIRM)
    clock.now = begins + SLOT_S * 3.5
    wake(Stage.CONFIRM)

    *at_once, first_end, second_end, later = clock.runs
    assert len(at_once) == FEW
    assert [first_end, second_end] == pytest.approx([begins + SLOT_S, begins + 2 * SLOT_S], abs=HAIR_S)
    assert later == clock.now


def test_a_shared_message_that_fails_at_first_is_sent_by_the_second_attempt(clock: Clock) -> None:
    """All others of the slot count on it."""
    for _ in range(FEW):
        wake(Stage.CONFIRM)
    clock.failures = 1

    for _ in range(3):
        wake(Stage.CONFIRM)

    assert len(clock.runs) == FEW + 1
    assert clock.runs[-1] > clock.now


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, SLOT_S / 2), st.sampled_from((0.0, 0.05, SLOT_S, 0.6))), min_size=1, max_size=30)
)
def test_every_wake_up_is_heard_within_a_slot_and_no_slot_has_many_messages(
    clock: Clock, calls: list[tuple[float, float]]
) -> None:
    clock.begin()
    slots = set()
    for pause_s, delay_s in calls:
        clock.now += pause_s
        wake(Stage.CONFIRM, delay_s)
        wanted = clock.now + delay_s
        assert any(wanted - HAIR_S <= at <= wanted + SLOT_S + HAIR_S for at in clock.runs)
        slots.add(int(wanted / SLOT_S))

    assert len(clock.runs) <= len(slots) * (FEW + 1)
