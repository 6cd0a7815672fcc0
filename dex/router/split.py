"""The best route for one order over a graph of pools: split, merged and certified, in whole atoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dex.errors import AmountTooSmall, InsufficientLiquidity, NoRoute
from dex.pools import Pool
from dex.router.compiled import CompiledMarket
from dex.router.flows import plan
from dex.router.guess import Query, query_of
from dex.router.optimum import Optimum, best_split
from dex.router.reduced import DUST
from dex.router.replay import Replayed, replay_exact_in, replay_exact_out
from dex.types import Side

BASIS_POINTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class SplitOrder:
    """What is to be routed: `amount` is atoms of token_in for exact_in, of token_out for exact_out."""

    token_in: str
    token_out: str
    side: Side
    amount: int
    allow_venues: frozenset[str] = field(default_factory=frozenset)
    deny_venues: frozenset[str] = field(default_factory=frozenset)
    deny_tokens: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class SplitSwap:
    """One swap of a route: atoms of token_in sold to the pool, atoms of token_out it pays."""

    pool_id: str
    venue: str
    token_in: str
    token_out: str
    amount_in: int
    amount_out: int


@dataclass(frozen=True, slots=True)
class Split:
    """A route with its proof.

    `swaps` sell each token only after all that buy it; `amount_in` and `amount_out` are what they add up to.
    `float_amount` is the side that was not fixed, without rounding; `bound` is what no route can beat of it (more
    than for exact_in, less than for exact_out), `gap_bp` their distance in basis points. `prices` are the marginal
    ones of tokens in the route, in atoms of token_out per atom.
    """

    swaps: tuple[SplitSwap, ...]
    amount_in: int
    amount_out: int
    float_amount: float
    bound: float
    gap_bp: float
    prices: Mapping[str, float]
    pools_after: tuple[Pool, ...]


def find_split(market: CompiledMarket, order: SplitOrder) -> Split:
    """The best route over all pools the order permits.

    Raises: NoRoute; InsufficientLiquidity with the fact `largest_amount` (atoms of the fixed side that can be
    filled); AmountTooSmall when rounding leaves nothing.
    """
    query = _query(market, order)
    with np.errstate(all="ignore"):  # infinite and undefined values are dealt with where they arise
        optimum = best_split(market, query)
    if optimum is None:
        raise NoRoute(f"no permitted pools lead from {order.token_in} to {order.token_out}")
    if optimum.missing > DUST:
        raise _insufficient(market, order, query, optimum)
    return _split(market, order, optimum, _replay(market, order, query, optimum))


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
    is_exact_in = order.side is Side.EXACT_IN
    return query_of(market, order.token_in, order.token_out, float(order.amount), is_exact_in, allowed)


def _replay(market: CompiledMarket, order: SplitOrder, query: Query, optimum: Optimum) -> Replayed:
    ways = plan(optimum.carried.flows, query.source, query.target)
    if order.side is Side.EXACT_IN:
        replayed = replay_exact_in(market, ways, query.source, query.target, order.amount)
    else:
        try:
            replayed = replay_exact_out(market, ways, query.source, query.target, order.amount)
        except InsufficientLiquidity:
            replayed = _raise_input(market, order, query, optimum)
    if not replayed.amount_out:
        raise AmountTooSmall("the amount is so small that rounding would leave nothing of it", token=order.token_in)
    return replayed


def _raise_input(market: CompiledMarket, order: SplitOrder, query: Query, optimum: Optimum) -> Replayed:
    """Sell more and more until the target gets its amount: for plans that use up a pool to the last atom."""
    ways = plan(optimum.carried.flows, query.source, query.target)
    slope = 1 / optimum.prices[query.target]
    amount = int(optimum.value) + 1
    for _ in range(20):
        replayed = replay_exact_in(market, ways, query.source, query.target, amount)
        short = order.amount - replayed.amount_out
        if short <= 0:
            return replayed
        amount += int(short / slope * 1.01) + 1
    raise InsufficientLiquidity(f"the route cannot pay {order.amount} atoms")


def _split(market: CompiledMarket, order: SplitOrder, optimum: Optimum, replayed: Replayed) -> Split:
    is_exact_in = order.side is Side.EXACT_IN
    value, bound = optimum.value, optimum.bound
    numeraire = 1.0 if is_exact_in else float(optimum.prices[market.token_number[order.token_out]])
    tokens = {order.token_out}
    swaps = []
    for edge, swap in replayed.swaps:
        token_in, token_out = market.edge_tokens[edge]
        pool = swap.pool_after
        swaps.append(SplitSwap(pool.pool_id, pool.venue, token_in, token_out, swap.amount_in, swap.amount_out))
        tokens |= {token_in, token_out}
    prices = {token: float(optimum.prices[market.token_number[token]]) / numeraire for token in sorted(tokens)}
    return Split(
        swaps=tuple(swaps),
        amount_in=replayed.amount_in,
        amount_out=replayed.amount_out,
        float_amount=value,
        bound=bound,
        gap_bp=BASIS_POINTS * ((bound / value if is_exact_in else value / bound) - 1),
        prices=prices,
        pools_after=tuple(swap.pool_after for _, swap in replayed.swaps),
    )


def _insufficient(market: CompiledMarket, order: SplitOrder, query: Query, optimum: Optimum) -> InsufficientLiquidity:
    """The refusal, with an amount that does fill: what the optimum could carry, less a little until it replays."""
    largest = 0
    share = 1 - optimum.missing
    for number in range(8):
        amount = int(order.amount * share * (1 - 10.0 ** (number - 9)))
        if amount <= 0:
            break
        try:
            part = query._replace(amount=float(amount))
            with np.errstate(all="ignore"):
                found = best_split(market, part)
            if found is None or found.missing > DUST:
                continue
            smaller = SplitOrder(order.token_in, order.token_out, order.side, amount)
            replayed = _replay(market, smaller, part, found)
        except InsufficientLiquidity:
            continue
        largest = replayed.amount_in if order.side is Side.EXACT_IN else replayed.amount_out
        break
    fixed, verb = (order.token_in, "take") if order.side is Side.EXACT_IN else (order.token_out, "pay out")
    return InsufficientLiquidity(
        f"all pools together cannot {verb} that much {fixed}",
        hint="Send a smaller amount or split the order",
        token=fixed,
        largest_amount=str(largest),
    )
