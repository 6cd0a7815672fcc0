"""Best prices before any swap, in plain Python: for markets of few tokens, where that is faster than whole arrays."""

from __future__ import annotations

from typing import Final, NamedTuple

from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.segments import Floats

_MOST_PAIRS: Final = 400  # of tokens
_SWEEPS: Final = 6  # over all of them, in which prices settle where no cycle gains


_Pairs = list[tuple[int, int, float]]  # tail, head, the best price before any swap


class LastHops(NamedTuple):
    """The best prices of an atom of the source over any number of swaps.

    In each token but the target; and in the target, by the token that is sold for it last. `pairs` lead to other tokens
    than it.
    """

    source: int
    reached: list[float]
    into_target: dict[int, float]
    pairs: _Pairs

    @property
    def of_several(self) -> float:
        """The best price in the target over two swaps or more."""
        return max((price for token, price in self.into_target.items() if token != self.source), default=0.0)

    def by_several(self, token: int) -> float:
        """At least the best price in another token over two swaps or more."""
        reached, source = self.reached, self.source
        ways = (price * reached[tail] for tail, head, price in self.pairs if head == token and tail != source)
        return max(ways, default=0.0)


def last_hops(market: CompiledMarket, pair_price: Floats, source: int, target: int) -> LastHops | None:
    """Between these tokens at such prices of pairs; None where they do not settle, or there are too many pairs."""
    if len(pair_price) > _MOST_PAIRS:
        return None
    pairs: _Pairs = []
    into: _Pairs = []
    for (tail, head), price in zip(market.pair_ends, pair_price.tolist(), strict=True):
        if price and tail != target and head != source:
            (into if head == target else pairs).append((tail, head, price))
    reached = [0.0] * market.token_count
    reached[source] = 1.0
    for _ in range(_SWEEPS):
        if not _rises(reached, pairs):
            return LastHops(source, reached, {tail: price * reached[tail] for tail, _, price in into}, pairs)
    return None


def _rises(reached: list[float], pairs: _Pairs) -> bool:
    """One swap more; whether any token is reached at a better price by it."""
    has_risen = False
    for tail, head, price in pairs:
        product = price * reached[tail]
        if product > reached[head]:
            reached[head] = product
            has_risen = True
    return has_risen
