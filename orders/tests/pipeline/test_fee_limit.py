"""`fee.max_native`: nothing is signed that could cost more, be it a first swap, a later attempt or a replacement."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from dex import CancellationIntent, FeeStrategy, SwapIntent
from dex.chains.simulated import SimulatedOptions
from dex.chains.simulated.transaction import decode
from orders.config import Policy
from orders.models import Account, Order, OrderEvent, SignedTransaction
from orders.pipeline.waiting import CEILING_S
from orders.presentation.orders import order_json
from orders.services.cancel import Actor, cancel_orders
from orders.signing.nonces import clear_nonces
from orders.states import Stage
from orders.tests.charging import PER_SWAP, ChargingChain, ChargingEngine, Tariff, fee_of, paid_on_the_chain
from orders.tests.factories import place, terms
from orders.tests.pipeline.chain_faults import CONFIRMATIONS, Run, ended, events, settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]

DEAR, CHEAP = 10**9, 100
LIMIT = 50_000


@pytest.fixture
def tariff() -> Tariff:
    return Tariff()


@pytest.fixture
def engine(db: None, tariff: Tariff) -> ChargingEngine:
    return ChargingEngine(ChargingChain(SimulatedOptions(required_confirmations=CONFIRMATIONS), tariff))


@pytest.fixture
def chain(engine: ChargingEngine) -> ChargingChain:
    assert isinstance(engine.chain, ChargingChain)
    engine.chain.advance()
    return engine.chain


def told(order: Order) -> list[str]:
    return list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("status", flat=True))


def offered(order: Order) -> list[int]:
    """The most per transaction of the swaps that were signed for it."""
    signed = SignedTransaction.objects.filter(submission__order=order, is_noop=False).order_by("id")
    return list(signed.values_list("max_fee", flat=True))


@pytest.mark.parametrize(("strategy", "times"), [("slow", 1), ("normal", 2), ("fast", 3)])
def test_the_strategy_of_an_order_is_what_it_offers(
    account: Account, chain: ChargingChain, run: Run, policy: Policy, strategy: str, times: int
) -> None:
    [order] = place(account, terms(fee_strategy=strategy))
    run(policy=policy)

    assert offered(order) == [chain.tariff.per_transaction * times]
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert list(FeeStrategy) == ["slow", "normal", "fast"]


def test_it_waits_for_lower_fees_without_an_event_and_goes_on_with_a_new_route(
    account: Account, chain: ChargingChain, run: Run, policy: Policy, tariff: Tariff
) -> None:
    tariff.per_transaction = DEAR
    [order] = place(account, terms(max_network_fee=LIMIT))
    for _ in range(4):
        run(policy=policy)

    order.refresh_from_db()
    assert (order.status, order.waiting_for, order.attempt) == ("ROUTING", "fees", 1)
    assert told(order) == ["PENDING", "ROUTING", "ROUTING"]
    [wait] = events(order, "retry")
    assert wait["code"] == "fees_too_high"
    assert wait["detail"] == "it may cost 2 SOL on the network now, and fee.max_native leaves 0.00005"
    assert not SignedTransaction.objects.exists()

    tariff.per_transaction = CHEAP
    run(policy=policy)
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert offered(order) == [2 * CHEAP]
    assert told(order)[2:5] == ["ROUTING", "BUILDING", "SUBMITTED"]


def test_what_has_become_dearer_since_it_was_routed_is_not_signed(
    account: Account, chain: ChargingChain, run: Run, policy: Policy, tariff: Tariff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.pipeline.route.offers_for", lambda requests, ask: None)
    tariff.per_transaction = DEAR
    [order] = place(account, terms(max_network_fee=LIMIT))
    for _ in range(3):
        run(policy=policy)

    order.refresh_from_db()
    assert (order.status, order.waiting_for) == ("BUILDING", "fees")
    assert told(order) == ["PENDING", "ROUTING", "BUILDING", "BUILDING"]
    assert not SignedTransaction.objects.exists()
    tariff.per_transaction = CHEAP
    run(policy=policy)
    run(policy=policy)
    assert told(order)[3:6] == ["BUILDING", "ROUTING", "BUILDING"]


def test_a_route_that_is_expected_to_cost_more_waits_before_it_is_built(
    account: Account, chain: ChargingChain, run: Run, policy: Policy
) -> None:
    [order] = place(account, terms(max_network_fee=PER_SWAP - 1))
    for _ in range(3):
        run(policy=policy)

    order.refresh_from_db()
    assert (order.status, order.waiting_for) == ("ROUTING", "fees")
    assert told(order) == ["PENDING", "ROUTING", "ROUTING"]


@pytest.mark.parametrize("has_expiry", [False, True])
def test_its_time_limit_ends_the_wait(
    account: Account, chain: ChargingChain, run: Run, policy: Policy, tariff: Tariff, has_expiry: bool
) -> None:
    tariff.per_transaction = DEAR
    expires_at = datetime.now(UTC) + timedelta(hours=1) if has_expiry else None
    [order] = place(account, terms(max_network_fee=LIMIT, expires_at=expires_at))
    run(policy=policy)
    impatient = replace(policy, patience_s=0.0)
    run(policy=impatient)
    if has_expiry:
        assert ended(order) == ("ROUTING", None)
        Order.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        run(policy=impatient)

    assert ended(order) == ("FAILED", "expired" if has_expiry else "fees_too_high")
    order.refresh_from_db()
    assert order.failure is not None
    if not has_expiry:
        assert order.failure["try"] == "Raise fee.max_native, or place the order again when fees have fallen"
        assert order.failure["facts"] == {"token": "SOL", "may_cost": "2", "left": "0.00005"}
    assert not SignedTransaction.objects.exists()
    assert CEILING_S == 1.0


def test_exactly_the_limit_is_signed_and_one_atom_more_is_not(
    account: Account, chain: ChargingChain, run: Run, policy: Policy, tariff: Tariff
) -> None:
    most = 2 * tariff.per_transaction
    within, above = place(account, terms(max_network_fee=most), terms(max_network_fee=most - 1))
    run(policy=policy)

    assert (len(offered(within)), len(offered(above))) == (1, 0)


@pytest.mark.parametrize("spare", [0, -1])
def test_a_stuck_swap_is_replaced_as_far_as_the_limit_goes_and_else_waits_for_a_block(
    account: Account, chain: ChargingChain, run: Run, policy: Policy, tariff: Tariff, spare: int
) -> None:
    """A cancellation is not held to it: later orders of the wallet need the nonce."""
    first = 2 * tariff.per_transaction
    bumped = first * 9 // 8
    [order] = place(account, terms(scenario="stuck", max_network_fee=bumped + spare))
    run(policy=policy)
    for _ in range(3):
        run(Stage.CONFIRM, policy=replace(policy, stuck_s=0.0))
    settle(chain, run, policy)

    if spare == 0:
        assert offered(order) == [first, bumped]
        assert ended(order) == ("CONFIRMED", "filled")
        return
    assert offered(order) == [first]
    assert ended(order) == ("SUBMITTED", None)
    cancel_orders([order.id], actor=Actor("its owner"))
    settle(chain, run, policy)
    assert ended(order) == ("FAILED", "cancelled")


def test_earlier_attempts_count_towards_the_limit(
    account: Account, chain: ChargingChain, run: Run, policy: Policy, tariff: Tariff
) -> None:
    [order] = place(account, terms(max_network_fee=LIMIT))
    Order.objects.filter(pk=order.pk).update(network_fee_paid=LIMIT - 2 * tariff.per_transaction + 1)
    run(policy=policy)
    assert not SignedTransaction.objects.exists()

    Order.objects.filter(pk=order.pk).update(network_fee_paid=F("network_fee_paid") - 1)
    run(policy=policy)
    run(policy=policy)
    assert len(offered(order)) == 1


def test_what_failed_attempts_and_the_last_one_cost_is_added_up(
    account: Account, chain: ChargingChain, engine: ChargingEngine, run: Run, policy: Policy
) -> None:
    """The scenario reverts each attempt: three transactions, three fees."""
    [order] = place(account, terms(scenario="slippage"))
    for _ in range(4):
        run(policy=policy)
        settle(chain, run, policy)

    assert ended(order) == ("FAILED", "slippage")
    order.refresh_from_db()
    hashes = list(SignedTransaction.objects.values_list("tx_hash", flat=True))
    assert len(hashes) == policy.max_attempts
    assert order.network_fee_paid == sum(map(fee_of, hashes)) == paid_on_the_chain(order, engine)
    sums = [int(paid["amount_raw"]) for paid in events(order, "network_fee_paid")]
    assert sums == [sum(map(fee_of, hashes[:n])) for n in range(1, len(hashes) + 1)]
    shown = order_json(order)["network_fee_paid"]
    assert (shown["token"], shown["amount_raw"]) == ("SOL", str(order.network_fee_paid))


def test_the_cancellation_that_follows_an_expiry_is_added_once_it_is_final(
    account: Account, chain: ChargingChain, engine: ChargingEngine, run: Run, policy: Policy
) -> None:
    late = replace(policy, deadline_s=-10)
    [order] = place(account, terms(scenario="stuck"))
    run(policy=late)
    chain.mine(CONFIRMATIONS)
    run(Stage.CONFIRM, policy=late)
    assert ended(order) == ("FAILED", "expired")
    before = order.seq
    assert order_json(order)["network_fee_paid"] is None

    for _ in range(4):
        clear_nonces(engine, policy)
        chain.mine(CONFIRMATIONS)
    assert clear_nonces(engine, policy) == 0

    order.refresh_from_db()
    [cancellation] = SignedTransaction.objects.filter(is_noop=True)
    assert order.network_fee_paid == fee_of(cancellation.tx_hash) == paid_on_the_chain(order, engine)
    assert order.seq == before


def test_no_fee_is_counted_by_a_receipt_that_is_not_final(
    account: Account,
    chain: ChargingChain,
    engine: ChargingEngine,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nodes may agree that a nonce is used before they agree on what used it."""
    late = replace(policy, deadline_s=-10)
    [order] = place(account, terms(scenario="stuck"))
    run(policy=late)
    chain.mine(CONFIRMATIONS)
    run(Stage.CONFIRM, policy=late)
    clear_nonces(engine, policy)
    chain.mine(CONFIRMATIONS)
    receipts = chain.receipts
    with monkeypatch.context() as patch:
        patch.setattr(
            chain, "receipts", lambda hashes: [one and replace(one, is_final=False) for one in receipts(hashes)]
        )
        assert clear_nonces(engine, policy) == 1
    order.refresh_from_db()
    assert order.network_fee_paid is None

    assert clear_nonces(engine, policy) == 0

    order.refresh_from_db()
    assert order.network_fee_paid == paid_on_the_chain(order, engine)
    assert order.network_fee_paid


def test_a_cancelled_order_states_what_its_cancellation_cost(
    account: Account, chain: ChargingChain, engine: ChargingEngine, run: Run, policy: Policy
) -> None:
    [order] = place(account, terms(scenario="stuck", max_network_fee=LIMIT))
    run(policy=policy)
    cancel_orders([order.id], actor=Actor("its owner"))
    run(policy=policy)
    settle(chain, run, policy)

    assert ended(order) == ("FAILED", "cancelled")
    order.refresh_from_db()
    [cancellation] = SignedTransaction.objects.filter(is_noop=True)
    assert isinstance(decode(chain.chain_id, bytes(cancellation.raw)).intent, CancellationIntent)
    assert order.network_fee_paid == fee_of(cancellation.tx_hash)


def test_an_order_of_before_gets_its_native_token_with_its_first_fee(
    account: Account, chain: ChargingChain, run: Run, policy: Policy
) -> None:
    [order] = place(account)
    assert Order.objects.filter(pk=order.pk, native_token__isnull=True).exists()
    run(policy=policy)
    settle(chain, run, policy)

    order = Order.objects.get(pk=order.pk)
    assert (order.native_token, order.native_decimals) == ("SOL", 9)
    assert order.network_fee_paid == fee_of(order.tx_hash or "")
    [signed] = SignedTransaction.objects.filter(submission__order=order)
    assert isinstance(decode(chain.chain_id, bytes(signed.raw)).intent, SwapIntent)
