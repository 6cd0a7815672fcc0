"""The chain's rules, pure: a state and transactions in, the changed state and results out.

A transaction executes whole or not at all. There is no gas: an undone transaction uses up its nonce and nothing
else. No atom is ever made or lost: what wallets give up is what pools gain.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dex.chains.simulated.transaction import Transaction
from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.base import Pool, Swap
from dex.types import Hop, Leg, Side, SwapIntent

RIVAL = "sim:rival"
# A rival doubles its trade until the order's limit is missed; more doublings than this move any pool there is.
MAX_DOUBLINGS = 60


@dataclass(slots=True)
class Ledger:
    """A working copy of the state. `balances` maps (address, token) to atoms; what is missing is zero."""

    pools: dict[str, Pool]
    balances: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    nonces: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def copy(self) -> "Ledger":
        """A copy to try things on: pools never change, so only the tables are copied."""
        return Ledger(dict(self.pools), defaultdict(int, self.balances), defaultdict(int, self.nonces))

    def move(self, address: str, token: str, atoms: int) -> None:
        """Add atoms (or take, when negative). Raises: Undone when the address holds too little."""
        held = self.balances[address, token] + atoms
        if held < 0:
            raise Undone("insufficient_funds", f"the wallet holds {held - atoms} atoms of {token}, {-atoms} are needed")
        self.balances[address, token] = held


class Undone(Exception):
    """Why a transaction leaves no trace but its nonce: a receipt code, and words."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Executed:
    """What became of one transaction. `code` is None on success; amounts are atoms."""

    tx_hash: str
    code: str | None = None
    detail: str = ""
    amount_in: int = 0
    amount_out: int = 0
    legs: tuple[Leg, ...] = ()


def executable(ledger: Ledger, pending: Iterable[Transaction]) -> list[Transaction]:
    """Those whose nonce is their wallet's turn, or follows one that is, in the order in which they may execute."""
    turn = dict(ledger.nonces)
    ready = []
    for transaction in sorted(pending, key=lambda t: t.intent.nonce):
        wallet = transaction.intent.wallet
        if transaction.intent.nonce == turn.get(wallet, 0):
            turn[wallet] = transaction.intent.nonce + 1
            ready.append(transaction)
    return ready


def execute(ledger: Ledger, transaction: Transaction, now: int) -> Executed:
    """Run one transaction at chain time `now`; the nonce is used up either way.

    Must be the wallet's turn (`executable`).
    """
    intent = transaction.intent
    ledger.nonces[intent.wallet] += 1
    if intent.scenario == "slippage":
        return _sandwiched(ledger, transaction, now)
    return _attempt(ledger, transaction, now)


def trade(ledger: Ledger, address: str, pool_id: str, token_in: str, amount_in: int, now: int) -> int:
    """A bare swap of an address of the chain itself; returns the atoms received. Raises: Undone."""
    pool = ledger.pools[pool_id]
    token_out = pool.tokens[1 - pool.tokens.index(token_in)]
    swap = _swapped(lambda: pool.swap_exact_in(token_in, token_out, amount_in, now), pool_id)
    ledger.move(address, token_in, -swap.amount_in)
    ledger.move(address, token_out, swap.amount_out)
    ledger.pools[pool_id] = swap.pool_after
    return swap.amount_out


def _attempt(ledger: Ledger, transaction: Transaction, now: int) -> Executed:
    intent = transaction.intent
    pools: dict[str, Pool] = {}
    try:
        if now > intent.deadline:
            raise Undone("expired", f"the block's time {now} is past the deadline {intent.deadline}")
        legs = tuple(_leg(ledger, pools, leg, intent.side, now) for leg in intent.route.legs)
        amount_in, amount_out = sum(leg.amount_in for leg in legs), sum(leg.amount_out for leg in legs)
        _check_limits(intent, amount_in, amount_out)
        ledger.move(intent.wallet, legs[0].hops[0].token_in, -amount_in)
    except Undone as undone:
        return Executed(transaction.tx_hash, undone.code, undone.detail)
    ledger.move(intent.wallet, legs[0].hops[-1].token_out, amount_out)
    ledger.pools.update(pools)
    return Executed(transaction.tx_hash, None, "", amount_in, amount_out, legs)


def _check_limits(intent: SwapIntent, amount_in: int, amount_out: int) -> None:
    least, most = intent.min_amount_out, intent.max_amount_in
    if amount_out < least:
        missed = f"{(least - amount_out) / least:.2%} less than its limit"
        raise Undone("slippage", f"the swap would pay {missed} ({amount_out} atoms, at least {least})")
    if amount_in > most:
        missed = f"{(amount_in - most) / most:.2%} more than its limit"
        raise Undone("slippage", f"the swap would cost {missed} ({amount_in} atoms, at most {most})")


def _leg(ledger: Ledger, pools: dict[str, Pool], leg: Leg, side: Side, now: int) -> Leg:
    """Execute a leg on the overlay `pools`: forward feeding what each hop really pays, or backward for exact_out."""
    is_forward = side is Side.EXACT_IN
    amount = leg.amount_in if is_forward else leg.amount_out
    done: list[Hop] = []
    for hop in leg.hops if is_forward else reversed(leg.hops):
        swap = _hop(pools.get(hop.pool_id) or ledger.pools.get(hop.pool_id), hop, amount, is_forward, now)
        pools[hop.pool_id] = swap.pool_after
        done.append(Hop(hop.venue, hop.pool_id, hop.token_in, hop.token_out, swap.amount_in, swap.amount_out))
        amount = swap.amount_out if is_forward else swap.amount_in
    return Leg(tuple(done if is_forward else reversed(done)))


def _hop(pool: Pool | None, hop: Hop, amount: int, is_forward: bool, now: int) -> Swap:
    if pool is None or not {hop.token_in, hop.token_out} <= set(pool.tokens) or hop.token_in == hop.token_out:
        raise Undone("reverted", f"there is no pool {hop.pool_id} for {hop.token_in} and {hop.token_out}")
    swap = pool.swap_exact_in if is_forward else pool.swap_exact_out
    return _swapped(lambda: swap(hop.token_in, hop.token_out, amount, now), hop.pool_id)


def _swapped(swap: Callable[[], Swap], pool_id: str) -> Swap:
    try:
        return swap()
    except (InsufficientLiquidity, AmountTooSmall) as error:
        raise Undone("slippage", f"{pool_id} cannot fill it any more: {error.detail}") from error


def _sandwiched(ledger: Ledger, transaction: Transaction, now: int) -> Executed:
    """A rival trades before and after, on the first pool of the first leg, for real and out of its own pocket."""
    hop = transaction.intent.route.legs[0].hops[0]
    amount = max(1, hop.amount_in // 8)
    for _ in range(MAX_DOUBLINGS):
        tried = ledger.copy()
        try:
            received = trade(tried, RIVAL, hop.pool_id, hop.token_in, amount, now)
        except (Undone, KeyError):
            break  # the pool or the rival is at its end: the order goes through as it would have
        executed = _attempt(tried, transaction, now)
        if executed.code == "slippage":
            trade(tried, RIVAL, hop.pool_id, hop.token_out, received, now)
            ledger.pools, ledger.balances = tried.pools, tried.balances
            return executed
        amount *= 2
    return _attempt(ledger, transaction, now)
