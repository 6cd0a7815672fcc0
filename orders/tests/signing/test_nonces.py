"""Nonces that others used, and nonces that no transaction used: wallets are paused and gaps filled."""

from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command

from dex import Engine
from dex.chains.simulated import SimulatedChain
from dex.chains.simulated.options import USUAL_FEES
from orders.config import Policy
from orders.models import Account, AuditEntry, Submission, Wallet
from orders.reconciliation.wallets import watch_wallets
from orders.signing.nonces import clear_nonces
from orders.signing.wallets import resume_wallet
from orders.tests.factories import place, terms
from orders.tests.pipeline.chain_faults import (
    BOSS,
    Run,
    ended,
    events,
    executed,
    settle,
    signatures_recorded,
    signatures_stored,
    stranger,
    wallet_of,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]


def test_a_nonce_that_a_stranger_used_fails_the_order_once_that_is_final_and_pauses_the_wallet(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [first] = place(account)
    settle(chain, run, policy)
    wallet = wallet_of(account)
    chain.broadcast([stranger(chain, wallet, wallet.next_nonce)])
    chain.advance()
    [robbed] = place(account)
    impatient = replace(policy, stuck_s=0.0)

    run(policy=impatient)
    run(policy=impatient)
    assert ended(robbed) == ("SUBMITTED", None)
    assert events(robbed, "doubt")[0]["code"] == "nonce_taken"
    settle(chain, run, impatient)

    assert ended(robbed) == ("FAILED", "nonce_taken")
    assert ended(first) == ("CONFIRMED", "filled")
    assert "another program" in wallet_of(account).paused_reason
    [waits] = place(account)
    run()
    assert ended(waits) == ("BUILDING", None)
    assert not Submission.objects.filter(order=waits).exists()
    assert resume_wallet(wallet_of(account), engine, BOSS) == 2
    acts = AuditEntry.objects.filter(action__startswith="wallet").order_by("id")
    assert [(act.actor, act.action, act.after) for act in acts] == [
        ("engine", "wallet.pause", {"paused_reason": "another program used its nonce 1"}),
        ("boss", "wallet.resume", {"paused_reason": ""}),
    ]  # fmt: skip
    assert resume_wallet(wallet_of(account), engine, BOSS) is None
    settle(chain, run, policy)
    assert ended(waits) == ("CONFIRMED", "filled")


def test_a_strangers_transaction_that_waits_fails_no_order(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    place(account)
    settle(chain, run, policy)
    wallet = wallet_of(account)
    rival = stranger(chain, wallet, wallet.next_nonce, USUAL_FEES.bumped())
    [order] = place(account, terms(scenario="stuck"))
    run()

    chain.broadcast([rival])
    chain.advance()
    assert ended(order) == ("SUBMITTED", None)
    chain.reorg(1, forget=[rival.tx_hash])
    run(policy=replace(policy, stuck_s=0.0))
    settle(chain, run, policy)

    assert ended(order) == ("CONFIRMED", "filled")


def test_a_wallet_that_the_chain_has_further_on_is_paused_until_it_is_resumed(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(account)
    settle(chain, run, policy)
    assert watch_wallets(engine) == []
    wallet = wallet_of(account)
    chain.broadcast([stranger(chain, wallet, 1)])
    chain.advance()

    [finding] = watch_wallets(engine)
    [order] = place(account)
    run()

    assert (finding.chain_nonce, finding.next_nonce, finding.has_gap) == (2, 1, False)
    assert ended(order) == ("BUILDING", None)
    with pytest.raises(CommandError, match="say why"):
        call_command("reconcile", "resume", wallet.address, "--reason", " ")
    monkeypatch.setattr("orders.management.commands.reconcile.get_engine", lambda: engine)
    call_command("reconcile", "resume", wallet.address, "--reason", "the key is ours")
    paused, resumed = AuditEntry.objects.filter(action__startswith="wallet").order_by("id")
    assert (paused.action, resumed.action, resumed.reason) == ("wallet.pause", "wallet.resume", "the key is ours")
    assert wallet_of(account).next_nonce == 2
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert Submission.objects.get(order=order).key == 2


def test_a_gap_is_filled_and_what_waited_behind_it_executes(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    place(account)
    settle(chain, run, policy)
    Wallet.objects.update(next_nonce=3)
    [order] = place(account)
    run()
    chain.mine()
    run()
    assert executed() != [order.tx_hash]
    assert ended(order) == ("SUBMITTED", None)

    [finding] = watch_wallets(engine)
    clear_nonces(engine, policy)

    assert (finding.has_gap, finding.chain_nonce) == (True, 1)
    assert list(Submission.objects.filter(order=None).order_by("key").values_list("key", flat=True)) == [1, 2]
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert clear_nonces(engine, policy) == 0
    assert Submission.objects.filter(closed_at__isnull=True).count() == 0
    assert watch_wallets(engine) == []
    assert signatures_recorded() == signatures_stored()
