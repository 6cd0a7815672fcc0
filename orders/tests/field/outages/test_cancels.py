"""Nothing is signed after a stored cancel, also on older reads; and an order that is to be cancelled shows it."""

import contextlib
import importlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test import Client

from dex import Engine, RetryableError
from dex.chains.simulated import SimulatedChain
from orders.cli.render import Row, line
from orders.config import Policy
from orders.event_log.event import timestamp
from orders.models import Account, Fill, Order, OrderEvent, SignedTransaction, Submission
from orders.pipeline.claim import claim_orders
from orders.pipeline.loop import STAGES, run_stage
from orders.pipeline.resend import send_unsent
from orders.reconciliation.orders import audit_orders
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.states import TERMINAL, OrderStatus, Stage
from orders.tests.factories import api_key, in_flight, let_leases_run_out, place, terms
from orders.tests.pipeline.stages import work_alone
from orders.tests.rivals import in_thread

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
OWNER = Actor("its owner")
SIGNED_AFTER = """
    SELECT o.id, t.tx_hash FROM orders_order o JOIN orders_submission s ON s.order_id = o.id
    JOIN orders_signedtransaction t ON t.submission_id = s.id
    WHERE NOT t.is_noop AND t.created_at > o.cancel_requested_at
"""
# Where a worker may stand while a cancel commits: none of these is within a transaction that holds the row.
POINTS: Sequence[str] = (
    "orders.pipeline.route.transition",
    "orders.pipeline.build.ensure_wallets",
    "orders.pipeline.build._sign_and_store",
    "orders.pipeline.build._still_ours",
    "orders.pipeline.submit.submissions_of",
    "orders.pipeline.submit.broadcast",
    "orders.pipeline.submit.transition",
    "orders.pipeline.confirm.submissions_of",
    "orders.pipeline.confirm._receipts",
    "orders.pipeline.confirm._resolve",
    "orders.pipeline.unconfirmed.sign_again",
    "orders.pipeline.confirm.write_planned",
    "orders.pipeline.confirm.settle",
)


@pytest.fixture
def policy() -> Policy:
    """Retries come at once, and what no block takes is replaced at once, two times."""
    return Policy(retry_base_s=0.001, retry_cap_s=0.001, resend_s=0.0, stuck_s=0.0, max_replacements=2)


def signed_after_cancel() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(SIGNED_AFTER)
        found: list[Any] = cursor.fetchall()
    return found


def requests_told(order: Order) -> list[str]:
    rows = OrderEvent.objects.filter(order=order, data__cancel_requested=True).order_by("seq")
    return list(rows.values_list("status", flat=True))


def cancel(order: Order) -> CancelResult:
    return cancel_orders([order.id], actor=OWNER)[order.id]


class Rival:
    """Cancels the order in another session, once, when a function is called for the n-th time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, point: str, turn: int, order: Order) -> None:
        module, _, name = point.rpartition(".")
        self._real = getattr(importlib.import_module(module), name)
        self._turn, self._order = turn, order
        self.result: CancelResult | None = None
        monkeypatch.setattr(point, self._call)

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        self._turn -= 1
        if self._turn == 0:
            self.result = in_thread(lambda: cancel(self._order))
        return self._real(*args, **kwargs)


@pytest.mark.parametrize("scenario", ["none", "slippage", "stuck"])
@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_no_swap_is_signed_after_a_cancel_whatever_was_read_before(
    account: Account, drive: Drive, monkeypatch: pytest.MonkeyPatch, point: str, turn: int, scenario: str
) -> None:
    [order] = place(account, terms(scenario=scenario))
    rival = Rival(monkeypatch, point, turn, order)

    drive()

    order.refresh_from_db()
    assert signed_after_cancel() == []
    assert list(audit_orders()) == []
    assert not Submission.objects.filter(closed_at__isnull=True).exists()
    if rival.result is None or rival.result is CancelResult.ALREADY_ENDED:
        return  # the order never came there, or had ended
    assert order.cancel_requested_at is not None
    assert order.outcome in {"cancelled", "filled"}
    assert (order.outcome == "filled") == Fill.objects.exists()
    if rival.result is CancelResult.CANCELLED:
        assert order.outcome == "cancelled"
        assert not SignedTransaction.objects.filter(created_at__gt=order.cancel_requested_at).exists()
        assert requests_told(order) == []
    else:
        assert len(requests_told(order)) == 1


def test_a_slippage_judged_before_the_cancel_does_not_route_again(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    """The receipt was read, then the cancel was answered 202, then the worker settles."""
    [order] = place(account, terms(scenario="slippage"))
    drive(Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)
    claimed = claim_orders(Stage.CONFIRM, 10, 10, chain_id="simulated").orders

    assert in_thread(lambda: cancel(order)) is CancelResult.TOO_LATE
    settled = STAGES[Stage.CONFIRM](claimed, engine=engine, policy=policy)

    assert settled.events == []
    order.refresh_from_db()
    assert (order.status, order.attempt) == ("SUBMITTED", 1)
    assert Submission.objects.get().closed_at is None
    drive()
    order.refresh_from_db()
    assert (order.status, order.outcome, order.attempt) == ("FAILED", "cancelled", 1)
    assert (Submission.objects.count(), SignedTransaction.objects.count()) == (1, 1)


@pytest.mark.parametrize("stage", [Stage.ROUTE, Stage.BUILD])
def test_a_cancel_that_only_its_column_tells_of_ends_what_is_not_signed(
    account: Account, drive: Drive, stage: Stage
) -> None:
    """As rows that an earlier version has left behind."""
    [order] = place(account)
    if stage is Stage.BUILD:
        drive(Stage.ROUTE)
    Order.objects.update(cancel_requested_at=datetime.now(UTC))

    drive()

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "cancelled")
    assert not Submission.objects.exists()


@pytest.mark.parametrize("stage", [Stage.ROUTE, Stage.BUILD])
def test_a_column_written_behind_the_back_of_a_stage_is_seen(
    account: Account, engine: Engine, policy: Policy, drive: Drive, stage: Stage
) -> None:
    [order] = place(account)
    if stage is Stage.BUILD:
        drive(Stage.ROUTE)
    claimed = claim_orders(stage, 10, 10, chain_id="simulated").orders
    Order.objects.update(cancel_requested_at=datetime.now(UTC))

    work_alone(stage, claimed, engine, policy)

    let_leases_run_out()
    drive()
    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "cancelled")
    assert not Submission.objects.exists()


def test_the_database_itself_refuses_the_way_back_and_the_signature(account: Account, drive: Drive) -> None:
    [order] = place(account)
    drive(Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)
    assert cancel(order) is CancelResult.TOO_LATE
    rows = Order.objects.filter(pk=order.pk)
    swap = {"submission": Submission.objects.get(), "raw": b"swap", "tx_hash": "0xnew", "deadline": 1}

    with pytest.raises(IntegrityError, match="is to be cancelled"), transaction.atomic():
        rows.update(status=OrderStatus.ROUTING, seq=F("seq") + 1, tx_hash=None)
    with pytest.raises(IntegrityError, match="no swap may be signed"), transaction.atomic():
        SignedTransaction.objects.create(**swap)

    SignedTransaction.objects.create(**swap | {"is_noop": True})
    order.refresh_from_db()
    assert order.status == "SUBMITTED"


def test_after_a_cancel_only_the_cancellation_is_replaced(account: Account, engine: Engine, drive: Drive) -> None:
    [order] = place(account, terms(scenario="stuck"))
    drive(Stage.ROUTE, Stage.BUILD, Stage.SUBMIT, Stage.CONFIRM)
    assert SignedTransaction.objects.filter(is_noop=False).count() == 2
    assert cancel(order) is CancelResult.TOO_LATE

    drive()

    order.refresh_from_db()
    assert order.outcome in {"cancelled", "filled"}
    assert SignedTransaction.objects.filter(is_noop=False).count() == 2
    assert signed_after_cancel() == []


def test_bytes_that_have_not_left_when_the_cancel_comes_stay_here(
    account: Account, engine: Engine, drive: Drive
) -> None:
    [order] = place(account)
    drive(Stage.ROUTE, Stage.BUILD)
    assert cancel(order) is CancelResult.TOO_LATE
    claim_orders(Stage.SUBMIT, 10, 10, chain_id="simulated")
    Order.objects.update(due_at=datetime.now(UTC) - timedelta(minutes=1))
    assert send_unsent(engine) == []
    let_leases_run_out()

    drive()

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "cancelled")
    told = OrderEvent.objects.filter(order=order).order_by("seq").values_list("status", "data")
    assert [status for status, _ in told] == [
        "PENDING", "ROUTING", "BUILDING", "BUILDING", "SUBMITTED", "SUBMITTED", "FAILED",
    ]  # fmt: skip
    assert told[3][1] == {"cancel_requested": True}
    assert told[4][1]["withheld"] is True
    [swap, noop] = SignedTransaction.objects.order_by("id")
    assert (swap.is_noop, noop.is_noop) == (False, True)
    assert isinstance(engine.chain, SimulatedChain)
    assert [receipt and receipt.tx_hash for receipt in engine.receipts([swap.tx_hash, noop.tx_hash])] == [
        None, noop.tx_hash,
    ]  # fmt: skip


def test_a_parked_order_is_cancelled_at_once_and_stays_in_its_rhythm(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    [order] = place(account, terms(scenario="stuck"))
    drive(Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)
    later = datetime.now(UTC) + timedelta(hours=1)
    Order.objects.update(parked_at=datetime.now(UTC), claim_count=policy.max_claims + 1, due_at=later)

    assert cancel(order) is CancelResult.TOO_LATE
    run_stage(Stage.CONFIRM, engine=engine, policy=policy, carries_to={})

    order.refresh_from_db()
    assert SignedTransaction.objects.filter(is_noop=True).count() == 1
    assert order.parked_at is not None
    assert order.claim_count > policy.max_claims


def test_a_cancel_that_is_repeated_is_told_once(account: Account, drive: Drive) -> None:
    [order] = place(account, terms(scenario="stuck"))
    drive(Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)

    first = cancel(order)
    order.refresh_from_db()
    requested_at = order.cancel_requested_at
    second = cancel(order)

    order.refresh_from_db()
    assert (first, second) == (CancelResult.TOO_LATE, CancelResult.TOO_LATE)
    assert order.cancel_requested_at == requested_at
    assert requests_told(order) == ["SUBMITTED"]


def test_an_order_shows_that_it_is_to_be_cancelled(account: Account) -> None:
    [order] = place(account)
    in_flight(order)
    client = Client(headers={"authorization": f"Bearer {api_key(account, scopes=['read', 'cancel'])}"})
    before = client.get(f"/api/v1/orders/{order.id}").json()

    answer = client.delete(f"/api/v1/orders/{order.id}")

    order.refresh_from_db()
    assert order.cancel_requested_at is not None
    assert before["cancel_requested_at"] is None
    assert (answer.status_code, answer.json()["status"], answer.json()["seq"]) == (202, "SUBMITTED", 5)
    assert answer.json()["cancel_requested_at"] == timestamp(order.cancel_requested_at)
    events = client.get(f"/api/v1/orders/{order.id}/events").json()["results"]
    assert events[-1]["data"] == {"cancel_requested": True}


def test_many_cancels_at_random_moments(account: Account, engine: Engine, policy: Policy) -> None:
    """Workers in threads, each order undone for its price again and again, cancels in between."""
    orders = place(account, *(terms(scenario="slippage") for _ in range(60)))
    answers: dict[Any, CancelResult] = {}

    def cancels() -> None:
        for order in orders:
            time.sleep(0.01)
            answers[order.id] = cancel(order)

    def work() -> None:
        ends_at = time.monotonic() + 60
        while Order.objects.exclude(status__in=TERMINAL).exists():
            assert time.monotonic() < ends_at
            for stage in Stage:
                with contextlib.suppress(RetryableError):
                    run_stage(stage, engine=engine, policy=policy)

    def apart(work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(apart, job) for job in (work, work, cancels)]:
            future.result()

    assert signed_after_cancel() == []
    outcomes = dict(Order.objects.values_list("id", "outcome"))
    assert {outcomes[order_id] for order_id, answer in answers.items() if answer is not CancelResult.ALREADY_ENDED} <= {
        "cancelled"
    }


def test_the_admin_and_the_command_line_say_that_it_is_to_be_cancelled(account: Account, admin_client: Client) -> None:
    [order] = place(account)
    in_flight(order)
    cancel(order)
    [event] = OrderEvent.objects.filter(order=order, data__cancel_requested=True)
    row = Row(1, {"id": str(order.id), "amount": "1", "token_in": "SOL", "token_out": "USDC", "status": "SUBMITTED"})
    told = {"seq": event.seq, "status": event.status, "outcome": None, "took_ms": event.took_ms, "data": event.data}

    page = admin_client.get(f"/admin/orders/order/{order.id}/change/").content.decode()

    assert "SUBMITTED · to be cancelled" in page
    assert f"{event.seq} SUBMITTED cancel requested {event.took_ms} ms" in line(row, told | {"attempt": 1})
