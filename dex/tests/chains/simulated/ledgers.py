"""Ledgers of the simulated chain for tests: a market of every pool kind with one more wallet, and its transactions."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import Any

from dex import Route, Side, SwapIntent
from dex.chains.simulated.fees import COLLECTOR, NATIVE, TRANSACTION_FEE
from dex.chains.simulated.ledger import Executed, Ledger
from dex.chains.simulated.market import GenesisMarket, default_market, open_pool
from dex.chains.simulated.transaction import Transaction
from dex.pools import POOL_KINDS
from dex.testing import NOW


def market_of_every_kind() -> GenesisMarket:
    """The default market, and a pool for the example of each kind that it lacks."""
    market, dollars = default_market(), "20000000"
    tokens, values = {t.symbol: t for t in market.tokens}, {t: Fraction(v) for t, v in market.values.items()}
    known = {pool.kind for pool in market.pools}
    examples = [
        {"pool": f"example-{name}", "venue": name, "kind": name, "usd": dollars, "fee_ppm": 3_000, **kind.example}
        for name, kind in POOL_KINDS.items()
        if kind.new_state is not None and name not in known
    ]
    added = (open_pool({"tokens": ["SOL", "USDC"]} | entry, tokens, values) for entry in examples)
    return replace(market, pools=(*market.pools, *added))


MARKET = market_of_every_kind()
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


def same_but_for_nonce_and_fee(after: Ledger, before: Ledger, fee: int = TRANSACTION_FEE) -> bool:
    """Whether WALLET's nonce and its fee are all that has moved: that of one transaction, unless stated."""
    held = {key: atoms for key, atoms in after.balances.items() if atoms or key in before.balances}
    return (
        held == charged(before, fee)
        and all(pool is before.pools[pool_id] for pool_id, pool in after.pools.items())
        and after.nonces == {**before.nonces, WALLET: before.nonces.get(WALLET, 0) + 1}
    )


def charged(before: Ledger, fee: int = TRANSACTION_FEE) -> dict[tuple[str, str], int]:
    """What addresses hold once WALLET has paid a fee."""
    held = Counter(before.balances)
    held[WALLET, NATIVE] -= fee
    held[COLLECTOR, NATIVE] += fee
    return dict(held)


def touched(after: Ledger, before: Ledger) -> set[str]:
    """The pools that changed."""
    return {pool_id for pool_id, pool in after.pools.items() if pool is not before.pools[pool_id]}
