"""Single paths in whole atoms, through the pools' own arithmetic: for amounts that rounding would eat in a split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dex.errors import InsufficientLiquidity
from dex.pools import Swap
from dex.router.compiled import CompiledMarket
from dex.router.guess import Query
from dex.router.replay import Replayed

_Path = list[tuple[int, Swap]]


def exact_paths(market: CompiledMarket, query: Query, amount: int, edges: list[int], hops: int) -> Iterator[Replayed]:
    """The best paths over these edges of up to one hop, two hops and so on, as far as more hops are better.

    Exact but for paths that only win because a worse one up to some token passes other tokens or pools.
    """
    ends = market.tail.tolist(), market.head.tolist()
    start, goal, sign = query.source, query.target, 1 if query.is_exact_in else -1
    if not query.is_exact_in:
        ends, start, goal = ends[::-1], goal, start
    ways = defaultdict(list)
    for edge in edges:
        ways[ends[0][edge]].append(edge)
    best: dict[int, tuple[int, _Path]] = {start: (amount, [])}
    changed = {start}
    for _ in range(hops):
        after = dict(best)
        for token in sorted(changed):
            have, path = best[token]
            for edge in ways[token]:
                head = ends[1][edge]
                found = _longer(market, query, have, path, edge)
                if found is not None and (head not in after or sign * found[0] > sign * after[head][0]):
                    after[head] = found
        changed = {token for token in after if after[token] is not best.get(token)} - {goal}
        if after.get(goal) is not best.get(goal):
            far, path = after[goal]
            yield Replayed(path, amount, far) if query.is_exact_in else Replayed(path[::-1], far, amount)
        best = after


def _longer(market: CompiledMarket, query: Query, have: int, path: _Path, edge: int) -> tuple[int, _Path] | None:
    """The path with one swap more at its open end, and the amount there; None where it cannot be."""
    pool = market.pools[market.edge_pools[edge]]
    token_in, token_out = market.edge_tokens[edge]
    passed = {token for done, _ in path for token in market.edge_tokens[done]}
    if (token_out if query.is_exact_in else token_in) in passed:
        return None
    if any(market.edge_pools[done] == market.edge_pools[edge] for done, _ in path):
        return None
    try:
        if query.is_exact_in:
            swap = pool.swap_exact_in(token_in, token_out, have, market.now)
        else:
            swap = pool.swap_exact_out(token_in, token_out, have, market.now)
    except InsufficientLiquidity:
        return None
    return swap.amount_out if query.is_exact_in else swap.amount_in, [*path, (edge, swap)]
