"""L0 for orders filled in parts: workers that die between any two statements, blocks of other traders, owners.

As in test_parents.py no worker is woken here. The market is what the chain says at the time: no limit is broken by an
atom, and it does not matter what comes between the quote, which is taken before any lock, and the execution.
"""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from dex import Engine, RetryableError, Side
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from orderengine.chaos.tests.driving import POLICY, let_time_pass, post
from orderengine.chaos.tests.machines import SIDES, TwoWorkers, die_at_each_statement, run_machine
from orderengine.chaos.tests.test_parents import OVERLOOKED, carried, check_the_end, confirm_what_is_sent
from orderengine.chaos.tests.workers import CONFIRMATIONS, new_engine, rows
from orders.models import Order, OrderEvent, Submission
from orders.pipeline.loop import run_stage
from orders.problems import ProblemError
from orders.services.cancel import Actor, cancel_orders
from orders.services.replace import Restated, replace_terms
from orders.signing.nonces import clear_nonces
from orders.states import Stage
from orders.tests.factories import new_account
from orders.tests.pipeline.parents.partials import LARGE, check_limits, near, partial
from orders.waiting.trigger_pass import trigger_orders

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("all_messages_lost", "supply_kept")]

OWNER = Actor("its owner")
ROUNDS = 8


def chain_of(engine: Engine) -> SimulatedChain:
    assert isinstance(engine.chain, SimulatedChain)
    return engine.chain


def with_traders() -> SimulatedChain:
    """The chain as a process has it whose blocks hold trades of others."""
    return SimulatedChain(SimulatedOptions(required_confirmations=CONFIRMATIONS, noise_trades=4))


def stages() -> None:
    """Each stage once, by a worker that lives, on all that is due or waits for a time."""
    engine = new_engine()
    let_time_pass()
    chain_of(engine).mine()
    for stage in Stage:
        with suppress(RetryableError):
            run_stage(stage, engine=engine, policy=POLICY)
    clear_nonces(engine, POLICY)


def end_all() -> None:
    """What is open is worked off, and what still waits for its price is cancelled."""
    for _ in range(ROUNDS):
        if not Order.objects.filter(outcome=None, is_parent=False).exists():
            break
        stages()
    cancel_orders(list(Order.objects.filter(outcome=None).values_list("id", flat=True)), actor=OWNER)
    for _ in range(ROUNDS):
        is_open = Order.objects.filter(outcome=None).exists()
        if not is_open and not Submission.objects.filter(closed_at=None).exists():
            break
        stages()


@pytest.mark.parametrize("moment", ["making", "collecting", "ending"])
def test_a_worker_that_dies_at_any_statement_makes_no_part_twice_and_loses_none(moment: str) -> None:
    """Each stop of the stage in turn: with a part to ask for and make, one to collect, or the last one collected."""

    def prepare() -> UUID:
        amount = 10**9 if moment == "ending" else LARGE
        [parent_id] = post(new_account(), [partial(near(new_engine(), 50), amount=amount)])
        trigger_orders(new_engine(), POLICY, at_least_s=0.0)
        if moment != "making":
            carried(Stage.CHILDREN, Stage.ROUTE)
            confirm_what_is_sent()
            assert [child.outcome for child in Order.objects.filter(parent=parent_id)] == ["filled"]
        return parent_id

    def check(parent_id: UUID) -> None:
        stages()
        end_all()
        check_the_end()
        parent = Order.objects.get(pk=parent_id)
        check_limits(parent)
        ended = [child.outcome for child in Order.objects.filter(parent=parent_id)]
        # A small pool that the best route of the first part leaves out may be worth a second one.
        assert ended in (["filled"], ["filled"] * 2)
        assert parent.outcome == ("filled" if moment == "ending" else "partially_filled")

    die_at_each_statement(Stage.CHILDREN, prepare, check, overlooked=OVERLOOKED)


class Parts(TwoWorkers):
    """Orders come in, are replaced and cancelled; others trade; two workers run, stop, die and are overtaken."""

    def __init__(self) -> None:
        super().__init__()
        self.placed: dict[Any, Any] = {}

    @initialize(bps=st.sampled_from((5, 30, 150)), side=st.sampled_from(Side))
    def begin(self, bps: int, side: Side) -> None:
        """There is an order, of which the market gives a part."""
        self.place(bps, LARGE, side, "gtc", "none")
        trigger_orders(new_engine(), POLICY, at_least_s=0.0)

    @rule(
        bps=st.sampled_from((5, 30, 150, -5)),
        amount=st.sampled_from((LARGE, 10**13, 10**9, 7)),
        side=st.sampled_from(Side),
        time_in_force=st.sampled_from(("gtc", "ioc")),
        scenario=st.sampled_from(("none", "none", "slippage", "timeout", "dropped")),
    )
    def place(self, bps: int, amount: int, side: Side, time_in_force: str, scenario: str) -> None:
        """An owner posts an order with a limit near the market."""
        price = near(new_engine(), bps)
        new = partial(price, amount=amount, side=side, time_in_force=time_in_force, scenario=scenario, value=None)
        [order_id] = post(self.account, [new])
        self.placed[order_id] = new

    @rule()
    def all_goes_well(self) -> None:
        """A block, a pass, and a worker that takes all of it on."""
        if not self.has_locks():
            trigger_orders(new_engine(), POLICY, at_least_s=0.0)
            stages()

    @rule(side=SIDES, stage=st.sampled_from([Stage.CHILDREN, *Stage]), stops=st.integers(1, 40))
    def work(self, side: str, stage: Stage, stops: int) -> None:
        """A worker that is free begins, any goes on for a while."""
        self.go_on(side, stage, stops)

    @rule(are_others=st.booleans())
    def a_block_passes(self, are_others: bool) -> None:
        """Others trade or not; a trigger pass follows."""
        if not self.has_locks():
            (with_traders() if are_others else chain_of(new_engine())).mine(1)
            trigger_orders(new_engine(), POLICY, at_least_s=0.0)

    @rule()
    def time_passes(self) -> None:
        """Waits end, and all leases, also those of workers that are only slow."""
        if not self.has_locks():
            let_time_pass()

    @rule(number=st.integers(0, 20))
    def cancel(self, number: int) -> None:
        """An owner changes their mind, on an order or on one part."""
        ids = list(Order.objects.order_by("id").values_list("id", flat=True))
        if not self.has_locks() and ids:
            cancel_orders([ids[number % len(ids)]], actor=OWNER)

    @rule(number=st.integers(0, 20), percent=st.sampled_from((95, 101)))
    def replace(self, number: int, percent: int) -> None:
        """An owner wants another price."""
        ids = sorted(self.placed)
        if self.has_locks() or not ids:
            return
        order_id = ids[number % len(ids)]
        before = self.placed[order_id]
        price = format(Decimal(before.terms.type_terms["limit_price"]) * percent / 100, "f")
        own = {**before.terms.type_terms, "limit_price": price}
        after = replace(before, terms=replace(before.terms, type_terms=own))
        version = Order.objects.get(pk=order_id).seq
        with suppress(ProblemError):
            replace_terms(self.account, order_id, version, lambda _: Restated(before, after), key=None, actor=OWNER)
            self.placed[order_id] = after

    @invariant()
    def no_end_is_overlooked(self) -> None:
        """A parent whose child has ended is due."""
        assert rows(OVERLOOKED) == []

    @invariant()
    def one_part_is_open_and_each_has_the_limit_of_its_time(self) -> None:
        """By the events of its order, which say what was replaced before."""
        for order_id, new in self.placed.items():
            children = {str(child.id): child for child in Order.objects.filter(parent=order_id)}
            assert sum(child.outcome is None for child in children.values()) <= 1
            limit = new.terms.type_terms["limit_price"]
            for event in OrderEvent.objects.filter(order=order_id).order_by("-seq"):
                for made in event.data.get("children", ()):
                    assert children[made["order_id"]].terms.type_terms["limit_price"] == limit
                if "replaced" in event.data:
                    limit = event.data["replaced"]["limit_price"][0]

    def finish(self) -> None:
        """A third worker works off what is left; each part has its limit."""
        end_all()
        check_the_end()
        for child in Order.objects.filter(parent__isnull=False, status="CONFIRMED"):
            check_part(child)


def check_part(child: Order) -> None:
    """In integers: at its limit or better."""
    assert child.amount_in is not None
    assert child.amount_out is not None
    limit = Decimal(child.terms.type_terms["limit_price"])
    exact = limit.as_integer_ratio()
    # USDC atoms for SOL atoms, by 10^6 and 10^9.
    assert child.amount_out * 1_000 * exact[1] >= child.amount_in * exact[0]


def test_two_workers_on_parts_stopped_and_killed_anywhere_break_no_limit() -> None:
    run_machine(Parts)
