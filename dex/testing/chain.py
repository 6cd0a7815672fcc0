"""A chain in memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from dex.chains.base import Snapshot
from dex.errors import DexError
from dex.pools import Pool
from dex.testing.constants import NOW
from dex.types import Receipt, SignedTransaction, SwapIntent, Token


@dataclass(slots=True)
class FakeChain:
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

    def prepare(self) -> None:
        """See `Chain`."""

    def sign(self, intents: Sequence[SwapIntent]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return [self._sign(intent) for intent in intents]

    def check(self, intents: Sequence[SwapIntent]) -> list[DexError | None]:
        """See `Chain`."""
        return [None] * len(intents)

    def address_of(self, owner: str) -> str:
        """See `Chain`."""
        return f"wallet-of-{owner}"

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
        """See `Chain`."""
        self.sent |= {transaction.tx_hash: transaction for transaction in transactions}
        return [None] * len(transactions)

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """See `Chain`: success without amounts, since nothing is executed here."""
        return [
            Receipt(tx_hash, self.version, "block", True, None, "", 0, 0, None, 1) if tx_hash in self.sent else None
            for tx_hash in tx_hashes
        ]

    def block_interval_s(self) -> float:
        """See `Chain`."""
        return 0.0

    def _sign(self, intent: SwapIntent) -> SignedTransaction:
        raw = repr(intent).encode()
        tx_hash = hashlib.sha256(raw).hexdigest()
        return SignedTransaction(self.chain_id, intent.wallet, intent.nonce, raw, tx_hash, intent.deadline)
