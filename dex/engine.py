"""The engine: quotes, signed bytes, broadcasts and receipts, each verb on a list, one answer per item in order."""

import threading
from collections.abc import Iterable, Sequence

from dex.chains.base import Chain, Snapshot
from dex.errors import DexError
from dex.router import Market, find_route
from dex.types import Fees, Intent, Quote, Receipt, SignedTransaction, Standing, SwapIntent, SwapRequest
from dex.venues import VENUES, Venue


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
        self._route_deadline_ms = route_deadline_ms
        self._warm: Market | None = None
        self._lock = threading.Lock()

    @property
    def chain(self) -> Chain:
        """The chain underneath, for what is no batch verb: tokens, wallets, block times."""
        return self._chain

    @property
    def venues(self) -> tuple[Venue, ...]:
        """Where this engine trades."""
        return self._venues

    def route(self, requests: Sequence[SwapRequest], *, is_sequential: bool = True) -> list[Quote | DexError]:
        """Quote every request on one snapshot; a request that cannot be routed gets its error as the answer.

        Each request sees the market as those before it would leave it, so that a batch of orders in one
        direction is not promised one price. With `is_sequential` False all see the snapshot itself.
        Raises: ChainUnavailable when there is no snapshot.
        """
        market = self._market(self._chain.snapshot())
        answers: list[Quote | DexError] = []
        for request in requests:
            try:
                routed = find_route(market, request, self._route_deadline_ms)
            except DexError as error:
                answers.append(error)
                continue
            answers.append(routed.quote)
            if is_sequential:
                market.apply(routed.pools_after)
        return answers

    def prepare(self) -> Fees:
        """Fetch what `build` needs from the chain, so that `build` itself waits for nobody; the fees to bid.

        Raises: ChainUnavailable, FeesTooHigh.
        """
        return self._chain.prepare()

    def build(self, intents: Sequence[Intent]) -> list[SignedTransaction | DexError]:
        """Encode and sign, without I/O: safe inside a database transaction once `prepare` has run."""
        return self._chain.sign(intents)

    def rebuild(self, bids: Sequence[tuple[SignedTransaction, Fees]]) -> list[SignedTransaction | DexError]:
        """The same transactions with other fees, at the same nonces; without I/O as well."""
        return self._chain.reprice(bids)

    def check(self, intents: Sequence[Intent]) -> list[DexError | None]:
        """Whether `build` would sign each, without signing; None where it would."""
        return self._chain.check(intents)

    @property
    def rehearses(self) -> bool:
        """Whether `rehearse` says more than the quote did already."""
        return self._chain.rehearses

    def rehearse(self, intents: Sequence[SwapIntent]) -> list[DexError | None]:
        """Try swaps out on the chain before they are signed. Raises: ChainUnavailable."""
        return self._chain.rehearse(intents)

    def submit(self, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
        """Hand bytes to the chain. None: accepted or known already; see `Chain.broadcast` for the errors."""
        return self._chain.broadcast(transactions)

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """The chain's statement on each hash, None while not included. Raises: ChainUnavailable."""
        return self._chain.receipts(tx_hashes)

    def standing(self, wallets: Sequence[str]) -> Standing:
        """The newest final block, and where the nonces of these wallets stand. Raises: ChainUnavailable."""
        return self._chain.standing(wallets)

    def _market(self, snapshot: Snapshot) -> Market:
        """The snapshot's market, for the caller alone."""
        pools = [pool for venue in self._venues for pool in venue.pools(snapshot.pools)]
        with self._lock:
            market, self._warm = self._warm, None  # a market that fails on its way must not be used again
            if market is not None and market.holds(pools):
                market.follow(pools, snapshot.time, snapshot.version)
            else:
                market = Market(pools, snapshot.time, snapshot.version)
            self._warm = market
            return market.copy()
