"""Where a chain stands: its newest final block, and the nonces of its wallets."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the chain stands: its newest final block (number, unix seconds), and the nonces that wallets have used.

    `next_nonces` are the first nonces that no included transaction uses, `final_nonces` those that no final one does.
    A wallet that the chain has not seen is at 0.
    """

    final_block: int
    final_time: int
    next_nonces: Mapping[str, int]
    final_nonces: Mapping[str, int]

    def is_spent(self, wallet: str, key: int) -> bool:
        """Whether a final transaction has used the wallet's exclusion key: no other one executes under it any more."""
        return self.final_nonces[wallet] > key

    def is_in_turn(self, wallet: str, key: int) -> bool:
        """Whether the next transaction of the wallet that a block takes is one under this exclusion key."""
        return self.next_nonces[wallet] == key
