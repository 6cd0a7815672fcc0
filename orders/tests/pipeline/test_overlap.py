"""Waits for the network overlap: those of one batch that need nothing of each other, and those of different batches.

Counted by who meets whom, not by time: a wait that is not under way while another one is lets both run into a limit.
"""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection

from dex import ChainUnavailable, Engine
from dex.chains.simulated import SimulatedChain
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, Fill, Order, OrderEvent
from orders.notify.push import News
from orders.pipeline import outlook, route
from orders.pipeline.loop import SHARED_BY, STAGES, run_stage
from orders.risk.pause import find_target, pause
from orders.states import Stage
from orders.tests.factories import place, terms
from orders.tests.rivals import beside

pytestmark = pytest.mark.django_db(transaction=True)

HAPPY = ["PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"]
MEET_WITHIN_S = 30.0

Before = Callable[..., list[str]]
Drive = Callable[..., None]


@pytest.fixture(autouse=True)
def is_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain is behind a network, so that its market does not come along with a claim."""
    monkeypatch.setattr(SimulatedChain, "ask_snapshot", lambda _: None)


@pytest.fixture
def before(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Before:
    """Have something done at each call of these verbs of the chain; the calls by name."""

    def arrange(verbs: tuple[str, ...], act: Callable[[], Any] = lambda: None) -> list[str]:
        calls: list[str] = []
        for verb in verbs:
            real = getattr(engine.chain, verb)

            def call(*args: Any, verb: str = verb, real: Callable[..., Any] = real) -> Any:
                calls.append(verb)
                act()
                return real(*args)

            monkeypatch.setattr(engine.chain, verb, call)
        return calls

    return arrange


def statuses(order: Order) -> list[str]:
    return list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("status", flat=True))


def test_fees_are_asked_for_while_the_market_is_read(
    account: Account, engine: Engine, policy: Policy, before: Before
) -> None:
    calls = before(("snapshot", "prepare"), Barrier(2, timeout=MEET_WITHIN_S).wait)
    orders = place(account, terms(), terms())

    run_stage(Stage.ROUTE, engine=Engine(engine.chain), policy=policy)

    assert [statuses(order) for order in orders] == [HAPPY, HAPPY]
    assert sorted(calls) == ["prepare", "snapshot"]


def test_fees_that_were_asked_for_long_ago_are_asked_for_again(
    account: Account, engine: Engine, policy: Policy, before: Before, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "OFFERS_LAST_S", 0.0)
    calls = before(("prepare",))
    [order] = place(account)

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert (statuses(order), calls) == (HAPPY, ["prepare", "prepare"])


def test_without_a_market_nobody_waits_for_fees(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should they never come: the order waits for the chain as if they had not been asked for."""
    never: Future[Any] = Future()
    monkeypatch.setattr(engine, "prepare_ahead", lambda: never)
    monkeypatch.setattr(engine.chain, "snapshot", lambda: (_ for _ in ()).throw(ChainUnavailable("away")))
    [order] = place(account)

    with pytest.raises(ChainUnavailable):
        run_stage(Stage.ROUTE, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.waiting_for) == ("ROUTING", "chain")


@pytest.mark.parametrize("verb", ["snapshot", "prepare", "broadcast"])
def test_who_is_free_begins_with_what_a_claim_left_while_its_batch_waits(
    account: Account, engine: Engine, before: Before, drive: Drive, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """Two batches are in the same call at the same time, on one engine: neither holds a lock that the other needs."""
    monkeypatch.setattr(Engine, "reads_slowly", False)  # as it may, on a busy machine
    policy, rivals = Policy(batch_size=1), list[Future[Any]]()

    def free_worker() -> None:
        run_stage(Stage.ROUTE, engine=engine, policy=policy)

    def wake(stage: Stage, delay_s: float = 0.0) -> None:
        if not rivals:
            rivals.append(beside(free_worker))

    place(account)  # the wallet is made
    run_stage(Stage.ROUTE, engine=engine, policy=Policy())
    calls = before((verb,), Barrier(2, timeout=MEET_WITHIN_S).wait)
    monkeypatch.setattr("orders.pipeline.loop.wake", wake)
    orders = place(account, terms(), terms())

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert rivals
    rivals[0].result(MEET_WITHIN_S)
    assert calls == [verb, verb]
    drive()  # whose nonce was the later one and came first has waited for the other
    assert {order.status for order in Order.objects.all()} == {"CONFIRMED"}
    assert [statuses(order) for order in orders] == [HAPPY, HAPPY]
    assert Fill.objects.count() == 3


def test_a_whole_batch_beside_a_paused_venue_is_asked_for_once_more(
    account: Account, engine: Engine, policy: Policy, before: Before
) -> None:
    pause(find_target("venue", "orca", engine), Actor("t", reason="test"))
    held_up = place(account, *(terms(allow=["orca"]) for _ in range(3)))
    [hopeless] = place(account, terms(allow=["orca"], min_amount_out=10**15))
    [free] = place(account)
    calls = before(("snapshot",))

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert calls == ["snapshot", "snapshot"]
    assert [statuses(order) for order in held_up] == [["PENDING", "ROUTING"]] * 3
    assert [statuses(order)[-1] for order in (hopeless, free)] == ["FAILED", "CONFIRMED"]


@pytest.fixture
def slow(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain whose market takes long to read."""
    monkeypatch.setattr(Engine, "reads_slowly", True)


@pytest.mark.usefixtures("slow")
def test_an_order_that_comes_while_a_slow_market_is_read_is_in_the_batch(
    account: Account, engine: Engine, policy: Policy, before: Before
) -> None:
    def come() -> None:
        if calls[-1] == "snapshot":
            place(account)

    calls: list[str] = before(("snapshot", "prepare"), come)
    place(account)

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert [statuses(order) for order in Order.objects.all()] == [HAPPY, HAPPY]
    assert sorted(calls) == ["prepare", "snapshot"]


@pytest.mark.usefixtures("slow")
def test_who_comes_while_another_one_reads_leaves_its_orders_to_that_one(
    account: Account, engine: Engine, policy: Policy, before: Before
) -> None:
    def other() -> None:
        place(account)
        beside(lambda: run_stage(Stage.ROUTE, engine=engine, policy=policy)).result(MEET_WITHIN_S)
        assert {statuses(order)[-1] for order in Order.objects.all()} == {"PENDING"}

    calls = before(("snapshot",), other)
    place(account)

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert calls == ["snapshot"]
    assert [statuses(order) for order in Order.objects.all()] == [HAPPY, HAPPY]


@pytest.mark.usefixtures("slow")
def test_who_has_read_for_long_is_not_waited_for(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have died at it."""
    [order] = place(account)
    marks: list[float] = []

    def fail() -> None:
        marks.append(outlook.reads_since())
        raise ZeroDivisionError

    monkeypatch.setattr(engine, "look_ahead", fail)
    with pytest.raises(ZeroDivisionError):
        outlook.read_ahead(engine)
    assert marks[0] > 0 == outlook.reads_since()
    monkeypatch.undo()
    monkeypatch.setattr(Engine, "reads_slowly", True)

    outlook.note_reading(marks[0])
    monkeypatch.setattr(outlook, "TRUSTED_S", 10**9)
    run_stage(Stage.ROUTE, engine=engine, policy=policy)
    assert statuses(order) == ["PENDING"]
    monkeypatch.setattr(outlook, "TRUSTED_S", 0)
    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert statuses(order) == HAPPY


@pytest.mark.usefixtures("slow")
def test_a_slow_market_is_not_read_for_nothing(engine: Engine, policy: Policy, before: Before) -> None:
    calls = before(("snapshot", "prepare"))

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert calls == []


@pytest.mark.usefixtures("slow")
def test_an_order_waits_for_a_chain_that_was_away_before_its_claim(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.chain, "snapshot", lambda: (_ for _ in ()).throw(ChainUnavailable("away")))
    [order] = place(account)

    with pytest.raises(ChainUnavailable):
        run_stage(Stage.ROUTE, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.waiting_for) == ("ROUTING", "chain")


def test_what_a_market_takes_says_whether_the_next_one_is_read_ahead(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, clock = Engine(engine.chain), iter([0.0, 0.021, 1.0, 1.019, 2.0, 2.021, 3.0, 3.021])
    monkeypatch.setattr(engine.chain, "snapshot", lambda: None)
    monkeypatch.setattr("dex.engine.time", SimpleNamespace(monotonic=lambda: next(clock)))

    seen = []
    for _ in range(4):
        fresh._snapshot()
        seen.append(fresh.reads_slowly)

    assert seen == [False, False, False, True]


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The statuses of each message's events."""
    messages: list[list[str]] = []

    def push(parts: list[News]) -> None:
        if parts:
            messages.append([event.status for part in parts for event in part.events])

    monkeypatch.setattr("orders.pipeline.loop.push_news", push)
    return messages


@pytest.mark.parametrize(
    ("answers_at_once", "count"), [(True, 1), (True, SHARED_BY), (True, SHARED_BY + 1), (False, 1)]
)
def test_events_of_few_orders_share_a_message_where_the_chain_answers_at_once(
    account: Account,
    engine: Engine,
    policy: Policy,
    pushed: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    answers_at_once: bool,
    count: int,
) -> None:
    monkeypatch.setattr(Engine, "answers_at_once", answers_at_once)
    orders = place(account, *(terms() for _ in range(count)))

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert [statuses(order) for order in orders] == [HAPPY] * count
    apart = [["ROUTING"] * count, ["BUILDING"] * count, ["SUBMITTED"] * count + ["CONFIRMED"] * count]
    shared = answers_at_once and count <= SHARED_BY
    assert pushed == ([[status for message in apart for status in message]] if shared else apart)


@pytest.mark.parametrize(("ends_session", "sent"), [(False, [["ROUTING", "BUILDING"]]), (True, [])])
def test_committed_events_are_sent_though_an_error_follows_on_the_session_that_has_committed_them(
    account: Account,
    engine: Engine,
    policy: Policy,
    pushed: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    ends_session: bool,
    sent: list[list[str]],
) -> None:
    """Another session may be of another database, whose epoch the message would state."""

    def lost(*_: Any, **__: Any) -> Any:
        if ends_session:
            connection.close()
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(Engine, "answers_at_once", True)
    place(account)

    with pytest.raises(OperationalError):
        run_stage(Stage.ROUTE, engine=engine, policy=policy, works={**STAGES, Stage.SUBMIT: lost})

    assert pushed == sent


def test_a_chain_answers_at_once_while_neither_market_nor_broadcast_takes_long(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, took_s = Engine(engine.chain), iter([0.01, 0.01, 0.03, 0.01, 0.03])
    now = [0.0]

    def take(*_: Any) -> list[None]:
        now[0] += next(took_s)
        return []

    monkeypatch.setattr(engine.chain, "snapshot", take)
    monkeypatch.setattr(engine.chain, "broadcast", take)
    monkeypatch.setattr("dex.engine.time", SimpleNamespace(monotonic=lambda: now[0]))

    seen = []
    for ask in (fresh._snapshot, lambda: fresh.submit([]), fresh._snapshot, fresh._snapshot, lambda: fresh.submit([])):
        ask()
        seen.append(fresh.answers_at_once)

    assert seen == [False, True, False, True, False]
