"""The reduced problem: segments in play, in units in which every amount and price is near one, and its solution."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dex.router.convex import interior
from dex.router.convex.best_path import Query
from dex.router.convex.flows import WASTE, Flow
from dex.router.convex.linear import sums
from dex.router.convex.potentials import onward_prices
from dex.router.fast.blocks import joined
from dex.router.fast.central_path import TOLERANCE
from dex.router.fast.layout import gather, lay_out
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import CAPACITY, PRICE, ROWS, Floats, Ints, SegmentTable
from dex.router.kernel import kernels_on

Bools = NDArray[np.bool_]

DUST: Final = 3e-6  # share of the order below which a flow is no flow
_LARGEST: Final = 16.0  # units a segment can take, at most: in none of them does an optimum sell more than the order
# Price, in units, of an edge that always has room: what flows there is liquidity that is missing. The first one
# keeps numbers tame, the last is tried before an order is refused.
LAST_RESORTS: Final = (0.03, 1e-6)


class Solved(NamedTuple):
    """Edges that carry flow, with atoms sold and paid; prices of all tokens in the numeraire.

    `is_settled` tokens are priced by the flow through them, the others by their best sale; `missing` is the share
    of the order that no edge could carry.
    """

    flows: list[Flow]
    prices: Floats
    is_settled: Bools
    missing: float
    iterations: int


class Reduced:
    """The edges with a `depth`, which counts the segments of each, trimmed to those that lead somewhere."""

    def __init__(
        self, market: CompiledEdges, query: Query, units: Floats, depth: Ints, last_resort: float = LAST_RESORTS[0]
    ) -> None:
        self.market, self.query, self.units, self.last_resort = market, query, units, last_resort
        edges = np.flatnonzero(depth)
        self.edges = trimmed(market, query, edges)
        if len(self.edges) < len(edges):
            keep = depth[self.edges]
            depth[edges] = 0
            depth[self.edges] = keep
        self.counts = depth[self.edges]
        self.tail, self.head = market.tail[self.edges], market.head[self.edges]
        is_used = np.zeros(market.token_count, bool)
        is_used[self.tail] = is_used[self.head] = True
        is_used[query.source] = is_used[query.target] = True
        is_used[query.numeraire] = False
        self.tokens = np.append(np.flatnonzero(is_used), query.numeraire)

    def solve(self, prices: Floats | None, tolerance: float = TOLERANCE) -> Solved:
        """Solve it, starting from these prices. None: from the units, and without pricing tokens outside."""
        market, units, tokens = self.market, self.units, self.tokens
        program, owner = self.program()
        to_units = units[tokens] / units[self.query.numeraire]
        start = np.ones(len(tokens)) if prices is None else prices[tokens] * to_units
        solution = interior.solve(program, start, tolerance)
        flow = solution.flow
        solved_prices = np.fmax(solution.prices, 0.0) / to_units  # a bound needs prices that are none below zero
        sold, paid, is_full = self._gathered(program.segments, owner, flow)
        active = np.flatnonzero((np.maximum(sold, paid) > DUST) | is_full)
        amounts = (sold[active] * units[self.tail[active]], paid[active] * units[self.head[active]])
        rows = (self.edges[active], self.tail[active], self.head[active], *amounts)
        is_settled = np.zeros(market.token_count, bool)
        is_settled[rows[1]] = is_settled[rows[2]] = is_settled[self.query.numeraire] = True
        flows = [Flow(*row) for row in zip(*(row.tolist() for row in rows), strict=True)]
        new_prices = self._prices(solved_prices, is_settled, prices is not None)
        return Solved(flows, new_prices, is_settled, self._missing(flow, owner), solution.iterations)

    def _gathered(self, segments: SegmentTable, owner: Ints, flow: Floats) -> tuple[Floats, Floats, Bools]:
        """What each edge sells and is paid, in units, and whether it fills more than half of a segment."""
        size = len(self.edges) + 1
        if kernels_on():
            return gather(segments.table, segments.hyperbolas, segments.powers, owner, flow, size - 1)
        sold, paid = sums(owner, flow, size)[1:], sums(owner, segments.values(flow), size)[1:]
        return sold, paid, np.bincount(owner, flow > 0.5 * segments.capacity, size)[1:] > 0

    def _prices(self, prices: Floats, is_settled: Bools, has_outside: bool) -> Floats:
        """Prices of all tokens: of settled ones as given, of the others by their best sale, if they matter."""
        market, query = self.market, self.query
        known = np.flatnonzero(is_settled[self.tokens])
        if has_outside:
            return onward_prices(market, query.pair_price, query.source, self.tokens[known], prices[known])
        all_prices = np.zeros(market.token_count)
        all_prices[self.tokens] = prices
        return all_prices

    def program(self) -> tuple[interior.Program, Ints]:
        """Segments and tokens for the interior point method, and which edge each segment is of, from 1.

        The first segments are of edge 0: the one of last resort, and what else no market has.
        """
        market, query = self.market, self.query
        local = np.zeros(market.token_count, np.intp)
        local[self.tokens] = np.arange(len(self.tokens))
        extra = self._extra(local)
        segments, owner = self._segments(extra.shape[1])
        segments.table[PRICE, : extra.shape[1]] = self.last_resort
        segments.table[CAPACITY, : extra.shape[1]] = _LARGEST
        if not query.is_exact_in:
            segments.table[CAPACITY, 0] /= self.last_resort
        of_edges = owner[extra.shape[1] :] - 1
        tail = np.concatenate((extra[0], local[self.tail].take(of_edges)))
        head = np.concatenate((extra[1], local[self.head].take(of_edges)))
        supply = np.zeros(len(self.tokens) - 1)
        if query.is_exact_in:
            supply[local[query.source]] = 1.0
        else:
            supply[local[query.target]] = -1.0
        return interior.Program(segments, tail, head, len(self.tokens) - 1, supply), owner

    def _segments(self, extra: int) -> tuple[SegmentTable, Ints]:
        """The segments in units, none larger than it need be, after `extra` empty ones; the edge of each, from 1."""
        market, units, most = self.market, self.units, self.query.most
        unit_in, unit_out = units[self.tail], units[self.head]
        room = np.full(len(self.edges), _LARGEST)
        if most is not None:
            np.minimum(room, most[self.tail] / unit_in, out=room)
        if kernels_on():
            first = market.first[self.edges]
            table, owner, hyperbolas, powers = lay_out(
                market.table, market.family, first, self.counts, unit_in, unit_out, room, extra
            )
            return SegmentTable(table, hyperbolas, powers), owner
        columns, owner, _ = market.columns_of(self.edges, self.counts)
        segments, order = market.segments(columns, unit_in.take(owner), unit_out.take(owner))
        owner = owner[order]
        np.minimum(segments.capacity, room.take(owner), out=segments.capacity)
        table = np.concatenate((np.zeros((ROWS, extra)), segments.table), axis=1)
        whole = SegmentTable(table, segments.hyperbolas + extra, segments.powers - segments.hyperbolas)
        return whole, np.concatenate((np.zeros(extra, np.intp), owner + 1))

    def _extra(self, local: Ints) -> Ints:
        """Tails and heads of artificial edges: one of last resort, and with the last price those that waste tokens."""
        query = self.query
        resort = np.array([[local[query.source]], [local[query.target]]])
        if self.last_resort > LAST_RESORTS[-1]:
            return resort
        between = np.arange(len(self.tokens) - 1)
        between = between[between != local[query.source if query.is_exact_in else query.target]]
        return np.concatenate((resort, (between, np.full(len(between), len(self.tokens) - 1))), axis=1)

    def _missing(self, flow: Floats, owner: Ints) -> float:
        """The share of the order that found no liquidity: what was wasted counts above a threshold."""
        missing = float(flow[0]) * (1.0 if self.query.is_exact_in else self.last_resort)
        wasted = float(flow[owner == 0].sum() - flow[0])
        return missing + (wasted if wasted > WASTE else 0.0)


def trimmed(market: CompiledEdges, query: Query, edges: Ints) -> Ints:
    """The edges without those that lead nowhere or come from nowhere."""
    if kernels_on():
        return joined(market.tail, market.head, edges, market.token_count, query.source, query.target)
    while True:
        tail, head = market.tail[edges], market.head[edges]
        is_sold, is_bought = np.zeros((2, market.token_count), bool)
        is_sold[tail] = is_sold[query.target] = True
        is_bought[head] = is_bought[query.source] = True
        keep = is_sold[head] & is_bought[tail]
        if keep.all():
            return edges
        edges = edges[keep]
