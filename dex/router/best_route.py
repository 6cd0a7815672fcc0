"""The best route in floats for an order, without or within its limits."""

from __future__ import annotations

from typing import Final, NamedTuple

from dex.errors import NoRoute
from dex.router.choices import EFFORT, best_split
from dex.router.compiled import CompiledMarket
from dex.router.constrained import best_constrained
from dex.router.flows import Carried
from dex.router.guess import ALWAYS_NEAR, Query, within
from dex.router.largest import LEAST_SHARE
from dex.router.limits import Limits
from dex.router.optimum import Optimum
from dex.router.pieces import Ints
from dex.router.split_values import SplitOrder

NOT_WITHIN_LIMITS: Final = 0.5  # missing, as far as is known: half of the order is tried next
_LITTLE_EFFORT: Final = 6
_OPEN: Final = 1e-3  # relative distance to the bound


class Route(NamedTuple):
    """A route in floats: its amounts, marginal prices by token in the numeraire, bound, the share it cannot fill.

    `in_play` are edges among which it was found, in so many `iterations`; costs in `limits` are in atoms of the
    numeraire.
    """

    carried: Carried
    prices: dict[int, float]
    bound: float
    is_proven: bool
    missing: float
    limits: Limits
    in_play: Ints
    iterations: int

    @property
    def is_open(self) -> bool:
        """Whether much better routes may be: only where swaps in a circle gain is the search that lost."""
        cost = self.limits.swap_cost * len(self.carried.flows)
        return not abs(self.bound - self.carried.value) - cost <= _OPEN * self.carried.value


def best_route(
    market: CompiledMarket, order: SplitOrder, query: Query, deadline: float, is_proof_wanted: bool = True
) -> Route:
    """The best route, or as much of one as can be filled. Where no proof is wanted the first within the limits will do.

    `query` is of the edges that the order permits. Raises: NoRoute.
    """
    optimum = best_split(market, query, deadline, EFFORT if is_proof_wanted else _LITTLE_EFFORT)
    if optimum is None:
        number = "" if order.max_hops is None else f"{order.max_hops} "
        row = " in a row" if number else ""
        raise NoRoute(f"no {number}permitted pools{row} lead from {order.token_in} to {order.token_out}")
    limits = Limits(max(0.0, float(order.swap_cost)), order.max_swaps, order.max_hops, order.max_legs)
    if order.max_hops is not None and order.max_hops <= ALWAYS_NEAR:
        limits = limits._replace(max_hops=None)
    if not query.is_exact_in:
        limits = limits._replace(swap_cost=limits.swap_cost * float(optimum.prices[query.target]))
    free = _free(query, optimum, limits)
    ends = [(flow.tail, flow.head) for flow in optimum.carried.flows]
    if not optimum.is_filled or (limits.swap_cost <= 0 and not limits.excess(ends)):
        return free
    sold = query.amount if query.is_exact_in else optimum.value + limits.swap_cost * len(ends)
    query = within(market, query, sold)
    found = best_constrained(market, query, limits, optimum, deadline, is_proof_wanted)
    if found is not None:
        bound = found.bound if query.is_exact_in else min(found.bound, sold)  # of routes that sell more nothing is said
        return free._replace(carried=found.carried, prices=found.prices, bound=bound, is_proven=found.is_proven)
    return free._replace(missing=NOT_WITHIN_LIMITS) if limits.excess(ends) else free


def _free(query: Query, optimum: Optimum, limits: Limits) -> Route:
    """The optimum without cost or limits, as a route."""
    tokens = {query.source, query.target} | {flow.tail for flow in optimum.carried.flows}
    prices = {token: float(optimum.prices[token]) for token in tokens}
    missing = 0.0
    if not optimum.is_filled:
        missing = max(optimum.missing, min(optimum.carried.missing / query.amount, NOT_WITHIN_LIMITS), LEAST_SHARE)
        if not missing <= 1:
            missing = NOT_WITHIN_LIMITS
    return Route(optimum.carried, prices, optimum.bound, False, missing, limits, optimum.in_play, optimum.iterations)
