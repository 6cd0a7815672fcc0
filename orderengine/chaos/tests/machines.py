"""What the tests with workers that stop and die share: two workers under rules, and one that dies at each statement."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from dex import ReorgPastFinality
from orderengine.chaos.books import breaches, fee_differences, wallet_differences
from orderengine.chaos.tests.driving import run
from orderengine.chaos.tests.workers import CONFIRMATIONS, Worker, new_engine, rows
from orders.states import Stage
from orders.tests.factories import new_account

Prepared = TypeVar("Prepared")

TABLES = ("order", "orderevent", "submission", "signedtransaction", "fill", "wallet")
# An exception that has no rule is tried again, so that it would not show in the end.
BUGS = "SELECT order_id, seq FROM orders_orderevent WHERE data -> 'retry' ->> 'code' = 'internal_error'"
SCENARIOS = ("none", "none", "slippage", "network", "timeout", "dropped")
SIDES = st.sampled_from(("first", "second"))


def forget_everything() -> None:
    """Rows only: the chain's blocks and pools stay, wallets are of new accounts."""
    names = ", ".join(f"orders_{table}" for table in TABLES)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {names}, simulated_chaintransaction CASCADE")


def check_books() -> None:
    """Every promise that holds once all has ended."""
    from dex.chains.simulated.market import default_market

    assert breaches(rows, is_over=True) == {}
    assert wallet_differences(rows, default_market()) == []
    assert fee_differences(rows) == []


def run_machine(machine: type[RuleBasedStateMachine]) -> None:
    """The same examples in each run."""
    limits = settings(
        max_examples=20,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=limits)


def die_at_each_statement(
    stage: Stage, prepare: Callable[[], Prepared], check: Callable[[Prepared], None], *, overlooked: str = ""
) -> None:
    """Each stop of a worker's run of the stage in turn: on fresh rows it dies there, then `check` is to work it off.

    `prepare` makes the rows. `overlooked` is a question to which no row may answer right after the death.
    """
    stops, has_ended = 0, False
    while not has_ended:
        forget_everything()
        prepared = prepare()
        worker = Worker()
        worker.begin(run(stage))
        worker.go_on(stops)
        has_ended = not worker.is_busy
        worker.kill()
        assert breaches(rows, is_over=False) == {}
        assert not overlooked or rows(overlooked) == []
        assert worker.errors == []
        check(prepared)
        stops += 1
    assert stops > 4


class TwoWorkers(RuleBasedStateMachine):
    """Two workers run, stop, die and are overtaken while blocks come and go."""

    def __init__(self) -> None:
        super().__init__()
        forget_everything()
        self.account = new_account()
        self.workers = {"first": Worker(), "second": Worker()}

    def go_on(self, side: str, stage: Stage, stops: int) -> None:
        """A worker that is free begins the stage, any goes on for a while."""
        worker = self.workers[side]
        if not worker.is_busy:
            worker.begin(run(stage))
        worker.go_on(stops)

    @rule(side=SIDES)
    def let_finish(self, side: str) -> None:
        """A worker comes to its end, unless the other one holds what it waits for."""
        self.workers[side].go_on(200)

    @rule(side=SIDES)
    def kill(self, side: str) -> None:
        """A worker dies where it stands."""
        self.workers[side].kill()

    @rule(count=st.integers(1, CONFIRMATIONS))
    def blocks_pass(self, count: int) -> None:
        """The chain goes on by itself."""
        if self.has_locks():
            return
        chain: Any = new_engine().chain
        chain.mine(count)

    @rule(depth=st.integers(1, CONFIRMATIONS - 1), has_amnesia=st.booleans())
    def reorg(self, depth: int, has_amnesia: bool) -> None:
        """The chain takes blocks back that are not final, sometimes with their transactions."""
        if self.has_locks():
            return
        chain: Any = new_engine().chain
        with suppress(ReorgPastFinality):
            chain.reorg(depth, None if has_amnesia else ())

    @invariant()
    def every_promise_holds(self) -> None:
        """Asked between any two steps."""
        assert breaches(rows, is_over=False) == {}
        assert rows(BUGS) == []
        assert [worker.errors for worker in self.workers.values()] == [[], []]

    def has_locks(self) -> bool:
        """Whether a worker stands inside a transaction."""
        return any(worker.in_transaction for worker in self.workers.values())

    def teardown(self) -> None:
        """Both die; a third one finishes."""
        for worker in self.workers.values():
            worker.kill()
        self.finish()

    def finish(self) -> None:
        """Work off what is left, and check it."""
        raise NotImplementedError
