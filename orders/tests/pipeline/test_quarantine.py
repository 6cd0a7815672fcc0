"""Orders that kill their workers are parked, tracked and unparked, and acts by hand leave their record."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dex import Engine
from dex.chains.simulated import SimulatedChain
from orders.config import Policy
from orders.models import Account, AuditEntry, Order, Wallet
from orders.pipeline.claim import claim_orders
from orders.pipeline.quarantine import quarantined_orders, release_orders_from_quarantine
from orders.reconciliation.wallets import watch_wallets
from orders.signing.wallets import resume_wallet
from orders.states import Stage
from orders.tests.factories import let_leases_run_out, place
from orders.tests.pipeline.chain_faults import BOSS, Run, ended, settle, wallet_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]


def test_an_order_that_kills_its_workers_after_signing_is_parked_and_still_tracked(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        """The process is gone."""

    def crash(*_: Any, **__: Any) -> Any:
        raise Crash

    [order] = place(account)
    run()
    Order.objects.update(claim_count=policy.max_claims)
    monkeypatch.setattr("orders.pipeline.confirm.submissions_of", crash)
    with pytest.raises(Crash):
        run(Stage.CONFIRM)
    monkeypatch.undo()

    order.refresh_from_db()
    assert (order.status, quarantined_orders()) == ("SUBMITTED", [order])
    assert order.due_at > datetime.now(UTC) + timedelta(seconds=policy.park_s - 10)
    let_leases_run_out()
    assert claim_orders(Stage.CONFIRM, 10, 10, chain_id="simulated").orders == []
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert quarantined_orders() == []


def test_an_unparked_order_is_due_at_once(account: Account, run: Run, policy: Policy) -> None:
    [order] = place(account)
    run()
    Order.objects.update(parked_at=datetime.now(UTC), claim_count=9, due_at=datetime.now(UTC) + timedelta(hours=1))

    with pytest.raises(CommandError, match="say why"):
        call_command("reconcile", "unpark", str(order.id), "--reason", " ")
    call_command("reconcile", "unpark", str(order.id), "--reason", "memory is fixed")

    [claimed] = claim_orders(Stage.CONFIRM, 10, 10, chain_id="simulated").orders
    assert claimed.claim_count == 1
    assert release_orders_from_quarantine([order.id], actor=BOSS) == 0
    entry = AuditEntry.objects.get(action="order.unpark")
    assert (entry.subject, entry.account_id, entry.reason) == (f"order:{order.id}", account.id, "memory is fixed")
    assert (entry.before, entry.after) == ("parked", "SUBMITTED")


@pytest.mark.parametrize("act", ["unpark", "resume", "pause"])
def test_an_act_by_hand_is_stored_with_its_record_or_not_at_all(
    account: Account, engine: Engine, run: Run, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    def crash(*_: Any) -> None:
        raise ConnectionError("the process is gone")

    [order] = place(account)
    run()
    Order.objects.update(parked_at=datetime.now(UTC))
    Wallet.objects.update(
        paused_reason="" if act == "pause" else "somebody else", next_nonce=0 if act == "pause" else 1
    )
    monkeypatch.setattr("orders.pipeline.quarantine.record", crash)
    monkeypatch.setattr("orders.signing.wallets.record", crash)

    acts: dict[str, Callable[[], object]] = {
        "unpark": lambda: release_orders_from_quarantine([order.id], actor=BOSS),
        "resume": lambda: resume_wallet(wallet_of(account), engine, BOSS),
        "pause": lambda: watch_wallets(engine),
    }
    with pytest.raises(ConnectionError):
        acts[act]()

    order.refresh_from_db()
    assert order.parked_at is not None
    assert wallet_of(account).paused_reason == ("" if act == "pause" else "somebody else")
