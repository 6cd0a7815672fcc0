"""Orders under every fault of a chain, replaced and cancelled: each executes at most once, and every atom stays."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dex import Engine, RetryableError
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.models import ChainTransaction
from orders.config import Policy
from orders.models import Account, Fill, Order, SignedTransaction, Submission, Wallet
from orders.pipeline.loop import run_stage
from orders.reconciliation.orders import audit_orders
from orders.reconciliation.wallets import watch_wallets
from orders.services.cancel import Actor, cancel_orders
from orders.signing.nonces import clear_nonces
from orders.states import TERMINAL, Stage
from orders.tests.charging import ChargingChain, paid_on_the_chain
from orders.tests.factories import new_account, place, terms

pytestmark = pytest.mark.django_db(transaction=True)

CONFIRMATIONS = 4
SCENARIOS = ("none", "none", "stuck", "race", "dropped", "timeout", "network", "slippage", "reorg")
PATIENT = Policy(retry_base_s=0.001, retry_cap_s=0.001, resend_s=0.0, stuck_s=1e9, max_replacements=2)
# What is not in a block is replaced at each look.
IMPATIENT = replace(PATIENT, stuck_s=0.0)
# What is signed now is past its deadline already.
LATE = replace(PATIENT, deadline_s=-10)

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.sampled_from(SCENARIOS)),
        st.tuples(st.just("look"), st.sampled_from((PATIENT, IMPATIENT, LATE))),
        st.tuples(st.just("mine"), st.integers(1, 4)),
        st.tuples(st.just("reorg"), st.integers(1, CONFIRMATIONS - 1)),
        st.tuples(st.just("forget"), st.integers(1, CONFIRMATIONS - 1)),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
        st.tuples(st.just("clear"), st.none()),
    ),
    min_size=4,
    max_size=25,
)


@pytest.fixture
def engine(db: None) -> Engine:
    """Four confirmations; blocks when something waits or when the test makes them."""
    return Engine(ChargingChain(SimulatedOptions(required_confirmations=CONFIRMATIONS)))


def chain_of(engine: Engine) -> SimulatedChain:
    assert isinstance(engine.chain, SimulatedChain)
    return engine.chain


def look(engine: Engine, policy: Policy) -> None:
    """All stages once, on all unleased orders."""
    for stage in Stage:
        now = datetime.now(UTC)
        free = Order.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
        free.update(due_at=now - timedelta(seconds=1))
        with contextlib.suppress(RetryableError):
            run_stage(stage, engine=engine, policy=policy)


def do(act: str, value: Any, account: Account, engine: Engine) -> None:
    chain = chain_of(engine)
    if act == "place":
        place(account, terms(scenario=value))
    elif act == "look":
        look(engine, value)
    elif act == "mine":
        chain.mine(value)
    elif act == "cancel":
        ids = list(Order.objects.filter(account=account).order_by("id").values_list("id", flat=True))
        cancel_orders(ids[value : value + 1], actor=Actor("its owner"))
    elif act == "clear":
        clear_nonces(engine, IMPATIENT)
    elif chain.advance() >= value:
        chain.reorg(value, forget=() if act == "reorg" else None)


def check_executions(account: Account, engine: Engine) -> None:
    """By the chain's own books: an order that has ended executed as it says, and nothing executed twice."""
    done = set(
        ChainTransaction.objects.filter(state="included", code__isnull=True, amount_out__gt=0).values_list(
            "tx_hash", flat=True
        )
    )
    for order in Order.objects.filter(account=account):
        signed = SignedTransaction.objects.filter(submission__order=order).values_list("tx_hash", flat=True)
        swaps = done & set(signed)
        assert len(swaps) <= 1, order
        if order.status == "CONFIRMED":
            assert swaps == {order.tx_hash}
            [receipt] = engine.receipts([order.tx_hash or ""])
            assert receipt is not None
            assert receipt.is_final
        if order.status == "FAILED":
            assert not swaps, order


def check_fees(account: Account, engine: Engine) -> None:
    """What an order has paid is what its closed submissions cost: of the chain's final receipts none twice, or not."""
    for order in Order.objects.filter(account=account):
        charged = list(Submission.objects.filter(order=order, fee_paid__isnull=False))
        assert all(submission.closed_at for submission in charged)
        assert order.network_fee_paid == (sum(s.fee_paid or 0 for s in charged) if charged else None)
        if not Submission.objects.filter(order=order, closed_at__isnull=True).exists():
            assert order.network_fee_paid == paid_on_the_chain(order, engine)


def finish(account: Account, engine: Engine) -> None:
    """No more faults: let everything end."""
    for _ in range(40):
        chain_of(engine).mine(CONFIRMATIONS)
        look(engine, IMPATIENT)
        left = clear_nonces(engine, IMPATIENT)
        if not left and not Order.objects.filter(account=account).exclude(status__in=TERMINAL).exists():
            return
    raise AssertionError(list(Order.objects.filter(account=account).exclude(status__in=TERMINAL)))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(acts=ACTS)
def test_random_faults_execute_no_order_twice_and_lose_no_atom(
    tokens: None, engine: Engine, acts: list[tuple[str, Any]]
) -> None:
    chain_of(engine).advance()
    account, supply = new_account(), chain_of(engine).store.total_supply()

    for act, value in acts:
        do(act, value, account, engine)
        check_executions(account, engine)
        check_fees(account, engine)
    finish(account, engine)

    check_executions(account, engine)
    check_fees(account, engine)
    assert chain_of(engine).store.total_supply() == supply
    assert list(audit_orders()) == []
    assert watch_wallets(engine) == []
    assert not Submission.objects.filter(closed_at__isnull=True).exists()
    for wallet in Wallet.objects.filter(account=account):
        assert engine.chain.next_nonce(wallet.address) == wallet.next_nonce
        assert wallet.paused_reason == ""
    confirmed = Order.objects.filter(account=account, status="CONFIRMED")
    filled = Fill.objects.filter(order__account=account).values_list("order_id", flat=True)
    assert set(filled) == set(confirmed.values_list("id", flat=True))
