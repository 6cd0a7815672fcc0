"""The engine pauses by itself what keeps reverting, says so once, and leaves resuming to a person."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dex import Engine, Receipt
from orders.audit.record import Actor
from orders.config import GuardPolicy
from orders.models import Account, AuditEntry, Order, TradingControl, Wallet
from orders.risk.pause import Target, find_target, resume
from orders.risk.revert_guard import guard_trading
from orders.tests.factories import new_account, place, terms
from orders.tests.pipeline.chain_faults import Run

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
BOSS = Actor("boss", "192.0.2.1", "seen to", is_admin=True)
POLICY = GuardPolicy(revert_percent=50, last=10, at_least=4)


@pytest.fixture
def trade(engine: Engine, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Order]]:
    """Place orders and drive them to their end; the chain undoes them for the reason that is given, None: for none."""

    def run(account: Account, codes: Iterable[str | None], **changes: Any) -> list[Order]:
        told: dict[str, str | None] = {}
        left = list(codes)
        receipts = engine.chain.receipts

        def answers(tx_hashes: list[str]) -> list[Receipt | None]:
            found = receipts(tx_hashes)
            for receipt in found:
                if receipt is not None and receipt.tx_hash not in told:
                    told[receipt.tx_hash] = left.pop(0) if len(left) > 1 else left[0]
            return [_undone(receipt, told[receipt.tx_hash]) if receipt else None for receipt in found]

        with monkeypatch.context() as patch:
            patch.setattr(engine.chain, "receipts", answers)
            orders = place(account, *[terms(amount=10**6, **changes) for _ in left])
            drive()
        return orders

    return run


def _undone(receipt: Receipt, code: str | None) -> Receipt:
    if code is None:
        return receipt
    return replace(receipt, is_success=False, code=code, detail="as told", amount_in=0, amount_out=0, route=None)


def paused() -> list[tuple[str, str, int | None, str]]:
    rows = TradingControl.objects.select_related("account").order_by("id")
    return [(row.scope, row.chain_id, row.account_id, row.venue) for row in rows]


def incidents(action: str) -> list[str]:
    return list(AuditEntry.objects.filter(action=action).order_by("id").values_list("subject", flat=True))


def wallet_of(account: Account) -> Target:
    wallet = Wallet.objects.get(account=account)
    return Target("wallet", wallet.address, wallet.chain_id, account.pk)


def test_a_wallet_whose_executions_revert_is_paused_once_with_an_incident(
    account: Account, engine: Engine, trade: Any, run: Run
) -> None:
    trade(account, [None, None, "reverted", "reverted"])
    assert guard_trading(engine, POLICY) == [], "half of them is not more than half"

    trade(account, ["reverted"])
    [target] = guard_trading(engine, POLICY)

    assert target == wallet_of(account)
    assert guard_trading(engine, POLICY) == [], "said once"
    assert paused() == [("wallet", "simulated", account.pk, "")]
    entry = AuditEntry.objects.get(action="incident.reverts")
    assert (entry.actor, entry.subject) == ("engine", f"halt:wallet:{target.name}")
    assert entry.after == {"reverted": 3, "executions": 5}
    assert "3 of its last 5 executions" in TradingControl.objects.get().reason
    [waiting] = place(account)
    for _ in range(3):
        run()
    waiting.refresh_from_db()
    assert waiting.status == "PENDING"


def test_what_a_person_has_resumed_is_judged_by_what_came_after(account: Account, engine: Engine, trade: Any) -> None:
    trade(account, ["reverted"] * 5)
    [target] = guard_trading(engine, POLICY)
    assert resume(target, BOSS)

    assert guard_trading(engine, POLICY) == []
    trade(account, ["reverted"] * 3)
    assert guard_trading(engine, POLICY) == [], "fewer than say anything"
    trade(account, ["reverted"])

    assert guard_trading(engine, POLICY) == [target]
    assert incidents("incident.reverts") == [f"halt:wallet:{target.name}"] * 2


@pytest.mark.parametrize("code", ["slippage", "expired"])
def test_prices_that_moved_and_time_that_ran_out_are_nobodys_fault(
    account: Account, engine: Engine, trade: Any, code: str
) -> None:
    orders = trade(account, [code] * 20, max_slippage_ppm=0)

    assert {order.status for order in Order.objects.filter(pk__in=[order.pk for order in orders])} <= {
        "FAILED",
        "CONFIRMED",
    }
    assert guard_trading(engine, POLICY) == []


def test_orders_that_fail_before_anything_is_signed_do_not_count(
    account: Account, engine: Engine, drive: Drive
) -> None:
    place(account, *[terms(min_amount_out=10**30) for _ in range(8)])
    drive()

    assert guard_trading(engine, POLICY) == []


def test_reverts_of_several_owners_pause_the_chain_and_the_venues_they_went_through(
    engine: Engine, account: Account, trade: Any
) -> None:
    other, third = new_account(), new_account()
    trade(account, ["reverted"] * 3, allow=["orca"])
    trade(other, ["reverted"] * 3, allow=["orca"])
    trade(third, [None] * 4, allow=["raydium"])

    found = guard_trading(engine, POLICY)

    assert sorted(target.scope for target in found) == ["chain", "venue"]
    assert sorted(paused(), key=str) == [("chain", "simulated", None, ""), ("venue", "", None, "orca")]


def test_one_owners_reverts_hold_up_nobody_else(engine: Engine, account: Account, trade: Any) -> None:
    trade(account, ["reverted"] * 9, allow=["orca"])
    trade(new_account(), [None], allow=["orca"])

    assert [target.scope for target in guard_trading(engine, POLICY)] == ["wallet"]


def test_wallets_that_lack_what_they_sell_say_nothing_about_chain_and_venue(
    engine: Engine, account: Account, trade: Any
) -> None:
    for owner in (account, new_account()):
        trade(owner, ["insufficient_funds"] * 5)

    assert [target.scope for target in guard_trading(engine, POLICY)] == ["wallet", "wallet"]


def test_only_the_last_executions_count(engine: Engine, account: Account, trade: Any) -> None:
    trade(account, ["reverted"] * 6)
    trade(account, [None] * 5)

    assert guard_trading(engine, POLICY) == [], "5 of the last 10"
    assert len(guard_trading(engine, replace(POLICY, last=50))) == 1, "6 of 11"


def test_faults_that_orders_ask_for_pause_nothing(engine: Engine, account: Account, trade: Any) -> None:
    trade(account, ["reverted"] * 8, scenario="timeout")

    assert guard_trading(engine, POLICY) == []


def test_the_guard_can_be_switched_off(engine: Engine, account: Account, trade: Any) -> None:
    trade(account, ["reverted"] * 8)

    assert guard_trading(engine, replace(POLICY, revert_percent=100)) == []


def test_where_nothing_reverts_a_look_is_one_statement(engine: Engine, account: Account, trade: Any) -> None:
    trade(account, [None] * 5)

    with CaptureQueriesContext(connection) as queries:
        assert guard_trading(engine, POLICY) == []

    assert len([q for q in queries if "orders_order" in q["sql"]]) == 1


def test_an_owner_with_two_chains_is_paused_where_both_revert(engine: Engine, account: Account, trade: Any) -> None:
    orders = trade(account, ["reverted"] * 8)
    with connection.cursor() as cursor:  # as if this database had served another chain a moment ago
        cursor.execute("UPDATE orders_order SET chain_id = 'other' WHERE id = ANY(%s)", [[o.pk for o in orders[:3]]])

    found = guard_trading(engine, POLICY)

    assert find_target("account", account.name, engine) in found
