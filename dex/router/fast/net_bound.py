"""The bound on net values from what edges earn: the loops of `net/bounds.py`, which says why it holds."""

from __future__ import annotations

import math

import numpy as np

from dex.router.kernel import Floats, Ints, Table, kernel, part


@part
def _gains(price: Floats, swap: Floats, edge: Ints, surplus: Floats) -> Floats:
    gains = np.empty(len(price))
    for i in range(len(price)):
        gains[i] = -swap[i] if price[i] > 0 else -math.inf
    for k in range(len(edge)):
        gains[edge[k]] += surplus[k]
    return gains


@part
def _earned(gains: Floats, head_start: Ints, pool: Ints) -> Floats:
    """What the edges into each token gain, of each pool the best one."""
    earned = np.zeros(len(head_start) - 1)
    best = np.zeros(pool.max() + 1 if len(pool) else 0)
    for token in range(len(earned)):
        edges = range(head_start[token], head_start[token + 1])
        for edge in edges:
            if gains[edge] > 0:
                best[pool[edge]] = max(best[pool[edge]], gains[edge])
        for edge in edges:
            if gains[edge] > 0:
                earned[token] += best[pool[edge]]
                best[pool[edge]] = 0.0
    return earned


@part
def _shortest(weights: Floats, tail: Ints, head: Ints, tokens: int, source: int, target: int) -> float:
    """The least sum of weights along any path."""
    lengths = np.full(tokens, math.inf)
    lengths[source] = 0.0
    for _ in range(tokens):
        is_shorter = False
        for edge in range(len(weights)):
            length = lengths[tail[edge]] + weights[edge]
            if length < lengths[head[edge]]:
                lengths[head[edge]] = length
                is_shorter = True
        if not is_shorter:
            break
    return float(lengths[target])


@kernel
def value_net(
    tail: Ints,
    head: Ints,
    head_start: Ints,
    pool: Ints,
    price: Floats,
    swap: Floats,
    edge: Ints,
    surplus: Floats,
    source: int,
    target: int,
) -> tuple[float, Floats]:
    """The bound beyond the notional of the order, and what each edge earns less its cost."""
    gains = _gains(price, swap, edge, surplus)
    earned = _earned(gains, head_start, pool)
    tokens = len(earned)
    dearest = np.full(tokens, -math.inf)
    for i in range(len(gains)):
        dearest[tail[i]] = max(dearest[tail[i]], gains[i])
    lost = np.zeros(tokens)  # of what a token's edges earn, by its way on
    total = 0.0
    for token in range(tokens):
        kept = max(earned[token] + min(dearest[token], 0.0), 0.0)
        if token == target:
            kept = earned[token]
        elif token == source:
            kept = 0.0
        total += kept
        lost[token] = earned[token] - kept
    weights = np.empty(len(gains))
    for i in range(len(gains)):
        weights[i] = max(-min(gains[i], 0.0) - lost[tail[i]], 0.0)
    return total - _shortest(weights, tail, head, tokens, source, target), gains


@kernel
def products_by_hops(pairs: Floats, start: Ints, end: Ints, tokens: int, token: int, hops: int) -> Table:
    """The best products of the pairs' prices over up to k hops from a token, for k = 0, 1, ... as long as any rises."""
    levels = np.zeros((hops + 1, tokens))
    levels[0, token] = 1.0
    for hop in range(1, hops + 1):
        levels[hop] = levels[hop - 1]
        has_risen = False
        for i in range(len(pairs)):
            product = pairs[i] * levels[hop - 1, start[i]]
            if product > levels[hop, end[i]]:
                levels[hop, end[i]] = product
                has_risen = True
        if not has_risen:
            return levels[:hop].copy()
    return levels
