"""Pauses that are in force, and what they stop (pure)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Control(NamedTuple):
    """One pause; empty chain, venue or no account mean any."""

    chain_id: str
    account_id: int | None
    venue: str


@dataclass(frozen=True, slots=True)
class Controls:
    """All pauses at one moment."""

    rows: Sequence[Control] = ()

    @property
    def venues(self) -> frozenset[str]:
        """Venues that routes go round."""
        return frozenset(row.venue for row in self.rows if row.venue)

    def halt(self, chain_id: str, account_id: int) -> bool:
        """Whether an account's orders on a chain wait, for any route."""
        return any(
            not row.venue and row.chain_id in {"", chain_id} and row.account_id in {None, account_id}
            for row in self.rows
        )

    def stop(self, chain_id: str, account_id: int, venues: Collection[str]) -> bool:
        """Whether an order may not be signed: its account waits, or its plan trades on a paused venue."""
        return not self.venues.isdisjoint(venues) or self.halt(chain_id, account_id)

    def seem_to_hold(self, chain_id: str, account_id: int, status: str) -> bool:
        """Whether an unsigned order waits for a pause to end, as readers are shown it."""
        return self.halt(chain_id, account_id) or (status == "ROUTING" and bool(self.venues))


NONE = Controls()
