"""Routes over chosen edges only: the best division of an order among them, remembered by the set of edges."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router.constrained.limits import Limits
from dex.router.convex.best_path import Query
from dex.router.convex.candidates import segments_within
from dex.router.convex.flows import Carried
from dex.router.convex.linear import sums
from dex.router.convex.optimum import carry_solved
from dex.router.convex.reduced import DUST, Reduced, Solved, trimmed
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import CAPACITY, Floats, Ints
from dex.router.net.costs import EdgeCosts
from dex.router.net.paths import carried_along, in_a_row
from dex.router.time_limit import TimeLimit

_EFFORT: Final = 150  # sets of edges that are solved, at most: more never found a better route
_FIT: Final = 1.5  # of the order: segments of an edge that start after this multiple was sold are left out at first
_NEARLY: Final = 0.999


class Found(NamedTuple):
    """A route: its edges, its value net of cost (more is better), and by how much it is too large.

    A pool used between two pairs counts as one too many. `surplus` is what each edge earns at the route's own prices,
    those of `prices` by token: the least its loss costs.
    """

    edges: frozenset[int]
    net: float
    excess: int
    carried: Carried
    surplus: dict[int, float]
    prices: dict[int, float]

    def beats(self, other: Found) -> bool:
        """Whether it is the better route: nearer to the limits, then of higher net value."""
        return (-self.excess, self.net) > (-other.excess, other.net)


class Routes:
    """Solves sets of edges of a (small) market under limits, each set once."""

    def __init__(
        self,
        market: CompiledEdges,
        query: Query,
        units: Floats,
        costs: EdgeCosts,
        limits: Limits,
        time_limit: TimeLimit,
    ) -> None:
        self.market, self.query, self.units, self.limits, self.time_limit = market, query, units, limits, time_limit
        self.solved = 0
        self._known: dict[frozenset[int], Found | None] = {}
        self.ends = list(zip(market.tail.tolist(), market.head.tolist(), strict=True))
        self.costs = costs
        is_reached = units > 0
        self._within_reach = np.flatnonzero((query.price > 0) & is_reached[market.tail] & is_reached[market.head])
        everything = np.arange(market.edge_count)
        self.depths = segments_within(market, units, everything, _FIT, np.zeros(market.edge_count))
        columns, owner, _ = market.columns_of(everything, self.depths)
        room = sums(owner, market.table[CAPACITY].take(columns), market.edge_count)
        self.rooms = np.where(self.depths < market.count, room * _NEARLY, np.inf)

    @property
    def is_late(self) -> bool:
        """Whether the time limit or the limit of effort has passed."""
        return self.solved > _EFFORT or self.time_limit.is_over()

    def gross(self, carried: Carried) -> float:
        """The objective: the output, or the input with a negative sign."""
        return carried.value if self.query.is_exact_in else -carried.value

    def find(self, edges: frozenset[int]) -> Found | None:
        """The best route over these edges; None when they cannot carry the order."""
        if edges not in self._known:
            self._known[edges] = self._find(edges)
        return self._known[edges]

    def relax(self, left_out: frozenset[int]) -> Solved | None:
        """The optimum over all edges but some, without cost or limits; None when they cannot carry the order."""
        return self._solve(np.setdiff1d(self._within_reach, np.array(list(left_out), np.intp)))

    def connected(self, edges: frozenset[int]) -> frozenset[int]:
        """The edges without those that lead nowhere or come from nowhere."""
        numbers = np.array(sorted(edges), np.intp)
        return frozenset(trimmed(self.market, self.query, numbers).tolist())

    def _find(self, edges: frozenset[int]) -> Found | None:
        edges = self.connected(edges)
        if not edges:
            return None
        self.solved += 1
        path = in_a_row(self.market, self.query, np.array(sorted(edges), np.intp))
        found = carried_along(self.market, self.query, path) if path else self._split(edges)
        if found is None or found[0].missing or not np.isfinite(found[0].value):
            return None
        carried, prices = found
        used = frozenset(flow.edge for flow in carried.flows)
        surplus = {flow.edge: prices[flow.head] * flow.paid - prices[flow.tail] * flow.sold for flow in carried.flows}
        net = self.gross(carried) - self.costs.of_flows(self.market, carried.flows)
        excess = self.limits.excess(self.ends[edge] for edge in used)
        if self.market.has_multi_asset_pools:
            excess += len(used) - len(set(self.market.pool[list(used)].tolist()))
        return Found(used, net, excess, carried, surplus, prices)

    def _split(self, edges: frozenset[int]) -> tuple[Carried, dict[int, float]] | None:
        market, query = self.market, self.query
        solved = self._solve(np.array(sorted(edges), np.intp))
        if solved is None:
            return None
        carried = carry_solved(market, query, solved)
        tokens = {query.source, query.target} | {flow.tail for flow in solved.flows}
        return carried, {token: float(solved.prices[token]) for token in tokens}

    def _solve(self, edges: Ints) -> Solved | None:
        market = self.market
        for depths in (self.depths, market.count):
            depth = np.zeros(market.edge_count, np.intp)
            depth[edges] = depths[edges]
            solved = Reduced(market, self.query, self.units, depth).solve(None)
            if not self._is_short(solved):
                break
        return None if solved.missing > DUST or not solved.flows else solved

    def _is_short(self, solved: Solved) -> bool:
        """Whether an edge would sell more if more of its segments were in play."""
        return solved.missing > DUST or any(flow.sold > self.rooms[flow.edge] for flow in solved.flows)
