"""The relaxation: the best split when every edge's curve, less its cost, is replaced by its concave envelope.

It is a problem of the same form as without costs. Its prices nearly minimise the bound on net values, and its flows
say which edges are worth their cost: most use an edge's line to its end, or not at all.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router.convex.best_path import Query
from dex.router.convex.candidates import segments_within
from dex.router.convex.reduced import trimmed
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, Ints
from dex.router.net.blocks import blocks_of, solve_blocks
from dex.router.net.envelope import Lines, beyond

TOLERANCE: Final = 1e-6
_FIT: Final = 1.0  # units: segments that start after them are left out
_IN_EARNEST: Final = 0.05  # share of a line
_SHARES: Final = (0.9, 0.3, 0.05)  # of lines, from which edges are in the first sets


class Relaxed(NamedTuple):
    """By edge of the problem: its number, and how much of its line it uses (1: to where it touches, or more).

    `tokens` are those of the problem, `prices` theirs in atoms of the numeraire; `missing` is the share of the order
    that found no liquidity.
    """

    edges: Ints
    shares: Floats
    tokens: Ints
    prices: Floats
    missing: float

    def doubtful(self) -> Ints:
        """Edges that use a part of their lines, the most doubtful first."""
        doubt = np.minimum(self.shares, 1 - self.shares)
        order = np.argsort(-doubt, kind="stable")
        return self.edges[order[doubt[order] > 0]]

    def used_again(self, pool: Ints) -> Ints:
        """Edges of pools that another edge uses more of, both in earnest; `pool` is by edge of the market."""
        here = np.flatnonzero(self.shares > _IN_EARNEST)
        order = here[np.lexsort((-self.shares[here], pool[self.edges[here]]))]
        pools = pool[self.edges[order]]
        again: Ints = self.edges[order[1:][pools[1:] == pools[:-1]]]
        return again

    def rounded(self, market: CompiledEdges) -> list[Ints]:
        """Sets of the edges that use a good part of their lines, each pool once."""
        is_in = np.ones(len(self.edges), bool)
        if market.has_multi_asset_pools:
            is_in[np.isin(self.edges, self.used_again(market.pool))] = False
        return [self.edges[is_in & (self.shares > share)] for share in _SHARES]


class Play(NamedTuple):
    """The edges of a problem, and their lines."""

    edges: Ints
    lines: Lines

    def trimmed(self, market: CompiledEdges, query: Query) -> Play:
        """Without edges that lead nowhere or come from nowhere."""
        kept = trimmed(market, query, self.edges)
        return self if len(kept) == len(self.edges) else Play(kept, self.lines.take(self.edges.searchsorted(kept)))


def relax(market: CompiledEdges, query: Query, units: Floats, plays: list[Play], prices: Floats) -> list[Relaxed]:
    """Solve several relaxations of one order from estimated prices of all tokens."""
    plays = [play.trimmed(market, query) for play in plays]
    blocks = blocks_of([play.edges for play in plays])
    edges = blocks.edges
    found = (
        plays[0].lines
        if len(plays) == 1
        else Lines._make(map(np.concatenate, zip(*(p.lines for p in plays), strict=True)))
    )
    depth = segments_within(market, units, edges, _FIT, np.zeros(len(edges)))
    segments, owner = beyond(market, edges, depth, found, units[market.tail[edges]], units[market.head[edges]])
    solved = solve_blocks(market, query, units, blocks, segments, owner, prices, TOLERANCE)
    shares = solved.sold / found.touch
    answers = []
    for number in range(blocks.size):
        here = blocks.block == number
        answers.append(
            Relaxed(
                edges[here], shares[here], solved.tokens[number], solved.prices[number], solved.missing.item(number)
            )
        )
    return answers
