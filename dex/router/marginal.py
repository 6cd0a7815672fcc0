"""The best price of an infinitesimal amount between pairs of tokens: one sweep over all pairs for all of them.

Prices spread from the targets, hop by hop. Where no cycle of swaps gains they settle after as many hops as the longest
best path has, and that path visits no token twice. Where one does gain, walks round it would raise prices without end,
though no route goes round it: there the tokens that walks come to twice are counted one after another (a state is a
token and which of the counted ones are behind), until the best walks are paths or too many tokens are counted. What is
left uncounted makes a price too high, never too low.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, Ints

MOST_HOPS: Final = 32  # of any route: far more than a transaction holds
_SETTLED: Final = 12  # sweeps after which prices that still rise are taken to go round in a cycle
_MOST_COUNTED: Final = 6  # tokens: each doubles the states
_ROUNDING: Final = 1e-9  # of a product of prices: floats are far more exact

Ends = tuple[int, int]


def marginal_prices(market: CompiledEdges, pairs: Iterable[Ends]) -> dict[Ends, float]:
    """Atoms of the second token per atom of the first, for each pair of token numbers; 0 where nothing leads there.

    At least the product of marginal prices along any path of up to `MOST_HOPS` swaps that visits no token twice.
    """
    sources: defaultdict[int, list[int]] = defaultdict(list)
    for source, target in pairs:
        sources[target].append(source)
    targets = np.array(list(sources), np.intp)
    found: dict[Ends, float] = {}
    with np.errstate(over="ignore", invalid="ignore"):
        best, is_settled = _spread(market, targets)
        for column, target in enumerate(targets.tolist()):
            values = best[:, column]
            if not is_settled[column]:
                found |= _Counting(market, target, sources[target]).prices()
                continue
            found |= {(source, target): values.item(source) for source in sources[target]}
    most = np.finfo(float).max
    return {ends: min(price * (1 + _ROUNDING), most) for ends, price in found.items()}


def _spread(market: CompiledEdges, targets: Ints) -> tuple[Floats, Floats]:
    """The best products from every token to each target, and which targets' have settled."""
    columns = np.arange(len(targets))
    best = np.zeros((market.token_count, len(targets)))
    best[targets, columns] = 1.0
    prices, heads = market.pair_price[market.pair_order][:, None], market.pair_ends_by_tail[1]
    for _ in range(_SETTLED):
        after = np.maximum(np.maximum.reduceat(prices * best[heads], market.pair_tail_start[:-1]), best)
        after[targets, columns] = 1.0
        is_settled: Floats = (after == best).all(axis=0)
        best = after
        if is_settled.all():
            break
    return best, is_settled


class _Counting:
    """Prices in one target where cycles gain. A counted token is visited once at most."""

    def __init__(self, market: CompiledEdges, target: int, sources: Sequence[int]) -> None:
        self.market, self.target, self.sources = market, target, sources
        self.pair_prices, self.heads = market.pair_price[market.pair_order], market.pair_ends_by_tail[1]
        self.hops = min(MOST_HOPS, market.token_count - 1)
        self.counted: list[int] = []
        self.bit = np.zeros(market.token_count, np.intp)

    def prices(self) -> dict[Ends, float]:
        """Count tokens as long as a best walk comes to one twice."""
        while True:
            best = self.spread()
            repeated = Counter(token for source in self.sources for token in self.repeated(best, source))
            fresh = [token for token, _ in repeated.most_common(_MOST_COUNTED - len(self.counted))]
            if not fresh:
                break
            self.counted += fresh
            self.bit[self.counted] = 1 << np.arange(len(self.counted))
        return {(source, self.target): best.item(source, self.bit.item(source)) for source in self.sources}

    def spread(self) -> Floats:
        """The best products to the target, from every token, by which of the counted ones are behind."""
        states = np.arange(1 << len(self.counted))
        bits = self.bit[self.heads][:, None]
        after_swap = self.heads[:, None] * len(states) + (states | bits)
        prices = np.where(states & bits, 0.0, self.pair_prices[:, None])
        best = np.zeros((self.market.token_count, len(states)))
        best[self.target] = 1.0
        for _ in range(self.hops):
            after = np.maximum(
                np.maximum.reduceat(prices * best.take(after_swap), self.market.pair_tail_start[:-1]), best
            )
            after[self.target] = 1.0
            if (after == best).all():
                break
            best = after
        return best

    def repeated(self, best: Floats, source: int) -> set[int]:
        """Tokens that the best walk from here comes to more than once."""
        market, token, state = self.market, source, self.bit.item(source)
        seen, twice = {source}, set[int]()
        for _ in range(self.hops):
            ways = slice(market.pair_tail_start[token], market.pair_tail_start[token + 1])
            heads = self.heads[ways]
            values = self.pair_prices[ways] * best[heads, state | self.bit[heads]]
            values[(state & self.bit[heads]) > 0] = 0.0
            if token == self.target or not len(values) or not values.max() > 0:
                break
            token = int(heads[values.argmax()])
            state |= self.bit.item(token)
            if token in seen:
                twice.add(token)
            seen.add(token)
        return twice
