"""What wallets held of the native token when the state was last read, for those who ask whether they can pay."""

import time
from collections.abc import Collection, Mapping

# For how long what was read is told, and how many wallets are followed: those that were asked about last.
FRESH_S = 1.0
MOST_WALLETS = 64
# A wallet that holds less than so often what it needs is looked at again.
MARGIN = 4


class Purses:
    """One process's memory. It only saves a look at wallets that held plenty a moment ago."""

    def __init__(self) -> None:
        self._wanted: tuple[str, ...] = ()
        self._seen: tuple[float, Mapping[str, int]] = 0.0, {}

    @property
    def wanted(self) -> Collection[str]:
        """Wallets whose holdings are worth reading along with the state."""
        return self._wanted

    def note(self, held: Mapping[str, int], at: float) -> None:
        """Take what was read at a moment of this process's monotonic clock, or after it."""
        self._seen = at, held

    def ample(self, needed: Mapping[str, int]) -> dict[str, int] | None:
        """What these wallets hold, if all of them held many times what they need a moment ago; else None."""
        self._want(needed)
        at, held = self._seen
        if time.monotonic() - at > FRESH_S:
            return None
        if any(wallet not in held or held[wallet] < MARGIN * atoms for wallet, atoms in needed.items()):
            return None
        return {wallet: held[wallet] for wallet in needed}

    def _want(self, wallets: Collection[str]) -> None:
        if not set(self._wanted).issuperset(wallets):
            others = (wallet for wallet in self._wanted if wallet not in wallets)
            self._wanted = (*wallets, *others)[:MOST_WALLETS]
