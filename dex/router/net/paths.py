"""The best single path net of what its swaps cost."""

from __future__ import annotations

from typing import Final

import numpy as np

from dex.router.convex.best_path import HOPS, BestPath, Query, at_true_amounts
from dex.router.convex.flows import Carried, Flow, plan
from dex.router.convex.optimum import carry
from dex.router.convex.potentials import amounts_needed, amounts_reached, path_backward, path_forward
from dex.router.graph.edge_curves import buy, sell
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, Ints
from dex.router.net.costs import EdgeCosts

ROUNDED: Final = 1e-9  # of an amount: what a curve's inverse may fall short of it, by the digits it loses


def net_of(query: Query, value: float, cost: float) -> float:
    """The objective: the output less cost, or minus the input and the cost."""
    return (value if query.is_exact_in else -value) - cost


def best_by_hops(market: CompiledEdges, query: Query, costs: EdgeCosts, hops: int = HOPS) -> BestPath | None:
    """The best path, net, of those that the curves' summaries give for each number of hops.

    None where no single path of so few hops can carry the order.
    """
    price, ends = query.price, (query.source, query.target)
    levels_of, path_of = (amounts_reached, path_forward) if query.is_exact_in else (amounts_needed, path_backward)
    levels = levels_of(market, price, *ends, query.amount, hops)
    end = query.target if query.is_exact_in else query.source
    units = np.where(np.isfinite(levels[-1]), levels[-1], 0.0)
    if not units[end] > 0:
        return None
    best, best_net = None, -np.inf
    for count in range(2, len(levels) + 1):
        path = path_of(market, price, levels[:count], end)
        if not path or path == best or not is_simple(market, path):
            continue
        value = value_of(market, query, path)
        if value is not None and net_of(query, value, costs.of(path)) > best_net:
            best, best_net = path, net_of(query, value, costs.of(path))
    return None if best is None else along(market, query, best, units)


def along(market: CompiledEdges, query: Query, path: list[int], units: Floats) -> BestPath | None:
    """A path as a best one, also where a curve's inverse falls short of the output; None where it cannot carry it."""
    found = at_true_amounts(market, query, path, units)
    if found.carried.missing:
        ways = plan(found.carried.flows, query.source, query.target)
        found = found._replace(carried=carry(market, query, ways, found.prices.item(query.target)))
    return None if found.carried.missing else found


def is_simple(market: CompiledEdges, path: list[int]) -> bool:
    """Whether a path comes to no token and uses no pool twice."""
    return len(set(market.head[path].tolist())) == len(path) == len(set(market.pool[path].tolist()))


def value_of(market: CompiledEdges, query: Query, path: list[int]) -> float | None:
    """What a path pays for the order, or what it asks for it; None where it cannot carry it."""
    amount = query.amount
    for edge in path if query.is_exact_in else reversed(path):
        traded = (sell if query.is_exact_in else buy)(market, edge, amount)
        if traded.missing > (0.0 if query.is_exact_in else ROUNDED * amount):
            return None
        amount = traded.paid if query.is_exact_in else traded.sold
    return amount


def in_a_row(market: CompiledEdges, query: Query, edges: Ints) -> list[int]:
    """These edges in the order of the single path that they are; none where they are more, or less, than that."""
    tails = market.tail[edges].tolist()
    following = dict(zip(tails, edges.tolist(), strict=True))
    if len(following) < len(tails):
        return []
    path: list[int] = []
    token = query.source
    while token != query.target and token in following:
        path.append(following.pop(token))
        token = market.head.item(path[-1])
    return path if token == query.target and not following else []


def carried_along(market: CompiledEdges, query: Query, path: list[int]) -> tuple[Carried, dict[int, float]] | None:
    """A path's true amounts, and the marginal prices of its tokens in the numeraire; None where it cannot carry all."""
    amount, flows, slopes = query.amount, [], []
    for edge in path if query.is_exact_in else reversed(path):
        traded = (sell if query.is_exact_in else buy)(market, edge, amount)
        if traded.missing or traded.slope <= 0:
            return None
        amount = traded.paid if query.is_exact_in else traded.sold
        flows.append(Flow(edge, market.tail.item(edge), market.head.item(edge), traded.sold, traded.paid))
        slopes.append(traded.slope)
    if not query.is_exact_in:
        flows.reverse()
        slopes.reverse()
    prices = {query.target: 1.0}
    for flow, slope in zip(reversed(flows), reversed(slopes), strict=True):
        prices[flow.tail] = prices[flow.head] * slope
    price = prices[query.numeraire]
    return Carried(amount, flows, slopes, 0.0), {token: of_token / price for token, of_token in prices.items()}
