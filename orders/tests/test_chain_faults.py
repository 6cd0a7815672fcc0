"""What chains do to submitted orders: stuck, outbid, taken back, overtaken; each order ends as the chain decides."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Q

from dex import (
    BroadcastRejected,
    ChainUnavailable,
    DexError,
    Engine,
    Fees,
    InsufficientFunds,
    NoopIntent,
    RetryableError,
    Side,
    Standing,
    SwapIntent,
)
from dex import SignedTransaction as Signed
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.models import ChainTransaction
from dex.chains.simulated.options import USUAL_FEES
from dex.types import SwapRequest
from orders.config import Policy
from orders.models import (
    Account,
    AuditEntry,
    Fill,
    Order,
    OrderEvent,
    SignedTransaction,
    Submission,
    TradingControl,
    Wallet,
)
from orders.pipeline import run_stage
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.services.claim import claim_orders
from orders.services.nonces import clear_nonces
from orders.services.park import parked_orders, unpark_orders
from orders.services.pause import find_target, resume
from orders.services.reconcile import audit_orders
from orders.services.resend import send_unsent
from orders.services.signed import OpenHold, Stored
from orders.services.silence import Act, judge
from orders.services.submit import submit_orders
from orders.services.wallets import resume_wallet
from orders.services.watch import watch_wallets
from orders.states import Stage
from orders.tests.factories import let_leases_run_out, new_account, place, terms
from orders.upkeep import send_what_is_unsent

pytestmark = pytest.mark.django_db(transaction=True)

CONFIRMATIONS = 4
BOSS = Actor("boss", "192.0.2.1", "seen to", is_admin=True)
Run = Callable[..., None]


@pytest.fixture
def engine(db: None) -> Engine:
    """Four confirmations and no block time: blocks come when something waits, or when the test makes them."""
    return Engine(SimulatedChain(SimulatedOptions(required_confirmations=CONFIRMATIONS)))


@pytest.fixture
def chain(engine: Engine) -> SimulatedChain:
    assert isinstance(engine.chain, SimulatedChain)
    engine.chain.advance()
    return engine.chain


@pytest.fixture
def policy() -> Policy:
    """Nothing is stuck until a test says so; bytes are sent again at once."""
    return Policy(retry_base_s=0.001, retry_cap_s=0.001, resend_s=0.0, stuck_s=1e9)


@pytest.fixture
def run(engine: Engine, policy: Policy) -> Run:
    """Run stages, each on all its unleased orders whether due or not; none named: all four."""

    def run_stages(*stages: Stage, policy: Policy = policy) -> None:
        for stage in stages or tuple(Stage):
            now = datetime.now(UTC)
            free = Order.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
            free.update(due_at=now - timedelta(seconds=1))
            with contextlib.suppress(RetryableError):
                run_stage(stage, engine=engine, policy=policy)

    return run_stages


def settle(chain: SimulatedChain, run: Run, policy: Policy, rounds: int = 4) -> None:
    """Let blocks pass and look, until what can end has ended."""
    for _ in range(rounds):
        chain.mine(CONFIRMATIONS)
        run(policy=policy)


def events(order: Order, name: str) -> list[Any]:
    """What the SUBMITTED events of one kind tell."""
    return [row.data[name] for row in OrderEvent.objects.filter(order=order).order_by("seq") if name in row.data]


def ended(order: Order) -> tuple[str, str | None]:
    order.refresh_from_db()
    return order.status, order.outcome


def wallet_of(account: Account) -> Wallet:
    return Wallet.objects.get(account=account)


def stranger(chain: SimulatedChain, wallet: Wallet, nonce: int, fees: Fees = USUAL_FEES) -> Signed:
    """A transaction that somebody else signed with the wallet's key."""
    [signed] = chain.sign([NoopIntent(wallet.address, nonce, fees)])
    assert isinstance(signed, Signed)
    return signed


def signatures_recorded() -> list[str]:
    """Hashes that the audit log names."""
    entries = AuditEntry.objects.filter(action="transaction.sign")
    return sorted(tx_hash for entry in entries for hashes in (entry.after or {}).values() for tx_hash in hashes)


def signatures_stored() -> list[str]:
    return sorted(SignedTransaction.objects.values_list("tx_hash", flat=True))


def executed() -> list[str]:
    """Hashes of swaps that the chain has executed, by its own books."""
    rows = ChainTransaction.objects.filter(state="included", code__isnull=True, amount_out__gt=0)
    return sorted(rows.values_list("tx_hash", flat=True))


# --- Finality and reorgs ------------------------------------------------------------------------------------------


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
    assert (row.scope, row.chain_id, row.actor, row.is_by_owner) == ("chain", "simulated", "upkeep", False)
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
        silent.setattr("orders.services.watch.broadcast", lambda *_: [])
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
    monkeypatch.setattr("orders.services.watch.record", crash)
    with pytest.raises(ConnectionError):
        watch_wallets(engine)

    assert not TradingControl.objects.exists()
    assert not AuditEntry.objects.filter(action="halt.set").exists()
    assert wallet_of(account).lost_from is None
    monkeypatch.undo()
    watch_wallets(engine)
    assert TradingControl.objects.count() == 1


@pytest.mark.parametrize("ending", ["cancelled", "slippage", "again"])
def test_after_a_deep_reorg_a_nonce_that_swapped_nothing_is_used_up_by_nothing(
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


# --- Stuck, outbid, raced -----------------------------------------------------------------------------------------


def test_stuck_bytes_are_outbid_at_the_same_nonce(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [order] = place(account, terms(scenario="stuck"))
    run()
    assert executed() == []

    run(policy=replace(policy, stuck_s=0.0))

    first, second = SignedTransaction.objects.order_by("id")
    assert first.submission_id == second.submission_id
    assert Fees(second.max_fee, second.priority_fee) == USUAL_FEES.raised()
    [told] = events(order, "replacement")
    assert (told["tx_hash"], told["nonce"]) == (second.tx_hash, 0)
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert (order.tx_hash, order.attempt, executed()) == (second.tx_hash, 1, [second.tx_hash])
    assert list(audit_orders()) == []


def test_a_bid_is_stored_before_it_leaves_and_goes_out_though_its_worker_dies(
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

    monkeypatch.setattr("orders.services.confirm.broadcast", crash)
    with pytest.raises(Crash):
        run(policy=replace(policy, stuck_s=0.0))
    monkeypatch.undo()

    assert SignedTransaction.objects.count() == 2
    assert ChainTransaction.objects.count() == 1
    let_leases_run_out()
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert SignedTransaction.objects.count() == 2


def test_when_the_first_bid_wins_the_race_it_decides(
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


def test_beyond_the_last_bid_the_nonce_is_used_up_and_the_order_fails(
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


# --- Cancelled on the chain ---------------------------------------------------------------------------------------


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
    assert (executed(), chain.balances(wallet_of(account).address)) == ([], before)


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


# --- Refused for good -----------------------------------------------------------------------------------------------


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


def test_a_swap_that_the_chain_refuses_for_good_ends_when_its_nonce_is_used_up(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)
    with monkeypatch.context() as strict:
        refused = refuse(chain, strict, noops=False)
        run(Stage.ROUTE)

        assert ended(order) == ("SUBMITTED", None)
        assert events(order, "doubt")[0]["code"] == "rejected"
        [held] = Submission.objects.all()
        assert (held.order_id, held.nonce, held.closed_at) == (order.id, 0, None)
        run(Stage.CONFIRM)
        assert ended(order) == ("SUBMITTED", None), "the chain's word on its nonce ends it, nothing else"
        assert len(events(order, "cancel")) == 1, "nobody waits until it is stuck, and no higher bid is tried"
        for _ in range(3):
            run(Stage.CONFIRM)
        assert ended(order) == ("SUBMITTED", None)
        settle(chain, run, policy)

    assert ended(order) == ("FAILED", "not_included")
    held.refresh_from_db()
    assert held.closed_at is not None
    assert [refused[0]] * 2 == refused, "asked twice, never signed anew"
    assert (executed(), SignedTransaction.objects.filter(is_noop=False).count()) == ([], 1)
    assert SignedTransaction.objects.filter(is_noop=True).count() == 1
    [after] = place(account)
    settle(chain, run, policy)
    assert ended(after) == ("CONFIRMED", "filled")
    assert Submission.objects.get(order=after).nonce == 1
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


# --- Deadline -----------------------------------------------------------------------------------------------------


def test_past_its_deadline_two_looks_a_block_apart_free_the_order_and_a_noop_its_nonce(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    late = replace(policy, deadline_s=-10)
    [order] = place(account, terms(scenario="stuck"))
    run(policy=late)
    assert Submission.objects.get().absent_block == 0

    chain.mine(CONFIRMATIONS - 1)
    run(Stage.CONFIRM, policy=late)
    assert ended(order) == ("SUBMITTED", None)
    chain.mine()
    run(Stage.CONFIRM, policy=late)

    assert ended(order) == ("FAILED", "expired")
    assert Submission.objects.get().closed_at is None
    [later] = place(account)
    run()
    assert clear_nonces(engine, policy) == 1
    settle(chain, run, policy)
    assert clear_nonces(engine, policy) == 0
    assert Submission.objects.filter(closed_at__isnull=True).count() == 0
    assert ended(later) == ("CONFIRMED", "filled")
    assert executed() == [later.tx_hash]
    assert list(audit_orders()) == []
    assert signatures_recorded() == signatures_stored()


def test_a_receipt_between_the_two_looks_decides(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    late = replace(policy, deadline_s=-10, max_attempts=1)
    [order] = place(account, terms(scenario="stuck"))
    run(policy=late)
    assert Submission.objects.get().absent_block == 0

    ChainTransaction.objects.update(state="pending")
    settle(chain, run, late)

    assert ended(order) == ("FAILED", "expired")
    assert order.failure is not None
    assert "past the deadline" in order.failure["detail"]
    assert Submission.objects.get().closed_at is not None


STANDING = Standing(100, 1_000, {"w": 7}, {"w": 7})


def hold(
    *, nonce: int = 7, deadline: int = 2_000, age_s: float = 0.0, absent: int | None = None, bids: int = 1
) -> OpenHold:
    signed = [Signed("c", "w", nonce, b"", f"0x{i}", deadline) for i in range(bids)]
    return OpenHold(uuid4(), None, 1, 1, absent, tuple(Stored(item, False, None, age_s, None, None) for item in signed))


@pytest.mark.parametrize(
    ("held", "standing", "is_cancel_requested", "act"),
    [
        (hold(), STANDING, False, Act.WAIT),
        (hold(age_s=9), STANDING, False, Act.OUTBID),
        (hold(age_s=9, bids=2), STANDING, False, Act.OUTBID),
        (hold(age_s=9, bids=3), STANDING, False, Act.CANCEL),
        (hold(age_s=9, nonce=8), STANDING, False, Act.WAIT),
        (hold(age_s=9), replace(STANDING, next_nonces={"w": 8}), False, Act.WAIT),
        (hold(), STANDING, True, Act.CANCEL),
        (hold(deadline=999), STANDING, False, Act.NOTE),
        (hold(deadline=1_000), STANDING, False, Act.WAIT),
        (hold(deadline=999, absent=100), STANDING, False, Act.WAIT),
        (hold(deadline=999, absent=99), STANDING, False, Act.EXPIRE),
        (hold(nonce=6), STANDING, False, Act.NOTE),
        (hold(nonce=6, absent=100), STANDING, False, Act.WAIT),
        (hold(nonce=6, absent=99), STANDING, False, Act.GIVE_UP),
        (hold(nonce=6, absent=99, deadline=999), STANDING, False, Act.GIVE_UP),
        (hold(absent=99), STANDING, False, Act.FORGET),
    ],
)
def test_silence_means(held: OpenHold, standing: Standing, is_cancel_requested: bool, act: Act) -> None:
    class Asked:
        """All that the judgement reads of an order."""

    asked: Any = Asked()
    asked.is_cancel_requested = is_cancel_requested

    assert judge(asked, held, standing, 5.0, 2) is act


def test_what_the_chain_refuses_for_good_is_not_waited_for() -> None:
    asked: Any = SimpleNamespace(is_cancel_requested=False)
    with_noop = replace(hold(), transactions=(*hold().transactions, hold().newest._replace(is_noop=True)))

    assert judge(asked, hold(), STANDING, 5.0, 2, is_refused=True) is Act.CANCEL
    assert judge(asked, with_noop, STANDING, 5.0, 2, is_refused=True) is Act.WAIT
    assert judge(asked, hold(nonce=6), STANDING, 5.0, 2, is_refused=True) is Act.NOTE


def test_a_chain_that_does_not_answer_fails_nobody(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = replace(policy, deadline_s=-10)
    [order] = place(account, terms(scenario="stuck"))
    run(policy=late)
    chain.mine(CONFIRMATIONS)

    def unavailable(*_: Any) -> Any:
        raise ChainUnavailable("the chain does not answer")

    monkeypatch.setattr(chain, "standing", unavailable)
    settle(chain, run, late)

    assert ended(order) == ("SUBMITTED", None)


# --- Nonces used by others, and nowhere ---------------------------------------------------------------------------


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
    assert "somebody else" in wallet_of(account).paused_reason
    [waits] = place(account)
    run()
    assert ended(waits) == ("BUILDING", None)
    assert not Submission.objects.filter(order=waits).exists()
    assert resume_wallet(wallet_of(account), engine, BOSS) == 2
    acts = AuditEntry.objects.filter(action__startswith="wallet").order_by("id")
    assert [(act.actor, act.action, act.after) for act in acts] == [
        ("upkeep", "wallet.pause", {"paused_reason": "somebody else used its nonce 1"}),
        ("boss", "wallet.resume", {"paused_reason": ""}),
    ]  # fmt: skip
    assert resume_wallet(wallet_of(account), engine, BOSS) is None
    settle(chain, run, policy)
    assert ended(waits) == ("CONFIRMED", "filled")


def test_a_strangers_bid_that_waits_fails_nobody(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    place(account)
    settle(chain, run, policy)
    wallet = wallet_of(account)
    rival = stranger(chain, wallet, wallet.next_nonce, USUAL_FEES.raised())
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
    assert Submission.objects.get(order=order).nonce == 2


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
    assert list(Submission.objects.filter(order=None).order_by("nonce").values_list("nonce", flat=True)) == [1, 2]
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert clear_nonces(engine, policy) == 0
    assert Submission.objects.filter(closed_at__isnull=True).count() == 0
    assert watch_wallets(engine) == []
    assert signatures_recorded() == signatures_stored()


# --- Unsent bytes, parked orders ----------------------------------------------------------------------------------


def test_stored_bytes_leave_without_waiting_for_a_dead_workers_lease(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    [order] = place(account)
    run_stage(Stage.ROUTE, engine=engine, policy=policy, carries_to={Stage.ROUTE: Stage.BUILD})
    assert send_unsent(engine) == []
    Order.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=2))

    send_what_is_unsent(engine)

    assert ended(order) == ("SUBMITTED", None)
    assert order.lease_until is None
    assert chain.receipts([order.tx_hash or ""])[0] is not None
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")


def test_a_slow_worker_whose_bytes_another_sent_settles_nothing(
    account: Account, engine: Engine, run: Run, policy: Policy
) -> None:
    [order] = place(account)
    run_stage(Stage.ROUTE, engine=engine, policy=policy, carries_to={Stage.ROUTE: Stage.BUILD})
    let_leases_run_out()
    [slow] = claim_orders(Stage.SUBMIT, 1, 10).orders
    Order.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=2))
    send_unsent(engine)

    late = submit_orders([slow], engine=engine, policy=policy)

    assert late.events == []
    assert [row.status for row in OrderEvent.objects.filter(order=order).order_by("seq")][-1] == "SUBMITTED"
    assert ChainTransaction.objects.get().broadcast_count == 2


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
    monkeypatch.setattr("orders.services.confirm.load_holds", crash)
    with pytest.raises(Crash):
        run(Stage.CONFIRM)
    monkeypatch.undo()

    order.refresh_from_db()
    assert (order.status, parked_orders()) == ("SUBMITTED", [order])
    assert order.due_at > datetime.now(UTC) + timedelta(seconds=policy.park_s - 10)
    let_leases_run_out()
    assert claim_orders(Stage.CONFIRM, 10, 10).orders == []
    settle(chain, run, policy)
    assert ended(order) == ("CONFIRMED", "filled")
    assert parked_orders() == []


def test_an_unparked_order_is_due_at_once(account: Account, run: Run, policy: Policy) -> None:
    [order] = place(account)
    run()
    Order.objects.update(parked_at=datetime.now(UTC), claim_count=9, due_at=datetime.now(UTC) + timedelta(hours=1))

    with pytest.raises(CommandError, match="say why"):
        call_command("reconcile", "unpark", str(order.id), "--reason", " ")
    call_command("reconcile", "unpark", str(order.id), "--reason", "memory is fixed")

    [claimed] = claim_orders(Stage.CONFIRM, 10, 10).orders
    assert claimed.claim_count == 1
    assert unpark_orders([order.id], actor=BOSS) == 0
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
    monkeypatch.setattr("orders.services.park.record", crash)
    monkeypatch.setattr("orders.services.wallets.record", crash)

    acts: dict[str, Callable[[], object]] = {
        "unpark": lambda: unpark_orders([order.id], actor=BOSS),
        "resume": lambda: resume_wallet(wallet_of(account), engine, BOSS),
        "pause": lambda: watch_wallets(engine),
    }
    with pytest.raises(ConnectionError):
        acts[act]()

    order.refresh_from_db()
    assert order.parked_at is not None
    assert wallet_of(account).paused_reason == ("" if act == "pause" else "somebody else")


# --- Audit --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE orders_order SET attempt = attempt + 1", "its events end at"),
        ("UPDATE orders_order SET outcome = 'expired'", "stands at (CONFIRMED,1,expired)"),
        ("UPDATE orders_submission SET closed_at = NULL", "still holds its nonce"),
        ("UPDATE orders_order SET amount_out = amount_out + 1", "fills do not add up"),
        ("INSERT INTO orders_orderevent (order_id, account_id, seq, status, attempt, data, took_ms)"
         " SELECT id, account_id, 7, 'FAILED', 1, '{}', 0 FROM orders_order", "took an illegal edge"),
    ],
)  # fmt: skip
def test_the_audit_finds_rows_that_contradict_each_other(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy, damage: str, words: str
) -> None:
    [order] = place(account)
    settle(chain, run, policy)
    assert list(audit_orders()) == []
    call_command("reconcile", "orders")

    with connection.cursor() as cursor:
        cursor.execute(damage)

    found = list(audit_orders())
    assert {item.order_id for item in found} == {order.id}
    assert words in "; ".join(item.detail for item in found)
    with pytest.raises(CommandError):
        call_command("reconcile", "orders")
