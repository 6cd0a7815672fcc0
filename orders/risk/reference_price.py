"""The reference price of a pair: the median over a window of time, so that no single block's price is it. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple


class Held(NamedTuple):
    """A price, and since how many seconds it has been the pair's; the next younger one has ended it."""

    since_s: float
    price: Decimal


class Reference(NamedTuple):
    """The reference price for who waits that it rises or falls to his; None: unknown, so that nothing is reached.

    They are one where the whole window is known and no two prices share it evenly. What is not known of the window
    counts as if nothing had been reached then.
    """

    rising: Decimal | None
    falling: Decimal | None


UNKNOWN = Reference(None, None)


def reference_price(history: Sequence[Held], window_s: float) -> Reference:
    """What the price was at or above, and at or below, for more than half of the last `window_s` seconds."""
    held_s: dict[Decimal, float] = {}
    until_s = 0.0
    for since_s, price in sorted(history):
        begin_s = min(since_s, window_s)
        held_s[price] = held_s.get(price, 0.0) + max(0.0, begin_s - until_s)
        until_s = max(until_s, begin_s)
    prices = sorted(held_s)
    return Reference(_beyond(prices[::-1], held_s, window_s / 2), _beyond(prices, held_s, window_s / 2))


def _beyond(prices: Sequence[Decimal], held_s: dict[Decimal, float], half_s: float) -> Decimal | None:
    """The first price, in this order, with which all before it have held for more than half."""
    total_s = 0.0
    for price in prices:
        total_s += held_s[price]
        if total_s > half_s:
            return price
    return None
