"""What only some chains can do, one protocol each. Callers test a chain for it by type, never by its name.

A chain that lacks a capability needs nothing for it: what callers do without stands in each protocol.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

from dex.chains.base import Contradiction, Snapshot
from dex.errors import DexError
from dex.types import Fees, PreparedSwap, SignedTransaction, SwapIntent, WalletCall


@runtime_checkable
class SimulatesSwaps(Protocol):
    """Executes swaps on its state before they are signed. Without: what the quote promised is signed."""

    def simulate(self, intents: Sequence[SwapIntent]) -> list[PreparedSwap | DexError]:
        """Execute swaps on the newest state without signing them; one answer per intent, in order.

        A swap that would go through is answered by what `sign` takes, independent of other simulations. Keys do not
        matter; fees say what the wallet must be able to pay. LimitNotMet: the price has moved. InsufficientFunds: the
        wallet holds too little, for the swap or for the chain's own token. Raises: ChainUnavailable.
        """
        ...


@runtime_checkable
class ReplacesTransactions(Protocol):
    """Takes another transaction at the same exclusion key for a higher fee. Without: an order awaits its deadline."""

    def reprice(self, replacements: Sequence[tuple[SignedTransaction, Fees]]) -> list[SignedTransaction | DexError]:
        """The same transactions with other fees, signed again, without I/O; one answer per transaction, in order."""
        ...


@runtime_checkable
class ChargesGas(Protocol):
    """Transactions cost the chain's own token. Without: no wallet runs out of it."""

    def low_on_gas(self, wallets: Sequence[str]) -> dict[str, str]:
        """The wallets that hold too little of the chain's own token for many more transactions, and how little.

        Raises: ChainUnavailable.
        """
        ...


@runtime_checkable
class BoundsFees(Protocol):
    """Hears what a transaction cost from nodes that may lie. Without: a receipt's `fee_paid` was taken."""

    def most_paid(self, transactions: Sequence[SignedTransaction]) -> list[int]:
        """The most that each can have cost by its own bytes, in atoms of the native token; without I/O.

        What no bytes bound, such as a rollup's fee for data, is bounded by what it is known to be about.
        """
        ...


@runtime_checkable
class ForeseesShortages(Protocol):
    """Knows before it signs a swap that its wallet cannot pay the fee. Without: a simulation or a block tells."""

    def holdings(self, intents: Sequence[SwapIntent]) -> list[int | DexError]:
        """What the wallet of each holds of the chain's own token, or lacks for the fee and for what it sells of it.

        Each alone, on the newest state, at the fees that it states. Raises: ChainUnavailable.
        """
        ...


@runtime_checkable
class NeedsAllowances(Protocol):
    """A wallet allows the chain's router to take its tokens. Without: the router takes what the wallet has signed."""

    def allowances(self, wallet: str) -> dict[str, int]:
        """Atoms of each token that the chain's router may take from the wallet. Raises: ChainUnavailable."""
        ...

    def approval_calls(self, wallet: str, token: str, amount: int) -> list[WalletCall]:
        """What the wallet must call, in order, so that the router may take up to `amount` atoms of a token in all.

        Simulated on the chain's newest state. Raises: BroadcastRejected where the token refuses, ChainUnavailable.
        """
        ...

    def approve(
        self, wallet: str, nonce: int, calls: Sequence[WalletCall], fees: Fees
    ) -> list[SignedTransaction] | DexError:
        """Sign these calls, from this nonce on, without I/O."""
        ...


@runtime_checkable
class DelegatesWallets(Protocol):
    """A wallet may run the code of a contract, which some venues need. Without: every wallet trades everywhere."""

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
        """Sign that the wallet acts in batches, or no longer does: transactions at keys in a row from `nonce` on.

        Without I/O.
        """
        ...


@runtime_checkable
class CrossChecksNodes(Protocol):
    """Asks several nodes, of which some may lie. Without: what the chain says is so."""

    def are_absent(self, tx_hashes: Sequence[str], block: int) -> list[bool]:
        """Whether none of these, of which no receipt was there just before, is in a block up to this final one.

        More than `receipts`: that one node knows nothing must not end an order. Raises: ChainUnavailable.
        """
        ...

    def contradictions(self) -> list[Contradiction]:
        """What nodes have said against the others since this was last asked."""
        ...


@runtime_checkable
class TakesBlocksBack(Protocol):
    """Takes blocks back on demand: for tests and demonstrations. Without: reorgs come by themselves or never."""

    def reorg(self, depth: int, forget: Collection[str] | None = (), *, past_finality: bool = False) -> list[str]:
        """Take the newest `depth` blocks back; the hashes that were in them.

        They wait for a block again, but for those in `forget` (None: all of them), which the mempool has lost.
        Raises: ReorgPastFinality when a final block would go, unless `past_finality`; nothing is changed then.
        """
        ...


@runtime_checkable
class AnswersAlong(Protocol):
    """Lives in the caller's own database, and answers along with what this is asked. Without: a question is a trip."""

    def ask_snapshot(self) -> Callable[[], Snapshot] | None:
        """Have the market read with the next statement of this thread's session; what is called for it later.

        None where that is not possible now. Raises: ChainUnavailable, also when it is called for.
        """
        ...


@runtime_checkable
class DatesPools(Protocol):
    """Knows when its pools were created. Without: a pool is as old as the last snapshot that did not have it."""

    def seek_pools(self) -> None:
        """Orders wait for new pools: for some seconds from now on look for them with each block. Without I/O."""
        ...

    def births(self, pool_ids: Collection[str], since: int) -> Mapping[str, int]:
        """The unix seconds of the blocks that created these pools, of those that were created from `since` on.

        Of older ones, and of those of which the chain does not say it, nothing. Raises: ChainUnavailable.
        """
        ...


@runtime_checkable
class OpensPools(Protocol):
    """Opens pools on demand: for tests and demonstrations. Without: pools come by themselves."""

    def open_pool(self, pool_id: str, venue: str, tokens: Sequence[str], usd: str, fee_ppm: int) -> None:
        """Open a pool in a block of its own, that holds about `usd` US dollars at the reference prices.

        Raises: ValueError for one that cannot be; nothing is changed then.
        """
        ...
