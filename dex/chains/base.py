"""The interface of a chain adapter. Network calls happen here and nowhere else in `dex`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dex.errors import DexError
from dex.pools.base import Pool
from dex.types import Fees, Intent, Receipt, SignedTransaction, Standing, SwapIntent, Token, WalletCall


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All pools as they are after one block. `version` is the block's number, `time` its unix seconds."""

    version: int
    time: int
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A node that says something else than others, by its host, and about what."""

    node: str
    detail: str


class Chain(Protocol):
    """Where transactions are included. All verbs take a batch, so that a real chain answers in one round trip."""

    @property
    def chain_id(self) -> str: ...
    @property
    def required_confirmations(self) -> int:
        """How many blocks, the inclusion block among them, make a receipt final; see `Receipt.is_final`."""
        ...

    def tokens(self) -> tuple[Token, ...]:
        """The tokens this chain ships with; more may be registered by the operator."""
        ...

    def snapshot(self) -> Snapshot:
        """The newest state. Raises: ChainUnavailable."""
        ...

    def next_nonce(self, wallet: str) -> int:
        """The wallet's first nonce that no included transaction uses. Raises: ChainUnavailable."""
        ...

    def balances(self, wallet: str) -> dict[str, int]:
        """Atoms of every token the wallet holds. Raises: ChainUnavailable."""
        ...

    def low_on_gas(self, wallets: Sequence[str]) -> dict[str, str]:
        """The wallets that hold too little of the chain's own token to pay for many more transactions, and how little.

        Empty where transactions cost nothing. Raises: ChainUnavailable.
        """
        ...

    def standing(self, wallets: Sequence[str]) -> Standing:
        """The newest final block, and where the nonces of these wallets stand.

        Not older than any receipt that this adapter has given. Raises: ChainUnavailable.
        """
        ...

    def prepare(self) -> Fees:
        """Fetch what `sign` needs from the network; the fees that bring a transaction into one of the next blocks.

        Raises: ChainUnavailable, FeesTooHigh.
        """
        ...

    def sign(self, intents: Sequence[Intent]) -> list[SignedTransaction | DexError]:
        """Encode and sign, without I/O; one answer per intent, in order."""
        ...

    def reprice(self, bids: Sequence[tuple[SignedTransaction, Fees]]) -> list[SignedTransaction | DexError]:
        """The same transactions with other fees, signed anew, without I/O; one answer per transaction, in order."""
        ...

    def check(self, intents: Sequence[Intent]) -> list[DexError | None]:
        """Whether `sign` would sign each, without signing; None where it would."""
        ...

    @property
    def rehearses(self) -> bool:
        """Whether `rehearse` says more than the quote did already."""
        ...

    def rehearse(self, intents: Sequence[SwapIntent]) -> list[DexError | None]:
        """Try swaps out on the newest state, without signing; one answer per intent, None where it would go through.

        LimitNotMet: the price has moved. Raises: ChainUnavailable.
        """
        ...

    def allowances(self, wallet: str) -> dict[str, int]:
        """Atoms of each token that the chain's router may take from the wallet; empty where none needs leave.

        Raises: ChainUnavailable.
        """
        ...

    def approval_calls(self, wallet: str, token: str, amount: int) -> list[WalletCall]:
        """What the wallet must call, in order, so that the router may take up to `amount` atoms of a token in all.

        Tried on the chain's newest state. Raises: BroadcastRejected where the token refuses, ChainUnavailable.
        """
        ...

    def approve(
        self, wallet: str, nonce: int, calls: Sequence[WalletCall], fees: Fees
    ) -> list[SignedTransaction] | DexError:
        """Sign these calls, from this nonce on, without I/O."""
        ...

    @property
    def batch_venues(self) -> frozenset[str]:
        """Venues where only wallets trade that act in batches."""
        ...

    def acting_in_batches(self, wallets: Sequence[str]) -> frozenset[str]:
        """Those of the wallets that do, as seen seconds ago at most; none where the chain is set so that none can.

        Raises: ChainUnavailable.
        """
        ...

    def delegate(self, wallet: str, nonce: int, is_on: bool, fees: Fees) -> list[SignedTransaction] | DexError:
        """Sign leave for the wallet to act in batches, or take it back: transactions for nonces in a row from `nonce`.

        Without I/O.
        """
        ...

    def address_of(self, owner: str) -> str:
        """The wallet that the chain's signer keeps for an owner."""
        ...

    def hold_wallet(self, owner: str, wallet: str) -> None:
        """Make the owner's wallet ready to sign; see `Signer.hold`. May take a second."""
        ...

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
        """Hand bytes to the chain; one answer per transaction, in order.

        None: accepted, or known already (the same bytes are one transaction). RetryableError: surely not
        sent. UnknownOutcome: perhaps sent, or another transaction contests the nonce. TerminalError: refused for good.
        """
        ...

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """The receipt of each hash, None while it is not included. Raises: ChainUnavailable."""
        ...

    def are_absent(self, tx_hashes: Sequence[str], block: int) -> list[bool]:
        """Whether none of these, of which no receipt was there just before, is in a block up to this final one.

        More than `receipts` where the chain has several nodes: that one knows nothing must not end an order.
        Raises: ChainUnavailable.
        """
        ...

    def contradictions(self) -> list[Contradiction]:
        """What nodes have said against the others since this was last asked."""
        ...

    def answers_within_s(self) -> float:
        """Longest time that a question to the chain takes before it is given up, all of its nodes asked."""
        ...

    def block_interval_s(self) -> float:
        """Expected seconds between blocks; 0 where a block is made at once."""
        ...
