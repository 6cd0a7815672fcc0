"""What the split router is compared with: the best single path, and a 5 % grid over disjoint paths. Exact quotes."""

import numpy as np

from dex.errors import InsufficientLiquidity
from dex.router.constrained.paths import paths_by_hops
from dex.router.convex.best_path import HOPS, Query
from dex.router.graph.compiled import CompiledMarket

STEPS = 20  # shares of the grid: 5 % each
PATHS = 6  # side by side, at most

Path = list[int]  # edges in order


def best_single(market: CompiledMarket, query: Query, amount: int) -> int:
    """The most that one path pays for `amount`: the best of up to one hop, two hops and so on, by true curves."""
    return max((quote(market, path, amount) for path in _paths(market, query, amount)), default=0)


def best_on_grid(market: CompiledMarket, query: Query, amount: int) -> int:
    """The most that any division of `amount` in shares of 5 % pays over the best path, the best without it, and so on.

    No two of the paths have a pool in common.
    """
    best = [0] * (STEPS + 1)  # by shares sold: the most they pay
    price = query.price.copy()
    for _ in range(PATHS):
        disjoint = query._replace(price=price)
        path = max(_paths(market, disjoint, amount), key=lambda path: quote(market, path, amount), default=None)
        if path is None:
            break
        paid = [quote(market, path, amount * share // STEPS) for share in range(STEPS + 1)]
        best = [
            max(best[shares - own] + paid[own] for own in range(shares + 1) if not own or paid[own])
            for shares in range(STEPS + 1)
        ]
        price[np.isin(market.pool, market.pool[path])] = 0.0
    return best[STEPS]


def quote(market: CompiledMarket, path: Path, amount: int) -> int:
    """What a path pays, through the pools' own arithmetic; 0 when it cannot take the amount."""
    for edge in path:
        pool = market.pools[int(market.pool[edge])]
        try:
            amount = pool.swap_exact_in(*market.edge_tokens[edge], amount, market.now).amount_out
        except InsufficientLiquidity:
            return 0
    return amount


def _paths(market: CompiledMarket, query: Query, amount: int) -> list[Path]:
    with np.errstate(all="ignore"):
        found = paths_by_hops(market, query, float(amount), HOPS)
    return [_in_order(market, query, edges) for edges in found]


def _in_order(market: CompiledMarket, query: Query, edges: frozenset[int]) -> Path:
    following = {int(market.tail[edge]): edge for edge in edges}
    path = [following[query.source]]
    for _ in range(len(edges) - 1):
        path.append(following[int(market.head[path[-1]])])
    return path
