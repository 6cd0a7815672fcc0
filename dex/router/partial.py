"""The part of an order that is worth trading at its limit price, and the best route for just that part.

The market gets one more edge, from token_in to token_out, which takes any amount at the limit price. What the best
route of the whole order leaves to that edge stays unfilled. So how much to trade is no search of its own: it comes from
the same solution as the route, with the same bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from dex.errors import InsufficientLiquidity, NoRoute
from dex.router.best import Found, Search, net_of, of_split, order_of
from dex.router.constrained.limits import Limits
from dex.router.graph.unfilled import UNFILLED, with_unfilled
from dex.router.marginal import marginal_prices
from dex.router.split import check_joined, find_split
from dex.router.split_values import Split, SplitOrder
from dex.types import Side

_SMALL: Final = 4  # a part this many times smaller than the order is solved again by itself: flows of dust are cut
_LARGER: Final = 2  # times the part, which is solved then
_SHRINK: Final = 1_000  # of an order of which nothing is worth trading: it may be that all of that is dust
_GROW: Final = 10  # times an amount of which all is worth trading, where that was not the whole order
_TRIES: Final = 6
_STEPS: Final = 10  # of the search by amount
_CLOSE: Final = 1e-5  # of what a part is worth: what another amount has to gain
_BETWEEN: Final = (0.02, 0.98)  # of a bracket: where the next amount is looked for


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a request that is traded, in atoms of the side it fixes, and its route."""

    amount: int
    found: Found


def best_part(search: Search, limit: Fraction) -> Part | None:
    """The part that gains most against the limit price, net of its network fee; None where none gains.

    Raises: NoRoute.
    """
    request = search.request
    least_fee, best, marginal = least_fee_of(search), None, marginal_of(search)
    amount, most, too_much = request.amount, Fraction(0), request.amount + 1
    for _ in range(_TRIES):
        if not _worth(request.side, amount, limit, marginal) > least_fee:
            break
        part = _solved(search, amount, limit)
        if part is not None and (gain := gain_of(request.side, part, limit)) > most:
            best, most = part, gain
        if part is None and amount == request.amount:
            check_joined(search.market.compiled, order_of(search, request.max_swaps))
        if part is None or part.amount * _SMALL < amount:
            too_much = amount
        following = _next_amount(request.amount, amount, part, best, too_much)
        if following is None or (best is not None and search.time_limit.is_over()):
            break
        amount = following
    return best


def _next_amount(whole: int, amount: int, part: Part | None, best: Part | None, too_much: int) -> int | None:
    """The next amount of which to solve the part, so that it is no small share of that; None: it is none.

    From `too_much` on parts would be small shares.
    """
    if part is None:
        return None if best is not None else amount // _SHRINK
    if part.amount == amount:  # there may be more
        larger = min(amount * _GROW, whole)
        return larger if amount < larger < too_much else None
    return part.amount * _LARGER if part.amount * _SMALL < amount else None


def gain_of(side: Side, part: Part, limit: Fraction) -> Fraction:
    """By how much a part is better, net of its fee, than its limit: in atoms of the side that is not fixed."""
    net = net_of(side, part.found)
    return net - part.amount * limit if side is Side.EXACT_IN else net + part.amount / limit


def least_fee_of(search: Search) -> Fraction:
    """The least that a transaction can cost, in atoms of the side that is not fixed; 0 where pools do not price it."""
    fees = search.fees
    if fees is None or fees.price is None:
        return Fraction(0)
    swap = min((fees.costs.of_swap(kind) for kind in search.market.compiled.kinds), default=0)
    return (fees.costs.per_transaction + swap) * Fraction(fees.price)


def marginal_of(search: Search) -> float:
    """The marginal price of the pair. Raises: NoRoute."""
    token_in, token_out = search.request.token_in, search.request.token_out
    numbers = search.market.compiled.token_number
    price = 0.0
    if search.venues and token_in in numbers and token_out in numbers and token_in != token_out:
        ends = (numbers[token_in], numbers[token_out])
        price = marginal_prices(search.market.compiled, [ends])[ends]
    if not price > 0:
        raise NoRoute(f"no pools lead from {token_in} to {token_out}")
    return price


def _worth(side: Side, amount: int, limit: Fraction, marginal: float) -> Fraction:
    """What an amount would gain at most: if all of it were traded at the marginal price."""
    best = Fraction(marginal)
    return amount * (best - limit) if side is Side.EXACT_IN else amount / limit - amount / best


def _solved(search: Search, amount: int, limit: Fraction) -> Part | None:
    """The part of an amount that is best traded, within the request's limits on routes; None where none is."""
    request = search.request
    limits = Limits(request.max_swaps, request.max_hops, request.max_legs)
    order = order_of(search, request.max_swaps)
    order = replace(order, amount=amount, max_swaps=_one_more(order.max_swaps), max_legs=_one_more(order.max_legs))
    part = _beside_unfilled(search, order, limit)
    if part is None or limits.is_free or not _excess(search, limits, part):
        return part
    # The edge of what stays unfilled is not used, and a swap or path of the market in its place.
    return _by_amount(search, amount, part.amount, limit)


def _one_more(most: int | None) -> int | None:
    return None if most is None else most + 1


def _excess(search: Search, limits: Limits, part: Part) -> int:
    numbers = search.market.compiled.token_number
    return limits.excess((numbers[hop.token_in], numbers[hop.token_out]) for hop in part.found.route.hops)


def _beside_unfilled(search: Search, order: SplitOrder, limit: Fraction) -> Part | None:
    """The best route of the order in the market with the edge of what stays unfilled, without that edge."""
    is_exact_in = order.side is Side.EXACT_IN
    most = order.amount if is_exact_in else math.ceil(order.amount / limit)
    market = with_unfilled(search.market.compiled, (order.token_in, order.token_out), limit, most)
    if order.allow_venues:
        order = replace(order, allow_venues=order.allow_venues | {UNFILLED})
    if order.costs is not None:  # where pools do not price it, swaps are as good as free
        costs = replace(order.costs, per_swap={**order.costs.per_swap, UNFILLED: 0})
        order = replace(order, costs=costs, native_price=order.native_price or 0.0)
    try:
        split = find_split(market, order)
        return _without_unfilled(search, order, split, limit)
    except InsufficientLiquidity:  # rounding leaves nothing of it
        return None


def _without_unfilled(search: Search, order: SplitOrder, split: Split, limit: Fraction) -> Part | None:
    """What is traded in the market. Raises: InsufficientLiquidity."""
    is_exact_in = order.side is Side.EXACT_IN
    swaps = tuple(swap for swap in split.swaps if swap.pool_id != UNFILLED)
    left = [swap.amount_in if is_exact_in else swap.amount_out for swap in split.swaps if swap.pool_id == UNFILLED]
    amount = order.amount - sum(left)
    if not swaps or amount <= 0:
        return None
    kept = sum(left) * limit if is_exact_in else sum(left) / limit
    pools = tuple(pool for pool in split.pools_after if pool.pool_id != UNFILLED)
    bound = float(Fraction(split.bound) - kept) if math.isfinite(split.bound) else split.bound
    split = replace(split, swaps=swaps, pools_after=pools, bound=bound)
    found = of_split(search.market, replace(search.request, amount=amount), split)
    fee = found.network_fee
    if fee is not None and search.fees is not None and search.fees.price is None:
        found = found._replace(network_fee=fee._replace(value=None))
    return Part(amount, found)


def _by_amount(search: Search, amount: int, first: int, limit: Fraction) -> Part | None:
    """The best of a few parts, each with its best route, towards the one whose marginal price is the limit."""
    side, top, target = search.request.side, marginal_of(search), float(limit)
    low, high, part = 0, amount, first
    best, most = None, Fraction(0)
    for _ in range(_STEPS):
        found = _found(search, replace(order_of(search, search.request.max_swaps), amount=part))
        if found is None:  # too much, within the limits
            high, following = part, (low + part) / 2
        else:
            tried, price = found
            if (gain := gain_of(side, tried, limit)) > most:
                best, most = tried, gain
            if part == amount and price >= target:
                break
            low, high = (part, high) if price > target else (low, part)
            # As if all were one pool of constant product.
            following = part * (math.sqrt(top / target) - 1) / (math.sqrt(top / price) - 1) if top > price > 0 else high
        least, last = (low + share * (high - low) for share in _BETWEEN)
        following = int(amount if low and high == amount and following >= high else min(max(following, least), last))
        gains = following - part if found is None else abs(found[1] / target - 1) * abs(following - part)
        if following <= 0 or abs(gains) <= _CLOSE * part or (best is not None and search.time_limit.is_over()):
            break
        part = following
    return best


def _found(search: Search, order: SplitOrder) -> tuple[Part, float] | None:
    """The best route of a part, and the marginal price of the pair after it; None where it cannot be filled."""
    try:
        split = find_split(search.market.compiled, order)
        found = of_split(search.market, replace(search.request, amount=order.amount), split)
    except InsufficientLiquidity:
        return None
    return Part(order.amount, found), split.prices[order.token_in]
