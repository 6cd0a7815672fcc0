"""The chain's rules, pure: a state and transactions in, the changed state and results out.

A transaction executes whole or not at all. A block that takes it charges its network fee first, and uses up its nonce:
both stand when the swap is undone, and a cancellation transaction, which swaps nothing, pays as well (`fees.py`). The
fee cannot be paid from what the swap buys. No atom is ever made or lost: what wallets give up is what pools gain and
what the collector of fees holds. The chain's own traders pay no fees.

A transaction whose wallet cannot pay its fee is in no block and leaves no trace, its nonce included. At the broadcast
it is refused, by what the wallet holds then. Where an earlier transaction has spent the money since, the block maker
drops it: it is not pending any more, later nonces of its wallet wait, and it executes only if it is sent again
while the wallet can pay. So one key still has at most one transaction in a block, and the sender may consume it by a
cancellation, which costs less, or leave it to the deadline.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from dex import execution
from dex.chains.simulated.fees import COLLECTOR, NATIVE, fee_of
from dex.chains.simulated.transaction import Transaction
from dex.errors import InsufficientLiquidity, NoRoute
from dex.execution import tokens_made
from dex.pools.base import Pool
from dex.types import CancellationIntent, Hop, Route, Side, SwapIntent

T = TypeVar("T")

RIVAL = "sim:rival"
# A rival begins with this part of what the order swaps, and doubles it until the order's limit is missed. More tries
# than this come to the end of any pool there is.
FIRST_PART = 8
MAX_TRIES = 60


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
    """Why a transaction leaves no trace but its nonce and its fee: a receipt code, and words."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Executed(NamedTuple):
    """What became of one transaction. `code` is None on success; amounts are atoms, `fee_paid` of NATIVE."""

    tx_hash: str
    code: str | None = None
    detail: str = ""
    amount_in: int = 0
    amount_out: int = 0
    route: Route | None = None
    fee_paid: int = 0


def executable(ledger: Ledger, pending: Iterable[Transaction]) -> list[Transaction]:
    """Those whose nonce is their wallet's turn, or follows one that is, in the order in which they may execute.

    Of several at one nonce the one with the highest fee.
    """
    turn = dict(ledger.nonces)
    ready = []
    for transaction in sorted(pending, key=_place):
        wallet = transaction.intent.wallet
        if transaction.intent.nonce == turn.get(wallet, 0):
            turn[wallet] = transaction.intent.nonce + 1
            ready.append(transaction)
    return ready


def _place(transaction: Transaction) -> tuple[int, int, int]:
    fees, sign = transaction.intent.fees, 1 if transaction.scenario == "race" else -1
    return transaction.intent.nonce, sign * fees.priority_fee, sign * fees.max_fee


def execute_in_turn(ledger: Ledger, ready: Iterable[Transaction], now: int) -> tuple[list[Executed], list[str]]:
    """Run what is `executable`, in that order; the results, and the hashes of what no wallet can pay for.

    What follows one of these in its wallet's nonces is left out: its turn has not come.
    """
    executed: list[Executed] = []
    unpaid: list[str] = []
    for transaction in ready:
        if transaction.intent.nonce == ledger.nonces.get(transaction.intent.wallet, 0):
            try:
                executed.append(execute(ledger, transaction, now))
            except Undone:
                unpaid.append(transaction.tx_hash)
    return executed, unpaid


def execute(ledger: Ledger, transaction: Transaction, now: int) -> Executed:
    """Run one transaction at chain time `now`; the fee is paid and the nonce consumed either way.

    Must be the wallet's turn (`executable`). Raises: Undone, with nothing changed, when the wallet cannot pay the fee.
    """
    intent = transaction.intent
    fee = fee_of(intent)
    ledger.move(intent.wallet, NATIVE, -fee)
    ledger.move(COLLECTOR, NATIVE, fee)
    ledger.nonces[intent.wallet] += 1
    if isinstance(intent, CancellationIntent):
        return Executed(transaction.tx_hash, fee_paid=fee)
    run = _sandwiched if intent.scenario == "slippage" else _attempt
    return run(ledger, transaction, intent, now)._replace(fee_paid=fee)


def trade(ledger: Ledger, address: str, hop: Hop, now: int) -> int:
    """Sell a hop's `amount_in`, out of the pocket of an address of the chain itself; returns the atoms received.

    Raises: Undone.
    """
    pools = dict(ledger.pools)
    swap = _performed(lambda: execution.swap(pools, hop, hop.amount_in, True, now))
    ledger.move(address, hop.token_in, -swap.amount_in)
    ledger.move(address, hop.token_out, swap.amount_out)
    ledger.pools = pools
    return swap.amount_out


def _attempt(ledger: Ledger, transaction: Transaction, intent: SwapIntent, now: int) -> Executed:
    pools = dict(ledger.pools)
    try:
        if now > intent.deadline:
            raise Undone("expired", f"the block's time {now} is past the deadline {intent.deadline}")
        _check_plan(intent.route)
        hops = _performed(lambda: _hops(pools, intent, now))
        route = Route(intent.route.token_in, intent.route.token_out, hops)
        _check_limits(intent, route.amount_in, route.amount_out)
        ledger.move(intent.wallet, route.token_in, -route.amount_in)
    except Undone as undone:
        return Executed(transaction.tx_hash, undone.code, undone.detail)
    for token, atoms in _left_over(route).items():
        ledger.move(intent.wallet, token, atoms)
    ledger.pools = pools
    return Executed(transaction.tx_hash, None, "", route.amount_in, route.amount_out, route)


def _check_plan(route: Route) -> None:
    """Undo what is no route.

    Each hop swaps something, sells no more than the hops before it buy, and buys no token that was sold already; none
    sells the route's output.
    """
    held: dict[str, int] = defaultdict(int, {route.token_in: route.amount_in})
    sold = {route.token_in}
    for hop in route.hops:
        sold.add(hop.token_in)
        held[hop.token_in] -= hop.amount_in
        held[hop.token_out] += hop.amount_out
        adds_up = hop.amount_in > 0 < hop.amount_out and held[hop.token_in] >= 0
        if not adds_up or hop.token_out in sold or hop.token_in == route.token_out:
            raise Undone("reverted", f"the route does not add up at {hop.pool_id}")


def _hops(pools: dict[str, Pool], intent: SwapIntent, now: int) -> tuple[Hop, ...]:
    if intent.side is Side.EXACT_IN:
        return execution.sell(pools, intent.route, now)
    return execution.buy(pools, intent.route, intent.min_amount_out, now)


def _check_limits(intent: SwapIntent, amount_in: int, amount_out: int) -> None:
    least, most = intent.min_amount_out, intent.max_amount_in
    if amount_out < least:
        missed = f"{(least - amount_out) / least:.2%} less than its limit"
        raise Undone("slippage", f"the swap would pay {missed}: {amount_out} atoms instead of {least}")
    if amount_in > most:
        missed = f"{(amount_in - most) / most:.2%} more than its limit"
        raise Undone("slippage", f"the swap would cost {missed}: {amount_in} atoms instead of {most}")


def _left_over(route: Route) -> Counter[str]:
    """Atoms that the hops pay and do not sell on: the output, and crumbs of tokens on the way."""
    left = tokens_made(route.token_in, route.amount_in, route.hops)
    for hop in route.hops:
        left[hop.token_in] -= hop.amount_in
    return left


def _performed(act: Callable[[], T]) -> T:
    """What an act on pools gives, its refusals turned into the chain's words."""
    try:
        return act()
    except NoRoute as error:
        raise Undone("reverted", error.detail) from error
    except InsufficientLiquidity as error:
        raise Undone("slippage", f"the route cannot be filled any more: {error.detail}") from error


def _sandwiched(ledger: Ledger, transaction: Transaction, intent: SwapIntent, now: int) -> Executed:
    """A rival trades before and after, for real and out of its own pocket, in the first pool where that undoes it.

    Where none of the route's pools can be moved far enough, the order goes through as it would have.
    """
    if _attempt(ledger.copy(), transaction, intent, now).code is None:
        for hop in _widest_first(intent.route):
            attack = _attack(ledger, transaction, intent, hop, now)
            if attack:
                after, executed = attack
                ledger.pools, ledger.balances = after.pools, after.balances
                return executed
    return _attempt(ledger, transaction, intent, now)


def _widest_first(route: Route) -> list[Hop]:
    """The hops that sell the route's input, the largest first, and then the others in their order."""
    return sorted(route.hops, key=lambda hop: -hop.amount_in if hop.token_in == route.token_in else 0)


def _attack(
    ledger: Ledger, transaction: Transaction, intent: SwapIntent, hop: Hop, now: int
) -> tuple[Ledger, Executed] | None:
    """The state once a rival's trades around the order undid it, the smallest of doubled ones that does.

    Past what the pool takes, amounts between are tried. None when the order meets its limit behind all of them.
    """
    low, high, amount = 0, 0, max(1, hop.amount_in // FIRST_PART)
    for _ in range(MAX_TRIES):
        tried = ledger.copy()
        try:
            received = trade(tried, RIVAL, replace(hop, amount_in=amount), now)
        except Undone:
            high = amount if low else 0  # more than the pool or the rival has, or less than the pool trades at all
        else:
            executed = _attempt(tried, transaction, intent, now)
            if executed.code == "slippage":
                _sell_back(tried, hop, received, now)
                return tried, executed
            low = amount
        amount = (low + high) // 2 if high else 2 * amount
        if amount == low:
            break
    return None


def _sell_back(ledger: Ledger, hop: Hop, atoms: int, now: int) -> None:
    """Sell what the rival bought, in parts where the pool takes no more at once; atoms too few to sell stay with it."""
    part = atoms
    while part:
        try:
            trade(ledger, RIVAL, Hop(hop.venue, hop.pool_id, hop.token_out, hop.token_in, part, 0), now)
        except Undone:
            part //= 2
        else:
            atoms -= part
            part = min(part, atoms)
