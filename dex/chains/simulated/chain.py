"""The simulated chain: a durable ledger with blocks, a mempool and faults on demand, behind the `Chain` interface."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from dex.chains.base import Snapshot, Timing
from dex.chains.capabilities import ReplacesTransactions, TakesBlocksBack
from dex.chains.scenarios import SCENARIOS
from dex.chains.simulated import accounts
from dex.chains.simulated.branches import KEPT_PAST_FINALITY, keep_undo, take_back
from dex.chains.simulated.fees import COLLECTOR, NATIVE, costs, fee_of, offered
from dex.chains.simulated.funds import Funds
from dex.chains.simulated.ledger import RIVAL, executable, execute_in_turn
from dex.chains.simulated.market import default_market
from dex.chains.simulated.mempool import MAX_BLOCK_TRANSACTIONS, Mempool, answer_to, incoming
from dex.chains.simulated.noise import TRADERS, arbitrage, make_noise
from dex.chains.simulated.options import SimulatedOptions
from dex.chains.simulated.store import Head, Store
from dex.chains.simulated.transaction import ROUTER, Transaction, decode, encode, sign, summarize_payload
from dex.costs import FeeStrategy
from dex.errors import BroadcastRejected, DexError, ReorgPastFinality
from dex.signers import DevSigner, Signer, SigningPolicy
from dex.types import Fees, Intent, Receipt, Signable, SignedTransaction, Standing, Token, intent_of


class SimulatedChain(ReplacesTransactions, Funds, TakesBlocksBack):
    """One chain in the database. Every process that asks helps it along: whoever needs a due block makes it."""

    def __init__(self, options: SimulatedOptions, signer: Signer | None = None) -> None:
        self._options = options
        self._signer = signer or _development_signer(options)
        self._costs = costs(options.swap_fee)
        self._market = default_market()
        self._store = Store(self._market)
        self._mempool = Mempool()

    @property
    def chain_id(self) -> str:
        """See `Chain`."""
        return self._options.chain_id

    @property
    def timing(self) -> Timing:
        """See `Chain`."""
        return Timing(self._options.block_time_ms / 1000, confirmations=self._options.required_confirmations)

    @property
    def store(self) -> Store:
        """The chain's own books, for checks that trust nobody else's."""
        return self._store

    @property
    def native(self) -> Token:
        """See `Chain`."""
        return next(token for token in self._market.tokens if token.symbol == NATIVE)

    def tokens(self) -> tuple[Token, ...]:
        """See `Chain`."""
        return self._market.tokens

    def snapshot(self) -> Snapshot:
        """See `Chain`."""
        _latency(self._options.quote_delay_ms)
        self.advance()
        return replace(self._store.snapshot(), costs=self._costs)

    def next_nonce(self, wallet: str) -> int:
        """See `Chain`. A new address is funded by the faucet."""
        self._store.ensure_genesis()
        nonce = accounts.next_nonce(wallet)
        if nonce is None:
            self._store.fund(wallet)
            return accounts.next_nonce(wallet) or 0
        return nonce

    def balances(self, wallet: str) -> dict[str, int]:
        """See `Chain`."""
        self.next_nonce(wallet)
        return self._store.balances(wallet)

    def standing(self, wallets: Sequence[str]) -> Standing:
        """See `Chain`."""
        final = max(0, self.advance() - self._options.required_confirmations + 1)
        number, at = self._store.block_time(final)
        at += timedelta(milliseconds=(final - number) * self._options.block_time_ms)
        window = MAX_BLOCK_TRANSACTIONS * self._options.required_confirmations
        nonces = accounts.standings(wallets, final, window)
        return Standing(
            final,
            int(at.timestamp()),
            {wallet: nonces.get(wallet, (0, 0))[0] for wallet in wallets},
            {wallet: nonces.get(wallet, (0, 0))[1] for wallet in wallets},
        )

    def prepare(self) -> dict[FeeStrategy, Fees]:
        """See `Chain`: the usual fees never change here."""
        _latency(self._options.build_delay_ms)
        return {strategy: offered(self._options.swap_fee, strategy) for strategy in FeeStrategy}

    def sign(self, items: Sequence[Signable]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return [self._sign(intent_of(item)) for item in items]

    def most_costs(self, offers: Sequence[tuple[Signable | SignedTransaction, Fees]]) -> list[int]:
        """See `Chain`: just what a block takes."""
        items = [
            decode(self.chain_id, item.raw).intent if isinstance(item, SignedTransaction) else intent_of(item)
            for item, _ in offers
        ]
        return [fee_of(replace(intent, fees=fees)) for intent, (_, fees) in zip(items, offers, strict=True)]

    def check(self, intents: Sequence[Intent]) -> list[DexError | None]:
        """See `Chain`."""
        return [self._complaint(intent) for intent in intents]

    def address_of(self, owner: str) -> str:
        """See `Chain`."""
        return self._signer.address_of(owner)

    def hold_wallet(self, owner: str, wallet: str) -> None:
        """See `Chain`."""
        self._signer.hold(owner, wallet)

    def reprice(self, replacements: Sequence[tuple[SignedTransaction, Fees]]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return self.sign([replace(decode(self.chain_id, item.raw).intent, fees=fees) for item, fees in replacements])

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
        """See `Chain`."""
        _latency(self._options.submit_delay_ms)
        self._store.ensure_genesis()
        decoded: dict[str, Transaction] = {}
        refused: dict[str, DexError] = {}
        for item in transactions:
            try:
                decoded[item.tx_hash] = decode(self.chain_id, item.raw)
            except BroadcastRejected as error:
                refused[item.tx_hash] = error
        taken = list({item.tx_hash: item for item in transactions if item.tx_hash in decoded}.values())
        slow_s = self._options.slow_ms / 1000
        arrivals = self._mempool.receive([incoming(item, decoded[item.tx_hash], slow_s) for item in taken])
        answers: dict[str, DexError | None] = {}
        for item, arrival in zip(taken, arrivals, strict=True):
            scenario = decoded[item.tx_hash].scenario
            answers[item.tx_hash] = answer_to(scenario, arrival)
            if scenario == "race" and arrival.is_replacement:
                self._mempool.release(item.wallet, item.nonce)
        return [refused.get(item.tx_hash) or answers.get(item.tx_hash) for item in transactions]

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """See `Chain`."""
        height = self.advance()
        found = self._store.receipts(tx_hashes)
        return [self._counted(receipt, height) if (receipt := found.get(tx_hash)) else None for tx_hash in tx_hashes]

    def advance(self) -> int:
        """Make the block that is due, if any transaction waits for one; return the chain's height."""
        self._store.ensure_genesis()
        head = self._head()
        if not self._is_due(head) and not self._is_doomed(head):
            return self._height(head)
        with self._store.exclusive():
            # Somebody else may have done it while this process waited for the lock.
            if self._is_doomed(head := self._head()):
                assert head.doomed is not None
                self._reorg(head, head.doomed, ())
                head = self._head()
            if self._is_due(head):
                self._make_block(head)
        return self._height(self._head())

    def reorg(self, depth: int, forget: Collection[str] | None = (), *, past_finality: bool = False) -> list[str]:
        """Take the newest `depth` blocks back; the hashes that were in them.

        They wait for a block again, but for those in `forget` (None: all of them), which the mempool has lost.
        Raises: ReorgPastFinality when a final block would go, unless `past_finality`, or when what undoes it is no
        longer kept; nothing is changed then.
        """
        self._store.ensure_genesis()
        with self._store.exclusive():
            head = self._head()
            tx_hashes = self._reorg(head, self._height(head) - depth + 1, forget)
            # Time has gone on, and with it finality: whoever was told that a block is final must have been told right.
            if not past_finality and self._height(self._head()) - self._height(head) + depth > self._reversible:
                raise ReorgPastFinality(f"{depth} blocks back is past finality, {self._reversible} can be taken back")
        return tx_hashes

    def mine(self, count: int = 1) -> None:
        """Make the block that is due and `count` empty ones, without waiting for their time."""
        self.advance()
        with self._store.exclusive():
            for _ in range(count):
                head = self._head()
                height = self._height(head)
                self._store.write_empty_block(head, height + 1, self._made_at(head, height))

    @property
    def _reversible(self) -> int:
        return self._options.required_confirmations - 1

    def _head(self) -> Head:
        head = self._store.head()
        assert head is not None
        return head

    def _reorg(self, head: Head, first: int, forget: Collection[str] | None) -> list[str]:
        height = self._height(head)
        if first > height:
            raise ValueError("a reorg takes at least one block back")
        tx_hashes = take_back(first, forget)
        # The new branch is as long as the old one: confirmations of what stays never shrink.
        self._store.write_empty_block(self._head(), height, self._made_at(head, height))
        return tx_hashes

    def _sign(self, intent: Intent) -> SignedTransaction | DexError:
        if (scenario := getattr(intent, "scenario", "none")) not in SCENARIOS:
            return BroadcastRejected(f"the simulated chain knows no scenario {scenario!r}")
        try:
            return sign(self.chain_id, intent, self._signer)
        except DexError as error:
            return error

    def _complaint(self, intent: Intent) -> DexError | None:
        try:
            self._signer.judge(intent.wallet, encode(self.chain_id, intent))
        except DexError as error:
            return error
        return None

    def _make_block(self, head: Head) -> None:
        waiting = {item.tx_hash: item for item in self._mempool.pending()}
        pending = [decode(self.chain_id, item.raw) for item in waiting.values()]
        wallets = {item.intent.wallet for item in pending}
        before = self._store.load([*wallets, RIVAL, TRADERS, COLLECTOR])
        late = [item.tx_hash for item in pending if item.intent.nonce < before.nonces.get(item.intent.wallet, 0)]
        self._mempool.drop(late, "replaced")
        ready = executable(before, pending)
        if not ready:
            return
        after = before.copy()
        number, now = max(head.number + 1, self._height(head)), int(head.now.timestamp())
        options = self._options
        make_noise(after, self._market.values, options.noise_trades, options.seed, number, now)
        executed, unpaid = execute_in_turn(after, ready, now)
        self._mempool.drop(unpaid, "forgotten")
        if not executed:
            return
        if options.noise_trades:
            moved = [pool_id for pool_id, pool in after.pools.items() if pool is not before.pools[pool_id]]
            arbitrage(after, moved, self._market.values, now)
        included = {item.tx_hash for item in executed}
        is_doomed = any(
            item.scenario == "reorg" and item.tx_hash in included and not waiting[item.tx_hash].taken_back_count
            for item in ready
        )
        kept = options.required_confirmations + KEPT_PAST_FINALITY
        keep_undo(number, before, after, is_doomed=is_doomed and self._reversible >= 2, kept=kept)
        self._store.write_block(head, number, self._made_at(head, number), before, after, executed)

    def _is_due(self, head: Head) -> bool:
        age_ms = (head.now - head.at).total_seconds() * 1000
        return head.has_pending and age_ms >= self._options.block_time_ms

    def _is_doomed(self, head: Head) -> bool:
        """Whether a block that is to be taken back has had its chance to be seen."""
        return head.doomed is not None and self._height(head) > head.doomed

    def _height(self, head: Head) -> int:
        """The newest block's number, with the empty blocks that time has brought since."""
        if not self._options.block_time_ms:
            return head.number
        return head.number + int((head.now - head.at).total_seconds() * 1000 // self._options.block_time_ms)

    def _made_at(self, head: Head, number: int) -> datetime:
        """A block's time is the beginning of its slot: whichever block is the head, everybody counts one height."""
        if not self._options.block_time_ms:
            return head.now
        return head.at + timedelta(milliseconds=(number - head.number) * self._options.block_time_ms)

    def _counted(self, receipt: Receipt, height: int) -> Receipt:
        confirmations = max(0, height - receipt.block_number) + 1
        return replace(
            receipt, confirmations=confirmations, is_final=confirmations >= self._options.required_confirmations
        )


def _latency(delay_ms: int) -> None:
    """What a round trip to a real node would cost. Never inside a database transaction."""
    if delay_ms:
        time.sleep(delay_ms / 1000)


def _development_signer(options: SimulatedOptions) -> DevSigner:
    """Signs swaps on this chain, of any size."""
    policy = SigningPolicy(frozenset({options.chain_id}), frozenset({ROUTER}))
    return DevSigner(options.chain_id, summarize_payload, policy)
