"""Several problems side by side in one: the loops of `net/blocks.py`, and edges that lead nowhere."""

from __future__ import annotations

import numpy as np

from dex.router.graph.segments import CAPACITY, PRICE
from dex.router.kernel import Ints, Table, kernel, part


@part
def _numbered(
    tail: Ints, head: Ints, edges: Ints, block: Ints, count: int, size: int, source: int, target: int, numeraire: int
) -> tuple[Ints, Ints, Ints]:
    """A number for each token of each block, as many for each; their tokens, and how many each block uses."""
    at = np.full(count * size, -1)
    for k in range(count):
        at[k * size + source] = at[k * size + target] = 0
    for k in range(len(edges)):
        at[block[k] * size + tail[edges[k]]] = at[block[k] * size + head[edges[k]]] = 0
    for k in range(count):
        at[k * size + numeraire] = -1
    sizes = np.zeros(count, np.intp)
    for i in range(count * size):
        sizes[i // size] += at[i] == 0
    most = sizes.max()
    tokens = np.full(count * most, numeraire)
    for k in range(count):
        n = k * most
        for token in range(size):
            if at[k * size + token] == 0:
                at[k * size + token] = n
                tokens[n] = token
                n += 1
        at[k * size + numeraire] = count * most
    return at, tokens, sizes


@kernel
def assemble(
    tail: Ints,
    head: Ints,
    edges: Ints,
    block: Ints,
    count: int,
    size: int,
    source: int,
    target: int,
    numeraire: int,
    columns: Table,
    column_owner: Ints,
    resort_price: float,
    resort_capacity: float,
    largest: float,
) -> tuple[Table, Ints, Ints, Ints, Ints, Ints]:
    """Columns after one of last resort for each block; the edge of each from one, its tail and head as numbered.

    With them the tokens of all blocks, and how many each of them has.
    """
    at, tokens, sizes = _numbered(tail, head, edges, block, count, size, source, target, numeraire)
    width = count + columns.shape[1]
    table = np.zeros((len(columns), width))
    owner, tail_at, head_at = np.zeros(width, np.intp), np.empty(width, np.intp), np.empty(width, np.intp)
    for k in range(count):
        table[PRICE, k], table[CAPACITY, k] = resort_price, resort_capacity
        tail_at[k], head_at[k] = at[k * size + source], at[k * size + target]
    for row in range(len(columns)):
        table[row, count:] = columns[row]
    for i in range(count, width):
        k = column_owner[i - count]
        owner[i] = k + 1
        table[CAPACITY, i] = min(table[CAPACITY, i], largest)
        tail_at[i], head_at[i] = at[block[k] * size + tail[edges[k]]], at[block[k] * size + head[edges[k]]]
    return table, owner, tail_at, head_at, tokens, sizes


@kernel
def joined(tail: Ints, head: Ints, edges: Ints, tokens: int, source: int, target: int) -> Ints:
    """The edges without those that lead nowhere or come from nowhere."""
    kept = edges.copy()
    n = len(kept)
    while True:
        is_sold, is_bought = np.zeros(tokens, np.bool_), np.zeros(tokens, np.bool_)
        is_sold[target] = is_bought[source] = True
        for k in range(n):
            is_sold[tail[kept[k]]] = is_bought[head[kept[k]]] = True
        count = 0
        for k in range(n):
            if is_sold[head[kept[k]]] and is_bought[tail[kept[k]]]:
                kept[count] = kept[k]
                count += 1
        if count == n:
            return kept[:n].copy()
        n = count
