"""The relaxation of a whole market: solved over the edges that promise most, which grow until none outside gains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dex.router.convex.best_path import HOPS, Query
from dex.router.convex.candidates import ways_on
from dex.router.convex.potentials import onward_prices, products_backward, products_forward
from dex.router.graph.segments import CAPACITY, Floats, Ints
from dex.router.net.bounds import NetBound
from dex.router.net.costs import EdgeCosts
from dex.router.net.envelope import Lines, lines
from dex.router.net.problem import Problem
from dex.router.net.relaxed import Play, Relaxed, relax
from dex.router.time_limit import TimeLimit

Bools = NDArray[np.bool_]

_EDGES: Final = 60  # of the first problem; more where there are many
_MORE_EDGES: Final = 90
_MANY: Final = 400  # edges of a market
_GROWTH: Final = 32  # edges that a round adds, beside the ways on from them
ROUNDS: Final = 4
_OUTSIDE: Final = 5e-6  # of the gross value: what edges outside the problem may still gain
_MOVED: Final = 0.3  # by how much a price may change before lines are drawn again
_LEAST: Final = 1e-10  # units that an edge charges at least: lines need some charge
_NEXT_TO_NOTHING: Final = 1e-5  # units: how long the line of an edge is that is paid for already


class Node(NamedTuple):
    """Routes that use none of the edges `left_out` and pay for those that are `paid`, whether they use them or not."""

    left_out: frozenset[int] = frozenset()
    paid: frozenset[int] = frozenset()


class Relaxation(NamedTuple):
    """The relaxed optimum of a node, prices of all tokens, and the best bound on net values met on the way to them.

    `at_prices` is that of the prices themselves (of a node: for its routes, at its costs).

    `drawn` are the lines of all edges, `is_in` marks those looked at.
    """

    node: Node
    relaxed: Relaxed
    prices: Floats
    bound: float
    at_prices: NetBound
    drawn: Drawn
    is_in: Bools


class Drawn(NamedTuple):
    """Lines of edges; by edge its `place` among them (-1: it has none) and the slope of its line in atoms.

    `pair_rates` are the best slopes of each pair.
    """

    place: Ints
    lines: Lines
    rates: Floats
    pair_rates: Floats

    def play(self, is_in: Bools) -> Play:
        """The edges marked, as far as they have lines."""
        edges = np.flatnonzero(is_in & (self.place >= 0))
        return Play(edges, self.lines.take(self.place[edges]))


def solve_root(problem: Problem, prices: Floats, time_limit: TimeLimit, rounds: int = ROUNDS) -> Relaxation:
    """Solve the relaxation of all routes from estimated prices: first over the edges that promise most.

    After the time limit only over those.
    """
    bound = np.inf
    drawn = _drawn(problem, prices)
    is_in = _first_edges(problem, drawn)
    for number in range(rounds):
        (relaxed,) = relax(problem.market, problem.query, problem.units, [drawn.play(is_in)], prices)
        before = prices
        prices = _prices(problem, drawn, relaxed)
        found = problem.bound(prices)
        bound = min(bound, found.value)
        if number + 1 == rounds or time_limit.is_over():
            break
        moved = float(np.abs(prices[relaxed.tokens] / before[relaxed.tokens] - 1).max())
        is_grown = _grow(problem, drawn, is_in, relaxed, prices, found.gains)
        if not is_grown and (number or moved <= _MOVED):
            break
        if moved > _MOVED:
            drawn = _drawn(problem, prices)
    return Relaxation(Node(), relaxed, prices, bound, found, drawn, is_in)


def solve_nodes(problem: Problem, nodes: Sequence[Node], parent: Relaxation) -> list[Relaxation]:
    """Solve the relaxations of fewer routes, over the edges that are in play, side by side."""
    restricted = [_restricted(problem, node) for node in nodes]
    drawings = [_paid(problem, parent.drawn, sorted(node.paid - parent.node.paid)) for node in nodes]
    plays = [
        drawn.play(parent.is_in & (query.price > 0)) for drawn, (query, *_) in zip(drawings, restricted, strict=True)
    ]
    solved = relax(problem.market, problem.query, problem.units, plays, parent.prices)
    answers = []
    for node, drawn, (query, costs, already_paid), relaxed in zip(nodes, drawings, restricted, solved, strict=True):
        prices = _prices(problem, drawn, relaxed)
        found = problem.bound(prices, query, costs)
        bound = min(found.value - already_paid, parent.bound)
        answers.append(Relaxation(node, relaxed, prices, bound, found, drawn, parent.is_in))
    return answers


def _restricted(problem: Problem, node: Node) -> tuple[Query, EdgeCosts, float]:
    """The node's query and costs, and what is paid in any case."""
    query, costs = problem.query, problem.costs
    if node.left_out:
        price = query.price.copy()
        price[list(node.left_out)] = 0.0
        query = query._replace(price=price, pair_price=problem.market.pair_prices(price))
    if not node.paid:
        return query, costs, 0.0
    swap = costs.swap.copy()
    swap[list(node.paid)] = 0.0
    return query, costs._replace(swap=swap), costs.of(node.paid)


def _drawn(problem: Problem, prices: Floats) -> Drawn:
    """The lines of all edges, where heads are worth these prices."""
    market, units = problem.market, problem.units
    usable = np.flatnonzero((problem.query.price > 0) & (units[market.tail] > 0) & (units[market.head] > 0))
    unit_in, unit_out = units[market.tail[usable]], units[market.head[usable]]
    charge = np.maximum(problem.costs.swap[usable] / (prices[market.head[usable]] * unit_out), _LEAST)
    found = lines(market, usable, unit_in, unit_out, charge)
    place = np.full(market.edge_count, -1)
    place[usable] = np.arange(len(usable))
    rates = np.zeros(market.edge_count)
    rates[usable] = np.fmax(found.rate, 0.0) * unit_out / unit_in
    return Drawn(place, found, rates, market.pair_prices(rates))


def _paid(problem: Problem, drawn: Drawn, edges: Sequence[int]) -> Drawn:
    """The lines where some edges are paid for: next to none of theirs is left."""
    if not edges:
        return drawn
    market, paid = problem.market, np.array(edges, np.intp)
    ratio = problem.units[market.head[paid]] / problem.units[market.tail[paid]]
    price, first = market.price[paid], market.first[paid]
    touch = np.minimum(_NEXT_TO_NOTHING, market.table[CAPACITY, first] / problem.units[market.tail[paid]] / 2)
    found = Lines(touch, price / ratio, touch, np.zeros(len(paid), np.intp), touch)
    rates = drawn.rates.copy()
    rates[paid] = price
    lines_of = drawn.lines.put(drawn.place[paid], found)
    return drawn._replace(lines=lines_of, rates=rates, pair_rates=market.pair_prices(rates))


def _first_edges(problem: Problem, drawn: Drawn) -> Bools:
    """The best path, and the edges over whose lines the best ways from the source to the target lead."""
    market, query = problem.market, problem.query
    through = drawn.rates * products_forward(market, drawn.pair_rates, query.source, HOPS).take(market.tail)
    through *= products_backward(market, drawn.pair_rates, query.target, HOPS).take(market.head)
    edges = np.flatnonzero(through > 0)
    limit = _MORE_EDGES if market.edge_count >= _MANY else _EDGES
    if len(edges) > limit:
        edges = edges[np.argpartition(-through[edges], limit)[:limit]]
    is_in = np.zeros(market.edge_count, bool)
    is_in[edges] = is_in[problem.path.path] = True
    return is_in


def _prices(problem: Problem, drawn: Drawn, relaxed: Relaxed) -> Floats:
    """Prices of all tokens: those outside by their best sale over lines, not over the first atom of some small pool."""
    market = problem.market
    return onward_prices(market, drawn.pair_rates, problem.query.source, relaxed.tokens, relaxed.prices)


def _grow(problem: Problem, drawn: Drawn, is_in: Bools, relaxed: Relaxed, prices: Floats, gains: Floats) -> bool:
    """Take in the edges outside that gain most, and the ways on from them. False: nothing new that matters."""
    market = problem.market
    outside = np.where(drawn.place < 0, 0.0, np.maximum(gains, 0.0))
    outside[relaxed.edges] = 0.0
    if not outside.sum() > _OUTSIDE * problem.gross:
        return False
    more = np.flatnonzero(outside)
    if len(more) > _GROWTH:
        more = more[np.argpartition(-outside[more], _GROWTH)[:_GROWTH]]
    is_settled = np.zeros(market.token_count, bool)
    is_settled[relaxed.tokens] = True
    more = np.append(more, ways_on(market, drawn.rates, market.head[more], prices, is_settled))
    if is_in[more].all():
        return False
    is_in[more] = True
    return True
