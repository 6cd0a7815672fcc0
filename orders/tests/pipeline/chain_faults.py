"""What tests of submitted orders ask of a chain whose blocks they make themselves (marker `blocks_by_test`)."""

from collections.abc import Callable
from typing import Any

from dex import CancellationIntent, Fees
from dex import SignedTransaction as Signed
from dex.chains.simulated import SimulatedChain
from dex.chains.simulated.models import ChainTransaction
from dex.chains.simulated.options import USUAL_FEES
from orders.config import Policy
from orders.models import Account, AuditEntry, Order, OrderEvent, SignedTransaction, Wallet
from orders.services.cancel import Actor

CONFIRMATIONS = 4
BOSS = Actor("boss", "192.0.2.1", "seen to", is_admin=True)
Run = Callable[..., None]


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
    """A transaction that another program signed with the wallet's key."""
    [signed] = chain.sign([CancellationIntent(wallet.address, nonce, fees)])
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
