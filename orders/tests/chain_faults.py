"""What the tests of what chains do to submitted orders have in common: a chain whose blocks come as a test says.

A file that imports `engine`, `chain`, `policy` and `run` has these fixtures in place of the usual ones.
"""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q

from dex import Engine, Fees, NoopIntent, RetryableError
from dex import SignedTransaction as Signed
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.models import ChainTransaction
from dex.chains.simulated.options import USUAL_FEES
from orders.config import Policy
from orders.models import Account, AuditEntry, Order, OrderEvent, SignedTransaction, Wallet
from orders.pipeline import run_stage
from orders.services.cancel import Actor
from orders.states import Stage

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
