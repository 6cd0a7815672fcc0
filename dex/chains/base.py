"""The interface of a chain adapter. Network calls happen here and nowhere else in `dex`."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from dex.costs import Costs, FeeStrategy
from dex.errors import DexError, RetryableError
from dex.pools.base import Pool
from dex.standing import Standing
from dex.types import (
    Fees,
    Intent,
    Receipt,
    Signable,
    SignedTransaction,
    Token,
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All pools as they are after one block. `version` is the block's number, `time` its unix seconds.

    `costs` are what transactions cost at the fees of the moment; empty where the chain charges nothing.
    """

    version: int
    time: int
    pools: tuple[Pool, ...]
    costs: Mapping[FeeStrategy, Costs] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What the chain was asked at `asked_s`, by this process's monotonic clock, before it was known for whom."""

    asked_s: float
    offers: "Future[Mapping[FeeStrategy, Fees]]"
    market: Snapshot | RetryableError | Callable[[], Snapshot]

    def snapshot(self) -> Snapshot:
        """The market. Raises: ChainUnavailable, if that was the answer."""
        if isinstance(self.market, RetryableError):
            raise self.market
        return self.market if isinstance(self.market, Snapshot) else self.market()


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A node that says something else than others, by its host, and about what."""

    node: str
    detail: str


@dataclass(frozen=True, slots=True)
class Timing:
    """How fast a chain is, in seconds.

    `block_s` is the expected time between blocks, 0 where a block is made at once. `answer_s` is the longest that a
    question to the chain takes before it is given up, all of its nodes asked. `confirmations` blocks, the block of the
    inclusion among them, make a receipt final (`Receipt.is_final`).
    """

    block_s: float = 0.0
    answer_s: float = 1.0
    confirmations: int = 1


class Chain(Protocol):
    """Where transactions are included. All verbs take a batch, so that a real chain answers in one round trip.

    What only some chains can do is apart: `capabilities.py`.
    """

    @property
    def chain_id(self) -> str: ...
    @property
    def timing(self) -> Timing:
        """How fast it is."""
        ...

    @property
    def native(self) -> Token:
        """The chain's own token, in which transactions are paid."""
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

    def standing(self, wallets: Sequence[str]) -> Standing:
        """The newest final block, and where the nonces of these wallets stand.

        Not older than any receipt that this adapter has given. Raises: ChainUnavailable.
        """
        ...

    def prepare(self) -> Mapping[FeeStrategy, Fees]:
        """Fetch what `sign` needs from the network; the fees of each strategy that bring a transaction into a block.

        None of them is lower than those of a slower one. Runs beside other verbs, in a thread that is asked nothing
        else: without the database. Raises: ChainUnavailable, FeesTooHigh.
        """
        ...

    def sign(self, items: Sequence[Signable]) -> list[SignedTransaction | DexError]:
        """Encode and sign, without I/O; one answer per item, in order. A prepared swap is signed as it is."""
        ...

    def most_costs(self, offers: Sequence[tuple[Signable | SignedTransaction, Fees]]) -> list[int]:
        """The most that each transaction could cost at these fees, in atoms of the native token; without I/O.

        No receipt of it states more, but for what a rollup charges for bytes, which counts as it was last known. The
        amounts that it sends along are not in it. Raises: BroadcastRejected for what could not be signed.
        """
        ...

    def check(self, intents: Sequence[Intent]) -> list[DexError | None]:
        """Whether `sign` would sign each, without signing; None where it would."""
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
