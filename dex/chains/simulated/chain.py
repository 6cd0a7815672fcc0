"""The simulated chain: a durable ledger with blocks, a mempool and faults on demand, behind the `Chain` interface."""

import time
from collections.abc import Sequence
from dataclasses import replace

from dex.chains.base import Snapshot
from dex.chains.simulated.ledger import RIVAL, Executed, executable, execute
from dex.chains.simulated.market import default_market
from dex.chains.simulated.noise import TRADERS, arbitrage, make_noise
from dex.chains.simulated.options import SCENARIOS, SimulatedOptions
from dex.chains.simulated.store import Arrival, Head, Store
from dex.chains.simulated.transaction import ROUTER, decode, encode, facts_of, sign
from dex.errors import BroadcastRejected, BroadcastTimeout, ChainUnavailable, DexError, UnknownOutcome
from dex.signers import DevSigner, Signer, SigningPolicy
from dex.types import Receipt, SignedTransaction, SwapIntent, Token

FIRST_STATES = {"network": "unseen", "dropped": "forgotten"}


class SimulatedChain:
    """One chain in the database. Every process that asks helps it along: whoever needs a due block makes it."""

    def __init__(self, options: SimulatedOptions, signer: Signer | None = None) -> None:
        self._options = options
        self._signer = signer or development_signer(options)
        self._market = default_market()
        self._store = Store(self._market)

    @property
    def chain_id(self) -> str:
        """See `Chain`."""
        return self._options.chain_id

    @property
    def required_confirmations(self) -> int:
        """See `Chain`."""
        return self._options.required_confirmations

    @property
    def store(self) -> Store:
        """The chain's own books, for checks that trust nobody else's."""
        return self._store

    def tokens(self) -> tuple[Token, ...]:
        """See `Chain`."""
        return self._market.tokens

    def block_interval_s(self) -> float:
        """See `Chain`."""
        return self._options.block_time_ms / 1000

    def snapshot(self) -> Snapshot:
        """See `Chain`."""
        _latency(self._options.quote_delay_ms)
        self.advance()
        return self._store.snapshot()

    def next_nonce(self, wallet: str) -> int:
        """See `Chain`. A new address is funded by the faucet."""
        self._store.ensure_genesis()
        nonce = self._store.next_nonce(wallet)
        if nonce is None:
            self._store.fund(wallet)
            return self._store.next_nonce(wallet) or 0
        return nonce

    def balances(self, wallet: str) -> dict[str, int]:
        """See `Chain`."""
        self.next_nonce(wallet)
        return self._store.balances(wallet)

    def prepare(self) -> None:
        """See `Chain`: here only the latency of asking for fees, since there are none."""
        _latency(self._options.build_delay_ms)

    def sign(self, intents: Sequence[SwapIntent]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return [self._sign(intent) for intent in intents]

    def check(self, intents: Sequence[SwapIntent]) -> list[DexError | None]:
        """See `Chain`."""
        return [self._complaint(intent) for intent in intents]

    def address_of(self, owner: str) -> str:
        """See `Chain`."""
        return self._signer.address_of(owner)

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
        """See `Chain`."""
        _latency(self._options.submit_delay_ms)
        self._store.ensure_genesis()
        scenarios: dict[str, str] = {}
        refused: dict[str, DexError] = {}
        for item in transactions:
            try:
                scenarios[item.tx_hash] = decode(self.chain_id, item.raw).intent.scenario
            except BroadcastRejected as error:
                refused[item.tx_hash] = error
        taken = list({item.tx_hash: item for item in transactions if item.tx_hash in scenarios}.values())
        named = [scenarios[item.tx_hash] for item in taken]
        arrivals = self._store.receive(
            taken,
            [FIRST_STATES.get(scenario, "pending") for scenario in named],
            [self._options.slow_ms / 1000 if scenario == "slow" else 0.0 for scenario in named],
        )
        answers = {
            item.tx_hash: _answer(scenario, arrival)
            for item, scenario, arrival in zip(taken, named, arrivals, strict=True)
        }
        return [refused.get(item.tx_hash) or answers.get(item.tx_hash) for item in transactions]

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """See `Chain`."""
        height = self.advance()
        found = self._store.receipts(tx_hashes)
        return [
            replace(receipt, confirmations=self._confirmations(receipt, height))
            if (receipt := found.get(tx_hash))
            else None
            for tx_hash in tx_hashes
        ]

    def advance(self) -> int:
        """Make the block that is due, if any transaction waits for one; return the chain's height."""
        self._store.ensure_genesis()
        head = self._store.head()
        assert head is not None
        if not self._is_due(head):
            return self._height(head)
        with self._store.exclusive():
            head = self._store.head()
            assert head is not None
            # Somebody else may have made the block while this process waited for the lock.
            if self._is_due(head):
                self._make_block(head)
        head = self._store.head()
        assert head is not None
        return self._height(head)

    def _sign(self, intent: SwapIntent) -> SignedTransaction | DexError:
        if intent.scenario not in SCENARIOS:
            return BroadcastRejected(f"the simulated chain knows no scenario {intent.scenario!r}")
        try:
            return sign(self.chain_id, intent, self._signer)
        except DexError as error:
            return error

    def _complaint(self, intent: SwapIntent) -> DexError | None:
        try:
            self._signer.judge(intent.wallet, encode(self.chain_id, intent))
        except DexError as error:
            return error
        return None

    def _make_block(self, head: Head) -> None:
        pending = [decode(self.chain_id, raw) for _, raw in self._store.pending()]
        wallets = {item.intent.wallet for item in pending}
        before = self._store.load([*wallets, RIVAL, TRADERS])
        ready = executable(before, pending)
        if not ready:
            return
        after = before.copy()
        number, now = max(head.number + 1, self._height(head)), int(head.now.timestamp())
        options = self._options
        make_noise(after, self._market.values, options.noise_trades, options.seed, number, now)
        executed: list[Executed] = [execute(after, item, now) for item in ready]
        if options.noise_trades:
            moved = [pool_id for pool_id, pool in after.pools.items() if pool is not before.pools[pool_id]]
            arbitrage(after, moved, self._market.values, now)
        self._store.write_block(head, number, before, after, executed)

    def _is_due(self, head: Head) -> bool:
        age_ms = (head.now - head.at).total_seconds() * 1000
        return head.has_pending and age_ms >= self._options.block_time_ms

    def _height(self, head: Head) -> int:
        """The newest block's number, with the empty blocks that time has brought since."""
        if not self._options.block_time_ms:
            return head.number
        return head.number + int((head.now - head.at).total_seconds() * 1000 // self._options.block_time_ms)

    def _confirmations(self, receipt: Receipt, height: int) -> int:
        # Without a block time there is nothing to wait for: a block is final when it is made.
        if not self._options.block_time_ms:
            return self._options.required_confirmations
        return max(0, height - receipt.block_number) + 1


def development_signer(options: SimulatedOptions, policy: SigningPolicy | None = None) -> DevSigner:
    """The signer of who brings none."""
    return DevSigner(options.chain_id, facts_of, policy or default_policy(options))


def default_policy(options: SimulatedOptions) -> SigningPolicy:
    """Swaps on this chain, of any size."""
    return SigningPolicy(frozenset({options.chain_id}), frozenset({ROUTER}))


def _answer(scenario: str, arrival: Arrival) -> DexError | None:
    if arrival.broadcast_count is None:
        return UnknownOutcome("another transaction has this nonce")
    if arrival.broadcast_count > 1:
        return None
    if scenario == "network":
        return ChainUnavailable("the connection to the chain broke before anything was sent")
    if scenario == "timeout":
        return BroadcastTimeout("the chain took the transaction and did not answer")
    return None


def _latency(delay_ms: int) -> None:
    """What a round trip to a real node would cost. Never inside a database transaction."""
    if delay_ms:
        time.sleep(delay_ms / 1000)
