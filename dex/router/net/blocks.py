"""Several problems for the same order in one run of the interior point method: blocks side by side.

Each block has tokens of its own and shares only the numeraire, which needs no balance: so blocks do not touch each
other, and one run of arrays of all of them costs little more than one of the largest.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router.convex import interior
from dex.router.convex.best_path import Query
from dex.router.convex.linear import sums
from dex.router.convex.reduced import LAST_RESORTS
from dex.router.convex.waterfill import fill
from dex.router.fast.blocks import assemble
from dex.router.fast.layout import gather
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import CAPACITY, PRICE, ROWS, Floats, Ints, SegmentTable
from dex.router.kernel import kernels_on

_PAIR: Final = 2  # tokens
_LARGEST: Final = 16.0  # units that a segment can take: no optimum sells more than the order


class Blocks(NamedTuple):
    """Edges of all blocks, one block after the other; the number of the block of each; how many blocks there are."""

    edges: Ints
    block: Ints
    size: int


class SolvedBlocks(NamedTuple):
    """By edge of the blocks, in units: what is sold and paid. By block: what found no liquidity, as a share.

    `tokens` of each block, and their `prices` in atoms of the numeraire; the numeraire itself is the last.
    `is_optimal` says whether the run came to its end: a block that cannot carry the order may keep all of it from that.
    """

    sold: Floats
    paid: Floats
    missing: Floats
    tokens: list[Ints]
    prices: list[Floats]
    is_optimal: bool


def blocks_of(sets: list[Ints]) -> Blocks:
    """Blocks of these sets of edges."""
    block = np.arange(len(sets)).repeat([len(edges) for edges in sets])
    return Blocks(np.concatenate(sets), block, len(sets))


class _Laid(NamedTuple):
    """Segments after one of last resort for each block; tails and heads as numbered in `tokens`, block by block.

    `owner` says whose each segment is, from one on. Each block has as many numbers, not all of which it may need:
    `sizes` say how many tokens it has. The numeraire is numbered after all of them.
    """

    segments: SegmentTable
    owner: Ints
    tail: Ints
    head: Ints
    tokens: Ints
    sizes: Ints


def solve_blocks(
    market: CompiledEdges,
    query: Query,
    units: Floats,
    blocks: Blocks,
    segments: SegmentTable,
    owner: Ints,
    prices: Floats,
    tolerance: float,
) -> SolvedBlocks:
    """Solve all blocks. `segments` are those of the edges, in units, and `owner` says whose each is.

    `prices` are estimates for all tokens of the market, in the numeraire.
    """
    if market.token_count == _PAIR:
        return _fill_blocks(query, units, blocks, segments, owner)
    count, is_exact_in = blocks.size, query.is_exact_in
    whole, owner, tail, head, tokens, sizes = (_kernels_lay if kernels_on() else _lay)(
        market, query, blocks, segments, owner
    )
    n = len(tokens)
    order = query.amount / float(units[query.source if is_exact_in else query.target])
    supply = np.zeros(n)
    supply[(tail if is_exact_in else head)[:count]] = order if is_exact_in else -order
    to_units = units[tokens] / units[query.numeraire]
    start = np.append(prices[tokens] * to_units, 1.0)
    solution = interior.solve(interior.Program(whole, tail, head, n, supply, n // count), start, tolerance)
    sold, paid = _gathered(whole, owner, solution.flow, len(blocks.edges))
    known = np.fmax(solution.prices[:n], 0.0) / to_units
    parts = [slice(k * n // count, k * n // count + size) for k, size in enumerate(sizes.tolist())]
    return SolvedBlocks(
        sold=sold,
        paid=paid,
        missing=solution.flow[:count] / order * (1.0 if is_exact_in else LAST_RESORTS[0]),
        tokens=[np.append(tokens[part], query.numeraire) for part in parts],
        prices=[np.append(known[part], 1.0) for part in parts],
        is_optimal=solution.is_optimal,
    )


def _fill_blocks(query: Query, units: Floats, blocks: Blocks, segments: SegmentTable, owner: Ints) -> SolvedBlocks:
    """Solve blocks in a market of one pair, in which all edges lie side by side."""
    fixed = query.source if query.is_exact_in else query.target
    order, to_units = query.amount / float(units[fixed]), float(units[fixed] / units[query.numeraire])
    flow, missing, prices = np.zeros(segments.size), np.zeros(blocks.size), []
    for number in range(blocks.size):
        here = np.flatnonzero(blocks.block[owner] == number)
        hyperbolas, powers = here.searchsorted((segments.hyperbolas, segments.powers)).tolist()
        table = SegmentTable(segments.table.take(here, axis=1), hyperbolas, powers - hyperbolas)
        filled = fill(table, order, query.is_exact_in)
        flow[here], missing[number] = filled.flow, filled.missing / order
        price = filled.price if query.is_exact_in or not filled.price > 0 else 1 / filled.price
        prices.append(np.array([price / to_units, 1.0]))
    size = len(blocks.edges)
    sold, paid = sums(owner, flow, size), sums(owner, segments.values(flow), size)
    tokens = [np.array([fixed, query.numeraire])] * blocks.size
    return SolvedBlocks(sold, paid, missing, tokens, prices, is_optimal=True)


def _lay(market: CompiledEdges, query: Query, blocks: Blocks, segments: SegmentTable, owner: Ints) -> _Laid:
    size, count = market.token_count, blocks.size
    edges, first = blocks.edges, blocks.block * size
    fixed = np.arange(count) * size
    tail, head = first + market.tail[edges], first + market.head[edges]
    source, target = fixed + query.source, fixed + query.target
    keys = np.unique(np.concatenate((tail, head, source, target)))
    keys = keys[keys % size != query.numeraire]
    begin = keys.searchsorted(np.arange(count + 1) * size)
    sizes = begin[1:] - begin[:-1]
    most = int(sizes.max())
    places = np.arange(len(keys)) + np.repeat(np.arange(count) * most - begin[:-1], sizes)
    at = np.full(count * size, count * most)
    at[keys] = places
    tokens = np.full(count * most, query.numeraire)
    tokens[places] = keys % size
    table = np.zeros((ROWS, count + segments.size))
    table[:, count:] = segments.table
    np.minimum(table[CAPACITY], _LARGEST, out=table[CAPACITY])
    table[PRICE, :count], table[CAPACITY, :count] = LAST_RESORTS[0], _resort_capacity(query)
    return _Laid(
        SegmentTable(table, count + segments.hyperbolas, segments.powers - segments.hyperbolas),
        np.concatenate((np.zeros(count, np.intp), owner + 1)),
        np.concatenate((at[source], at[tail][owner])),
        np.concatenate((at[target], at[head][owner])),
        tokens,
        sizes,
    )


def _kernels_lay(market: CompiledEdges, query: Query, blocks: Blocks, segments: SegmentTable, owner: Ints) -> _Laid:
    edges, block, count = blocks
    ends, roles = (market.tail, market.head), (query.source, query.target, query.numeraire)
    columns, resort = (segments.table, owner), (LAST_RESORTS[0], _resort_capacity(query), _LARGEST)
    table, *others = assemble(*ends, edges, block, count, market.token_count, *roles, *columns, *resort)
    hyperbolas, powers = count + segments.hyperbolas, segments.powers - segments.hyperbolas
    return _Laid(SegmentTable(table, hyperbolas, powers), *others)


def _resort_capacity(query: Query) -> float:
    return _LARGEST if query.is_exact_in else _LARGEST / LAST_RESORTS[0]


def _gathered(segments: SegmentTable, owner: Ints, flow: Floats, edges: int) -> tuple[Floats, Floats]:
    """What each edge sells and is paid."""
    if kernels_on():
        return gather(segments.table, segments.hyperbolas, segments.powers, owner, flow, edges)[:2]
    return sums(owner, flow, edges + 1)[1:], sums(owner, segments.values(flow), edges + 1)[1:]
