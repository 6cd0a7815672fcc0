"""Blocks that are not final yet, and blocks that are taken back: only what is final ends an order."""

import time
from dataclasses import replace
from typing import Any

import pytest

from dex import Engine, Side, SwapIntent
from dex import SignedTransaction as Signed
from dex.chains.simulated import SimulatedChain
from dex.chains.simulated.models import ChainTransaction
from dex.types import SwapRequest
from orders.config import Policy
from orders.models import Account, AuditEntry, Fill, SignedTransaction, Submission, TradingControl
from orders.reconciliation.orders import audit_orders
from orders.reconciliation.wallets import watch_wallets
from orders.risk.pause import find_target, resume
from orders.services.cancel import cancel_orders
from orders.states import Stage
from orders.tests.factories import new_account, place, terms
from orders.tests.pipeline.chain_faults import (
    BOSS,
    CONFIRMATIONS,
    Run,
    ended,
    events,
    executed,
    settle,
    signatures_recorded,
    signatures_stored,
    wallet_of,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]


def test_an_order_is_confirmed_when_its_block_is_final_and_not_before(
    account: Account, chain: SimulatedChain, run: Run
) -> None:
    [order] = place(account)
    for _ in range(CONFIRMATIONS - 1):
        run()
        assert ended(order) == ("SUBMITTED", None)
        chain.mine()

    run()

    assert ended(order) == ("CONFIRMED", "filled")
    assert Submission.objects.get().closed_at is not None


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("is_forgotten", [False, True], ids=["kept", "forgotten"])
def test_a_reorg_leaves_the_order_submitted_and_its_bytes_go_out_again(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy, depth: int, is_forgotten: bool
) -> None:
    supply = chain.store.total_supply()
    [order] = place(account)
    run()
    chain.mine(depth - 1)
    run()
    stored = SignedTransaction.objects.get()
    assert stored.mined_hash is not None

    assert chain.reorg(depth, forget=None if is_forgotten else ()) == [stored.tx_hash]
    run()

    assert ended(order) == ("SUBMITTED", None)
    if is_forgotten:
        assert events(order, "reorg") == [{"tx_hash": stored.tx_hash, "block_number": stored.mined_block}]
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert (Fill.objects.count(), SignedTransaction.objects.count(), executed()) == (1, 1, [stored.tx_hash])
    assert chain.store.total_supply() == supply
    assert list(audit_orders()) == []


def test_a_reorg_that_turns_success_into_a_revert_fails_nothing_before_it_is_final(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [order] = place(account, terms(max_slippage_ppm=10))
    once = replace(policy, max_attempts=1)
    run(policy=once)
    assert executed()
    [quote] = Engine(chain).route([SwapRequest("SOL", "USDC", Side.EXACT_IN, 10**13, 0)])
    chain.next_nonce("rival")
    rival = SwapIntent("rival", 0, Side.EXACT_IN, quote.route, 1, 10**15, int(time.time()) + 600)  # type: ignore[union-attr]
    first = chain.sign([rival])[0]
    assert isinstance(first, Signed)

    chain.reorg(1, forget=None)
    chain.broadcast([first])
    chain.advance()
    run(policy=once)

    assert ended(order) == ("SUBMITTED", None)
    run(policy=once)
    assert ended(order) == ("SUBMITTED", None)
    settle(chain, run, once)
    assert ended(order) == ("FAILED", "slippage")
    assert not Fill.objects.exists()
    assert executed() == [first.tx_hash]


def test_an_order_can_ask_for_its_reorg(account: Account, chain: SimulatedChain, run: Run, policy: Policy) -> None:
    [order] = place(account, terms(scenario="reorg"))
    run()
    chain.mine()
    run()
    assert ended(order) == ("SUBMITTED", None)

    settle(chain, run, policy)

    assert ended(order) == ("CONFIRMED", "filled")
    assert ChainTransaction.objects.get().taken_back_count == 1


def test_a_reorg_past_finality_unconfirms_nothing_and_pauses_the_chain(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    supply = chain.store.total_supply()
    [order] = place(account)
    run()
    settle(chain, run, policy, rounds=1)
    assert ended(order) == ("CONFIRMED", "filled")

    chain.reorg(CONFIRMATIONS + 1, forget=None, past_finality=True)
    [finding] = watch_wallets(engine)

    assert (finding.has_lost_final, finding.has_gap, finding.is_reported) == (True, False, False)
    [row] = TradingControl.objects.all()
    assert (row.scope, row.chain_id, row.actor, row.is_by_owner) == ("chain", "simulated", "engine", False)
    assert "gone" in row.reason
    [halt, incident] = AuditEntry.objects.exclude(action="transaction.sign").order_by("id")
    assert (halt.action, halt.subject) == ("halt.set", "halt:chain:simulated")
    assert (incident.action, incident.subject) == ("incident.reorg", f"wallet:{wallet_of(account).address}")
    assert (incident.before, incident.after) == ({"next_nonce": 1}, {"next_nonce": 0})
    [waits] = place(new_account())
    run()
    assert ended(waits) == ("PENDING", None)
    assert ended(order) == ("CONFIRMED", "filled")
    chain.advance()
    assert executed() == [order.tx_hash]
    assert chain.store.total_supply() == supply
    assert watch_wallets(engine) == []


def test_a_chain_that_somebody_resumed_after_a_deep_reorg_is_paused_again_only_by_another_one(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(account)
    run()
    settle(chain, run, policy, rounds=1)
    target = find_target("chain", "", engine)
    with monkeypatch.context() as silent:
        silent.setattr("orders.reconciliation.wallets.broadcast", lambda *_: [])
        chain.reorg(CONFIRMATIONS + 1, forget=None, past_finality=True)
        watch_wallets(engine)
        assert resume(target, BOSS)

        [again] = watch_wallets(engine)

        assert (again.has_lost_final, again.is_reported) == (True, True)
        assert not TradingControl.objects.exists()
    watch_wallets(engine)
    chain.mine(CONFIRMATIONS)
    assert watch_wallets(engine) == []
    assert AuditEntry.objects.filter(action="incident.reorg").count() == 1

    chain.reorg(CONFIRMATIONS + 1, forget=None, past_finality=True)
    [other] = watch_wallets(engine)

    assert (other.has_lost_final, other.is_reported) == (True, False)
    assert TradingControl.objects.get().scope == "chain"
    assert AuditEntry.objects.filter(action="incident.reorg").count() == 2


def test_the_pause_for_a_deep_reorg_is_stored_with_its_record_or_not_at_all(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise ConnectionError("the process is gone")

    place(account)
    run()
    settle(chain, run, policy, rounds=1)
    chain.reorg(CONFIRMATIONS + 1, forget=None, past_finality=True)
    monkeypatch.setattr("orders.reconciliation.wallets.record", crash)
    with pytest.raises(ConnectionError):
        watch_wallets(engine)

    assert not TradingControl.objects.exists()
    assert not AuditEntry.objects.filter(action="halt.set").exists()
    assert wallet_of(account).lost_from is None
    monkeypatch.undo()
    watch_wallets(engine)
    assert TradingControl.objects.count() == 1


@pytest.mark.parametrize("ending", ["cancelled", "slippage", "again"])
def test_after_a_deep_reorg_a_cancellation_consumes_a_nonce_that_swapped_nothing(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy, ending: str
) -> None:
    once = replace(policy, max_attempts=2 if ending == "again" else 1)
    [order] = place(account, terms(scenario="stuck" if ending == "cancelled" else "slippage"))
    run(policy=once)
    if ending == "cancelled":
        cancel_orders([order.id], actor=BOSS)
        run(policy=once)
    chain.mine(CONFIRMATIONS)
    run(Stage.CONFIRM, policy=once)
    status, outcome = ended(order)
    assert (status, outcome) == (("ROUTING", None) if ending == "again" else ("FAILED", ending))
    [held] = Submission.objects.all()
    assert held.closed_at is not None

    chain.reorg(CONFIRMATIONS + 1, forget=None, past_finality=True)
    watch_wallets(engine)
    resume(find_target("chain", "", engine), BOSS)
    [after] = place(account)
    settle(chain, run, policy)

    assert watch_wallets(engine) == []
    assert ended(after) == ("CONFIRMED", "filled")
    assert ChainTransaction.objects.get(state="included", nonce=0).amount_out == 0
    newest = SignedTransaction.objects.filter(submission=held).latest("id")
    assert (newest.is_noop, chain.receipts([newest.tx_hash])[0] is not None) == (True, True)
    assert signatures_recorded() == signatures_stored()
    assert list(audit_orders()) == []
