"""A plan in whole atoms, through the pools' own arithmetic: quoted amounts come from here, never from floats."""

from __future__ import annotations

import math
from collections import defaultdict
from copy import copy
from typing import Final, NamedTuple

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools import Swap
from dex.router.convex.flows import Flow, Plan, plan
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.edge_curves import buy

# By how much less to try a pool that cannot quite take or pay its part: right shifts of the amount.
_BACK_OFF: Final = (36, 30, 20, 14, 10, 7)
_TOO_FAR: Final = 0.01  # share that a pool lacks, by floats, from which even the last of these cannot help
_ROUNDING: Final = 1e-12  # of a capacity, which is a sum of floats
_UNSEEN: Final = 1e-3  # atoms by which a capacity may be off without passing a whole number unless it is one
_WEIGHT_BITS: Final = 62
_RAISES: Final = 40
_MOST: Final = 1 << 256  # atoms: no chain counts further
# Share of a token that may be bought in vain: ten times what plans may waste, as amounts raised later divide alike.
_LEFT_OVER: Final = 0.01
_MARGIN: Final = 1.01  # on what is still missing, since prices fall
_NOT_TAKEN: Final = "the route cannot take {} of the order's {} atoms"
_NOT_PAID: Final = "the route cannot pay {} atoms of what it needs"


class Replayed(NamedTuple):
    """Swaps in topological order, each with its edge; atoms sold of the source, atoms got of the target."""

    swaps: list[tuple[int, Swap]]
    amount_in: int
    amount_out: int


def replay_one(market: CompiledMarket, flow: Flow, amount: int, is_exact_in: bool) -> Replayed:
    """Sell or buy `amount` by a plan of one flow. Raises: InsufficientLiquidity, AmountTooSmall."""
    swap, left, is_small = swap_most(market, flow.edge, amount, is_exact_in)
    if swap is None or left:
        raise _refusal(is_small, _NOT_TAKEN.format(left, amount) if is_exact_in else _NOT_PAID.format(left))
    swaps = [(flow.edge, swap)]
    return Replayed(swaps, amount, swap.amount_out) if is_exact_in else Replayed(swaps, swap.amount_in, amount)


def replay_exact_in(market: CompiledMarket, ways: Plan, source: int, target: int, amount: int) -> Replayed:
    """Sell `amount`, the balance of each token divided in the plan's proportions, the largest flow taking the rest.

    Flows too small to pay anything, or to buy what can be sold on, are left out. Raises: InsufficientLiquidity when
    not all of `amount`, or of what it buys on the way, can be sold, AmountTooSmall when the reason is that the
    amount is too small.
    """
    balance: defaultdict[int, int] = defaultdict(int)
    balance[source] = amount
    swaps: list[tuple[int, Swap]] = []
    for group in ways:
        token = group[0].tail
        done, left, is_small = _trade(market, group, [flow.sold for flow in group], balance[token], True)
        if left and token == source:
            raise _refusal(is_small, _NOT_TAKEN.format(left, amount))
        if left > _LEFT_OVER * balance[token] and not is_small:
            raise InsufficientLiquidity(f"the route buys {left} atoms that it cannot sell on")
        if left and not done:  # too little of it to sell on: better not bought
            return replay_exact_in(market, _avoiding(ways, token, source, target), source, target, amount)
        for flow, swap in done:
            balance[flow.head] += swap.amount_out
            swaps.append((flow.edge, swap))
    return Replayed(swaps, amount, balance[target])


def replay_exact_out(market: CompiledMarket, ways: Plan, source: int, target: int, amount: int) -> Replayed:
    """Buy `amount`, the need of each token divided in the proportions in which the plan buys it, last swap first.

    Raises: InsufficientLiquidity when not all of it can be bought, AmountTooSmall when the reason is that the
    amount is too small.
    """
    into: defaultdict[int, list[Flow]] = defaultdict(list)
    for group in ways:
        for flow in group:
            into[flow.head].append(flow)
    if not into[target]:
        raise InsufficientLiquidity("there is no route")
    need: defaultdict[int, int] = defaultdict(int)
    need[target] = amount
    swaps: list[tuple[int, Swap]] = []
    for token in [target, *(group[0].tail for group in reversed(ways))]:
        group = sorted(into[token], key=lambda flow: (-flow.paid, flow.edge))
        if token == source or not need[token]:
            continue
        done, left, is_small = _trade(market, group, [flow.paid for flow in group], need[token], False)
        if left:
            raise _refusal(is_small, _NOT_PAID.format(left))
        for flow, swap in done:
            need[flow.tail] += swap.amount_in
            swaps.append((flow.edge, swap))
    return Replayed(swaps[::-1], need[source], amount)


def replay_until(
    market: CompiledMarket, ways: Plan, source: int, target: int, amount: int, start: tuple[float, float]
) -> Replayed:
    """Sell more and more until the target gets `amount`: for plans that use up a pool to the last atom.

    `start` is the input to try first, and the price of an atom of the target in it. Raises: InsufficientLiquidity.
    """
    first, price = start
    if not (math.isfinite(first) and math.isfinite(price)):
        raise InsufficientLiquidity(f"no amount pays {amount} atoms")
    sold, raised, before = int(first) + 1, 0, 0
    for _ in range(_RAISES):
        if sold > _MOST:
            break
        try:
            replayed = replay_exact_in(market, ways, source, target, sold)
        except AmountTooSmall:
            sold *= 2
            continue
        short = amount - replayed.amount_out
        if short <= 0:
            return replayed
        if before > short:  # some of what was added last was bought in vain: it will be again
            price = max(price, raised / (before - short))
        raised, before = int(min(short * price * _MARGIN, float(_MOST))) + 1, short
        sold += raised
    raise InsufficientLiquidity(f"the route cannot pay {amount} atoms")


def _avoiding(ways: Plan, token: int, source: int, target: int) -> Plan:
    """The plan without a token. Raises: AmountTooSmall when all of it passes through that."""
    flows = [flow for group in ways for flow in group if token not in (flow.tail, flow.head)]
    kept = plan(flows, source, target)
    if not kept:
        raise AmountTooSmall("the route buys too little on the way to sell it on")
    return kept


def _refusal(is_small: bool, detail: str) -> InsufficientLiquidity:
    return AmountTooSmall(detail) if is_small else InsufficientLiquidity(detail)


def _trade(
    market: CompiledMarket, group: list[Flow], weights: list[float], amount: int, is_exact_in: bool
) -> tuple[list[tuple[Flow, Swap]], int, bool]:
    """Swap an amount of one token through siblings, the smallest part first.

    Returns the swaps, what no sibling could swap, and whether that was too little rather than too much.
    """
    if len(group) == 1 and amount:
        only, rest, is_small = swap_most(market, group[0].edge, amount, is_exact_in)
        return ([], amount, is_small) if only is None or rest >= amount else ([(group[0], only)], rest, is_small)
    total = sum(weights)
    parts = [amount * int(weight / total * (1 << _WEIGHT_BITS)) >> _WEIGHT_BITS for weight in weights]
    parts[0] = 0
    swaps: list[Swap | None] = [None] * len(group)
    left, is_small = amount - sum(parts), False
    for number in range(len(group) - 1, 0, -1):
        swaps[number], rest, _ = swap_most(market, group[number].edge, parts[number], is_exact_in)
        parts[number] -= rest
        left += rest
    for number, part in enumerate(parts):  # the rest to the largest; what it cannot take to the next
        if not left:
            break
        more, rest, is_small = swap_most(market, group[number].edge, part + left, is_exact_in)
        if more is not None and rest < left:
            swaps[number], left = more, rest
    return [(flow, swap) for flow, swap in zip(group, swaps, strict=True) if swap is not None], left, is_small


def swap_most(market: CompiledMarket, edge: int, amount: int, is_exact_in: bool) -> tuple[Swap | None, int, bool]:
    """Swap an amount, or a little less where the pool cannot; how much less, and whether it was too little.

    None where it pays nothing, or cannot be bought.
    """
    most = room(market, edge, amount) if is_exact_in else amount
    for shift in (None, *_BACK_OFF):
        part = most if shift is None else most - max(1, most >> shift)
        try:
            return swap_within(market, edge, part, is_exact_in), amount - part, False
        except AmountTooSmall:
            return None, amount, most == amount
        except InsufficientLiquidity:
            if shift is None and not is_exact_in and buy(market, edge, float(amount)).missing > _TOO_FAR * amount:
                break
    return None, amount, False


def swap_within(market: CompiledMarket, edge: int, amount: int, is_exact_in: bool) -> Swap:
    """One swap through an edge's pool, within the capacity of its curve.

    Programs round in such a way that some take a few atoms more than their last range has room for, and count input
    that no range has room for as part of a last atom bought. Raises: InsufficientLiquidity, AmountTooSmall.
    """
    swap = market.swap(edge, amount, is_exact_in)
    if isinstance(swap, InsufficientLiquidity):
        raise copy(swap)  # not the one that is kept, which would come to keep all that was going on
    if swap.amount_in > room(market, edge, swap.amount_in):
        pool, (token_in, _) = market.pools[market.edge_pools[edge]], market.edge_tokens[edge]
        raise InsufficientLiquidity(f"{pool.pool_id} has no room for {swap.amount_in} {token_in}")
    return swap


def room(market: CompiledMarket, edge: int, amount: int) -> int:
    """As much of an amount as an edge can take for certain: all of it, where that is a whole number of atoms."""
    capacity: float = market.capacity.item(edge)
    rounding = _ROUNDING * capacity
    if amount <= capacity - rounding or capacity == math.inf:
        return amount
    return min(amount, int(capacity + rounding if rounding < _UNSEEN else capacity - rounding))
