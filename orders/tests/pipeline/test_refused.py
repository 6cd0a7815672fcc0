"""What the chain refuses for good: its nonce is used up, and the chain's word on it ends the order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dex import BroadcastRejected, DexError, Engine, InsufficientFunds
from dex import SignedTransaction as Signed
from dex.chains.simulated import SimulatedChain
from orders.config import Policy
from orders.models import Account, Order, SignedTransaction, Submission
from orders.pipeline.loop import run_stage
from orders.pipeline.maintenance import send_what_is_unsent
from orders.reconciliation.orders import audit_orders
from orders.signing.nonces import clear_nonces
from orders.states import Stage
from orders.tests.factories import place
from orders.tests.pipeline.chain_faults import CONFIRMATIONS, Run, ended, events, executed, settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]


def refuse(chain: SimulatedChain, monkeypatch: pytest.MonkeyPatch, *, noops: bool) -> list[str]:
    """Have the chain refuse swaps for good, and what does nothing too if asked; the hashes that it has refused."""
    accept, refused = chain.broadcast, list[str]()

    def broadcast(transactions: Sequence[Signed]) -> list[DexError | None]:
        harmless = set(SignedTransaction.objects.filter(is_noop=True).values_list("tx_hash", flat=True))
        bad = [item for item in transactions if noops or item.tx_hash not in harmless]
        refused.extend(item.tx_hash for item in bad)
        answers = dict(zip(transactions, accept([item for item in transactions if item not in bad]), strict=False))
        return [BroadcastRejected("invalid opcode") if item in bad else answers.get(item) for item in transactions]

    monkeypatch.setattr(chain, "broadcast", broadcast)
    return refused


def test_a_swap_that_the_chain_refuses_for_good_ends_when_its_nonce_is_consumed(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)
    with monkeypatch.context() as strict:
        refused = refuse(chain, strict, noops=False)
        run(Stage.ROUTE)

        assert ended(order) == ("SUBMITTED", None)
        assert events(order, "doubt")[0]["code"] == "rejected"
        [held] = Submission.objects.all()
        assert (held.order_id, held.key, held.closed_at) == (order.id, 0, None)
        run(Stage.CONFIRM)
        assert ended(order) == ("SUBMITTED", None), "the chain's word on its nonce ends it, nothing else"
        assert len(events(order, "cancel")) == 1, "it does not wait until it is stuck, and no fee bump is tried"
        for _ in range(3):
            run(Stage.CONFIRM)
        assert ended(order) == ("SUBMITTED", None)
        settle(chain, run, policy)

    assert ended(order) == ("FAILED", "not_included")
    held.refresh_from_db()
    assert held.closed_at is not None
    assert [refused[0]] * 2 == refused, "asked twice, never signed again"
    assert (executed(), SignedTransaction.objects.filter(is_noop=False).count()) == ([], 1)
    assert SignedTransaction.objects.filter(is_noop=True).count() == 1
    [after] = place(account)
    settle(chain, run, policy)
    assert ended(after) == ("CONFIRMED", "filled")
    assert Submission.objects.get(order=after).key == 1
    assert list(audit_orders()) == []


def test_a_refused_swap_that_another_node_took_after_all_executes(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)
    accept = chain.broadcast

    def broadcast(transactions: Sequence[Signed]) -> list[DexError | None]:
        answers = accept(transactions)
        swaps = set(SignedTransaction.objects.filter(is_noop=False).values_list("tx_hash", flat=True))
        chain.advance()
        return [
            BroadcastRejected("invalid opcode") if item.tx_hash in swaps else answer
            for item, answer in zip(transactions, answers, strict=True)
        ]

    monkeypatch.setattr(chain, "broadcast", broadcast)
    run()
    settle(chain, run, policy)

    assert ended(order) == ("CONFIRMED", "filled")
    assert executed() == [order.tx_hash]


def test_a_wallet_that_cannot_pay_yet_is_waited_for(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)
    with monkeypatch.context() as poor:
        poor.setattr(chain, "broadcast", lambda items: [InsufficientFunds("for gas") for _ in items])
        run()
        run(Stage.CONFIRM)
        run(Stage.CONFIRM)
    settle(chain, run, policy)

    assert (ended(order), events(order, "cancel")) == (("CONFIRMED", "filled"), [])


def test_where_everything_is_refused_the_order_waits_for_its_deadline_and_the_nonce_is_kept(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = replace(policy, stuck_s=0.0, max_replacements=1)
    [order] = place(account)
    with monkeypatch.context() as strict:
        refuse(chain, strict, noops=True)
        for _ in range(3):
            run(policy=late)
            assert ended(order) == ("SUBMITTED", None)
        assert SignedTransaction.objects.filter(is_noop=True).exists()
        SignedTransaction.objects.update(deadline=0)  # as if that time had passed
        settle(chain, run, late)
        clear_nonces(engine, late)

        assert ended(order) == ("FAILED", "expired")
        assert Submission.objects.get().closed_at is None
        assert executed() == []
    clear_nonces(engine, policy)
    chain.mine(CONFIRMATIONS)
    clear_nonces(engine, policy)

    assert Submission.objects.get().closed_at is not None
    assert executed() == []
    [after] = place(account)
    settle(chain, run, policy)
    assert ended(after) == ("CONFIRMED", "filled")
    assert list(audit_orders()) == []


def test_bytes_of_a_dead_worker_that_are_refused_leave_their_order_to_the_chains_word(
    account: Account, engine: Engine, chain: SimulatedChain, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)
    run_stage(Stage.ROUTE, engine=engine, policy=policy, carries_to={Stage.ROUTE: Stage.BUILD})
    Order.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=2))
    refuse(chain, monkeypatch, noops=False)

    send_what_is_unsent(engine)

    assert ended(order) == ("SUBMITTED", None)
    assert events(order, "doubt")[0]["code"] == "rejected"
    assert Submission.objects.get().closed_at is None
