"""Amounts and prices spread over the graph hop by hop: the loops of `potentials.py`."""

from __future__ import annotations

import numpy as np

from dex.router.kernel import Bools, Floats, Ints, Table, kernel, part


@part
def _differing(after: Floats, before: Floats, tokens: Ints) -> int:
    """Write which tokens a hop changed; how many."""
    count = 0
    for token in range(len(after)):
        if after[token] != before[token]:
            tokens[count] = token
            count += 1
    return count


@kernel
def levels_reached(
    start: Ints,
    order: Ints,
    head: Ints,
    price: Floats,
    capacity: Floats,
    steepness: Floats,
    source: int,
    target: int,
    amount: float,
    hops: int,
) -> Table:
    """The rows are what `amounts_reached` returns; `order` sorts edges by tail."""
    levels = np.zeros((hops + 1, len(start) - 1))
    levels[0, source] = amount
    changed = np.empty(levels.shape[1], np.intp)
    changed[0], count = source, 1
    for hop in range(hops):
        before, after = levels[hop], levels[hop + 1]
        after[:] = before
        for token in changed[:count]:
            if token == target:
                continue
            for edge in order[start[token] : start[token + 1]]:
                sold = min(before[token], capacity[edge])
                paid = price[edge] * sold / (1 + sold * steepness[edge])
                if paid > after[head[edge]] and head[edge] != source:
                    after[head[edge]] = paid
        count = _differing(after, before, changed)
        if not count:
            return levels[: hop + 1]
    return levels


@kernel
def levels_needed(
    start: Ints,
    tail: Ints,
    price: Floats,
    capacity: Floats,
    steepness: Floats,
    source: int,
    target: int,
    amount: float,
    hops: int,
) -> Table:
    """The rows are what `amounts_needed` returns."""
    levels = np.full((hops + 1, len(start) - 1), np.inf)
    levels[0, target] = amount
    changed = np.empty(levels.shape[1], np.intp)
    changed[0], count = target, 1
    for hop in range(hops):
        before, after = levels[hop], levels[hop + 1]
        after[:] = before
        for token in changed[:count]:
            if token == source:
                continue
            for edge in range(start[token], start[token + 1]):
                slope = price[edge] - steepness[edge] * before[token]
                sold = before[token] / slope
                if slope > 0 and sold <= capacity[edge] and sold < after[tail[edge]] and tail[edge] != target:
                    after[tail[edge]] = sold
        count = _differing(after, before, changed)
        if not count:
            return levels[: hop + 1]
    return levels


@kernel
def spread(
    best: Floats, changed: Ints, is_fixed: Bools, weights: Floats, reached: Ints, start: Ints, hops: int, rises: int
) -> Floats:
    """Raise tokens that are not fixed to the best of weight times the price of the pair's other end.

    Begins with what `changed`, ends when nothing does or after `hops` hops; after `rises` of them only tokens
    without a price are raised. Pairs are sorted by the other end, see `start`.
    """
    before, after = best.copy(), best.copy()
    count = len(changed)  # a path that gains may pass a token twice
    tokens = np.empty(len(best) + count, np.intp)
    tokens[:count] = changed
    for hop in range(hops):
        for token in tokens[:count]:
            for pair in range(start[token], start[token + 1]):
                raised, value = reached[pair], weights[pair] * before[token]
                if value > after[raised] and not is_fixed[raised] and (hop < rises or not before[raised] > 0):
                    after[raised] = value
        count = _differing(after, before, tokens)
        for token in tokens[:count]:
            before[token] = after[token]
        if not count:
            break
    return after
