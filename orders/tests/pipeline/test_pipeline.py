"""The stages end to end on the real simulated chain: what each fault leads to, and that nothing happens twice."""

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from dex import ChainUnavailable, DexError, Engine, RetryableError, SignedTransaction
from orders.config import Policy
from orders.models import Account, Fill, Order, OrderEvent, Submission, Wallet
from orders.models import SignedTransaction as StoredTransaction
from orders.notify.breaker import Breaker
from orders.pipeline.claim import claim_orders
from orders.pipeline.loop import STAGES, run_stage
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.services.idempotency import Answer, answer_once
from orders.services.place import place_orders
from orders.states import OrderStatus, Stage
from orders.tests.factories import let_leases_run_out, new_account, place, terms

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]


def history(order: Order) -> list[tuple[int, str, int]]:
    return list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("seq", "status", "attempt"))


def statuses(order: Order) -> list[str]:
    return [status for _, status, _ in history(order)]


def held(account: Account, engine: Engine) -> dict[str, int]:
    wallet = Wallet.objects.get(account=account)
    return engine.chain.balances(wallet.address)


def fees_paid(order: Order, engine: Engine) -> list[int]:
    """On each receipt of what was signed for the order."""
    signed = StoredTransaction.objects.filter(submission__order=order).values_list("tx_hash", flat=True)
    return [receipt.fee_paid for receipt in engine.receipts(list(signed)) if receipt is not None]


HAPPY = ["PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"]


def test_an_order_goes_from_pending_to_confirmed(account: Account, engine: Engine, drive: Drive) -> None:
    [order] = place(account)

    drive()

    order.refresh_from_db()
    assert history(order) == [(i + 1, status, 1) for i, status in enumerate(HAPPY)]
    assert (order.outcome, order.failure, order.amount_in) == ("filled", None, order.amount)
    assert order.amount_out == order.quoted_amount_out >= order.min_amount_out
    [fill] = Fill.objects.filter(order=order)
    assert (fill.amount_in, fill.amount_out, fill.tx_hash) == (order.amount_in, order.amount_out, order.tx_hash)
    assert Submission.objects.get(order=order).closed_at is not None


def test_the_wallet_changes_by_exactly_what_the_order_says(account: Account, engine: Engine, drive: Drive) -> None:
    place(account)
    drive()
    before = held(account, engine)
    [order] = place(account, terms(token_in="USDC", token_out="SOL", decimals_in=6, decimals_out=9, amount=10**9))

    drive()

    order.refresh_from_db()
    after = held(account, engine)
    changes = {token: after[token] - before.get(token, 0) for token in after if after[token] != before.get(token, 0)}
    [fee] = fees_paid(order, engine)
    assert fee > 0
    assert changes == {"USDC": -order.amount_in, "SOL": order.amount_out - fee}


def test_exact_out_pays_the_exact_amount(account: Account, drive: Drive) -> None:
    [order] = place(account, terms(side="exact_out", amount=100 * 10**6))

    drive()

    order.refresh_from_db()
    assert (order.status, order.amount_out) == ("CONFIRMED", 100 * 10**6)
    assert 0 < order.amount_in <= order.max_amount_in


def test_a_batch_is_routed_on_one_snapshot_and_nonces_have_no_gap(
    account: Account, engine: Engine, drive: Drive
) -> None:
    orders = place(account, *(terms() for _ in range(50)))

    drive()

    wallet = Wallet.objects.get(account=account)
    assert set(Order.objects.values_list("status", flat=True)) == {"CONFIRMED"}
    assert sorted(Submission.objects.values_list("key", flat=True)) == list(range(len(orders)))
    assert (wallet.next_nonce, engine.chain.next_nonce(wallet.address)) == (len(orders), len(orders))


def test_accounts_trade_from_wallets_of_their_own(account: Account, drive: Drive) -> None:
    other = new_account()
    place(account)
    place(other)

    drive()

    assert Wallet.objects.count() == 2
    assert sorted(Submission.objects.values_list("key", flat=True)) == [0, 0]


def test_slippage_is_routed_again_then_failed_and_costs_its_fees(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    place(account)
    drive()
    before = held(account, engine)
    [order] = place(account, terms(scenario="slippage"))

    drive()

    order.refresh_from_db()
    assert (order.status, order.outcome, order.attempt) == ("FAILED", "slippage", policy.max_attempts)
    assert statuses(order) == ["PENDING", *["ROUTING", "BUILDING", "SUBMITTED"] * policy.max_attempts, "FAILED"]
    assert order.failure is not None
    assert order.failure["code"] == "slippage"
    assert order.failure["try"]
    fees = fees_paid(order, engine)
    assert (len(fees), min(fees) > 0) == (policy.max_attempts, True)
    assert held(account, engine) == before | {"SOL": before["SOL"] - sum(fees)}
    assert not Fill.objects.filter(order=order).exists()
    assert Submission.objects.filter(order=order, closed_at__isnull=False).count() == policy.max_attempts


def test_a_refused_broadcast_is_tried_again_with_the_same_bytes(account: Account, drive: Drive) -> None:
    [order] = place(account, terms(scenario="network"))

    drive()

    order.refresh_from_db()
    assert (order.status, order.attempt) == ("CONFIRMED", 1)
    assert history(order)[2:4] == [(3, "BUILDING", 1), (4, "BUILDING", 1)]
    assert OrderEvent.objects.get(order=order, seq=4).data["retry"]["code"] == "network"
    assert StoredTransaction.objects.filter(submission__order=order).count() == 1


@pytest.mark.parametrize("scenario", ["timeout", "dropped", "slow"])
def test_doubt_about_a_broadcast_is_settled_by_the_chain(account: Account, drive: Drive, scenario: str) -> None:
    [order] = place(account, terms(scenario=scenario))

    drive()

    order.refresh_from_db()
    assert statuses(order) == HAPPY
    assert StoredTransaction.objects.filter(submission__order=order).count() == 1


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"min_amount_out": 10**30}, "slippage"),
        ({"max_price_impact_ppm": 1, "amount": 10**14}, "price_impact"),
        ({"amount": 10**40, "max_price_impact_ppm": 100_000}, "price_impact"),
        ({"amount": 10**40, "allow": ["meteora"]}, "no_route"),
        ({"allow": ["meteora"], "deny": ["meteora"]}, "no_route"),
    ],
)
def test_an_order_that_cannot_be_routed_fails_with_its_reason(
    account: Account, drive: Drive, changes: dict[str, Any], outcome: str
) -> None:
    [order] = place(account, terms(**changes))

    drive()

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", outcome)
    assert order.failure is not None
    assert order.failure["detail"]
    assert not Submission.objects.exists()


def test_an_unlisted_token_has_no_route(account: Account, drive: Drive) -> None:
    [order] = place(account, terms(token_out="LONELY", decimals_out=3))

    drive()

    order.refresh_from_db()
    assert order.failure is not None
    assert (order.outcome, order.failure["code"]) == ("no_route", "no_route")


def test_an_order_past_its_time_is_never_sent(account: Account, drive: Drive) -> None:
    [order] = place(account, terms(expires_at=datetime.now(UTC) - timedelta(seconds=1)))

    drive()

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "expired")
    assert not Submission.objects.exists()


def test_an_old_quote_is_taken_anew(account: Account, drive: Drive) -> None:
    [order] = place(account, terms(max_quote_age_ms=1_000))
    drive(Stage.ROUTE)
    Order.objects.update(updated_at=datetime.now(UTC) - timedelta(seconds=5))

    drive()

    assert statuses(order)[:5] == ["PENDING", "ROUTING", "BUILDING", "ROUTING", "BUILDING"]
    order.refresh_from_db()
    assert (order.status, order.attempt) == ("CONFIRMED", 2)


class Faulty:
    """A chain whose verbs can be made to fail; everything else is the real one's."""

    def __init__(self, chain: Any, faults: dict[str, list[Exception]]) -> None:
        self._chain = chain
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._chain, name)

        def call(*args: Any) -> Any:
            if self._faults.get(name):
                raise self._faults[name].pop(0)
            return verb(*args)

        return call if name in self._faults else verb


def faulty(engine: Engine, **faults: list[Exception]) -> Engine:
    return Engine(Faulty(engine.chain, faults))


def test_a_signed_order_is_never_failed_by_the_network(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    [order] = place(account)
    drive(Stage.ROUTE, Stage.BUILD)
    broken = faulty(engine, broadcast=[ChainUnavailable("down")] * 9)

    for _ in range(9):
        Order.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1))
        with contextlib.suppress(RetryableError):
            run_stage(Stage.SUBMIT, engine=broken, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.waiting_for) == ("BUILDING", "chain")
    assert history(order)[2:] == [(3, "BUILDING", 1), (4, "BUILDING", 1)]
    drive()
    order.refresh_from_db()
    assert order.status == "CONFIRMED"
    assert StoredTransaction.objects.count() == 1


def test_one_order_that_breaks_a_stage_does_not_hold_back_the_batch(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    good, bad = place(account)[0], place(account, terms(scenario="slow"))[0]

    def broken_work(orders: Any, *, engine: Engine, policy: Policy, ahead: Any = None) -> Any:
        from orders.pipeline.route import route_orders

        if any(order.id == bad.id for order in orders):
            raise ZeroDivisionError
        return route_orders(orders, engine=engine, policy=policy)

    for _ in range(policy.max_attempts):
        Order.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1))
        run_stage(Stage.ROUTE, engine=engine, policy=policy, works={**STAGES, Stage.ROUTE: broken_work})

    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.status == "CONFIRMED"
    assert (bad.status, bad.outcome) == ("FAILED", "internal_error")


def test_an_order_that_brought_out_a_bug_is_tried_again_without_others(
    account: Account, engine: Engine, policy: Policy
) -> None:
    """Else each of its attempts would cost the batch of that moment as many runs as it can be halved."""
    [bad] = place(account)
    batches = []

    def broken_work(orders: Any, *, engine: Engine, policy: Policy, ahead: Any = None) -> Any:
        batches.append({order.id for order in orders})
        raise ZeroDivisionError

    run_stage(Stage.ROUTE, engine=engine, policy=policy, works={**STAGES, Stage.ROUTE: broken_work})
    others = place(account, *(terms() for _ in range(5)))
    Order.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1))
    Order.objects.filter(pk=bad.pk).update(due_at=datetime.now(UTC) - timedelta(seconds=2))

    again = claim_orders(Stage.ROUTE, 200, 10, chain_id="simulated")
    rest = claim_orders(Stage.ROUTE, 200, 10, chain_id="simulated")

    assert batches == [{bad.id}]
    assert ({order.id for order in again.orders}, again.has_more) == ({bad.id}, True)
    assert {order.id for order in rest.orders} == {order.id for order in others}


def test_an_order_that_kills_its_workers_is_ended_after_the_allowed_claims(
    account: Account, engine: Engine, policy: Policy
) -> None:
    [order] = place(account)
    Order.objects.update(claim_count=policy.max_claims)

    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "poison")


@pytest.mark.parametrize("is_taken", [False, True], ids=["not sent", "not answered"])
def test_a_wake_up_that_cannot_be_sent_fails_no_post(
    account: Account, monkeypatch: pytest.MonkeyPatch, *, is_taken: bool
) -> None:
    def refuse(*_: Any) -> Any:
        raise ConnectionError("Redis is away")

    away = SimpleNamespace(begin=(lambda _: refuse) if is_taken else refuse, send=refuse)
    monkeypatch.setattr("orders.notify.wake.kept", lambda _: away)
    monkeypatch.setattr("orders.notify.wake.hints", Breaker(lambda: None))

    answer = answer_once(account, None, lambda: Answer(201, place_orders(account, [terms()])))

    assert answer.status_code == 201
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("pause_s", "failures", "calls", "is_sent"), [(0, 1, 2, True), (0, 2, 2, False), (0.1, 1, 1, False)]
)
def test_only_what_fails_at_once_is_tried_again_before_redis_counts_as_away(
    pause_s: float, failures: int, calls: int, is_sent: bool
) -> None:
    """A connection that died while idle is not Redis that is away, and a frozen server must not be waited for twice."""
    made = []

    def hint() -> None:
        made.append(1)
        if len(made) <= failures:
            time.sleep(pause_s)
            raise ConnectionError

    back = threading.Event()
    hints = Breaker(back.set)

    assert hints.attempt(hint) is is_sent
    assert (len(made), hints.is_open) == (calls, not is_sent)
    assert is_sent or back.wait(10)


def test_orders_of_a_crashed_batch_come_in_small_groups_and_only_these_are_charged(account: Account) -> None:
    """So that neither what killed their worker nor its next death takes many along."""
    place(account, *(terms() for _ in range(60)))
    claim_orders(Stage.ROUTE, 200, 10, chain_id="simulated")

    sizes = []
    for _ in range(4):
        let_leases_run_out()
        claim = claim_orders(Stage.ROUTE, 200, 10, chain_id="simulated")
        assert claim.has_more
        assert len({order.claim_count for order in claim.orders}) == 1
        sizes.append((len(claim.orders), claim.orders[0].claim_count))
        Order.objects.filter(pk__in=[order.id for order in claim.orders]).update(
            due_at=datetime.now(UTC) - timedelta(hours=len(sizes))
        )

    assert sizes == [(50, 2), (12, 3), (3, 4), (1, 5)]
    assert Order.objects.filter(claim_count=1).count() == 10


def test_a_refused_signature_leaves_no_nonce_hole(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    orders = place(account, *(terms() for _ in range(3)))
    drive(Stage.ROUTE)
    Order.objects.update(claim_count=0)  # no order is suspected: the three are signed together
    sign = engine.chain.sign

    class Picky(Faulty):
        def sign(self, items: Any) -> list[SignedTransaction | DexError]:
            from dex import TerminalError

            return [
                TerminalError("no")
                if item.intent.route.amount_in == orders[1].amount and i == 1 and len(items) == 3
                else answer
                for i, (item, answer) in enumerate(zip(items, sign(items), strict=True))
            ]

    run_stage(Stage.BUILD, engine=Engine(Picky(engine.chain, {})), policy=policy)
    drive()

    assert sorted(Order.objects.values_list("status", flat=True)) == ["CONFIRMED", "CONFIRMED", "FAILED"]
    assert sorted(Submission.objects.values_list("key", flat=True)) == [0, 1]


def test_cancel_is_refused_a_promise_once_bytes_may_have_left(account: Account, drive: Drive) -> None:
    early, late = place(account, terms(), terms())
    assert cancel_orders([early.id], actor=Actor("t"))[early.id] is CancelResult.CANCELLED
    drive(Stage.ROUTE, Stage.BUILD)

    assert cancel_orders([late.id], actor=Actor("t"))[late.id] is CancelResult.TOO_LATE

    drive()
    late.refresh_from_db()
    assert (late.status, late.outcome) == ("FAILED", "cancelled")
    assert cancel_orders([late.id], actor=Actor("t"))[late.id] is CancelResult.ALREADY_ENDED


def test_every_stored_history_replays_to_the_stored_status(account: Account, drive: Drive) -> None:
    place(account, *(terms(scenario=name) for name in ("none", "slippage", "network", "timeout", "dropped")))

    drive()

    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM orders_order o WHERE status <> (
                SELECT status FROM orders_orderevent e WHERE e.order_id = o.id ORDER BY seq DESC LIMIT 1)
            OR seq <> (SELECT count(*) FROM orders_orderevent e WHERE e.order_id = o.id)
            OR seq <> (SELECT max(seq) FROM orders_orderevent e WHERE e.order_id = o.id)
            """
        )
        assert cursor.fetchone() == (0,)
    assert set(Order.objects.values_list("status", flat=True)) <= {OrderStatus.CONFIRMED, OrderStatus.FAILED}


def test_a_look_is_short_but_outlasts_a_chain_that_answers_late() -> None:
    policy = Policy(lease_s=10, look_lease_s=3)

    leases = [policy.lease_of(Stage.CONFIRM, seconds) for seconds in (1.0, 4.0, 60.0)]

    assert leases == [3, 8, 10]
    assert {policy.lease_of(stage, 1.0) for stage in Stage if stage is not Stage.CONFIRM} == {10}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("column", "end"), [("terms", ("FAILED", "internal_error")), ("route", ("CONFIRMED", "filled"))]
)
def test_an_order_whose_row_cannot_be_read_ends_or_is_routed_again_and_holds_no_other_back(
    account: Account, drive: Callable[..., None], column: str, end: tuple[str, str]
) -> None:
    bad, good = place(account, terms(), terms())
    if column == "route":
        drive(Stage.ROUTE)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE orders_order SET {column} = '{{}}' WHERE id = %s", [bad.id])

    drive()

    good.refresh_from_db()
    assert (good.status, good.outcome) == ("CONFIRMED", "filled")
    ended = Order.objects.defer("terms").get(pk=bad.pk)
    assert (ended.status, ended.outcome) == end
