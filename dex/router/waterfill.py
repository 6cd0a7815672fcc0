"""Parallel pools between one pair of tokens: all are filled down to one common price. Exact, and next to no iterations.

The prices at which pieces start and end are searched by halving. Between two of them the amount is a straight line
in the inverse root of the price (the paid amount in the root) for hyperbolas, and nearly one for other curves. Flat
pieces at the price itself take the rest.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router.forms import powers_at, stables_at
from dex.router.pieces import POWER_ROWS, STABLE_ROWS, Floats, Pieces

_STEPS: Final = 60  # of the search between two prices; hyperbolas alone need one or two
_CLOSE: Final = 1e-10  # of the amount: as near as floats may come to it
_LEAST_PRICE: Final = 1e-200
_PRECISION: Final = 1e-13  # of the amount, relative


class Filled(NamedTuple):
    """Flow of each piece, the common marginal price, and what no piece could take (exact_in) or pay (exact_out)."""

    flow: Floats
    price: float
    missing: float


def fill(pieces: Pieces, amount: float, is_exact_in: bool) -> Filled:
    """Sell `amount` for the most, or buy it for the least. Call it with numpy's float warnings off."""
    return _Filling(pieces, amount, is_exact_in).fill()


class _Filling:
    def __init__(self, pieces: Pieces, amount: float, is_exact_in: bool) -> None:
        self.pieces, self.amount, self.is_exact_in = pieces, amount, is_exact_in
        n = pieces.hyperbolas
        self.capacity = pieces.capacity[:n]
        self.is_flat = pieces.curvature == 0
        self.root = np.sqrt(pieces.price[:n]) / pieces.curvature
        self.inverse_curvature = 1 / pieces.curvature
        self.flat_capacity = np.where(self.is_flat, self.capacity, 0.0)
        self.has_flats = bool(self.is_flat.any())

    def fill(self) -> Filled:
        pieces, amount = self.pieces, self.amount
        prices = np.concatenate((pieces.price, self._end_prices()))
        prices = np.sort(prices[prices > 0])
        if not len(prices):
            return Filled(np.zeros(pieces.size), 0.0, amount)
        low, high = -1, len(prices) - 1  # at prices[low] pieces trade more than the amount, at prices[high] not more
        while high - low > 1:
            middle = (low + high) // 2
            if self._traded(self._flow(prices.item(middle))) > amount:
                low = middle
            else:
                high = middle
        top = prices.item(high)
        flow = self._flow(top)
        rest = amount - self._traded(flow)
        if self.has_flats:
            rest = self._fill_flats(flow, top, rest)
        if rest <= _PRECISION * amount:
            return Filled(flow, top, 0.0)
        return self._between(prices.item(low) if low >= 0 else 0.0, top)

    def _fill_flats(self, flow: Floats, price: float, rest: float) -> float:
        """Give the rest to the flat pieces of just this price; what is left then."""
        for flat in np.flatnonzero(self.is_flat & (self.pieces.price[: self.pieces.hyperbolas] == price)).tolist():
            part = min(rest if self.is_exact_in else rest / price, self.capacity.item(flat))
            flow[flat] = part
            rest -= part if self.is_exact_in else part * price
        return rest

    def _between(self, low: float, high: float) -> Filled:
        """The price between two (0: no lower one) at which nothing starts or ends, by Newton in a shrinking bracket."""
        pieces, amount = self.pieces, self.amount
        value, slope, bend = np.empty((3, pieces.size))
        power = -0.5 if self.is_exact_in else 0.5
        # Just below `high`, so that flat pieces which start there are full.
        price = high * (1 - _PRECISION)
        flow = self._flow(price)
        for _ in range(_STEPS):
            pieces.evaluate(flow, value, slope, bend)
            error = (float(flow.sum()) if self.is_exact_in else float(value.sum())) - amount
            if abs(error) <= _PRECISION * amount:
                return Filled(flow, price, 0.0)
            low, high = (price, high) if error > 0 else (low, price)
            moves = (flow < pieces.capacity) & (bend > 0) & (pieces.price > price)
            rate = float((1 / bend[moves]).sum()) * (1.0 if self.is_exact_in else price)  # of trade, per -price
            if not rate > 0:  # at all that there is, or at a jump of what is traded
                break
            after = float(np.power(price, power) + error / rate * power * np.power(price, power - 1))
            following = float(np.power(after, 1 / power)) if after > 0 else 0.0
            if not low < following < high:
                following = (low + high) / 2 if low else price / 4
            if following == price or following < _LEAST_PRICE:
                break
            price, flow = following, self._flow(following)
        if abs(error) <= _CLOSE * amount:
            return Filled(flow, price, 0.0)
        return self._mixed(low, high) if low else Filled(flow, price, max(0.0, -error))

    def _mixed(self, low: float, high: float) -> Filled:
        """As much of what pieces take between two prices as makes up the amount: no price tells those apart."""
        flow, more = self._flow(high), self._flow(low)
        done, most = self._traded(flow), self._traded(more)
        share = (self.amount - done) / (most - done) if most > done else 0.0
        return Filled(flow + share * (more - flow), low, 0.0)

    def _flow(self, price: float) -> Floats:
        """What every piece takes until it has come down to a price; flat ones only above it."""
        pieces = self.pieces
        n = pieces.hyperbolas
        if n < pieces.size:
            return pieces.inverse(np.full(pieces.size, price))
        flow: Floats = self.root * price**-0.5
        flow -= self.inverse_curvature
        if self.has_flats:
            flow = np.where(self.is_flat, np.where(pieces.price > price, self.flat_capacity, 0.0), flow)
        np.maximum(flow, 0.0, out=flow)
        np.minimum(flow, self.capacity, out=flow)
        return flow

    def _traded(self, flow: Floats) -> float:
        return float((flow if self.is_exact_in else self.pieces.values(flow)).sum())

    def _end_prices(self) -> Floats:
        """Slopes at the capacities; 0 where there is none."""
        pieces = self.pieces
        n, end, table = pieces.hyperbolas, pieces.powers, pieces.table
        prices = np.empty(pieces.size)
        prices[:n] = pieces.price[:n] / (1 + pieces.curvature * self.capacity) ** 2
        if n < end:
            prices[n:end] = powers_at(table[POWER_ROWS, n:end], pieces.capacity[n:end])[1]
        if end < pieces.size:
            prices[end:] = stables_at(table[STABLE_ROWS, end:], pieces.capacity[end:])[1]
        prices[np.isnan(prices)] = 0.0
        return prices
