"""Prices that pairs of tokens stay below while a market moves a little, and what was found out at them.

A route of several swaps that cannot win at these prices cannot win at the market's, which are no better. So that is
found out once, and not for each order of a batch.
"""

from __future__ import annotations

from typing import Any, Final

# By how much prices may rise before all of it is found out again: orders that are small beside their pools move them by
# less, and routes that are worse by less than two of these are close enough to be looked at closely.
ROOM: Final = 2e-5


class Ceilings:
    """By pair of tokens, in the order of pairs. What is `known` holds until a price rises above its own."""

    __slots__ = ("known", "prices")

    def __init__(self, prices: list[float]) -> None:
        self.prices = [price * (1 + ROOM) for price in prices]
        self.known: dict[Any, Any] = {}

    def copy(self) -> Ceilings:
        """Those of a market that goes its own way from here on."""
        twin = object.__new__(Ceilings)
        twin.prices, twin.known = self.prices, dict(self.known)
        return twin

    def raised(self, pair: int, price: float) -> None:
        """Take note of a pair's new price."""
        if not price <= self.prices[pair]:
            self.prices = self.prices.copy()  # copies of the market share the list
            self.prices[pair] = price * (1 + ROOM)
            self.known = {}
