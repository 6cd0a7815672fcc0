"""The best single path for an order: where the search for the best split starts, and often where it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from dex.router.convex.flows import Carried, Flow
from dex.router.convex.potentials import (
    amounts_needed,
    amounts_reached,
    onward_prices,
    path_backward,
    path_forward,
    products_forward,
)
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.edge_curves import buy, sell
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, Ints

HOPS: Final = 5  # of the path, and of what counts as within reach
ALWAYS_NEAR: Final = 2
_HALVINGS: Final = 60  # of an output that no single path can pay in full
_MARGIN: Final = 2.0  # keeps what a route may hold clear of the most it can, where equal prices would be all the same
LEAST_SLOPE: Final = 1e-6  # of a marginal price at the end, as a share of the one at the start


class Query(NamedTuple):
    """What is asked, in numbers: `price` and `pair_price` are the market's, zero where no route may go.

    `most` is an upper limit on the atoms of each token in any route without cycles that may be the best; None: any
    amount. Where arbitrage cycles exist, only this keeps the flow in them, and so the bound, finite.
    """

    source: int
    target: int
    amount: float
    is_exact_in: bool
    price: Floats
    pair_price: Floats
    most: Floats | None = None

    @property
    def numeraire(self) -> int:
        """The token whose amount is not fixed; prices are in atoms of it."""
        return self.target if self.is_exact_in else self.source


class BestPath(NamedTuple):
    """The best single path.

    `carried` are its true amounts, `prices` the marginal ones after it, of all tokens, in atoms of the numeraire;
    `fall` is how far the price of the path itself has come down, as a share. `units` are the atoms of each token
    that the whole order is, or buys, along the best path to it; 0 for a token out of reach.
    """

    path: list[int]
    carried: Carried
    prices: Floats
    units: Floats
    fall: float


def query_of(
    market: CompiledMarket,
    token_in: str,
    token_out: str,
    amount: float,
    is_exact_in: bool,
    allowed: Floats | None = None,
) -> Query:
    """The query, with edges that no route may use priced at zero: not allowed, into the source, out of the target."""
    source, target = market.token_number[token_in], market.token_number[token_out]
    price = market.price.copy() if allowed is None else market.price * allowed
    price[market.head_start[source] : market.head_start[source + 1]] = 0.0
    price[market.tail_order[market.tail_start[target] : market.tail_start[target + 1]]] = 0.0
    pair_price = market.pair_price if allowed is None else market.pair_prices(price)
    return Query(source, target, amount, is_exact_in, price, pair_price)


def within(market: CompiledEdges, query: Query, amount: float) -> Query:
    """The query for routes that sell no more than `amount` of the source, by the best prices before any swap."""
    pairs = query.pair_price * (market.pair_tail != query.target)
    pairs[market.pair_head_start[query.source] : market.pair_head_start[query.source + 1]] = 0.0
    best = products_forward(market, pairs, query.source, market.token_count)
    return query._replace(most=amount * best * _MARGIN)


def without(market: CompiledEdges, query: Query, edges: Ints) -> Query:
    """The query when these edges may not be used either."""
    if not len(edges):
        return query
    price = query.price.copy()
    price[edges] = 0.0
    return query._replace(price=price, pair_price=market.pair_prices(price))


def near(market: CompiledEdges, query: Query, hops: int) -> Query:
    """The query without edges that no path of so few hops uses; up to `ALWAYS_NEAR` no route of the others has more."""
    edges = np.flatnonzero(query.price > 0)
    tail, head = market.tail[edges], market.head[edges]
    ahead = _hops(tail, head, market.token_count, query.source, hops)
    behind = _hops(head, tail, market.token_count, query.target, hops)
    return without(market, query, edges[ahead[tail] + 1 + behind[head] > hops])


def _hops(tail: Ints, head: Ints, tokens: int, start: int, most: int) -> Ints:
    """How many hops each token is from the start; more than `most` where it is farther."""
    hops = np.full(tokens, most + 1)
    hops[start] = 0
    for hop in range(1, most + 1):
        reached = head[hops[tail] == hop - 1]
        hops[reached] = np.minimum(hops[reached], hop)
    return hops


def find_best_path(market: CompiledEdges, query: Query, hops: int = HOPS) -> BestPath | None:
    """The best path by the curves' summaries, at its true amounts; None when none of so few hops joins the tokens."""
    found = _best_edges(market, query, hops)
    return None if found is None else at_true_amounts(market, query, *found)


def target_price(market: CompiledEdges, query: Query) -> float | None:
    """The marginal price of the target after the best path, in the numeraire; None where there is none."""
    found = _best_edges(market, query, HOPS)
    return None if found is None else _marginal(market, query, found[0])[1][-1]


def _best_edges(market: CompiledEdges, query: Query, hops: int) -> tuple[list[int], Floats] | None:
    """The edges of the best path in order, and the units that follow."""
    source, target, amount, price = query.source, query.target, query.amount, query.price
    if query.is_exact_in:
        levels = amounts_reached(market, price, source, target, amount, hops)
        if not levels[-1][target] > 0:
            return None
        return _simple(market, levels, lambda part: path_forward(market, price, part, target)), levels[-1]
    for _ in range(_HALVINGS):
        levels = amounts_needed(market, price, source, target, amount, hops)
        if levels[-1][source] < np.inf:
            units = np.where(np.isfinite(levels[-1]), levels[-1] * (query.amount / amount), 0.0)
            return _simple(market, levels, lambda part: path_backward(market, price, part, source)), units
        amount /= 2  # no single path can pay it all: one that pays a part gives prices to start from
    return None


def _simple(market: CompiledEdges, levels: list[Floats], path_of: Callable[[list[Floats]], list[int]]) -> list[int]:
    """The path of the last levels that passes no token twice. A shortest one never does, only cycles that gain do."""
    for count in range(len(levels), 1, -1):
        path = path_of(levels[:count])
        if path and len(set(market.head[path].tolist())) == len(path):
            return path
    return path_of(levels)


def at_true_amounts(market: CompiledEdges, query: Query, path: list[int], units: Floats) -> BestPath:
    """A path, edges in order, as a best one: its true amounts, and the prices after it."""
    carried, prices, fall = _marginal(market, query, path)
    tokens = np.array([*(flow.tail for flow in carried.flows), query.target])
    onward = onward_prices(market, query.pair_price, query.source, tokens, np.array(prices))
    return BestPath(path, carried, onward, units, 1 - fall)


def _marginal(market: CompiledEdges, query: Query, path: list[int]) -> tuple[Carried, list[float], float]:
    """A path's true amounts, the prices of its tokens from the source on, and what is left of its own price."""
    slopes, flows, missing = [], [], 0.0
    amount, fall = query.amount, 1.0
    for edge in path if query.is_exact_in else reversed(path):
        traded = (sell if query.is_exact_in else buy)(market, edge, amount)
        amount = traded.paid if query.is_exact_in else traded.sold
        missing += traded.missing
        flows.append(Flow(edge, int(market.tail[edge]), int(market.head[edge]), traded.sold, traded.paid))
        start = float(query.price[edge])
        slopes.append(max(traded.slope, LEAST_SLOPE * start))
        fall *= slopes[-1] / start
    prices = [1.0]
    if query.is_exact_in:
        for slope in reversed(slopes):
            prices.insert(0, prices[0] * slope)
    else:
        flows.reverse()
        for slope in reversed(slopes):
            prices.append(prices[-1] / slope)
        amount = np.inf if missing else amount
    return Carried(amount, flows, slopes, missing), prices, fall
