"""What chains answer on which tokens need no leave, wallets nobody's code, and which nobody else can contradict."""

from collections.abc import Sequence

from dex.chains.base import Contradiction
from dex.errors import BroadcastRejected, DexError
from dex.types import Fees, SignedTransaction, SwapIntent, WalletCall

NO_APPROVALS = "this chain needs no approvals"


class PlainChain:
    """A base for adapters of such chains."""

    @property
    def rehearses(self) -> bool:
        """See `Chain`: the quote's own arithmetic is all there is."""
        return False

    def rehearse(self, intents: Sequence[SwapIntent]) -> list[DexError | None]:
        """See `Chain`."""
        return [None] * len(intents)

    def low_on_gas(self, wallets: Sequence[str]) -> dict[str, str]:
        """See `Chain`: no fee is ever taken."""
        return {}

    def allowances(self, wallet: str) -> dict[str, int]:
        """See `Chain`: none needs leave here."""
        return {}

    def approval_calls(self, wallet: str, token: str, amount: int) -> list[WalletCall]:
        """See `Chain`."""
        raise BroadcastRejected(NO_APPROVALS)

    def approve(
        self, wallet: str, nonce: int, calls: Sequence[WalletCall], fees: Fees
    ) -> list[SignedTransaction] | DexError:
        """See `Chain`."""
        return BroadcastRejected(NO_APPROVALS)

    @property
    def batch_venues(self) -> frozenset[str]:
        """See `Chain`."""
        return frozenset()

    def acting_in_batches(self, wallets: Sequence[str]) -> frozenset[str]:
        """See `Chain`: nobody needs to."""
        return frozenset()

    def delegate(self, wallet: str, nonce: int, is_on: bool, fees: Fees) -> list[SignedTransaction] | DexError:
        """See `Chain`."""
        return BroadcastRejected("wallets of this chain need nobody's code")

    def are_absent(self, tx_hashes: Sequence[str], block: int) -> list[bool]:
        """See `Chain`: there is nobody else to ask."""
        return [True] * len(tx_hashes)

    def contradictions(self) -> list[Contradiction]:
        """See `Chain`: none, of one."""
        return []

    def answers_within_s(self) -> float:
        """See `Chain`."""
        return 1.0
