"""A chain in memory."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dex.chains.base import Snapshot, Timing
from dex.costs import Costs, FeeStrategy
from dex.errors import DexError
from dex.pools import Pool
from dex.standing import Standing
from dex.testing.constants import NOW
from dex.types import (
    NEVER,
    Fees,
    Intent,
    Receipt,
    Route,
    Signable,
    SignedTransaction,
    SwapIntent,
    Token,
    intent_of,
)


@dataclass(slots=True)
class FakeChain:
    """A chain in memory that includes what it is sent at once, pays what was promised and never fails."""

    pools: tuple[Pool, ...]
    version: int = 1
    sent: dict[str, SignedTransaction] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)

    chain_id: str = "fake"
    timing: Timing = field(default_factory=Timing)
    block_hash: str = "block"
    costs: Mapping[FeeStrategy, Costs] = field(default_factory=dict)

    @property
    def native(self) -> Token:
        """See `Chain`."""
        return Token("GAS", "GAS", 9)

    def tokens(self) -> tuple[Token, ...]:
        """See `Chain`."""
        symbols = sorted({token for pool in self.pools for token in pool.tokens})
        return tuple(Token(symbol, symbol, 9) for symbol in symbols)

    def snapshot(self) -> Snapshot:
        """See `Chain`."""
        return Snapshot(self.version, NOW, self.pools, self.costs)

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

    def prepare(self) -> dict[FeeStrategy, Fees]:
        """See `Chain`: any fee will do."""
        return dict.fromkeys(FeeStrategy, Fees(1, 1))

    def reprice(self, replacements: Sequence[tuple[SignedTransaction, Fees]]) -> list[SignedTransaction | DexError]:
        """See `ReplacesTransactions`."""
        return [self._signed(transaction, fees) for transaction, fees in replacements]

    def sign(self, items: Sequence[Signable]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return [self._sign(intent_of(item)) for item in items]

    def most_costs(self, offers: Sequence[tuple[Signable | SignedTransaction, Fees]]) -> list[int]:
        """See `Chain`: what is paid per gas, for one."""
        return [fees.max_fee for _, fees in offers]

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
        """See `Chain`: every swap pays what its route promised."""
        return [self._receipt(tx_hash) if tx_hash in self.sent else None for tx_hash in tx_hashes]

    def _sign(self, intent: Intent) -> SignedTransaction:
        deadline = intent.deadline if isinstance(intent, SwapIntent) else NEVER
        unsigned = SignedTransaction(self.chain_id, intent.wallet, intent.nonce, repr(intent).encode(), "", deadline)
        signed = self._signed(unsigned, intent.fees)
        if isinstance(intent, SwapIntent):
            self.routes[signed.tx_hash] = intent.route
        return signed

    def _receipt(self, tx_hash: str) -> Receipt:
        route = self.routes.get(tx_hash)
        amounts = (route.amount_in, route.amount_out) if route else (0, 0)
        return Receipt(tx_hash, self.version, self.block_hash, True, None, "", *amounts, route, 1, True)

    def _signed(self, transaction: SignedTransaction, fees: Fees) -> SignedTransaction:
        tx_hash = hashlib.sha256(transaction.raw + repr(fees).encode()).hexdigest()
        return replace(transaction, tx_hash=tx_hash, fees=fees)
