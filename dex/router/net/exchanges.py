"""Sets of edges that hold another edge in place of one of a route's: it sells the same token, or pays the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from dex.router.convex.flows import Flow
from dex.router.graph.edge_curves import buy, sell
from dex.router.graph.segments import Floats, Ints
from dex.router.net.paths import ROUNDED
from dex.router.net.problem import NetRoute, Problem

_EXCHANGES: Final = 6
_TRIED: Final = 16  # by their true curves


class _Exchange(NamedTuple):
    """`gone` for `edge`, which sells or pays the same `amount`, and gains `most` if it keeps its first price.

    `less` is what it costs, and what falls away with the other gains, less costs.
    """

    most: float
    gone: int
    edge: int
    amount: float
    is_sold: bool
    less: float


def exchanges(problem: Problem, route: NetRoute, prices: Floats) -> list[Ints]:
    """The exchanges that gain most, where all else is worth the route's prices and stays as it is."""
    promising = sorted(_promising(problem, route, prices), reverse=True)[:_TRIED]
    found = sorted(((_gain(problem, one, prices), one) for one in promising), reverse=True)
    edges = route.edges
    return [np.union1d(edges[edges != one.gone], [one.edge]) for gain, one in found[:_EXCHANGES] if gain > 0]


def _promising(problem: Problem, route: NetRoute, prices: Floats) -> Iterator[_Exchange]:
    """Exchanges for edges between tokens of the route whose first price is good enough. Pools are used once."""
    market, query, flows, swap = problem.plain, problem.query, route.carried.flows, problem.costs.swap
    gains = {
        flow.edge: prices.item(flow.head) * flow.paid - prices.item(flow.tail) * flow.sold - swap.item(flow.edge)
        for flow in flows
    }
    is_on = np.zeros(market.token_count, bool)
    is_on[list(route.prices)] = True
    is_free = (query.price > 0) & is_on[market.tail] & is_on[market.head]
    others = np.flatnonzero(is_free & ~np.isin(market.pool, market.pool[route.edges]))
    tail, head = market.tail[others], market.head[others]
    rate = query.price[others] * prices[head] / prices[tail]
    for flow in flows:
        for is_sold in (True, False):
            lost = sum(gains[edge] for edge in _fallen(flows, flow, is_sold))
            near = np.flatnonzero(tail == flow.tail if is_sold else (head == flow.head) & (tail != flow.tail))
            amount, price = (flow.sold, prices.item(flow.tail)) if is_sold else (flow.paid, prices.item(flow.head))
            less = swap[others[near]] + lost
            most = amount * price * (rate[near] - 1 if is_sold else 1 - 1 / rate[near]) - less
            for place in np.flatnonzero(most > 0).tolist():
                edge = others.item(near.item(place))
                yield _Exchange(most.item(place), flow.edge, edge, amount, is_sold, less.item(place))


def _gain(problem: Problem, exchange: _Exchange, prices: Floats) -> float:
    """What an exchange gains by the true curve of its edge."""
    market, edge, amount = problem.plain, exchange.edge, exchange.amount
    traded = (sell if exchange.is_sold else buy)(market, edge, amount)
    if traded.missing > ROUNDED * amount:
        return -np.inf
    bought, given = prices.item(market.head.item(edge)), prices.item(market.tail.item(edge))
    return bought * traded.paid - given * traded.sold - exchange.less


def _fallen(flows: Sequence[Flow], flow: Flow, is_after: bool) -> set[int]:
    """The edges that fall away with one of a route, after it or before it: nothing else buys, or sells, their token."""
    gone, left = {flow.edge}, [flow]
    while left:
        last = left.pop()
        token = last.head if is_after else last.tail
        rest = [other for other in flows if other.edge not in gone]
        if any((other.head if is_after else other.tail) == token for other in rest):
            continue
        further = [other for other in rest if (other.tail if is_after else other.head) == token]
        gone.update(other.edge for other in further)
        left += further
    return gone
