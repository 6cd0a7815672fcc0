"""The best routes over given sets of edges, at true curves: several sets solved side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from dex.router.convex.best_path import Query
from dex.router.convex.candidates import segments_within
from dex.router.convex.flows import Carried, Flow
from dex.router.convex.optimum import carry_solved
from dex.router.convex.reduced import DUST, Solved
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, Ints
from dex.router.net.blocks import Blocks, SolvedBlocks, blocks_of, solve_blocks
from dex.router.net.costs import EdgeCosts
from dex.router.net.paths import carried_along, in_a_row, net_of

TOLERANCE: Final = 1e-8
_FIT: Final = 2.0  # units: segments that start after them are left out


class Rounded(NamedTuple):
    """The best route over a set of edges: flows in atoms, prices of its tokens, and its net value, all as solved.

    The value is not exact: carry the route to know it. `missing` is the share of the order that it cannot carry.
    """

    flows: list[Flow]
    prices: dict[int, float]
    net: float
    missing: float


def solve_sets(
    market: CompiledEdges, query: Query, units: Floats, costs: EdgeCosts, sets: Sequence[Ints], prices: Floats
) -> list[Rounded]:
    """The best route over each set of edges, which must be trimmed; one answer a set. `prices` are estimates."""
    known = [_along(market, query, costs, edges) for edges in sets]
    rest = [edges for edges, answer in zip(sets, known, strict=True) if answer is None]
    together = iter(_solve_together(market, query, units, costs, rest, prices))
    return [answer or next(together) for answer in known]


def _along(market: CompiledEdges, query: Query, costs: EdgeCosts, edges: Ints) -> Rounded | None:
    """Of a single path, which needs no solve; None where it is none, or does not carry all of the order by itself."""
    path = in_a_row(market, query, edges)
    found = carried_along(market, query, path) if path else None
    if found is None:
        return None
    carried, prices = found
    return Rounded(carried.flows, prices, net_of(query, carried.value, costs.of(path)), 0.0)


def _solve_together(
    market: CompiledEdges, query: Query, units: Floats, costs: EdgeCosts, sets: list[Ints], prices: Floats
) -> list[Rounded]:
    if not sets:
        return []
    blocks = blocks_of(sets)
    edges = blocks.edges
    unit_in, unit_out = units[market.tail[edges]], units[market.head[edges]]
    depth = segments_within(market, units, edges, _FIT, np.zeros(len(edges)))
    columns, owner, _ = market.columns_of(edges, depth)
    segments, order = market.segments(columns, unit_in.take(owner), unit_out.take(owner))
    solved = solve_blocks(market, query, units, blocks, segments, owner[order], prices, TOLERANCE)
    if not solved.is_optimal and len(sets) > 1:
        return [answer for one in sets for answer in _solve_together(market, query, units, costs, [one], prices)]
    return [_rounded(market, query, units, costs, blocks, solved, number) for number in range(blocks.size)]


def _rounded(
    market: CompiledEdges,
    query: Query,
    units: Floats,
    costs: EdgeCosts,
    blocks: Blocks,
    solved: SolvedBlocks,
    number: int,
) -> Rounded:
    here = np.flatnonzero((blocks.block == number) & (np.maximum(solved.sold, solved.paid) > DUST))
    edges = blocks.edges[here]
    tail, head = market.tail[edges], market.head[edges]
    sold, paid = solved.sold[here] * units[tail], solved.paid[here] * units[head]
    value = paid[head == query.target].sum() if query.is_exact_in else sold[tail == query.source].sum()
    rows = zip(*(column.tolist() for column in (edges, tail, head, sold, paid)), strict=True)
    return Rounded(
        [Flow(*row) for row in rows],
        dict(zip(solved.tokens[number].tolist(), solved.prices[number].tolist(), strict=True)),
        net_of(query, float(value), float(costs.swap[edges].sum())),
        solved.missing.item(number),
    )


def carried(market: CompiledEdges, query: Query, rounded: Rounded) -> Carried:
    """The route with its true amounts."""
    prices = np.zeros(market.token_count)
    prices[list(rounded.prices)] = list(rounded.prices.values())
    return carry_solved(market, query, Solved(rounded.flows, prices, prices > 0, rounded.missing, 0))
