"""An order net of costs as all steps of the search see it, and what they hand on: routes and their values."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router.convex.best_path import BestPath, Query
from dex.router.convex.certificate import edge_surplus
from dex.router.convex.flows import Carried
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, Ints
from dex.router.net.bounds import NetBound, best_prices, net_bound, usable_pairs
from dex.router.net.costs import EdgeCosts
from dex.router.net.paths import net_of
from dex.router.net.ticks import charged

CLOSE: Final = 5e-7  # of the gross value: a distance to the bound that is good enough (0.005 bp)
# A gap of up to 0.05 bp is good enough where it is next to nothing beside what a swap costs: so with small orders.
_LITTLE: Final = 5e-6
_OF_A_SWAP: Final = 0.01
_REACH: Final = 2.0


class NetRoute(NamedTuple):
    """A route with its true amounts, its prices by token, and its net value (the objective, without fixed costs)."""

    carried: Carried
    prices: dict[int, float]
    net: float

    @property
    def edges(self) -> Ints:
        """The edges it uses, in rising order."""
        return edges_of(self.carried)


def edges_of(carried: Carried) -> Ints:
    """The edges that a route uses, in rising order."""
    return np.array(sorted(flow.edge for flow in carried.flows), np.intp)


def tolerance_of(gross: float, costs: EdgeCosts) -> float:
    """How far from its bound a route may be, by its gross value, before anything better is looked for."""
    return max(CLOSE * gross, min(_LITTLE * gross, _OF_A_SWAP * costs.least))


class Start(NamedTuple):
    """A route to start from, its prices by token, and the best single path: of the whole order, or of a part of it."""

    path: BestPath
    carried: Carried
    prices: dict[int, float]


class Problem:
    """The market and the order; nothing here changes during a search.

    `market` charges ticks in its curves, `plain` is the market as it is. `most` is what a route may hold of each token,
    which `query` knows too, by the best prices before any swap: `pairs` of each pair, `best_price` of the source in
    the target. `units` are the atoms of each token that the order is along the best path, and up to twice
    that where a split may bring more; `gross` is what the first route pays, or asks.
    """

    def __init__(self, market: CompiledEdges, query: Query, costs: EdgeCosts, start: Start) -> None:
        self.plain, self.query, self.costs, self.path = market, query, costs, start.path
        self.start = self.route(start.carried, start.prices)
        self.gross = abs(start.carried.value)
        sold = query.amount if query.is_exact_in else -self.start.net
        self.pairs = usable_pairs(market, query)
        best = best_prices(market, query, self.pairs)
        self.best_price, self.most = best.item(query.target), sold * best
        self.query = query._replace(most=self.most)
        self.market = charged(market, self.query, costs, start.path.prices) if costs.ticks else market
        self.units = _units(query, start.path, self.most)
        self._unknown = np.zeros(market.edge_count, np.intp), np.zeros(market.token_count, bool)

    def route(self, carried: Carried, prices: dict[int, float]) -> NetRoute:
        """A route of these amounts, with all that it costs."""
        cost = self.costs.of_flows(self.plain, carried.flows)
        return NetRoute(carried, prices, net_of(self.query, carried.value, cost))

    def bound(self, prices: Floats, query: Query | None = None, costs: EdgeCosts | None = None) -> NetBound:
        """The bound at these prices; of routes over fewer edges, at other costs, if those are given."""
        query, market = query or self.query, self.plain
        if self.costs.ticks:  # what a tick takes from a curve depends on the prices
            market = charged(market, query, self.costs, prices)
        found = edge_surplus(market, query, prices, *self._unknown)
        return net_bound(market, query, costs or self.costs, prices, found)


def _units(query: Query, path: BestPath, most: Floats) -> Floats:
    """Those of the path; of tokens that no path brings the whole order to, as much as has its notional."""
    units = path.units.copy()
    fixed = query.source if query.is_exact_in else query.target
    is_priced = (units <= 0) & (path.prices > 0)
    units[is_priced] = query.amount * path.prices[fixed] / path.prices[is_priced]
    return np.maximum(np.minimum(most, _REACH * units), units)
