"""Best prices before any swap, in plain Python: for markets of few tokens, where that is faster than whole arrays."""

from __future__ import annotations

from typing import Final, NamedTuple

from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.segments import Floats

_MOST_PAIRS: Final = 400  # of tokens
_KEPT: Final = 64  # pairs of ends, beyond which they are forgotten
_SWEEPS: Final = 6  # over all of them, in which prices settle where no cycle gains


class _Ways(NamedTuple):
    """Pairs of tokens between which a route may go, by number: those into the target, with their tails, are apart.

    The others, with their heads, are grouped by their tails.
    """

    inner: list[tuple[int, list[tuple[int, int]]]]
    into_target: list[tuple[int, int]]


class LastHops(NamedTuple):
    """The best prices of an atom of the source over any number of swaps.

    In each token but the target; and in the target, by the token that is sold for it last. `prices` are those of pairs.
    """

    source: int
    reached: list[float]
    into_target: dict[int, float]
    prices: list[float]
    ways: _Ways

    @property
    def of_several(self) -> float:
        """The best price in the target over two swaps or more."""
        best, source = 0.0, self.source
        for token, price in self.into_target.items():
            if price > best and token != source:
                best = price
        return best

    def by_several(self, token: int) -> float:
        """At least the best price in another token over two swaps or more."""
        reached, source, prices = self.reached, self.source, self.prices
        ways = [(pair, tail) for tail, out in self.ways.inner if tail != source for pair, head in out if head == token]
        return max([prices[pair] * reached[tail] for pair, tail in ways], default=0.0)


def last_hops(market: CompiledMarket, pair_price: Floats, source: int, target: int) -> LastHops | None:
    """Between these tokens at such prices of pairs; None where they do not settle, or there are too many pairs."""
    if len(pair_price) > _MOST_PAIRS:
        return None
    return _settled(market, pair_price.tolist(), source, target)


def last_hops_at_most(market: CompiledMarket, source: int, target: int) -> LastHops | None:
    """The same at prices that are no lower than those of the market, and nearly as high; kept with it."""
    ceilings = market.ceilings
    if len(ceilings.prices) > _MOST_PAIRS:
        return None
    ends = source, target
    if ends not in ceilings.known:
        if len(ceilings.known) >= _KEPT:
            ceilings.known.clear()
        ceilings.known[ends] = _settled(market, ceilings.prices, source, target)
    found: LastHops | None = ceilings.known[ends]
    return found


def _settled(market: CompiledMarket, prices: list[float], source: int, target: int) -> LastHops | None:
    ways, reached = _ways(market, source, target), [0.0] * market.token_count
    reached[source] = 1.0
    for _ in range(_SWEEPS):
        if not _rises(reached, prices, ways):
            into_target = {tail: prices[pair] * reached[tail] for pair, tail in ways.into_target}
            return LastHops(source, reached, into_target, prices, ways)
    return None


def _ways(market: CompiledMarket, source: int, target: int) -> _Ways:
    """Kept with the market: they are a matter of which pools there are. Those out of the source come first."""
    kept: dict[tuple[int, int], _Ways] = market.kept.setdefault("ways", {})
    found = kept.get((source, target))
    if found is None:
        pairs = [
            (pair, tail, head)
            for pair, (tail, head) in enumerate(market.pair_ends)
            if tail != target and head != source
        ]
        inner: dict[int, list[tuple[int, int]]] = {source: []}
        for pair, tail, head in pairs:
            if head != target:
                inner.setdefault(tail, []).append((pair, head))
        found = _Ways(list(inner.items()), [(pair, tail) for pair, tail, head in pairs if head == target])
        if len(kept) >= _KEPT:
            kept.clear()
        kept[source, target] = found
    return found


def _rises(reached: list[float], prices: list[float], ways: _Ways) -> bool:
    """One swap more; whether any token is reached at a better price by it."""
    has_risen = False
    for tail, out in ways.inner:
        best = reached[tail]
        if not best:
            continue
        for pair, head in out:
            product = prices[pair] * best
            if product > reached[head]:
                reached[head] = product
                has_risen = True
    return has_risen
