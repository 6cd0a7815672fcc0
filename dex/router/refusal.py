"""Errors for orders that are too small or too large, with the largest amount that can be filled."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final

from dex.errors import AmountTooSmall, InsufficientLiquidity, NoRoute
from dex.router.constrained.best_route import NOT_WITHIN_LIMITS, FloatRoute, best_route
from dex.router.constrained.largest import LEAST_SHARE, TOO_SMALL, largest_amount
from dex.router.convex.best_path import Query
from dex.router.convex.flows import plan
from dex.router.exact.finish import finish
from dex.router.exact.replay import replay_exact_in, replay_exact_out
from dex.router.graph.compiled import CompiledMarket
from dex.router.split_values import SplitOrder
from dex.router.time_limit import TimeLimit
from dex.types import Side

_ITERATIONS: Final = 4_000  # of all searches for the largest amount, after which it is what was found by then
_WITHIN_LIMITS: Final = 100  # iterations that a route within limits costs, about
_TIME: Final = 0.5  # for the largest amount, as a share of the order's own
_MARGINS: Final = (LEAST_SHARE, 1e-6, 1e-3, 0.03)  # below what a route carries of an amount that is too large


def too_small(order: SplitOrder) -> AmountTooSmall:
    """The error for an amount of which rounding leaves nothing."""
    fixed = order.token_in if order.side is Side.EXACT_IN else order.token_out
    return AmountTooSmall(f"the amount of {fixed} is so small that rounding would leave nothing of it", token=fixed)


def too_large(market: CompiledMarket, order: SplitOrder, query: Query, route: FloatRoute) -> InsufficientLiquidity:
    """The error for an amount of which only about a share finds liquidity."""
    time_limit = order.time_limit.share(_TIME)
    # Costs hardly change the result, and take time.
    free = _Search(market, replace(order, swap_cost=0.0, costs=None), query, time_limit)
    largest = largest_amount(free.missing, order.amount, max(route.missing, LEAST_SHARE), free.part_of(route))
    costly = _Search(market, order, query, time_limit)
    if route.costs is not None and largest and costly.missing(largest):
        largest = largest_amount(costly.missing, largest, LEAST_SHARE)
    fixed, verb = (order.token_in, "take") if query.is_exact_in else (order.token_out, "pay out")
    return InsufficientLiquidity(
        f"all pools together cannot {verb} that much {fixed}",
        hint="Send a smaller amount, as facts.largest_amount where it is stated, or allow more venues",
        token=fixed,
        **({"largest_amount": str(largest)} if largest else {}),
    )


class _Search:
    """Tries amounts until the effort is spent or the time over."""

    def __init__(self, market: CompiledMarket, order: SplitOrder, query: Query, time_limit: TimeLimit) -> None:
        self.market, self.order, self.query, self.time_limit = market, order, query, time_limit
        self.iterations = 0

    def part_of(self, route: FloatRoute) -> int:
        """An amount that fills at once, divided as the route for all of the order divides it; 0 where none does."""
        if route.limits.excess((flow.tail, flow.head) for flow in route.carried.flows):
            return 0
        ways = plan(route.carried.flows, self.query.source, self.query.target)
        replay = replay_exact_in if self.query.is_exact_in else replay_exact_out
        for margin in _MARGINS:
            amount = int(self.order.amount * (1 - route.missing) * (1 - margin))
            if not 0 < amount < self.order.amount:
                continue
            with suppress(InsufficientLiquidity):
                done = replay(self.market, ways, self.query.source, self.query.target, amount)
                return amount if done.amount_in and done.amount_out else 0
        return 0

    def missing(self, amount: int) -> float | None:
        """The share of an amount that finds no liquidity; see `largest_amount`."""
        if self.iterations > _ITERATIONS or self.time_limit.is_over():
            return None
        query, route = self.query._replace(amount=float(amount)), None
        try:
            route = best_route(self.market, self.order, query, self.time_limit, is_proof_wanted=False)
            is_free = route.costs is None and route.limits.is_free
            self.iterations += route.iterations + (0 if is_free else _WITHIN_LIMITS)
            done = finish(self.market, query, amount, route).replayed
        except AmountTooSmall:
            return TOO_SMALL
        except (InsufficientLiquidity, NoRoute):
            return max(route.missing, LEAST_SHARE) if route else NOT_WITHIN_LIMITS
        return 0.0 if done.amount_in and done.amount_out else TOO_SMALL
