"""Limits on the size of a route, and by how much a set of swaps exceeds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple


class Limits(NamedTuple):
    """The most swaps, swaps in a row, and paths side by side (None: any)."""

    max_swaps: int | None = None
    max_hops: int | None = None
    max_legs: int | None = None

    @property
    def is_free(self) -> bool:
        """Whether nothing is limited."""
        return self.max_swaps is None and self.max_hops is None and self.max_legs is None

    def excess(self, ends: Iterable[tuple[int, int]]) -> int:
        """By how many swaps, hops and paths a route is too large; `ends` are the tail and head of each swap."""
        ends = list(ends)
        over = 0
        if self.max_swaps is not None:
            over += max(0, len(ends) - self.max_swaps)
        if self.max_hops is not None:
            over += max(0, longest(ends) - self.max_hops)
        if self.max_legs is not None:
            over += max(0, paths_of(ends) - self.max_legs)
        return over


def longest(ends: list[tuple[int, int]]) -> int:
    """The most swaps in a row. A cycle counts as more than any route has."""
    into: defaultdict[int, list[int]] = defaultdict(list)
    for tail, head in ends:
        into[head].append(tail)
    depths: dict[int, int] = {}

    def depth(token: int, limit: int) -> int:
        if token not in depths:
            if limit < 0:
                return len(ends) + 1
            depths[token] = max((1 + depth(tail, limit - 1) for tail in into[token]), default=0)
        return depths[token]

    return max((depth(head, len(ends)) for _, head in ends), default=0)


def paths_of(ends: list[tuple[int, int]]) -> int:
    """How many paths from source to target it takes to carry any flow over these swaps."""
    tokens = {token for pair in ends for token in pair}
    return len(ends) - len(tokens) + 2 if ends else 0
