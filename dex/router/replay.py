"""A plan in whole atoms, through the pools' own arithmetic: what is promised comes from here, never from floats."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools import Swap
from dex.router.compiled import CompiledMarket
from dex.router.flows import Flow, Plan

# By how much less to try a pool that cannot quite take or pay its part: right shifts of the amount.
_BACK_OFF: Final = (36, 30, 20, 14, 10, 7)
_WEIGHT_BITS: Final = 62
_RAISES: Final = 20
_MARGIN: Final = 1.01  # on what is still missing, since prices fall


class Replayed(NamedTuple):
    """Swaps in topological order, each with its edge; atoms sold of the source, atoms got of the target."""

    swaps: list[tuple[int, Swap]]
    amount_in: int
    amount_out: int


def replay_exact_in(market: CompiledMarket, ways: Plan, source: int, target: int, amount: int) -> Replayed:
    """Sell `amount`, the balance of each token divided in the plan's proportions, the largest flow taking the rest.

    Flows too small to pay anything are left out. Raises: InsufficientLiquidity when not all of `amount` can be sold.
    """
    balance: defaultdict[int, int] = defaultdict(int)
    balance[source] = amount
    swaps: list[tuple[int, Swap]] = []
    for group in ways:
        token = group[0].tail
        done, left = _trade(market, group, [flow.sold for flow in group], balance[token], True)
        if left and token == source:
            raise InsufficientLiquidity(f"the route cannot take {left} of the order's {amount} atoms")
        for flow, swap in done:
            balance[flow.head] += swap.amount_out
            swaps.append((flow.edge, swap))
    return Replayed(swaps, amount, balance[target])


def replay_exact_out(market: CompiledMarket, ways: Plan, source: int, target: int, amount: int) -> Replayed:
    """Buy `amount`, the need of each token divided in the proportions in which the plan buys it, last swap first.

    Raises: InsufficientLiquidity when not all of it can be bought.
    """
    into: defaultdict[int, list[Flow]] = defaultdict(list)
    for group in ways:
        for flow in group:
            into[flow.head].append(flow)
    need: defaultdict[int, int] = defaultdict(int)
    need[target] = amount
    swaps: list[tuple[int, Swap]] = []
    for token in [target, *(group[0].tail for group in reversed(ways))]:
        group = sorted(into[token], key=lambda flow: (-flow.paid, flow.edge))
        if token == source or not need[token]:
            continue
        done, left = _trade(market, group, [flow.paid for flow in group], need[token], False)
        if left:
            raise InsufficientLiquidity(f"the route cannot pay {left} atoms of what it needs")
        for flow, swap in done:
            need[flow.tail] += swap.amount_in
            swaps.append((flow.edge, swap))
    return Replayed(swaps[::-1], need[source], amount)


def replay_until(
    market: CompiledMarket, ways: Plan, source: int, target: int, amount: int, start: tuple[float, float]
) -> Replayed:
    """Sell more and more until the target gets `amount`: for plans that use up a pool to the last atom.

    `start` is the input to try first, and what an atom more of it pays. Raises: InsufficientLiquidity.
    """
    sold, rate = int(start[0]) + 1, start[1]
    for _ in range(_RAISES):
        replayed = replay_exact_in(market, ways, source, target, sold)
        short = amount - replayed.amount_out
        if short <= 0:
            return replayed
        sold += int(short / rate * _MARGIN) + 1
    raise InsufficientLiquidity(f"the route cannot pay {amount} atoms")


def _trade(
    market: CompiledMarket, group: list[Flow], weights: list[float], amount: int, is_exact_in: bool
) -> tuple[list[tuple[Flow, Swap]], int]:
    """Swap an amount of one token through siblings, the smallest part first; and what no sibling could swap."""
    total = sum(weights)
    parts = [amount * int(weight / total * (1 << _WEIGHT_BITS)) >> _WEIGHT_BITS for weight in weights]
    parts[0] = 0
    swaps: list[Swap | None] = [None] * len(group)
    left = amount - sum(parts)
    for number in range(len(group) - 1, 0, -1):
        swaps[number], rest = _swap(market, group[number].edge, parts[number], is_exact_in)
        left += rest
    for number, part in enumerate(parts):  # the rest to the largest; what it cannot take to the next
        if not left:
            break
        more, rest = _swap(market, group[number].edge, part + left, is_exact_in)
        if more is not None and rest < left:
            swaps[number], left = more, rest
    return [(flow, swap) for flow, swap in zip(group, swaps, strict=True) if swap is not None], left


def _swap(market: CompiledMarket, edge: int, amount: int, is_exact_in: bool) -> tuple[Swap | None, int]:
    """Swap an amount, or a little less where the pool cannot; and how much less."""
    pool = market.pools[int(market.pool[edge])]
    token_in, token_out = market.edge_tokens[edge]
    swap = pool.swap_exact_in if is_exact_in else pool.swap_exact_out
    for shift in (None, *_BACK_OFF):
        part = amount if shift is None else amount - max(1, amount >> shift)
        try:
            return swap(token_in, token_out, part, market.now), amount - part
        except AmountTooSmall:
            break
        except InsufficientLiquidity:
            continue
    return None, amount
