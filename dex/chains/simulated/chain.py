"""The simulated chain: a durable ledger with blocks, a mempool and faults on demand, behind the `Chain` interface."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from dex.chains.base import Snapshot, Timing
from dex.chains.capabilities import AnswersAlong, DatesPools, OpensPools, ReplacesTransactions, TakesBlocksBack
from dex.chains.scenarios import SCENARIOS
from dex.chains.simulated import accounts
from dex.chains.simulated.fees import NATIVE, costs, fee_of, offered
from dex.chains.simulated.funds import Funds
from dex.chains.simulated.market import default_market
from dex.chains.simulated.mempool import MAX_BLOCK_TRANSACTIONS, answer_to, incoming
from dex.chains.simulated.openings import described_pool, read_births
from dex.chains.simulated.options import SimulatedOptions
from dex.chains.simulated.producer import BlockProducer
from dex.chains.simulated.store import Store
from dex.chains.simulated.transaction import ROUTER, Transaction, decode, encode, sign, summarize_payload
from dex.costs import FeeStrategy
from dex.errors import BroadcastRejected, DexError
from dex.signers import DevSigner, Signer, SigningPolicy
from dex.standing import Standing
from dex.types import Fees, Intent, Receipt, Signable, SignedTransaction, Token, intent_of


class SimulatedChain(ReplacesTransactions, Funds, TakesBlocksBack, DatesPools, OpensPools, AnswersAlong):
    """One chain in the database. Every process that asks helps it along: the one that needs a due block makes it."""

    def __init__(self, options: SimulatedOptions, signer: Signer | None = None) -> None:
        self._options = options
        self._signer = signer or _development_signer(options)
        self._costs = costs(options.swap_fee)
        self._market = default_market()
        self._store = Store(self._market)
        self._producer = BlockProducer(options, self._market, self._store)

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
        """The chain's own rows, for checks that trust no others."""
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
        return replace(self._producer.snapshot(), costs=self._costs)

    def ask_snapshot(self) -> Callable[[], Snapshot] | None:
        """See `AnswersAlong`: not where a node's wait is simulated."""
        read = None if self._options.quote_delay_ms else self._producer.ask_snapshot()
        return None if read is None else lambda: replace(read(), costs=self._costs)

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
        arrivals = self._producer.receive([incoming(item, decoded[item.tx_hash], slow_s) for item in taken])
        answers = {
            item.tx_hash: answer_to(decoded[item.tx_hash].scenario, arrival)
            for item, arrival in zip(taken, arrivals, strict=True)
        }
        return [refused.get(item.tx_hash) or answers.get(item.tx_hash) for item in transactions]

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """See `Chain`."""
        return self._producer.receipts(tx_hashes)

    def advance(self) -> int:
        """Make the block that is due, if any transaction waits for one; return the chain's height."""
        return self._producer.advance()

    def reorg(self, depth: int, forget: Collection[str] | None = (), *, past_finality: bool = False) -> list[str]:
        """Take the newest `depth` blocks back; the hashes that were in them.

        They wait for a block again, but for those in `forget` (None: all of them), which the mempool has lost.
        Raises: ReorgPastFinality when a final block would go, unless `past_finality`, or when what undoes it is no
        longer kept; nothing is changed then.
        """
        return self._producer.reorg(depth, forget, past_finality=past_finality)

    def open_pool(self, pool_id: str, venue: str, tokens: Sequence[str], usd: str, fee_ppm: int) -> None:
        """See `OpensPools`."""
        self._producer.open_pool(described_pool(self._market, pool_id, venue, tokens, usd, fee_ppm))

    def seek_pools(self) -> None:
        """See `DatesPools`: each snapshot has all pools."""

    def births(self, pool_ids: Collection[str], since: int) -> Mapping[str, int]:
        """See `DatesPools`."""
        return read_births(pool_ids, since)

    def mine(self, count: int = 1) -> None:
        """Make the block that is due and `count` empty ones, without waiting for their time."""
        self._producer.mine(count)

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


def _latency(delay_ms: int) -> None:
    """What a round trip to a real node would cost. Never inside a database transaction."""
    if delay_ms:
        time.sleep(delay_ms / 1000)


def _development_signer(options: SimulatedOptions) -> DevSigner:
    """Signs swaps on this chain, of any size."""
    policy = SigningPolicy(frozenset({options.chain_id}), frozenset({ROUTER}))
    return DevSigner(options.chain_id, summarize_payload, policy)
