"""Books of the simulated chain for tests: the default market with one more wallet, and transactions of that wallet."""

from collections import Counter
from dataclasses import replace
from typing import Any

from dex import Route, Side, SwapIntent
from dex.chains.simulated.ledger import Executed, Ledger
from dex.chains.simulated.market import default_market
from dex.chains.simulated.transaction import Transaction
from dex.testing import NOW

MARKET = default_market()
VALUES = MARKET.values
POOLS = {pool.pool_id: pool for pool in MARKET.pools}
WALLET = "wallet"
RICH = 10**40
ANY_AMOUNT = 10**60


def funded(**atoms: int) -> Ledger:
    """Genesis with one more wallet: rich, or with just these atoms."""
    ledger = MARKET.genesis()
    for token, amount in (atoms or dict.fromkeys(VALUES, RICH)).items():
        ledger.balances[WALLET, token] = amount
    return ledger


def transaction(side: Side, route: Route, **terms: Any) -> Transaction:
    """A route without limits, due in the block's own second; one that buys asks for just the planned output."""
    least = route.amount_out if side is Side.EXACT_OUT else 0
    return changed(Transaction("0x", SwapIntent(WALLET, 0, side, route, least, ANY_AMOUNT, deadline=NOW)), **terms)


def changed(plan: Transaction, **terms: Any) -> Transaction:
    return Transaction(plan.tx_hash, replace(plan.swap, **terms))


def limited(plan: Transaction, done: Executed, stricter: int = 0) -> Transaction:
    """The plan with the limits that the outcome just meets, or so many atoms stricter on what is not fixed."""
    if plan.swap.side is Side.EXACT_IN:
        return changed(plan, min_amount_out=done.amount_out + stricter, max_amount_in=done.amount_in)
    return changed(plan, max_amount_in=done.amount_in - stricter)


def totals(ledger: Ledger) -> Counter[str]:
    """Atoms of each token over all addresses and pools, fees that nobody has claimed included."""
    total: Counter[str] = Counter()
    for (_, token), atoms in ledger.balances.items():
        total[token] += atoms
    for pool in ledger.pools.values():
        total.update(pool.balances())
    return total


def same_but_for_the_nonce(after: Ledger, before: Ledger) -> bool:
    held = {key: atoms for key, atoms in after.balances.items() if atoms or key in before.balances}
    return (
        held == before.balances
        and all(pool is before.pools[pool_id] for pool_id, pool in after.pools.items())
        and after.nonces == {**before.nonces, WALLET: before.nonces.get(WALLET, 0) + 1}
    )


def touched(after: Ledger, before: Ledger) -> set[str]:
    """The pools that changed."""
    return {pool_id for pool_id, pool in after.pools.items() if pool is not before.pools[pool_id]}
