"""The best route for one order over a graph of pools: split, merged and certified, in whole atoms."""

from __future__ import annotations

import math
import time
from typing import Final

import numpy as np
import numpy.ma  # `numpy.unique` would load it in the middle of the first order, which takes 60 ms

from dex.errors import AmountTooSmall, InsufficientLiquidity, NoRoute
from dex.router.compiled import CompiledMarket
from dex.router.constrained import best_constrained
from dex.router.finish import Finished, Route, finish
from dex.router.guess import Query, best_path, query_of, within
from dex.router.limits import Limits
from dex.router.optimum import GAP, Optimum, best_split
from dex.router.split_values import Split, SplitOrder, SplitSwap
from dex.types import Side

_BASIS_POINTS: Final = 10_000
_SHARES_TRIED: Final = 20  # of an amount that is too large, halving the distance each time
_NOT_WITHIN_LIMITS: Final = 0.5  # where a smaller order might be: half of it is tried first
_LEAST_SHARE: Final = 1e-9  # by which what fills differs from what does not


def find_split(market: CompiledMarket, order: SplitOrder) -> Split:
    """The best route over all pools the order permits.

    Raises: NoRoute; InsufficientLiquidity with the fact `largest_amount` (atoms of the fixed side that can be
    filled); AmountTooSmall when rounding leaves nothing.
    """
    query = _query(market, order)
    deadline = math.inf if order.deadline_ms is None else time.perf_counter() + order.deadline_ms / 1_000
    with np.errstate(all="ignore"):  # infinite and undefined values are dealt with where they arise
        route = _best_route(market, order, query, deadline)
        try:
            finished = finish(market, query, order.amount, route)
        except AmountTooSmall:
            raise _too_small(order) from None
        except InsufficientLiquidity:
            raise _too_large(market, order, query, max(route.missing, _LEAST_SHARE)) from None
    if not finished.replayed.amount_out or not finished.replayed.amount_in:
        raise _too_small(order)
    return _split(market, query, route, finished)


def _query(market: CompiledMarket, order: SplitOrder) -> Query:
    numbers = market.token_number
    if order.token_in not in numbers or order.token_out not in numbers or order.token_in == order.token_out:
        raise NoRoute(f"no pools lead from {order.token_in} to {order.token_out}")
    if order.amount <= 0:
        raise AmountTooSmall(f"there is no swapping {order.amount} atoms")
    allowed = None
    if order.allow_venues or order.deny_venues or order.deny_tokens:
        venues = [
            venue not in order.deny_venues and (not order.allow_venues or venue in order.allow_venues)
            for venue in market.venues
        ]
        tokens = np.array([token not in order.deny_tokens for token in market.tokens])
        allowed = np.array(venues)[market.venue] & tokens[market.tail] & tokens[market.head]
    return query_of(market, order.token_in, order.token_out, float(order.amount), order.side is Side.EXACT_IN, allowed)


def _best_route(market: CompiledMarket, order: SplitOrder, query: Query, deadline: float) -> Route:
    """Raises: NoRoute."""
    optimum = best_split(market, query, deadline)
    if optimum is None:
        raise NoRoute(f"no permitted pools lead from {order.token_in} to {order.token_out}")
    limits = Limits(max(0.0, float(order.swap_cost)), order.max_swaps, order.max_hops, order.max_splits)
    if not query.is_exact_in:
        limits = limits._replace(swap_cost=limits.swap_cost * float(optimum.prices[query.target]))
    free = _free(query, optimum, limits)
    if not optimum.is_filled or limits.is_free:
        return free
    cost = limits.swap_cost * len(optimum.carried.flows)
    query = within(market, query, query.amount if query.is_exact_in else optimum.value + cost)
    found = best_constrained(market, query, limits, optimum, deadline)
    if found is not None:
        return free._replace(carried=found.carried, prices=found.prices, bound=found.bound, is_proven=found.is_proven)
    hops = order.max_hops
    if hops is not None and best_path(market, query, hops) is None:
        raise NoRoute(f"no {hops} permitted pools in a row lead from {order.token_in} to {order.token_out}")
    return free._replace(missing=_NOT_WITHIN_LIMITS)


def _free(query: Query, optimum: Optimum, limits: Limits) -> Route:
    """The optimum without cost or limits, as a route."""
    tokens = {query.source, query.target} | {flow.tail for flow in optimum.carried.flows}
    prices = {token: float(optimum.prices[token]) for token in tokens}
    missing = 0.0 if optimum.is_filled else max(optimum.missing, _LEAST_SHARE)
    return Route(optimum.carried, prices, optimum.bound, False, missing, limits, optimum.in_play)


def _split(market: CompiledMarket, query: Query, route: Route, finished: Finished) -> Split:
    replayed, value = finished.replayed, finished.carried.value
    cost = route.limits.swap_cost * len(replayed.swaps)
    net = value - cost if query.is_exact_in else value + cost
    gap = (route.bound - net if query.is_exact_in else net - route.bound) / max(abs(net), math.ulp(0.0))
    is_same = finished.carried is route.carried
    worth = route.prices[query.target] or 1.0
    swaps = []
    for edge, swap in replayed.swaps:
        pool = swap.pool_after
        swaps.append(SplitSwap(pool.pool_id, pool.venue, *market.edge_tokens[edge], swap.amount_in, swap.amount_out))
    return Split(
        swaps=tuple(swaps),
        amount_in=replayed.amount_in,
        amount_out=replayed.amount_out,
        float_amount=value,
        cost=cost,
        bound=route.bound,
        gap_bp=_BASIS_POINTS * gap,
        is_proven=gap <= GAP or (route.is_proven and is_same),
        prices={market.tokens[token]: price / worth for token, price in sorted(route.prices.items())},
        pools_after=tuple(swap.pool_after for _, swap in replayed.swaps),
    )


def _too_small(order: SplitOrder) -> AmountTooSmall:
    fixed = order.token_in if order.side is Side.EXACT_IN else order.token_out
    return AmountTooSmall(f"the amount of {fixed} is so small that rounding would leave nothing of it", token=fixed)


def _too_large(market: CompiledMarket, order: SplitOrder, query: Query, missing: float) -> InsufficientLiquidity:
    """The refusal, with an amount that does fill, found by halving below what the optimum could carry."""
    low, high = 0, order.amount
    probe = int(order.amount * (1 - missing) * (1 - _LEAST_SHARE))
    for _ in range(_SHARES_TRIED):
        if probe <= low or high - low <= order.amount * _LEAST_SHARE:
            break
        low, high = (probe, high) if _fills(market, order, query, probe) else (low, probe)
        step = (high - low) // 2 if low else high // 2
        # What just failed was close to the optimum: try close below it first.
        probe = low + step
    fixed, verb = (order.token_in, "take") if query.is_exact_in else (order.token_out, "pay out")
    return InsufficientLiquidity(
        f"all pools together cannot {verb} that much {fixed}",
        hint="Send a smaller amount or split the order",
        token=fixed,
        largest_amount=str(low),
    )


def _fills(market: CompiledMarket, order: SplitOrder, query: Query, amount: int) -> bool:
    part = query._replace(amount=float(amount))
    try:
        route = _best_route(market, order, part, math.inf)
        return not route.missing and finish(market, part, amount, route).replayed.amount_out > 0
    except (InsufficientLiquidity, NoRoute):
        return False
