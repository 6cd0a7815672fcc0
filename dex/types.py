"""The domain's values. Amounts are atoms (integer smallest units), ratios are ppm, times are unix seconds.

No value changes once it is made. Those that each order makes are not frozen, since a frozen one takes several times as
long to make; all fields are read-only.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from dex.costs import FeeStrategy, NetworkFee

PPM = 1_000_000
BPS_IN_PPM = 100


class Side(StrEnum):
    """Which amount of a swap is fixed."""

    EXACT_IN = "exact_in"
    EXACT_OUT = "exact_out"


@dataclass(frozen=True, slots=True)
class Token:
    """A token of one chain; `decimals` is the exponent from atoms to human units.

    `value` is a reference value of one unit, in 10^-12 of the chain's reference unit: for limits, never for prices.
    """

    symbol: str
    name: str
    decimals: int
    value: int | None = None


@dataclass(slots=True, unsafe_hash=True)
class SwapRequest:
    """What the router is asked: a fixed amount, the other side's limits, and where it may look.

    `amount` is atoms of `token_in` for exact_in, of `token_out` for exact_out. `max_slippage_ppm` is the
    worsening allowed between quote and execution; `min_amount_out` / `max_amount_in` are the owner's own
    limits, which slippage never loosens. Empty `allow_venues` means every venue; no route passes through
    `deny_tokens`. `max_legs` (parallel paths), `max_hops` (swaps in a row) and `max_swaps` (all of them) limit
    the size of the route; None: any. `fee_strategy` is what it offers for its place in a block, `max_network_fee` the
    most atoms of the native token that the route may be expected to cost; None: any.

    Prices are exact, in atoms of token_out per atom of token_in. `limit_price` is the worst average price of what is
    traded, after venue fees, price impact and the network fee's value; None: any. With `allow_partial` the route trades
    as much of `amount` as is best at that limit, and the rest is left over (`Quote.unfilled`); without it all or
    nothing. A quote whose average price, before the network fee, is worse than `reference_price` by more than
    `max_deviation_ppm` is refused; both or neither are given.
    """

    token_in: str
    token_out: str
    side: Side
    amount: int
    max_slippage_ppm: int
    max_price_impact_ppm: int | None = None
    min_amount_out: int | None = None
    max_amount_in: int | None = None
    allow_venues: frozenset[str] = field(default_factory=frozenset)
    deny_venues: frozenset[str] = field(default_factory=frozenset)
    deny_tokens: frozenset[str] = field(default_factory=frozenset)
    max_legs: int | None = None
    max_hops: int | None = None
    max_swaps: int | None = None
    fee_strategy: FeeStrategy = FeeStrategy.NORMAL
    max_network_fee: int | None = None
    limit_price: Fraction | None = None
    allow_partial: bool = False
    reference_price: Fraction | None = None
    max_deviation_ppm: int | None = None


@dataclass(slots=True, unsafe_hash=True)
class Hop:
    """One swap through one pool inside a leg."""

    venue: str
    pool_id: str
    token_in: str
    token_out: str
    amount_in: int
    amount_out: int


@dataclass(slots=True, unsafe_hash=True)
class Leg:
    """One parallel share of a route: its hops in order, each fed by the one before."""

    hops: tuple[Hop, ...]

    @property
    def amount_in(self) -> int:
        """Atoms of the route's token_in that this leg takes."""
        return self.hops[0].amount_in

    @property
    def amount_out(self) -> int:
        """Atoms of the route's token_out that this leg pays."""
        return self.hops[-1].amount_out


@dataclass(slots=True, unsafe_hash=True)
class Route:
    """The whole plan for an order: a graph of swaps that split and merge at tokens.

    `hops` come in an order in which each token is sold only after everything that buys it; no pool comes twice.
    `token_in` and `token_out` are the ends. Amounts are as the snapshot promises them.
    """

    token_in: str
    token_out: str
    hops: tuple[Hop, ...]

    @property
    def amount_in(self) -> int:
        """Atoms of token_in over all hops that sell it."""
        return sum([hop.amount_in for hop in self.hops if hop.token_in == self.token_in])

    @property
    def amount_out(self) -> int:
        """Atoms of token_out over all hops that buy it."""
        return sum([hop.amount_out for hop in self.hops if hop.token_out == self.token_out])


class VenueQuote(NamedTuple):
    """What one venue alone would have given, or why not; `fee_value` is its network fee in the side not fixed."""

    venue: str
    amount_in: int | None
    amount_out: int | None
    code: str | None = None
    fee_value: int | None = None


@dataclass(slots=True, unsafe_hash=True)
class Quote:
    """A route with its promise and the limits that the chain will enforce.

    `min_amount_out` and `max_amount_in` already hold slippage and the owner's limits, whichever is stricter.
    `mid_amount_out` is what the same input would pay at the marginal prices before the order, without fees or impact,
    and `marginal_amount_out` what it would pay after venue fees, without impact; None: not known.
    `bound` is what no route of any shape can beat, in atoms of the side that is not fixed and net of the network fee,
    and `gap_bps` how far the promise is from it; None where no bound was found. `snapshot_version` is the block it was
    priced on. `network_fee` is what the route is expected to cost; None where the chain charges nothing. `unfilled` is
    what a request that allows a partial fill leaves over, in atoms of the side that it fixes: the amounts, limits and
    the bound are those of what is filled.
    """

    side: Side
    route: Route
    amount_in: int
    amount_out: int
    min_amount_out: int
    max_amount_in: int
    mid_amount_out: int
    price_impact_ppm: int
    bound: int | None
    gap_bps: float | None
    venue_quotes: tuple[VenueQuote, ...]
    snapshot_version: int
    network_fee: NetworkFee | None = None
    unfilled: int = 0
    marginal_amount_out: int | None = None

    @property
    def net_amount(self) -> int | None:
        """Output less the network fee (it may be negative), or input plus it; None where the fee's value is unknown."""
        value = 0 if self.network_fee is None else self.network_fee.value
        if value is None:
            return None
        return self.amount_out - value if self.side is Side.EXACT_IN else self.amount_in + value


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers for its place in a block, in the native token's atoms per unit of gas.

    As in EIP-1559: `max_fee` is the most it pays in all, `priority_fee` what of it goes to the block's producer.
    """

    max_fee: int = 0
    priority_fee: int = 0

    def bumped(self) -> "Fees":
        """An eighth more of both, rounded up: what every mempool takes as a replacement at the same nonce."""
        return Fees(-(-self.max_fee * 9 // 8), -(-self.priority_fee * 9 // 8))

    def at_least(self, other: "Fees") -> "Fees":
        """The higher of each kind."""
        return Fees(max(self.max_fee, other.max_fee), max(self.priority_fee, other.priority_fee))

    def can_replace(self, other: "Fees") -> bool:
        """Whether both are at least an eighth above the other's, which a replacement needs."""
        return self.max_fee * 8 >= other.max_fee * 9 and self.priority_fee * 8 >= other.priority_fee * 9


@dataclass(slots=True, unsafe_hash=True)
class SwapIntent:
    """All that a signed transaction must hold. `deadline` is chain time, after which it reverts.

    `scenario` names a fault to act out and is refused by every chain except the simulated one.
    """

    wallet: str
    nonce: int
    side: Side
    route: Route
    min_amount_out: int
    max_amount_in: int
    deadline: int
    scenario: str = "none"
    fees: Fees = field(default_factory=Fees)


@dataclass(frozen=True, slots=True)
class CancellationIntent:
    """A cancellation transaction: it only consumes its nonce, to cancel another transaction or to fill a gap."""

    wallet: str
    nonce: int
    fees: Fees


Intent = SwapIntent | CancellationIntent


@dataclass(slots=True, unsafe_hash=True)
class PreparedSwap:
    """A swap as a chain has simulated it: what is signed is this very call, with a nonce and fees of the moment.

    `call` is the adapter's own. `held` is what its wallet held of the chain's own token; None: not known.
    """

    intent: SwapIntent
    call: object = None
    held: int | None = None

    def at(self, nonce: int, fees: Fees) -> "PreparedSwap":
        """The same call at this nonce."""
        return replace(self, intent=replace(self.intent, nonce=nonce, fees=fees))


# What can be signed. An intent alone is encoded when it is signed, without a simulation.
Signable = PreparedSwap | Intent


def intent_of(item: Signable) -> Intent:
    """What is to be signed, prepared or not."""
    return item.intent if isinstance(item, PreparedSwap) else item


# The contract that a wallet calls, and with what; of an approval, for one.
WalletCall = tuple[str, bytes]
# The deadline of a transaction that has none.
NEVER = 2**62


@dataclass(slots=True, unsafe_hash=True)
class SignedTransaction:
    """Bytes ready for broadcast. `tx_hash` is known before any byte leaves, so a lost answer can be looked up."""

    chain_id: str
    wallet: str
    nonce: int
    raw: bytes
    tx_hash: str
    deadline: int
    fees: Fees = field(default_factory=Fees)


@dataclass(slots=True, unsafe_hash=True)
class Receipt:
    """The chain's statement about one included transaction.

    `code` is None on success, else why it was undone: `slippage`, `expired`, `insufficient_funds` or `reverted`.
    `route` holds what was executed. `confirmations` counts the inclusion block too; `is_final`: no reorg takes it back.
    `fee_paid` is what it cost, undone or not, in atoms of the native token; `is_fee_agreed`: several nodes state it.
    """

    tx_hash: str
    block_number: int
    block_hash: str
    is_success: bool
    code: str | None
    detail: str
    amount_in: int
    amount_out: int
    route: Route | None
    confirmations: int
    is_final: bool = False
    fee_paid: int = 0
    is_fee_agreed: bool = field(default=False, compare=False)
