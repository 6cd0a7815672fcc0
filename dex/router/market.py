"""The market a batch of orders is routed on: a snapshot's pools, moved on by each order routed before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from dex.costs import Costs, FeeStrategy
from dex.pools import Pool
from dex.router.graph.compiled import CompiledMarket
from dex.router.venue_paths import VenuePaths


class Market:
    """Pools compiled for the split search, the paths that each venue has alone, and what transactions cost.

    It is kept between batches: `follow` brings it to a newer snapshot by what has changed, and `apply` plays the routes
    of orders on it. Pools themselves are immutable.
    """

    def __init__(
        self, pools: Sequence[Pool], now: int, version: int, costs: Mapping[FeeStrategy, Costs] | None = None
    ) -> None:
        pools = _sorted(pools)
        self.compiled = CompiledMarket(pools, now)
        self.paths = VenuePaths(self.compiled)
        self.version = version
        self.costs = costs or {}

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
        """An independent market that `apply` can move on."""
        twin = object.__new__(Market)
        twin.compiled, twin.paths, twin.version = self.compiled.copy(), self.paths, self.version
        twin.costs = self.costs
        return twin

    def apply(self, pools_after: Iterable[Pool]) -> None:
        """Put pools, as a route leaves them, in place of their earlier states."""
        self.compiled.apply(pools_after)

    def holds(self, pools: Sequence[Pool]) -> bool:
        """Whether these are the same pools, in any state."""
        mine, pools = self.compiled.pools, _sorted(pools)
        return len(pools) == len(mine) and all(
            a is b or (a.pool_id, a.venue, a.tokens, a.kind) == (b.pool_id, b.venue, b.tokens, b.kind)
            for a, b in zip(pools, mine, strict=True)
        )

    def follow(
        self, pools: Sequence[Pool], now: int, version: int, costs: Mapping[FeeStrategy, Costs] | None = None
    ) -> None:
        """Bring the market to a newer snapshot of the pools it holds; only what changed is compiled again."""
        then, self.version, self.costs = self.compiled.now, version, costs or {}
        self.compiled.set_time(now)
        changed = [
            pool
            for pool, before in zip(_sorted(pools), self.compiled.pools, strict=True)
            if pool is not before or (now != then and pool.fee_moves(then, now))
        ]
        if changed:
            self.compiled.apply(changed)


def _sorted(pools: Sequence[Pool]) -> list[Pool]:
    """By id, so that the order in which a chain lists its pools decides nothing."""
    return sorted(pools, key=attrgetter("pool_id"))
