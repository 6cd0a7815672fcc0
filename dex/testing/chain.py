"""A chain in memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dex.chains.base import Snapshot
from dex.chains.plain import PlainChain
from dex.errors import DexError
from dex.pools import Pool
from dex.testing.constants import NOW
from dex.types import NEVER, Fees, Intent, Receipt, SignedTransaction, Standing, SwapIntent, Token


@dataclass(slots=True)
class FakeChain(PlainChain):
    """A chain in memory that includes what it is sent at once and never fails; `sent` keeps it."""

    pools: tuple[Pool, ...]
    version: int = 1
    sent: dict[str, SignedTransaction] = field(default_factory=dict)

    chain_id: str = "fake"
    required_confirmations: int = 1

    def tokens(self) -> tuple[Token, ...]:
        """See `Chain`."""
        symbols = sorted({token for pool in self.pools for token in pool.tokens})
        return tuple(Token(symbol, symbol, 9) for symbol in symbols)

    def snapshot(self) -> Snapshot:
        """See `Chain`."""
        return Snapshot(self.version, NOW, self.pools)

    def next_nonce(self, wallet: str) -> int:
        """See `Chain`."""
        return sum(transaction.wallet == wallet for transaction in self.sent.values())

    def balances(self, wallet: str) -> dict[str, int]:
        """See `Chain`: every wallet owns more than anyone can spend."""
        return {token.symbol: 10**30 for token in self.tokens()}

    def standing(self, wallets: Sequence[str]) -> Standing:
        """See `Chain`: a block is final when it is made."""
        nonces = {wallet: self.next_nonce(wallet) for wallet in wallets}
        return Standing(self.version, NOW, nonces, nonces)

    def prepare(self) -> Fees:
        """See `Chain`: any fee will do."""
        return Fees(1, 1)

    def reprice(self, bids: Sequence[tuple[SignedTransaction, Fees]]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return [self._signed(transaction, fees) for transaction, fees in bids]

    def sign(self, intents: Sequence[Intent]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return [self._sign(intent) for intent in intents]

    def check(self, intents: Sequence[Intent]) -> list[DexError | None]:
        """See `Chain`."""
        return [None] * len(intents)

    def address_of(self, owner: str) -> str:
        """See `Chain`."""
        return f"wallet-of-{owner}"

    def hold_wallet(self, owner: str, wallet: str) -> None:
        """See `Chain`."""

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
        """See `Chain`."""
        self.sent |= {transaction.tx_hash: transaction for transaction in transactions}
        return [None] * len(transactions)

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """See `Chain`: success without amounts, since nothing is executed here."""
        return [
            Receipt(tx_hash, self.version, "block", True, None, "", 0, 0, None, 1, True)
            if tx_hash in self.sent
            else None
            for tx_hash in tx_hashes
        ]

    def block_interval_s(self) -> float:
        """See `Chain`."""
        return 0.0

    def _sign(self, intent: Intent) -> SignedTransaction:
        deadline = intent.deadline if isinstance(intent, SwapIntent) else NEVER
        unsigned = SignedTransaction(self.chain_id, intent.wallet, intent.nonce, repr(intent).encode(), "", deadline)
        return self._signed(unsigned, intent.fees)

    def _signed(self, transaction: SignedTransaction, fees: Fees) -> SignedTransaction:
        tx_hash = hashlib.sha256(transaction.raw + repr(fees).encode()).hexdigest()
        return replace(transaction, tx_hash=tx_hash, fees=fees)
