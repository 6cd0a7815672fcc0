"""The market a batch of orders is routed on: a snapshot's pools, moved on by each order routed before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dex.pools import Pool
from dex.router.compiled import CompiledMarket
from dex.router.venue_paths import VenuePaths


class Market:
    """Pools compiled for the split search, and the paths that each venue has alone.

    Stays warm: `follow` brings it to a newer snapshot by what has changed, `copy` gives a batch one of its own, on
    which `apply` plays the routes of its orders. Pools themselves are immutable.
    """

    def __init__(self, pools: Sequence[Pool], now: int, version: int) -> None:
        pools = _sorted(pools)
        self.compiled = CompiledMarket(pools, now)
        self.paths = VenuePaths(self.compiled)
        self.version = version

    @property
    def now(self) -> int:
        """Chain time in unix seconds."""
        return self.compiled.now

    @property
    def venues(self) -> tuple[str, ...]:
        """Every venue that has a pool here."""
        return self.compiled.venues

    def pool(self, pool_id: str) -> Pool:
        """The pool as it is now. Raises: KeyError."""
        return self.compiled.pools[self.compiled.position[pool_id]]

    def copy(self) -> Market:
        """The same market for somebody who moves it on."""
        twin = object.__new__(Market)
        twin.compiled, twin.paths, twin.version = self.compiled.copy(), self.paths, self.version
        return twin

    def apply(self, pools_after: Iterable[Pool]) -> None:
        """Put pools, as a route leaves them, in place of their earlier states."""
        self.compiled.apply(pools_after)

    def holds(self, pools: Sequence[Pool]) -> bool:
        """Whether these are the same pools, whatever their states."""
        mine, pools = self.compiled.pools, _sorted(pools)
        return len(pools) == len(mine) and all(
            (a.pool_id, a.venue, a.tokens, a.kind) == (b.pool_id, b.venue, b.tokens, b.kind)
            for a, b in zip(pools, mine, strict=True)
        )

    def follow(self, pools: Sequence[Pool], now: int, version: int) -> None:
        """Bring the market to a newer snapshot of the pools it holds; only what changed is compiled again."""
        has_time_passed, self.version = now != self.compiled.now, version
        self.compiled.set_time(now)
        changed = [
            pool
            for pool, before in zip(_sorted(pools), self.compiled.pools, strict=True)
            if pool is not before or (has_time_passed and pool.fee_moves)
        ]
        if changed:
            self.compiled.apply(changed)


def _sorted(pools: Sequence[Pool]) -> list[Pool]:
    """By id, so that the order in which a chain lists its pools decides nothing."""
    return sorted(pools, key=lambda pool: pool.pool_id)
