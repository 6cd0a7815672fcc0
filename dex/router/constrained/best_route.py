"""The best route in floats for an order: free of costs or net of them, without or within limits on its size."""

from __future__ import annotations

from typing import Final, NamedTuple

from dex.errors import NoRoute
from dex.router.constrained.exclusions import EFFORT, best_split
from dex.router.constrained.largest import LEAST_SHARE
from dex.router.constrained.limited import best_limited
from dex.router.constrained.limits import Limits
from dex.router.constrained.solve import best_constrained
from dex.router.convex.best_path import ALWAYS_NEAR, Query, within
from dex.router.convex.flows import Carried
from dex.router.convex.optimum import Optimum
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.segments import Ints
from dex.router.net.costs import EdgeCosts, costs_of, uniform
from dex.router.net.search import NetOptimum, best_net
from dex.router.split_values import SplitOrder
from dex.router.time_limit import TimeLimit

NOT_WITHIN_LIMITS: Final = 0.5  # assumed share missing: half of the order is tried next
_LITTLE_EFFORT: Final = 6
_FREE, _LIMITS = "free", "limits"  # steps of searches that do not know costs, or look for routes edge by edge
_OPEN: Final = 1e-3  # relative distance to the bound


class FloatRoute(NamedTuple):
    """A route in floats: its amounts, marginal prices by token in the numeraire, bound, the share it cannot fill.

    `in_play` are edges among which it was found, in `iterations` steps; `costs` are those of its swaps (None: free),
    and the bound is net of them. `step` is the last step of the search.
    """

    carried: Carried
    prices: dict[int, float]
    bound: float
    is_proven: bool
    missing: float
    costs: EdgeCosts | None
    limits: Limits
    in_play: Ints
    iterations: int
    step: str

    def is_open(self, market: CompiledMarket, is_exact_in: bool) -> bool:
        """Whether much better routes may exist: the search misses them only where arbitrage cycles exist.

        The search net of costs gives up on those itself.
        """
        if self.step not in (_FREE, _LIMITS):
            return False
        value = self.carried.value
        cost = 0.0 if self.costs is None else self.costs.of_flows(market, self.carried.flows) + self.costs.fixed
        gap = self.bound - (value - cost) if is_exact_in else value + cost - self.bound
        return not gap <= _OPEN * value


def best_route(
    market: CompiledMarket, order: SplitOrder, query: Query, time_limit: TimeLimit, is_proof_wanted: bool = True
) -> FloatRoute:
    """The best route, or as much of one as can be filled. Without a proof, the first one within the limits.

    `query` is of the edges that the order permits. Raises: NoRoute.
    """
    costs = costs_of(market, order, query)
    limits = Limits(order.max_swaps, order.max_hops, order.max_legs)
    if order.max_hops is not None and order.max_hops <= ALWAYS_NEAR:
        limits = limits._replace(max_hops=None)
    net = None
    if costs is not None and not costs.are_fixed:
        net = best_net(market, query, costs, time_limit, lambda carried: limits.excess(_ends(carried)) > 0)
        best = None if net is None else _within(market, query, costs, limits, net, time_limit)
        if best is not None:
            return _of_net(query, best, costs, limits)
    optimum = best_split(market, query, time_limit, EFFORT if is_proof_wanted else _LITTLE_EFFORT)
    if optimum is None:
        number = "" if order.max_hops is None else f"{order.max_hops} "
        row = " in a row" if number else ""
        raise NoRoute(f"no {number}permitted pools{row} lead from {order.token_in} to {order.token_out}")
    free = _free(query, optimum, costs, limits)
    ends = _ends(optimum.carried)
    if not optimum.is_filled or ((costs is None or costs.are_fixed) and not limits.excess(ends)):
        return free
    charged = uniform(market, 0.0) if costs is None else costs
    sold = query.amount if query.is_exact_in else optimum.value + charged.of_flows(market, optimum.carried.flows)
    query = within(market, query, sold)
    found = best_constrained(market, query, charged, limits, optimum, time_limit, is_proof_wanted)
    if found is None:
        return free._replace(missing=NOT_WITHIN_LIMITS) if limits.excess(ends) else free
    # The bound does not cover routes that sell more.
    bound = found.bound if query.is_exact_in else min(found.bound, sold)
    if net is not None:  # what no route can do, none within limits can
        bound = min(bound, net.bound) if query.is_exact_in else max(bound, -net.bound)
    bound += charged.fixed if not query.is_exact_in else -charged.fixed
    return free._replace(
        carried=found.carried, prices=found.prices, bound=bound, is_proven=found.is_proven, step=_LIMITS
    )


def _within(
    market: CompiledMarket, query: Query, costs: EdgeCosts, limits: Limits, net: NetOptimum, time_limit: TimeLimit
) -> NetOptimum | None:
    """The route, or the best one within the limits; None where nothing is found or swaps in a circle gain."""
    best: NetOptimum | None = net
    if not (net.is_cyclic or limits.is_free) and limits.excess(_ends(net.route.carried)):
        best = best_limited(market, query, costs, limits, net, time_limit)
    return None if best is None or best.is_cyclic else best


def _ends(carried: Carried) -> list[tuple[int, int]]:
    return [(flow.tail, flow.head) for flow in carried.flows]


def _of_net(query: Query, net: NetOptimum, costs: EdgeCosts, limits: Limits) -> FloatRoute:
    """A route found net of costs."""
    bound = net.bound - costs.fixed
    bound = bound if query.is_exact_in else -bound
    route = net.route  # by position: names take five times as long
    return FloatRoute(route.carried, route.prices, bound, False, 0.0, costs, limits, net.in_play, 0, net.step)


def _free(query: Query, optimum: Optimum, costs: EdgeCosts | None, limits: Limits) -> FloatRoute:
    """The optimum without costs or limits, as a route."""
    tokens = {query.source, query.target} | {flow.tail for flow in optimum.carried.flows}
    prices = {token: float(optimum.prices[token]) for token in tokens}
    missing = 0.0
    if not optimum.is_filled:
        missing = max(optimum.missing, min(optimum.carried.missing / query.amount, NOT_WITHIN_LIMITS), LEAST_SHARE)
        if not missing <= 1:
            missing = NOT_WITHIN_LIMITS
    fixed = 0.0 if costs is None else costs.fixed
    return FloatRoute(
        carried=optimum.carried,
        prices=prices,
        bound=optimum.bound - fixed if query.is_exact_in else optimum.bound + fixed,
        is_proven=False,
        missing=missing,
        costs=costs,
        limits=limits,
        in_play=optimum.in_play,
        iterations=optimum.iterations,
        step=_FREE,
    )
