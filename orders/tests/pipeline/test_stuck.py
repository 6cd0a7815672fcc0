"""Submitted orders that are stuck are replaced, raced and cancelled at their nonce; the chain decides."""

from dataclasses import replace
from typing import Any

import pytest

from dex import Engine, Fees
from dex.chains.simulated import SimulatedChain
from dex.chains.simulated.fees import TRANSACTION_FEE
from dex.chains.simulated.models import ChainTransaction
from dex.chains.simulated.options import USUAL_FEES
from orders.config import Policy
from orders.models import Account, Fill, SignedTransaction, Submission
from orders.reconciliation.orders import audit_orders
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.tests.factories import let_leases_run_out, place, terms
from orders.tests.pipeline.chain_faults import (
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


def test_stuck_bytes_are_replaced_at_the_same_nonce(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [order] = place(account, terms(scenario="stuck"))
    run()
    assert executed() == []

    run(policy=replace(policy, stuck_s=0.0))

    first, second = SignedTransaction.objects.order_by("id")
    assert first.submission_id == second.submission_id
    assert Fees(second.max_fee, second.priority_fee) == USUAL_FEES.bumped()
    [told] = events(order, "replacement")
    assert (told["tx_hash"], told["nonce"]) == (second.tx_hash, 0)
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert (order.tx_hash, order.attempt, executed()) == (second.tx_hash, 1, [second.tx_hash])
    assert list(audit_orders()) == []


def test_a_replacement_is_stored_before_it_leaves_and_goes_out_though_its_worker_dies(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        """The process is gone."""

    [order] = place(account, terms(scenario="stuck"))
    run()

    def crash(transactions: Any, engine: Engine) -> Any:
        if any(item.fees != USUAL_FEES for item in transactions):
            raise Crash
        return engine.submit(transactions)

    monkeypatch.setattr("orders.pipeline.confirm.broadcast", crash)
    with pytest.raises(Crash):
        run(policy=replace(policy, stuck_s=0.0))
    monkeypatch.undo()

    assert SignedTransaction.objects.count() == 2
    assert ChainTransaction.objects.count() == 1
    let_leases_run_out()
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert SignedTransaction.objects.count() == 2


def test_when_the_first_transaction_wins_the_race_it_decides(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [order] = place(account, terms(scenario="race"))
    run()

    run(policy=replace(policy, stuck_s=0.0))
    settle(chain, run, policy)

    first, second = SignedTransaction.objects.order_by("id")
    assert ended(order) == ("CONFIRMED", "filled")
    assert (order.tx_hash, executed()) == (first.tx_hash, [first.tx_hash])
    assert Fill.objects.get().tx_hash == first.tx_hash != second.tx_hash


def test_beyond_the_last_replacement_the_nonce_is_consumed_and_the_order_fails(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [order] = place(account, terms(scenario="stuck"))
    impatient = replace(policy, stuck_s=0.0, max_replacements=0)
    run(policy=impatient)

    run(policy=impatient)
    [later] = place(account)
    settle(chain, run, policy)

    assert ended(order) == ("FAILED", "not_included")
    assert ended(later) == ("CONFIRMED", "filled")
    assert list(SignedTransaction.objects.order_by("id").values_list("is_noop", flat=True)) == [False, True, False]
    assert executed() == [later.tx_hash]
    assert Submission.objects.filter(closed_at__isnull=True).count() == 0
    assert signatures_recorded() == signatures_stored()


def test_only_the_nonce_whose_turn_it_is_counts_as_stuck(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    orders = place(account, terms(scenario="stuck"), terms(), terms())
    run()

    run(policy=replace(policy, stuck_s=0.0))

    assert [Submission.objects.get(order=order).transactions.count() for order in orders] == [2, 1, 1]
    settle(chain, run, policy)
    assert {ended(order) for order in orders} == {("CONFIRMED", "filled")}


def test_a_submitted_order_is_cancelled_by_a_transaction_at_its_nonce(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [order] = place(account, terms(scenario="stuck"))
    run()
    before = chain.balances(wallet_of(account).address)

    assert cancel_orders([order.id], actor=Actor("its owner"))[order.id] is CancelResult.TOO_LATE
    run()

    assert ended(order) == ("SUBMITTED", None)
    assert len(events(order, "cancel")) == 1
    settle(chain, run, policy)
    assert ended(order) == ("FAILED", "cancelled")
    assert SignedTransaction.objects.filter(is_noop=True).count() == 1
    paid = before | {"SOL": before["SOL"] - TRANSACTION_FEE}
    assert (executed(), chain.balances(wallet_of(account).address)) == ([], paid)


def test_a_cancel_that_comes_after_the_block_changes_nothing(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [order] = place(account)
    run()

    cancel_orders([order.id], actor=Actor("its owner"))
    settle(chain, run, policy)

    assert ended(order) == ("CONFIRMED", "filled")
    assert SignedTransaction.objects.count() == 1


def test_a_cancelled_order_is_not_routed_again(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [order] = place(account, terms(scenario="slippage"))
    run()
    cancel_orders([order.id], actor=Actor("its owner"))

    settle(chain, run, policy)

    assert ended(order) == ("FAILED", "cancelled")
    assert order.attempt == 1
