"""A chain that cannot be asked before anything is signed ends no order: it waits, shows it, and goes on at once."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from dex import BroadcastRejected, ChainUnavailable, DexError, Engine, FeesTooHigh, LimitNotMet, RetryableError
from dex.chains.base import Timing
from dex.types import PreparedSwap
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, Order, OrderEvent, SignedTransaction, Submission
from orders.pipeline.loop import run_stage
from orders.pipeline.waiting import CEILING_S, pause_s
from orders.services.cancel import CancelResult, cancel_orders
from orders.states import TERMINAL, Stage
from orders.tests.factories import api_key, place, terms

pytestmark = pytest.mark.django_db(transaction=True)

AWAY = ChainUnavailable("the node does not answer")
DEAR = FeesTooHigh("the network asks 9 wei per gas, above the most that is allowed here, 5")
HAPPY = ["PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"]
# Every question that comes before a signature, and the stage that asks it.
QUESTIONS = [
    ("snapshot", "ROUTING"), ("acting_in_batches", "ROUTING"), ("prepare", "BUILDING"), ("next_nonce", "BUILDING"),
    ("hold_wallet", "BUILDING"), ("simulate", "BUILDING"),
]  # fmt: skip


# Capabilities that the simulated chain lacks, and that a chain which is away may lack at any moment.
CAPABILITIES: dict[str, Callable[..., Any]] = {
    "simulate": lambda intents: [PreparedSwap(intent) for intent in intents],
    "acting_in_batches": lambda wallets: frozenset(),
    "delegate": lambda *_: BroadcastRejected("no wallet delegates in these tests"),
}


class Moody:
    """A chain that raises from its verbs as long as a test says so; all else is the real one's."""

    def __init__(self, chain: Any) -> None:
        self._chain = chain
        self.faults: dict[str, Exception] = {}
        self.asked = 0
        self.simulation: Callable[[Sequence[Any]], list[DexError | None]] | None = None
        self.batch_venues: frozenset[str] = frozenset()

    def ask_snapshot(self) -> None:
        """It is behind a network."""

    def __getattr__(self, name: str) -> Any:
        verb = CAPABILITIES[name] if name in CAPABILITIES else getattr(self._chain, name)
        if not callable(verb):
            return verb

        def call(*args: Any) -> Any:
            if name in self.faults:
                self.asked += 1
                raise self.faults[name]
            answers = verb(*args)
            if name != "simulate" or self.simulation is None:
                return answers
            return [error or answer for error, answer in zip(self.simulation(*args), answers, strict=True)]

        return call


@pytest.fixture
def moody(engine: Engine) -> Moody:
    return Moody(engine.chain)


@pytest.fixture
def tries(moody: Moody, policy: Policy) -> Callable[..., None]:
    """Rounds of a worker, each as soon as the orders are due."""
    faulty: Any = moody
    worker = Engine(faulty)

    def run(rounds: int = 1, policy: Policy = policy) -> None:
        for _ in range(rounds):
            Order.objects.exclude(status__in=TERMINAL).update(due_at=datetime.now(UTC) - timedelta(seconds=1))
            for stage in Stage:
                with contextlib.suppress(RetryableError):
                    run_stage(stage, engine=worker, policy=policy)

    return run


def told(order: Order) -> list[str]:
    return list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("status", flat=True))


def shown(order: Order) -> dict[str, Any]:
    client = Client(headers={"authorization": f"Bearer {api_key(order.account, scopes=['read'])}"})
    answer: dict[str, Any] = client.get(f"/api/v1/orders/{order.id}").json()
    return answer


def waited(order: Order, seconds: float) -> None:
    """As if its wait had begun so long ago."""
    Order.objects.filter(pk=order.pk).update(waiting_since=datetime.now(UTC) - timedelta(seconds=seconds))


@pytest.mark.parametrize(("question", "status"), QUESTIONS)
def test_a_chain_that_is_away_is_waited_for(
    account: Account, moody: Moody, tries: Callable[..., None], question: str, status: str
) -> None:
    if question == "acting_in_batches":
        moody.batch_venues = frozenset({"meteora"})
    moody.faults[question] = AWAY
    [order] = place(account)

    tries(20)

    order.refresh_from_db()
    assert moody.asked >= 20
    assert (order.status, order.attempt, order.waiting_for) == (status, 1, "chain")
    assert shown(order)["waiting_for"] == "chain"
    before = HAPPY[: HAPPY.index(status) + 1]
    assert told(order) == [*before, status]
    data = OrderEvent.objects.filter(order=order).latest("seq").data
    assert (data["waiting_for"], data["retry"]["code"], data["retry"]["detail"]) == ("chain", "network", AWAY.detail)

    moody.faults.clear()
    tries(2)

    order.refresh_from_db()
    assert (order.status, order.outcome, order.attempt) == ("CONFIRMED", "filled", 1)
    assert (order.waiting_for, order.waiting_since) == (None, None)
    # What has waited with its route in hand gets one at the prices of now.
    again = ["ROUTING"] if status == "BUILDING" else []
    assert told(order) == [*before, status, *again, *HAPPY[HAPPY.index("ROUTING" if again else status) + 1 :]]
    assert Submission.objects.count() == 1


def test_fees_above_the_cap_are_waited_for(account: Account, moody: Moody, tries: Callable[..., None]) -> None:
    moody.faults["prepare"] = DEAR
    [order] = place(account)

    tries(20)

    assert shown(order)["waiting_for"] == "fees"
    assert told(order) == ["PENDING", "ROUTING", "BUILDING", "BUILDING"]
    moody.faults.clear()
    tries(2)
    order.refresh_from_db()
    assert (order.status, order.attempt) == ("CONFIRMED", 1)


@pytest.mark.parametrize(
    ("question", "error", "code", "words"),
    [
        ("snapshot", AWAY, "network", "the chain could not be asked for 301 s, nothing was signed: the node does not"),
        ("prepare", AWAY, "network", "the chain could not be asked for 301 s, nothing was signed: the node does not"),
        ("prepare", DEAR, "fees_too_high", "the network's fees were above the most allowed for 301 s, nothing"),
    ],
)
def test_an_order_without_a_time_of_its_own_waits_for_minutes(
    account: Account, moody: Moody, tries: Callable[..., None], question: str, error: RetryableError, code: str,
    words: str,
) -> None:  # fmt: skip
    moody.faults[question] = error
    [order] = place(account)
    tries(5)
    waited(order, 298.0)
    tries(1)
    order.refresh_from_db()
    assert order.outcome is None

    waited(order, 301.0)
    tries(1)

    ended = Order.objects.get()
    assert (ended.status, ended.outcome, ended.attempt, ended.waiting_for) == ("FAILED", code, 1, None)
    assert ended.failure is not None
    assert (ended.failure["code"], ended.failure["detail"][: len(words)]) == (code, words)
    assert "nothing was executed" in ended.failure["try"]
    assert not Submission.objects.exists()


def test_an_order_with_a_time_of_its_own_waits_until_then(
    account: Account, moody: Moody, tries: Callable[..., None]
) -> None:
    moody.faults["snapshot"] = AWAY
    [order] = place(account, terms(time_in_force="gtd", expires_at=datetime.now(UTC) + timedelta(hours=2)))
    tries(5)
    waited(order, 3_600.0)
    tries(1)
    order.refresh_from_db()
    assert (order.status, order.outcome) == ("ROUTING", None)

    Order.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    tries(1)

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "expired")
    assert order.failure is not None
    assert order.failure["detail"].endswith("before it was executed: the chain could not be asked for 3600 s")


def test_an_order_that_waits_is_cancelled_at_once(account: Account, moody: Moody, tries: Callable[..., None]) -> None:
    moody.faults["prepare"] = AWAY
    [order] = place(account)
    tries(3)

    result = cancel_orders([order.id], actor=Actor("its owner"))[order.id]

    order.refresh_from_db()
    assert (result, order.status, order.waiting_for) == (CancelResult.CANCELLED, "FAILED", None)


def test_a_trial_that_one_order_could_not_have_ends_nobody(
    account: Account, moody: Moody, tries: Callable[..., None]
) -> None:
    """A node may fail at single calls of a batch."""
    answers: list[DexError | None] = [AWAY, None]
    moody.simulation = lambda intents: answers[: len(intents)] if len(intents) == 2 else [None] * len(intents)
    orders = {order.id: order for order in place(account, terms(), terms())}

    tries(3)

    # Either of them: what is due at one moment comes in any order.
    [wait] = OrderEvent.objects.filter(data__waiting_for="chain")
    del orders[wait.order_id]
    [other] = orders.values()
    assert told(other) == HAPPY
    assert set(Order.objects.values_list("status", "attempt")) == {("CONFIRMED", 1)}


def test_waits_leave_the_attempts_to_prices(account: Account, moody: Moody, tries: Callable[..., None]) -> None:
    moody.simulation = lambda intents: [LimitNotMet("the price moved")] * len(intents)
    moody.faults["snapshot"] = AWAY
    [order] = place(account)
    tries(10)
    moody.faults.clear()

    tries(10)

    order.refresh_from_db()
    assert (order.status, order.outcome, order.attempt) == ("FAILED", "slippage", 3)


def test_bytes_that_could_not_be_sent_wait_without_an_end(
    account: Account, moody: Moody, tries: Callable[..., None]
) -> None:
    moody.faults["broadcast"] = AWAY
    [order] = place(account)
    tries(10)
    waited(order, 10_000.0)

    tries(5)

    order.refresh_from_db()
    assert (order.status, order.attempt, shown(order)["waiting_for"]) == ("BUILDING", 1, "chain")
    assert told(order) == ["PENDING", "ROUTING", "BUILDING", "BUILDING"]
    moody.faults.clear()
    tries(2)
    order.refresh_from_db()
    assert (order.status, order.attempt) == ("CONFIRMED", 1)
    assert SignedTransaction.objects.count() == 1


@pytest.mark.parametrize("waited_s", [0.0, 1.0, 30.0, 300.0, 86_400.0])
def test_nobody_waits_longer_than_a_second_once_the_chain_is_back(waited_s: float) -> None:
    pauses = [pause_s(waited_s, Policy()) for _ in range(100)]

    assert max(pauses) <= CEILING_S == 1.0
    assert min(pauses) >= 0.1


def test_fees_above_the_cap_do_not_keep_what_the_chain_has_proven(
    account: Account, moody: Moody, tries: Callable[..., None], policy: Policy
) -> None:
    """One order needs a higher bid, which has no price now; the other one is past its deadline for good."""
    dead, stuck = place(account, terms(scenario="stuck"))[0], None
    tries(1, replace(policy, deadline_s=-10))
    [stuck] = place(account, terms(scenario="stuck"))
    tries(1, replace(policy, stuck_s=1e9))
    moody.faults["prepare"] = DEAR

    for _ in range(4):
        moody._chain.mine(2)
        tries(1, replace(policy, stuck_s=0.0))

    for order in (dead, stuck):
        order.refresh_from_db()
    assert (dead.status, dead.outcome) == ("FAILED", "expired")
    assert (stuck.status, stuck.outcome) == ("SUBMITTED", None)
    moody.faults.clear()


def test_a_default_order_survives_a_node_that_is_away_and_goes_on_within_two_seconds(
    account: Account, moody: Moody, engine: Engine
) -> None:
    """With the pauses and patience of production, in real time."""
    away_s, policy = 3.0, Policy()
    faulty: Any = moody
    worker = Engine(faulty)
    orders = place(account, *(terms() for _ in range(10)))
    for verb in ("snapshot", "prepare"):
        moody.faults[verb] = AWAY
    back_at = time.monotonic() + away_s

    while Order.objects.exclude(status__in=TERMINAL).exists():
        if time.monotonic() >= back_at:
            moody.faults.clear()
        for stage in Stage:
            with contextlib.suppress(RetryableError):
                run_stage(stage, engine=worker, policy=policy)
        assert time.monotonic() < back_at + 20
        time.sleep(0.01)

    ended_after_s = time.monotonic() - back_at
    assert set(Order.objects.values_list("status", "attempt")) == {("CONFIRMED", 1)}
    assert ended_after_s < 4.0  # a second's pause, and a busy machine
    assert {len(told(order)) for order in orders} == {6}
    assert moody.asked < 60


def test_workers_that_wait_for_silent_nodes_do_not_take_orders_from_each_other(
    account: Account, engine: Engine, policy: Policy
) -> None:
    """All that a stage asks of silent nodes takes ten seconds, a whole lease; eight lost claims poison an order."""
    [order] = place(account)
    leases = []

    class Silent(Moody):
        """Two nodes with five seconds each."""

        timing = Timing(answer_s=10.0)

        def snapshot(self) -> Any:
            order.refresh_from_db()
            assert order.lease_until is not None
            leases.append((order.lease_until - datetime.now(UTC)).total_seconds())
            raise AWAY

    silent: Any = Silent(engine.chain)
    for _ in range(policy.max_claims + 2):
        Order.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1))
        with contextlib.suppress(RetryableError):
            run_stage(Stage.ROUTE, engine=Engine(silent), policy=policy)

    order.refresh_from_db()
    assert (order.status, order.waiting_for, order.claim_count) == ("ROUTING", "chain", 0)
    assert min(leases) > silent.timing.answer_s + 1  # time to settle what came of it


def test_a_bug_while_signing_does_not_make_an_old_quote_young(
    account: Account, engine: Engine, policy: Policy, drive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)
    drive(Stage.ROUTE)
    monkeypatch.setattr("orders.pipeline.build.ensure_wallets", lambda *_: 1 / 0)

    run_stage(Stage.BUILD, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.attempt) == ("ROUTING", 2)
    monkeypatch.undo()
    drive()
    order.refresh_from_db()
    assert order.status == "CONFIRMED"
