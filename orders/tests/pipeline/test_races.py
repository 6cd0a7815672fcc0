"""Rivals at named points: the first to commit wins, and the other one changes nothing."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from dex import Engine
from orders import tasks
from orders.config import Policy
from orders.models import Account, Fill, Order, OrderEvent, Submission
from orders.pipeline.claim import ClaimedOrder, claim_orders
from orders.pipeline.loop import STAGES, run_stage
from orders.pipeline.maintenance import run_maintenance
from orders.pipeline.outlook import end_dead_leases
from orders.pipeline.results import retry
from orders.pipeline.transition import transition
from orders.problems import Problem
from orders.risk.account_limits import set_limits
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.services.place import place_orders
from orders.signing.broadcast import broadcast
from orders.states import OrderStatus, Stage
from orders.tests.factories import let_leases_run_out, place, terms
from orders.tests.pipeline.stages import work_alone
from orders.tests.rivals import in_thread

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]

DAY_S = 24 * 60 * 60


def is_alive(claimed: ClaimedOrder) -> bool:
    """Whether the database session is there that claimed the order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [int(claimed.lease_token.hex[:8], 16)])
        count: int = cursor.fetchone()[0]
    return count > 0


def until(is_so: Callable[[], bool]) -> None:
    """PostgreSQL takes a moment to end a session."""
    ends_at = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def test_two_claims_share_nothing(account: Account) -> None:
    place(account, *(terms() for _ in range(10)))

    first = {order.id for order in claim_orders(Stage.ROUTE, 6, 10, chain_id="simulated").orders}
    second = {order.id for order in in_thread(lambda: claim_orders(Stage.ROUTE, 6, 10, chain_id="simulated")).orders}

    assert (len(first), len(second), first & second) == (6, 4, set())


def test_nobody_waits_for_the_lease_of_a_dead_database_session(account: Account) -> None:
    place(account, *(terms() for _ in range(10)))
    mine = {order.id for order in claim_orders(Stage.ROUTE, 6, 10, chain_id="simulated").orders}
    theirs = in_thread(lambda: claim_orders(Stage.ROUTE, 6, 10, chain_id="simulated")).orders
    dead = {order.id for order in theirs}
    until(lambda: not is_alive(theirs[0]))

    assert end_dead_leases(10, chain_id="simulated") == len(dead) == 4

    claimed_again = {order.id for order in claim_orders(Stage.ROUTE, 200, 10, chain_id="simulated").orders}
    assert (claimed_again, claimed_again & mine) == (dead, set())
    assert end_dead_leases(10, chain_id="simulated") == 0


def test_behind_a_pooler_a_lease_ends_by_time_alone(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sessions are other clients' too: they live on after a worker, and end beneath one that lives."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "pooler", "transaction")
    place(account, *(terms() for _ in range(4)))
    [claimed, *_] = in_thread(lambda: claim_orders(Stage.ROUTE, 4, 10, chain_id="simulated")).orders
    assert claimed.lease_token.hex.startswith("ffffffff")

    assert end_dead_leases(10, chain_id="simulated") == 0

    let_leases_run_out()
    assert claim_orders(Stage.ROUTE, 4, 10, chain_id="simulated").orders[0].claim_count == 2


def test_a_restart_of_the_database_is_no_crash_of_the_workers(account: Account) -> None:
    """Else a few restarts in a row would end innocent orders as poison."""
    place(account, terms(), terms())
    claimed = in_thread(lambda: claim_orders(Stage.ROUTE, 2, 10, chain_id="simulated")).orders
    until(lambda: not is_alive(claimed[0]))
    before, after = (order.id for order in claimed)
    with connection.cursor() as cursor:
        for order_id, seconds in ((before, -1), (after, 1)):
            cursor.execute(
                "UPDATE orders_order SET lease_until = pg_postmaster_start_time() + %s * interval '1 second'"
                " WHERE id = %s",
                [DAY_S + seconds, order_id],
            )

    assert end_dead_leases(DAY_S, chain_id="simulated") == 2

    assert dict(Order.objects.values_list("id", "claim_count")) == {before: 0, after: 1}


def test_the_message_of_a_dead_worker_frees_at_once_what_it_held(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which the broker brings back as soon as the worker's parent has seen its end."""
    monkeypatch.setattr("orders.tasks.get_engine", lambda: engine)
    monkeypatch.setattr("orders.tasks.get_policy", lambda: policy)
    # Nor does it come by itself meanwhile, on however slow a machine.
    monkeypatch.setattr("orders.pipeline.maintenance.LATE_S", 3_600.0)
    run_maintenance(engine, policy)
    [order] = place(account)
    claimed = in_thread(lambda: claim_orders(Stage.ROUTE, 1, 10, chain_id="simulated")).orders
    until(lambda: not is_alive(claimed[0]))
    statuses = []

    for redelivered in (False, True):
        tasks.route.push_request(delivery_info={"redelivered": redelivered})
        tasks.route.run()
        tasks.route.pop_request()
        order.refresh_from_db()
        statuses.append(order.status)

    assert statuses == ["ROUTING", "CONFIRMED"]


def test_who_only_lost_its_connection_still_settles_what_nobody_else_took(
    account: Account, engine: Engine, policy: Policy
) -> None:
    [order] = place(account)
    slow = claim_orders(Stage.ROUTE, 10, 10, chain_id="simulated").orders
    connection.close()
    until(lambda: in_thread(lambda: end_dead_leases(10, chain_id="simulated")) == 1)

    work_alone(Stage.ROUTE, slow, engine, policy)

    order.refresh_from_db()
    assert order.status == OrderStatus.BUILDING


@pytest.mark.parametrize("stage", [Stage.ROUTE, Stage.BUILD, Stage.SUBMIT, Stage.CONFIRM])
def test_a_worker_whose_lease_was_taken_over_settles_nothing(
    account: Account, engine: Engine, policy: Policy, drive: Drive, stage: Stage
) -> None:
    [order] = place(account)
    for earlier in tuple(Stage)[: tuple(Stage).index(stage)]:
        drive(earlier)
    slow = claim_orders(stage, 10, 10, chain_id="simulated").orders
    let_leases_run_out()
    rival = in_thread(lambda: claim_orders(stage, 10, 10, chain_id="simulated")).orders
    assert [o.id for o in slow] == [o.id for o in rival] == [order.id]

    winner = work_alone(stage, rival, engine, policy)
    before = list(Order.objects.values()), Submission.objects.count(), OrderEvent.objects.count()
    loser = work_alone(stage, slow, engine, policy)

    assert loser.events == []
    after = list(Order.objects.values()), Submission.objects.count(), OrderEvent.objects.count()
    assert after == before
    assert winner.events or stage is Stage.BUILD
    let_leases_run_out()
    drive()
    assert Fill.objects.count() == 1


def test_a_slow_worker_does_not_settle_what_was_tried_again_meanwhile(account: Account, engine: Engine) -> None:
    """The order is back in the very status in which the slow one has it: only its lease and seq tell."""
    place(account)
    slow = claim_orders(Stage.ROUTE, 10, 10, chain_id="simulated").orders
    let_leases_run_out()
    [rival] = in_thread(lambda: claim_orders(Stage.ROUTE, 10, 10, chain_id="simulated")).orders
    policy = Policy(retry_base_s=60.0)
    transition([retry(rival, OrderStatus.ROUTING, Problem("network", "no answer"), policy)])

    settled = work_alone(Stage.ROUTE, slow, engine, policy)

    assert (settled.events, settled.carried) == ([], [])
    assert list(OrderEvent.objects.order_by("seq").values_list("status", flat=True)) == [
        "PENDING",
        "ROUTING",
        "ROUTING",
    ]


def test_cancel_against_build(account: Account, engine: Engine, policy: Policy, drive: Drive) -> None:
    """Cancel commits between the build stage's claim and its lock: nothing is signed."""
    [order] = place(account)
    drive(Stage.ROUTE)
    claimed = claim_orders(Stage.BUILD, 10, 10, chain_id="simulated").orders

    assert in_thread(lambda: cancel_orders([order.id], actor=Actor("t")))[order.id] is CancelResult.CANCELLED
    STAGES[Stage.BUILD](claimed, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "cancelled")
    assert not Submission.objects.exists()


def test_the_same_client_order_id_from_many_threads_is_one_order(account: Account) -> None:
    def post() -> Any:
        try:
            return place_orders(account, [terms(client_order_id="same")])[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = [future.result() for future in [pool.submit(post) for _ in range(16)]]

    assert len({answer.order.id for answer in answers}) == 1
    assert sorted(answer.is_replay for answer in answers) == [False] + [True] * 15
    assert (Order.objects.count(), OrderEvent.objects.count()) == (1, 1)


def test_workers_side_by_side_execute_each_order_once(account: Account, engine: Engine, policy: Policy) -> None:
    place(account, *(terms() for _ in range(60)))
    small = Policy(batch_size=7, retry_base_s=0.001, retry_cap_s=0.001, resend_s=0.0)

    def work() -> None:
        try:
            for _ in range(200):
                for stage in Stage:
                    run_stage(stage, engine=engine, policy=small)
                if not Order.objects.exclude(status="CONFIRMED").exists():
                    return
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work) for _ in range(4)]:
            future.result()

    assert set(Order.objects.values_list("status", flat=True)) == {"CONFIRMED"}
    assert sorted(Submission.objects.values_list("key", flat=True)) == list(range(60))
    assert Fill.objects.count() == 60


CRASH_POINTS: Sequence[tuple[Stage, str]] = (
    (Stage.ROUTE, "orders.pipeline.route.transition"),
    (Stage.BUILD, "orders.pipeline.build._still_ours"),
    (Stage.BUILD, "orders.pipeline.build.lock_to_sign"),
    (Stage.BUILD, "orders.pipeline.build.transition"),
    (Stage.BUILD, "orders.pipeline.build.store"),
    (Stage.BUILD, "orders.pipeline.build._sign_and_store"),
    (Stage.SUBMIT, "orders.pipeline.submit.broadcast"),
    (Stage.SUBMIT, "orders.pipeline.submit.transition"),
    (Stage.CONFIRM, "orders.pipeline.confirm._receipts"),
    (Stage.CONFIRM, "orders.pipeline.settle.begin_planned"),
    (Stage.CONFIRM, "orders.pipeline.settle.begin_transition"),
    (Stage.CONFIRM, "orders.pipeline.confirm.settle"),
)


class Crash(BaseException):
    """The process is gone: nothing catches it."""


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("is_carried", [False, True], ids=["claimed", "carried"])
@pytest.mark.parametrize(("stage", "point"), CRASH_POINTS)
def test_a_crash_at_any_point_loses_and_doubles_nothing(
    account: Account,
    engine: Engine,
    policy: Policy,
    drive: Drive,
    monkeypatch: pytest.MonkeyPatch,
    stage: Stage,
    point: str,
    side: str,
    is_carried: bool,
) -> None:
    """The stage either claimed the order itself, or the worker carried it there from its first stage on."""
    [order] = place(account)
    first = Stage.ROUTE if is_carried else stage
    for earlier in tuple(Stage)[: tuple(Stage).index(first)]:
        drive(earlier)
    module, _, name = point.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)

    def crash(*args: Any, **kwargs: Any) -> Any:
        if side == "after":
            real(*args, **kwargs)
        raise Crash

    monkeypatch.setattr(point, crash)
    with pytest.raises(Crash):
        run_stage(first, engine=engine, policy=policy)
    monkeypatch.undo()
    let_leases_run_out()

    drive()

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("CONFIRMED", "filled")
    assert list(OrderEvent.objects.values_list("seq", flat=True)) == [1, 2, 3, 4, 5]
    assert (Submission.objects.count(), Fill.objects.count()) == (1, 1)
    assert Submission.objects.get().key == 0


def test_an_order_that_is_counted_while_it_executes_gives_back_what_it_counts(
    account: Account, engine: Engine, policy: Policy, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker has read that it counts against no limit: it does not end it, and who claims it next does.

    Its bytes are stored and sent, and are sent again, which is harmless.
    """
    [order] = place(account)
    real = broadcast

    def first_limit(*args: Any) -> Any:
        set_limits(account, max_open_value=None, max_open_orders=5, actor=Actor("t", reason="t"))
        return real(*args)

    monkeypatch.setattr("orders.pipeline.submit.broadcast", first_limit)
    run_stage(Stage.ROUTE, engine=engine, policy=policy)
    monkeypatch.undo()

    order.refresh_from_db()
    account.refresh_from_db()
    assert (order.status, order.tx_hash is not None, account.open_orders) == ("BUILDING", True, 1)

    let_leases_run_out()
    drive()

    order.refresh_from_db()
    account.refresh_from_db()
    assert (order.status, order.outcome, account.open_orders) == ("CONFIRMED", "filled", 0)
    assert list(OrderEvent.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3, 4, 5]
    assert (Submission.objects.filter(closed_at=None).count(), Fill.objects.count()) == (0, 1)
