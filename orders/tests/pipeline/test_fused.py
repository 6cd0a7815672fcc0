"""What an order costs the database from its claim to its end, and that what is left out of it is never missed."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from dex import ChainUnavailable, Engine, RetryableError, TerminalError
from dex.chains.simulated import producer, purses
from orders.config import Policy
from orders.models import Account, Fill, Order, OrderEvent, SignedTransaction, Submission, Wallet
from orders.pipeline.claim import claim_orders
from orders.pipeline.loop import STAGES, run_stage
from orders.pipeline.resend import send_unsent
from orders.pipeline.store import NewSubmission, store
from orders.risk.pause import find_target, pause
from orders.services.cancel import Actor, cancel_orders
from orders.states import Stage
from orders.tests.factories import let_leases_run_out, place, terms
from orders.tests.rivals import beside, in_thread, wait_for_lock

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
HAPPY = ["PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"]
_WRITES = re.compile(r"\b(INSERT|DELETE|(?<!FOR )(?<!KEY )UPDATE)\b")
# What a worker asks of the database, in its order: outside of a transaction each is one of its own.
STATEMENTS = [
    "claim, with ROUTING",
    "chain: head, pools, what wallets hold",
    "orders' locks",
    "wallets' locks, pauses",
    "BUILDING, nonces, bytes, audit",
    "chain: lock, bytes arrive",
    "chain: what the block needs",
    "chain: the block",
    "SUBMITTED and CONFIRMED, fills, closed submission",
]
NAMES = {
    "WITH due AS": "claim, with ROUTING",
    "SELECT h.*, k.is_known, ( SELECT json_agg(": "chain: head, pools, what wallets hold",
    "WITH pauses AS": "orders' locks",
    "SELECT id, next_nonce, paused_reason": "wallets' locks, pauses",
    "WITH locked AS": "chain: lock, bytes arrive",
    "WITH pending AS": "chain: what the block needs",
    "WITH expired AS": "chain: the block",
}
BY_WORD = {
    "INSERT INTO orders_signedtransaction": "BUILDING, nonces, bytes, audit",
    "INSERT INTO orders_fill": "SUBMITTED and CONFIRMED, fills, closed submission",
}


def name_of(sql: str) -> str:
    """What a statement is for; its beginning where that is not stated."""
    text = " ".join(sql.split())
    for beginning, name in NAMES.items():
        if text.startswith(beginning):
            return name
    return next((name for words, name in BY_WORD.items() if words in text), text[:120])


class Count:
    """Statements by name, how many transactions they were, and how many of these wrote something."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.transactions = self.commits = 0
        self._writes = False

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.names.append(name_of(sql))
        writes = _WRITES.search(sql) is not None
        if context["connection"].in_atomic_block:
            self._writes |= writes
        else:
            self.transactions += 1
            self.commits += writes
        return execute(sql, params, many, context)

    def commit(self) -> None:
        self.transactions += 1
        self.commits += self._writes
        self._writes = False


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Count]:
    count, session = Count(), connection
    real = session.commit

    def commit() -> None:
        count.commit()
        real()

    monkeypatch.setattr(session, "commit", commit)
    with session.execute_wrapper(count):
        yield count
    monkeypatch.undo()


def statuses(order: Order) -> list[str]:
    return list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("status", flat=True))


@pytest.mark.parametrize("count", [1, 100])
def test_statements_and_commits_from_the_claim_to_the_end(
    account: Account, engine: Engine, policy: Policy, drive: Drive, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """The same for one order and for a batch. A statement that is added needs its reason here."""
    for _ in range(2):  # then the wallet is made, and the chain knows whose holdings are asked for
        place(account)
        drive()
    orders = place(account, *(terms(amount=10**7) for _ in range(count)))
    # What a process has just seen is looked at again after a second, which a slow machine takes to route them all.
    monkeypatch.setattr(purses, "FRESH_S", 3600.0)
    monkeypatch.setattr(producer, "TELL_S", 3600.0)

    with counted(monkeypatch) as counts:
        run_stage(Stage.ROUTE, engine=engine, policy=replace(policy, carry_s=3600.0))

    assert counts.names == STATEMENTS
    assert (counts.transactions, counts.commits) == (5, 4)
    assert set(Order.objects.values_list("status", flat=True)) == {"CONFIRMED"}
    assert {tuple(statuses(order)) for order in orders} == {tuple(HAPPY)}
    assert (Fill.objects.count(), Submission.objects.filter(closed_at=None).count()) == (count + 2, 0)


def test_what_is_out_of_time_is_written_and_left_to_the_next_worker(
    account: Account, engine: Engine, drive: Drive
) -> None:
    [order] = place(account)
    hasty = Policy(carry_s=0.0)
    seen: list[Any] = []

    for stage in (Stage.ROUTE, Stage.BUILD, Stage.SUBMIT, Stage.CONFIRM):
        run_stage(stage, engine=engine, policy=hasty)
        order.refresh_from_db()
        seen.append((order.status, order.tx_hash is not None, order.lease_until))

    assert seen == [
        ("BUILDING", False, None),
        ("BUILDING", True, None),
        ("SUBMITTED", True, None),
        ("CONFIRMED", True, None),
    ]
    assert statuses(order) == HAPPY


def test_a_chain_that_goes_away_behind_the_route_makes_the_order_wait_with_it(
    account: Account, engine: Engine, policy: Policy, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)
    with monkeypatch.context() as away:
        away.setattr(engine.chain, "prepare", lambda: (_ for _ in ()).throw(ChainUnavailable("away")))
        with suppress(RetryableError):
            run_stage(Stage.ROUTE, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.waiting_for, order.attempt) == ("BUILDING", "chain", 1)
    assert statuses(order) == ["PENDING", "ROUTING", "BUILDING", "BUILDING"]
    drive()
    assert statuses(order) == [*HAPPY[:3], "BUILDING", "ROUTING", *HAPPY[2:]]


@pytest.mark.parametrize("scope", ["global", "venue"])
def test_a_pause_that_returned_behind_the_route_lets_nothing_be_signed(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    [order] = place(account, terms(allow=["orca"]))
    target = find_target(scope, "orca" if scope == "venue" else "", engine)
    at_point(monkeypatch, "orders.pipeline.build._still_ours", lambda: pause(target, Actor("t", reason="test")))

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.route, order.attempt) == ("ROUTING", None, 1)
    assert statuses(order) == ["PENDING", "ROUTING", "BUILDING", "ROUTING"]
    assert not Submission.objects.exists()


def at_point(monkeypatch: pytest.MonkeyPatch, point: str, rival: Callable[[], Any]) -> None:
    """Have a rival act in another session before the first call of a function."""
    module, _, name = point.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)
    left = [rival]

    def call(*args: Any, **kwargs: Any) -> Any:
        if left:
            in_thread(left.pop())
        return real(*args, **kwargs)

    monkeypatch.setattr(point, call)


def test_a_cancel_behind_the_route_ends_the_order_before_it_is_building(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)
    at_point(monkeypatch, "orders.pipeline.build._still_ours", lambda: cancel_orders([order.id], actor=Actor("t")))

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "cancelled")
    assert statuses(order) == ["PENDING", "ROUTING", "FAILED"]
    assert not Submission.objects.exists()


def test_a_quote_grows_old_before_its_building_is_written(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account, terms(max_quote_age_ms=60_000))
    late, build = [120.0], STAGES[Stage.BUILD]

    def build_late(orders: Sequence[Any], **rest: Any) -> Any:
        return build(
            [order._replace(quoted_s=order.quoted_s - (late.pop() if late else 0)) for order in orders], **rest
        )

    run_stage(Stage.ROUTE, engine=engine, policy=policy, works={**STAGES, Stage.BUILD: build_late})

    order.refresh_from_db()
    assert statuses(order) == ["PENDING", "ROUTING", "BUILDING", "ROUTING"]
    assert order.attempt == 2
    assert "120" in OrderEvent.objects.get(order=order, seq=4).data["retry"]["detail"]


def test_a_refused_signature_ends_behind_building_and_the_others_are_signed(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = place(account, *(terms(amount=10**9 + n) for n in range(3)))
    sign: Any = engine.chain.sign
    monkeypatch.setattr(
        engine.chain,
        "sign",
        lambda items: [
            TerminalError("no") if item.intent.route.amount_in == orders[1].amount else answer
            for item, answer in zip(items, sign(items), strict=True)
        ],
    )

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert [statuses(order) for order in orders] == [HAPPY, ["PENDING", "ROUTING", "BUILDING", "FAILED"], HAPPY]
    assert sorted(Submission.objects.values_list("key", flat=True)) == [0, 1]


def test_a_bug_behind_the_route_routes_again_and_holds_no_other_order_back(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    orders = place(account, *(terms() for _ in range(3)))
    build, bad = STAGES[Stage.BUILD], orders[1]

    def broken(orders: Any, *, engine: Engine, policy: Policy) -> Any:
        if any(order.id == bad.id for order in orders):
            raise ZeroDivisionError
        return build(orders, engine=engine, policy=policy)

    run_stage(Stage.ROUTE, engine=engine, policy=policy, works={**STAGES, Stage.BUILD: broken})

    assert [statuses(order) for order in orders] == [HAPPY, ["PENDING", "ROUTING", "ROUTING"], HAPPY]
    drive()
    assert statuses(bad) == ["PENDING", "ROUTING", *HAPPY[1:]]


def test_nothing_is_stored_for_an_order_that_has_moved_behind_the_lock_of_its_row(
    account: Account, engine: Engine, policy: Policy, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No way leads there: a bug would, and must not sign twice."""
    orders = place(account, terms(), terms())

    def store_moved(submissions: Sequence[NewSubmission], policy: Policy) -> Any:
        first, *rest = submissions
        assert first.order.planned is not None
        moved = first.order._replace(planned=first.order.planned._replace(seq=99))
        return store([replace(first, order=moved), *rest], policy)

    with monkeypatch.context() as broken:
        broken.setattr("orders.pipeline.build.store", store_moved)
        run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert not SignedTransaction.objects.exists()
    assert (Submission.objects.count(), Wallet.objects.get().next_nonce) == (0, 0)
    drive()
    assert {statuses(order)[-1] for order in orders} == {"CONFIRMED"}
    assert sorted(Submission.objects.values_list("key", flat=True)) == [0, 1]


@pytest.mark.parametrize("error", [ChainUnavailable("away"), ZeroDivisionError()], ids=["away", "bug"])
def test_what_was_sent_is_submitted_at_once_where_no_receipt_comes(
    account: Account, engine: Engine, policy: Policy, drive: Drive, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    [order] = place(account)

    def receipts(_: Any) -> Any:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(engine.chain, "receipts", receipts)
        with suppress(RetryableError):
            run_stage(Stage.ROUTE, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.lease_until) == ("SUBMITTED", None)
    assert statuses(order)[:4] == HAPPY[:4]
    drive()
    assert statuses(order)[-1] == "CONFIRMED"
    assert (Fill.objects.count(), SignedTransaction.objects.count()) == (1, 1)


def test_who_is_overtaken_between_the_broadcast_and_its_end_settles_nothing(
    account: Account, engine: Engine, policy: Policy, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maintenance has found its bytes unsent for too long, and has written SUBMITTED itself."""
    [order] = place(account)

    def maintenance() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE orders_order SET due_at = now() - interval '1 hour'")
        assert [event.status for event in send_unsent(engine)] == ["SUBMITTED"]

    at_point(monkeypatch, "orders.pipeline.confirm.settle", maintenance)
    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, Fill.objects.count()) == ("SUBMITTED", 0)
    assert Submission.objects.get().closed_at is None
    drive()
    assert statuses(order) == HAPPY
    assert Fill.objects.count() == 1


@pytest.mark.parametrize("is_counted", [False, True])
def test_a_look_and_a_cancel_of_many_lock_in_one_order(
    account: Account, engine: Engine, policy: Policy, drive: Drive, is_counted: bool
) -> None:
    """One of the looked at has ended and the other waits on; the cancel holds the first of them meanwhile."""
    if is_counted:
        Account.objects.filter(pk=account.pk).update(is_counted=True, max_open_orders=100)
    silent, final = place(account, terms(scenario="dropped"), terms())
    patient = Policy(resend_s=1e6)
    drive(Stage.ROUTE, Stage.BUILD)
    run_stage(Stage.SUBMIT, engine=engine, policy=patient, carries_to={})
    let_leases_run_out()
    claimed = claim_orders(Stage.CONFIRM, 10, 10, chain_id="simulated").orders

    def look() -> Any:
        return STAGES[Stage.CONFIRM](claimed, engine=engine, policy=patient)

    with transaction.atomic():
        list(Order.objects.select_for_update().filter(pk=silent.pk))
        looking = beside(look)
        wait_for_lock()
        list(Order.objects.select_for_update(nowait=True).filter(pk=final.pk))
        list(Account.objects.select_for_update(nowait=True).filter(pk=account.pk))

    assert {event.order_id for event in looking.result().events} <= {final.id}
    drive()
    assert set(Order.objects.values_list("status", flat=True)) == {"CONFIRMED"}
