"""What an optimiser sees of a pool: concave float curves, in atoms, that no exact swap of the pool can beat.

`pays(x)` is what selling x atoms would pay without rounding. Where a pool's own curve is not concave (a fee that
falls along the way), its curve here is a concave one above it. Amounts that are sent come from integers, never
from here.
"""

import math
from typing import NamedTuple


class Segments(NamedTuple):
    """Segments filled one after another: each pays p x / (1 + c x) for its own x up to its capacity.

    `price` (p) falls from segment to segment: the marginal price at the start of one is at most that at the end of
    the one before. `curvature` (c) is 0 for a bin, `capacity` is math.inf where there is no end.
    """

    price: tuple[float, ...]
    curvature: tuple[float, ...]
    capacity: tuple[float, ...]

    def pays(self, amount_in: float) -> float:
        """Atoms paid for `amount_in`; all there is when the segments cannot take it in full."""
        paid = 0.0
        for price, curvature, capacity in zip(*self, strict=True):
            part = min(amount_in, capacity)
            paid += price * part / (1 + curvature * part)
            amount_in -= part
            if amount_in <= 0:
                break
        return paid


class PowerCurve(NamedTuple):
    """reserve * (1 - (1 + x / depth) ** -exponent) for x up to `capacity`: weighted pools.

    Where the output is fixed, x may be limited further, to `capacity_to_buy`.
    """

    depth: float
    reserve: float
    exponent: float
    capacity: float = math.inf
    capacity_to_buy: float = math.inf

    def pays(self, amount_in: float) -> float:
        """Atoms paid for `amount_in`, without loss of digits for small ones."""
        x = min(amount_in, self.capacity)
        return -self.reserve * math.expm1(-self.exponent * math.log1p(x / self.depth))


class StableCurve(NamedTuple):
    """StableSwap between two of n coins, in units of the invariant D: balances that are not traded enter b and c.

    With X the balance of the coin sold and y that of the coin bought, y**2 + (b + X) y = c / X, where
    b = S'/D + 1/Ann - 1 and c = 1 / (n**n (P'/D**(n-2)) Ann); S' and P' are sum and product of the balances of
    the other coins, Ann = A n. `start` is X before the swap, `scale_in` is units of D per atom sold, `scale_out`
    atoms paid per unit of D after the fee.
    """

    start: float
    b: float
    c: float
    scale_in: float
    scale_out: float
    capacity: float = math.inf

    def balance_out(self, x: float) -> float:
        """The balance y at the balance x, by the root's form that does not cancel."""
        b = self.b + x
        root = math.sqrt(b * b + 4 * self.c / x)
        return (root - b) / 2 if b < 0 else 2 * self.c / x / (b + root)

    def pays(self, amount_in: float) -> float:
        """Atoms paid for `amount_in`, without loss of digits for small ones."""
        x = min(amount_in, self.capacity) * self.scale_in
        before, after = self.balance_out(self.start), self.balance_out(self.start + x)
        slope = (after + self.c / (self.start * (self.start + x))) / (before + after + self.b + self.start)
        return x * slope * self.scale_out


Curve = Segments | PowerCurve | StableCurve


def concave(segments: Segments) -> Segments:
    """The least concave curve above flat segments (c = 0) whose prices may also rise: those are joined into one."""
    joined: list[tuple[float, float]] = []  # price, capacity
    for price, capacity in zip(segments.price, segments.capacity, strict=True):
        while joined and joined[-1][0] < price:
            before_price, before_capacity = joined.pop()
            paid = before_price * before_capacity + price * capacity
            capacity += before_capacity
            price = paid / capacity
        joined.append((price, capacity))
    return Segments(
        tuple(price for price, _ in joined), (0.0,) * len(joined), tuple(capacity for _, capacity in joined)
    )
