"""A bound on the net value of any route that needs no solve: by how many swaps it makes.

A route of k swaps is one path of k hops, or else paths of fewer hops side by side. No atom of the order gets a better
price than the best one before any swap over as many hops, B(k). So the route pays at most the larger of what the best
single path of k hops pays, N(k), and of the order at B(k - 1); and it costs k swaps, one of them out of the
source. The bound is the largest of these over all k: where swaps cost much beside what they could gain, it is the best
single path.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router.fast.net_bound import products_by_hops
from dex.router.graph.edge_curves import buy, sell
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats
from dex.router.kernel import kernels_on
from dex.router.net.paths import ROUNDED
from dex.router.net.problem import Problem

SWAPS: Final = 12  # up to which routes are told apart by how many they make
_LEVELS: Final = 8  # hops that are told apart
_MOST_HOPS: Final = 5  # of single paths that are compared
_ALIKE: Final = 1 - 1e-12  # products of the same prices in another order
_MOST_EDGES: Final = 120  # tried on the way: beyond, the order is too large to be proven here

_Amounts = dict[int, tuple[float, tuple[int, ...]]]  # by token: the best amount, and the path that brings it


class Counted(NamedTuple):
    """Bounds by how many swaps a route makes, from one; the last is for any more.

    And the best single path that was met on the way: its edges in order, none if none was looked for.
    """

    bounds: Floats
    path: list[int]


class _Reach(NamedTuple):
    """Best prices before any swap within k hops, from k = 0: of the source in each token, of each token in the target.

    The last of the first kind hold for any number of hops.
    """

    forward: list[Floats]
    backward: list[Floats]


def counted_bounds(problem: Problem, net: float) -> Counted:
    """The bounds, as low as it takes to prove a route of this net value best, or to fail to."""
    least = problem.costs.least
    reach = _reach(problem)
    target, entry = problem.query.target, problem.costs.entry
    tops = [_worth(problem, prices.item(target)) - entry for prices in reach.forward]
    bounds = np.array([*tops, *[tops[-1]] * (SWAPS + 1 - len(tops))]) - least * np.arange(SWAPS + 1)
    open_hops = (np.flatnonzero(bounds[1:] > net) + 1).tolist()
    if not open_hops or open_hops[-1] > min(_MOST_HOPS, len(tops) - 1):
        return Counted(bounds[1:], [])
    best: tuple[float, tuple[int, ...]] = (-np.inf, ())
    for hops in open_hops:
        side_by_side = tops[hops - 1] - hops * least
        single = None if side_by_side > net else _best_path(problem, reach, hops, net)
        if single is None:
            break
        best = max(best, single)
        bounds[hops] = max(net, side_by_side, single[0])
    return Counted(bounds[1:], list(best[1]))


def _worth(problem: Problem, price: float) -> float:
    """The gross value, as the objective, of an order that is traded at one price throughout."""
    if problem.query.is_exact_in:
        return problem.query.amount * price
    return -problem.query.amount / price if price > 0 else -np.inf


def _reach(problem: Problem) -> _Reach:
    market, query = problem.market, problem.query
    forward = _by_hops(market, problem.pairs, query.source, _LEVELS, is_forward=True)
    if len(forward) > _LEVELS:
        forward.append(problem.most / problem.most.item(query.source))
    hops = min(len(forward), _MOST_HOPS)
    backward = _by_hops(market, problem.pairs, query.target, hops, is_forward=False)
    return _Reach(forward, backward + backward[-1:] * (hops + 1 - len(backward)))


def _by_hops(market: CompiledEdges, pairs: Floats, token: int, hops: int, *, is_forward: bool) -> list[Floats]:
    """The best products of pair prices over up to k hops, from k = 0, as long as any rises."""
    ends = (market.pair_tail, market.pair_head) if is_forward else (market.pair_head, market.pair_tail)
    if kernels_on():
        return list(products_by_hops(pairs, *ends, market.token_count, token, hops))
    levels = [np.zeros(market.token_count)]
    levels[0][token] = 1.0
    for _ in range(hops):
        after = levels[-1].copy()
        np.maximum.at(after, ends[1], pairs * levels[-1].take(ends[0]))
        if (after == levels[-1]).all():
            break
        levels.append(after)
    return levels


def _best_path(problem: Problem, reach: _Reach, hops: int, net: float) -> tuple[float, tuple[int, ...]] | None:
    """A bound on the net value of single paths of `hops` hops, and the best such path; None where there are too many.

    Only those are followed whose prices before any swap could beat `net`. Every swap counts the least cost. For a fixed
    input, what it costs beside that is taken from what it pays, at the best price onward: so costs by pool kind count
    in full, but for price impact. For a fixed output, one of them counts the least out of the source.
    """
    market, query, least = problem.plain, problem.query, problem.costs.least
    entry = problem.costs.entry
    needed = net + entry + hops * least
    if not query.is_exact_in and needed >= 0:
        return -np.inf, ()
    least_price = max(needed, 0.0) / query.amount if query.is_exact_in else query.amount / -needed
    levels, tried = [], 0
    for hop in range(hops):
        through = query.price * reach.forward[hop].take(market.tail) * reach.backward[hops - 1 - hop].take(market.head)
        levels.append(np.flatnonzero(through > least_price * _ALIKE).tolist())
        tried += len(levels[-1])
    if tried > _MOST_EDGES:
        return None
    amounts: _Amounts = {query.source if query.is_exact_in else query.target: (query.amount, ())}
    for edges in levels if query.is_exact_in else reversed(levels):
        amounts = (_sold if query.is_exact_in else _bought)(problem, reach.backward[-1], edges, amounts)
    amount, path = amounts.get(query.target if query.is_exact_in else query.source, (np.inf, ()))
    if not path:
        return -np.inf, ()
    return (amount if query.is_exact_in else -amount - entry) - hops * least, path


def _sold(problem: Problem, onward: Floats, edges: list[int], amounts: _Amounts) -> _Amounts:
    """The most of each token after one hop more, less what its swaps cost beside the least."""
    market, swap, least = problem.plain, problem.costs.swap, problem.costs.least
    after: _Amounts = {}
    for edge in edges:
        if (before := amounts.get(market.tail.item(edge))) is None:
            continue
        head = market.head.item(edge)
        paid = sell(market, edge, before[0]).paid - (swap.item(edge) - least) / onward.item(head)
        if head not in after or paid > after[head][0]:
            after[head] = paid, (*before[1], edge)
    return after


def _bought(problem: Problem, onward: Floats, edges: list[int], amounts: _Amounts) -> _Amounts:
    """The least of each token that buys the output over one hop more."""
    market = problem.plain
    after: _Amounts = {}
    for edge in edges:
        if (before := amounts.get(market.head.item(edge))) is None:
            continue
        tail, traded = market.tail.item(edge), buy(market, edge, before[0])
        if traded.missing <= ROUNDED * before[0] and (tail not in after or traded.sold < after[tail][0]):
            after[tail] = traded.sold, (edge, *before[1])
    return after
