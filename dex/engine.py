"""The engine: quotes, signed bytes, broadcasts and receipts, each verb on a list, one answer per item in order."""

import logging
import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property, partial

from dex.asking import OffersAhead
from dex.chains.base import Ahead, Chain, Snapshot
from dex.chains.capabilities import (
    AnswersAlong,
    BoundsFees,
    CrossChecksNodes,
    DelegatesWallets,
    ForeseesShortages,
    ReplacesTransactions,
    SimulatesSwaps,
)
from dex.costs import FeeStrategy, TokenPair
from dex.errors import BroadcastRejected, DexError, RetryableError
from dex.prices import MarketPrices
from dex.router import Market, market_prices
from dex.standing import Standing
from dex.trace import RoutingTrace
from dex.turns import cost_of, route_in_turn
from dex.types import (
    NEVER,
    Fees,
    Intent,
    PreparedSwap,
    Quote,
    Receipt,
    Route,
    Signable,
    SignedTransaction,
    SwapIntent,
    SwapRequest,
)
from dex.venues import VENUES, Venue

logger = logging.getLogger(__name__)

# Stands for a wallet that does not matter, or is not known yet.
NO_WALLET = "0x" + "0" * 40
# An answer that takes so long is a wait: a market is worth reading then before it is known for which requests.
SLOW_S = 0.02


class Engine:
    """One chain with the venues on it. Safe to share between threads; it keeps the market compiled between batches.

    After `route_deadline_ms` the search for one order's route takes the best it has; None: it looks on, though never
    without bounds.
    """

    def __init__(
        self,
        chain: Chain,
        venues: Iterable[Venue] = tuple(VENUES.values()),
        *,
        route_deadline_ms: float | None = None,
    ) -> None:
        self._chain = chain
        self._venues = tuple(venues)
        self._by_name = {venue.name: venue for venue in self._venues}
        self._route_deadline_ms = route_deadline_ms
        self._cached_market: Market | None = None
        self._lock = threading.Lock()
        self._offers_ahead = OffersAhead()
        # How long the newest two snapshots took, or the attempts to get one. A single one may meet a busy machine.
        self._snapshots_s = (0.0, 0.0)
        # The same of the newest broadcast.
        self._submit_s = math.inf

    @property
    def chain(self) -> Chain:
        """The chain underneath, for what is no batch verb: tokens, wallets, block times."""
        return self._chain

    # Protocols look through all their members at each test: what this chain can do is asked once.
    @cached_property
    def delegates(self) -> DelegatesWallets | None:
        """The chain, where its wallets act in batches."""
        return self._chain if isinstance(self._chain, DelegatesWallets) else None

    @cached_property
    def cross_checks(self) -> CrossChecksNodes | None:
        """The chain, where it compares its nodes."""
        return self._chain if isinstance(self._chain, CrossChecksNodes) else None

    @cached_property
    def _simulates(self) -> SimulatesSwaps | None:
        return self._chain if isinstance(self._chain, SimulatesSwaps) else None

    @cached_property
    def _foresees(self) -> ForeseesShortages | None:
        return self._chain if isinstance(self._chain, ForeseesShortages) else None

    @cached_property
    def _bounds_fees(self) -> BoundsFees | None:
        return self._chain if isinstance(self._chain, BoundsFees) else None

    @cached_property
    def _answers_along(self) -> AnswersAlong | None:
        return self._chain if isinstance(self._chain, AnswersAlong) else None

    @property
    def venues(self) -> tuple[Venue, ...]:
        """Where this engine trades."""
        return self._venues

    def route(
        self,
        requests: Sequence[SwapRequest],
        *,
        is_sequential: bool = True,
        offers: Mapping[FeeStrategy, Fees] | None = None,
        ahead: Ahead | None = None,
        trace: RoutingTrace | None = None,
    ) -> list[Quote | DexError]:
        """Quote every request on one snapshot; a request that cannot be routed gets its error as the answer.

        It is the one that was read `ahead`, else the newest.

        Each request sees the market as those before it would leave it, so that a batch of orders in one
        direction is not promised one price; one whose route costs more than its `max_network_fee` moves nothing, since
        it waits. With `is_sequential` False all see the snapshot itself. With `offers`, what `prepare` gave, a route
        counts what its transaction could cost at most, else what it is expected to cost. What all of it was routed on
        is noted in `trace`.
        Raises: ChainUnavailable when there is no snapshot.
        """
        market = self._market(self._snapshot() if ahead is None else ahead.snapshot())
        return route_in_turn(
            market,
            requests,
            partial(self._most_cost, offers),
            deadline_ms=self._route_deadline_ms,
            is_sequential=is_sequential,
            trace=trace,
        )

    @property
    def reads_slowly(self) -> bool:
        """Whether snapshots take so long that `look_ahead` is of use."""
        return min(self._snapshots_s) >= SLOW_S

    @property
    def answers_at_once(self) -> bool:
        """Whether the newest snapshot and the newest broadcast were no wait worth speaking of."""
        return max(self._snapshots_s[1], self._submit_s) < SLOW_S

    def look_ahead(self) -> Ahead:
        """Read the market, and ask for fees meanwhile, before it is known which requests there will be."""
        asked_s, offers = time.monotonic(), self.prepare_ahead()
        try:
            return Ahead(asked_s, offers, self._snapshot())
        except RetryableError as error:
            return Ahead(asked_s, offers, error)

    def ask_along(self) -> Ahead | None:
        """Have the market read with the next statement of this thread's session; None where a chain is asked apart."""
        read = self._answers_along.ask_snapshot() if self._answers_along else None
        return None if read is None else Ahead(time.monotonic(), self.prepare_ahead(), read)

    def prices(self, pairs: Iterable[TokenPair] | None, pools_of: Sequence[TokenPair] = ()) -> MarketPrices:
        """Prices of pairs (in, out), and pools of some, on one snapshot, denied or not; see `market_prices`.

        Raises: ChainUnavailable.
        """
        snapshot = self._chain.snapshot()
        return market_prices(self._market(snapshot), pairs, pools_of, snapshot.pools if pools_of else ())

    def prepare(self) -> Mapping[FeeStrategy, Fees]:
        """Fetch what `build` needs from the chain, so that `build` itself waits for no node; fees to offer by strategy.

        Raises: ChainUnavailable, FeesTooHigh.
        """
        return self._chain.prepare()

    def prepare_ahead(self) -> "Future[Mapping[FeeStrategy, Fees]]":
        """Begin `prepare` in a thread of its own, under the caller's limit of time: two waits for the network are one.

        Its `result()` waits for the answer, and raises what `prepare` raises. Where the last answer came at once there
        is no wait to share, and no thread.
        """
        return self._offers_ahead.ask(self.prepare)

    def build(self, items: Sequence[Signable]) -> list[SignedTransaction | DexError]:
        """Encode and sign, without I/O: safe inside a database transaction once `prepare` has run."""
        return self._chain.sign(items)

    def rebuild(self, replacements: Sequence[tuple[SignedTransaction, Fees]]) -> list[SignedTransaction | DexError]:
        """The same transactions with other fees, at the same nonces; without I/O as well.

        Refused, one by one, where the chain takes no replacement.
        """
        if isinstance(self._chain, ReplacesTransactions):
            return self._chain.reprice(replacements)
        return [BroadcastRejected("this chain replaces no transaction")] * len(replacements)

    def most_costs(self, offers: Sequence[tuple[Signable | SignedTransaction, Fees]]) -> list[int]:
        """The most that each could cost at these fees, in atoms of the native token; without I/O."""
        return self._chain.most_costs(offers)

    def cost_of(self, request: SwapRequest, quote: Quote, offers: Mapping[FeeStrategy, Fees] | None) -> int:
        """What a quote counts against `max_network_fee`, in atoms of the native token, as in `route`; without I/O."""
        return cost_of(request, quote, partial(self._most_cost, offers))

    def check(self, intents: Sequence[Intent]) -> list[DexError | None]:
        """Whether `build` would sign each, without signing; None where it would."""
        return self._chain.check(intents)

    def simulate(self, intents: Sequence[SwapIntent]) -> list[PreparedSwap | DexError]:
        """Execute swaps on the chain's newest state before they are signed; what goes through is ready for `build`.

        Where the chain simulates nothing, what its wallet cannot pay for is refused. Raises: ChainUnavailable.
        """
        if self._simulates:
            return self._simulates.simulate(intents)
        if self._foresees:
            holdings = self._foresees.holdings(intents)
            return [
                held if isinstance(held, DexError) else PreparedSwap(intent, held=held)
                for intent, held in zip(intents, holdings, strict=True)
            ]
        return [PreparedSwap(intent) for intent in intents]

    def submit(self, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
        """Hand bytes to the chain. None: accepted or known already; see `Chain.broadcast` for the errors."""
        began_s = time.monotonic()
        try:
            return self._chain.broadcast(transactions)
        finally:
            self._submit_s = time.monotonic() - began_s

    def fee_paid(self, signed: SignedTransaction, receipt: Receipt) -> int:
        """What a receipt says that its transaction cost; without I/O.

        What one node alone says is counted up to what the transaction can have cost.
        """
        if receipt.is_fee_agreed or not self._bounds_fees:
            return receipt.fee_paid
        (most,) = self._bounds_fees.most_paid([signed])
        if receipt.fee_paid > most:
            logger.error("a receipt of %s states a fee of %d: %d is counted", signed.tx_hash, receipt.fee_paid, most)
        return min(receipt.fee_paid, most)

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """The chain's statement on each hash, None while not included. Raises: ChainUnavailable."""
        return self._chain.receipts(tx_hashes)

    def standing(self, wallets: Sequence[str]) -> Standing:
        """The newest final block, and where the nonces of these wallets stand. Raises: ChainUnavailable."""
        return self._chain.standing(wallets)

    def _most_cost(self, offers: Mapping[FeeStrategy, Fees] | None, request: SwapRequest, route: Route) -> int:
        """The most that the transaction of a route could cost, from any wallet; 0 where that is not known."""
        if offers is None:
            return 0
        fees = offers[request.fee_strategy]
        swap = SwapIntent(NO_WALLET, 0, request.side, route, route.amount_out, route.amount_in, NEVER, fees=fees)
        try:
            (most,) = self._chain.most_costs([(swap, fees)])
        except DexError:  # it is refused when it is to be signed
            return 0
        return most

    def _snapshot(self) -> Snapshot:
        began_s = time.monotonic()
        try:
            return self._chain.snapshot()
        finally:
            self._snapshots_s = (self._snapshots_s[1], time.monotonic() - began_s)

    def _market(self, snapshot: Snapshot) -> Market:
        """The snapshot's market, for the caller alone."""
        listed = self._by_name
        pools = [pool for pool in snapshot.pools if pool.venue in listed and listed[pool.venue].lists(pool)]
        with self._lock:
            # A market that fails on its way must not be used again.
            market, self._cached_market = self._cached_market, None
            if market is not None and market.holds(pools):
                market.follow(pools, snapshot.time, snapshot.version, snapshot.costs)
            else:
                market = Market(pools, snapshot.time, snapshot.version, snapshot.costs)
            self._cached_market = market
            return market.copy()
