"""The market a batch of orders is routed on: a snapshot's pools, moved on by each order routed before."""

from collections.abc import Hashable, Iterable, Sequence

from dex.pools import Pool
from dex.router.graph import graph_of


class Market:
    """Pools by position, and for each edge of their graph a price that no swap through it can beat.

    `largest_fills` is what searches found out about amounts that are too large, true until a pool changes.
    Changes only by `apply`; pools themselves are immutable, so a search may hold on to them.
    """

    def __init__(self, pools: Sequence[Pool], now: int, version: int) -> None:
        self.now = now
        self.version = version
        self.pools = list(pools)
        self.graph = graph_of(pools)
        self.venues = tuple(sorted({pool.venue for pool in pools}))
        self.bounds = [0.0] * len(self.graph.edges)
        self.largest_fills: dict[Hashable, int] = {}
        self._position = {pool.pool_id: number for number, pool in enumerate(pools)}
        for number in range(len(pools)):
            self._reprice(number)

    def apply(self, pools_after: Iterable[Pool]) -> None:
        """Put pools, as a route leaves them, in place of their earlier states."""
        self.largest_fills.clear()
        for pool in pools_after:
            number = self._position[pool.pool_id]
            self.pools[number] = pool
            self._reprice(number)

    def _reprice(self, number: int) -> None:
        pool, edges = self.pools[number], self.graph.edges
        for edge in self.graph.edges_of_pool[number]:
            self.bounds[edge] = pool.price_bound(edges[edge].token_in, edges[edge].token_out, self.now)
