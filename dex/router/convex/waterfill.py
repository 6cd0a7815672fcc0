"""Parallel pools between one pair of tokens: all are filled down to one common price. Exact, and next to no iterations.

Along z, the inverse root of the price (for bought amounts: minus its root), a hyperbola trades along a straight line
from the price it starts at to the one it ends at, and a flat segment all at once. So what they trade together has
corners that are known, and is solved from corner to corner. Other curves take part as the hyperbolas that touch them
at the last price tried: Newton's method on the sum, within a shrinking bracket.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dex.router.fast.filling import CLOSE, LOWEST, PRECISION, ROUNDING, SAME, STEPS, fill_segments
from dex.router.graph.segments import Floats, SegmentTable
from dex.router.kernel import kernels_on


class Filled(NamedTuple):
    """Flow of each segment, the common marginal price, and what no segment could take (exact_in) or pay (exact_out)."""

    flow: Floats
    price: float
    missing: float


class _Lines(NamedTuple):
    """What segments trade along z: a `slope` from `start` to `end`, or a `jump` where both are the same."""

    start: Floats
    end: Floats
    slope: Floats
    jump: Floats

    def mirrored(self) -> _Lines:
        """The same with z counted the other way."""
        return _Lines(-self.end, -self.start, self.slope, self.jump)

    def and_also(self, others: _Lines) -> _Lines:
        """These and other lines."""
        return _Lines(*(np.concatenate(both) for both in zip(self, others, strict=True)))

    def reach(self, z: float, amount: float) -> float:
        """Where, beyond z, all together have traded `amount` more; infinite where they never do."""
        size = len(self.slope)
        corners = np.concatenate((self.start, self.end))
        is_ahead = corners > z + SAME * abs(z)
        slope = self.slope[is_ahead[size:] > is_ahead[:size]].sum()  # of segments that have begun and not ended
        ahead = is_ahead.nonzero()[0]
        ahead = ahead[corners[ahead].argsort(kind="stable")]
        changes = np.concatenate((self.slope, -self.slope))[ahead]
        traded = np.concatenate((self.jump, np.zeros(size)))[ahead]
        places = np.concatenate(((z,), corners[ahead]))
        slopes = slope + (changes.cumsum() - changes)
        traded += slopes * (places[1:] - places[:-1])
        traded = traded.cumsum()
        corner = int(traded.searchsorted(amount))
        if corner == len(ahead):
            return np.inf
        short, slope = amount - (traded.item(corner - 1) if corner else 0.0), slopes.item(corner)
        after: float = places.item(corner + 1)
        return min(places.item(corner) + short / slope, after) if slope > 0 else after


def fill(segments: SegmentTable, amount: float, is_exact_in: bool) -> Filled:
    """Sell `amount` for the most, or buy it for the least. Call it with numpy's float warnings off."""
    if kernels_on():
        return Filled(*fill_segments(segments.table, segments.hyperbolas, segments.powers, amount, is_exact_in))
    return _Filling(segments, amount, is_exact_in).fill()


class _Filling:
    def __init__(self, segments: SegmentTable, amount: float, is_exact_in: bool) -> None:
        self.segments, self.amount, self.is_exact_in = segments, amount, is_exact_in
        n = self.hyperbolas = segments.hyperbolas
        self.prices, self.capacity = segments.price[:n], segments.capacity[:n]
        self.is_flat = segments.curvature == 0
        self.flat_jump = np.where(self.is_flat, self.capacity if is_exact_in else self.prices * self.capacity, 0.0)
        self.has_flats = bool(self.is_flat.any())
        self.root = np.where(self.is_flat, 0.0, np.sqrt(self.prices) / segments.curvature)
        self.depth = np.where(self.is_flat, 0.0, 1 / segments.curvature)
        end = self.prices / (1 + segments.curvature * self.capacity) ** 2
        self.lines = _Lines(self._z(self.prices), self._z(end), self.root, self.flat_jump)
        self.value, self.slope, self.bend = np.empty((3, segments.size))
        self.traded = self.value
        self.most = segments.capacity[n:]
        if n < segments.size and not is_exact_in:
            self.most = np.nan_to_num(segments.values(segments.capacity)[n:], nan=np.inf)

    def fill(self) -> Filled:
        """From the best price down; flat segments of just the price found take what is left."""
        best = self.segments.price.max(initial=0.0)
        if best <= 0:
            return Filled(np.zeros(self.segments.size), 0.0, self.amount)
        low, high, lowest = float(self._z(best)), np.inf, float(self._z(best * LOWEST))
        z = low
        for _ in range(STEPS):
            price = self._price(z)
            flow = self._flow(price)
            rest = self.amount - self._traded(flow)
            if rest < 0:
                high = z
            else:
                low, rest = z, self._fill_flats(flow, price, rest)
                if z == lowest and rest > 0:
                    return Filled(flow, price, rest)
            if abs(rest) <= PRECISION * self.amount:
                break
            before, z = z, self._next(z, rest, lowest)
            if abs(z - before) <= ROUNDING * abs(before):
                return Filled(self._mixed(z) if abs(rest) > CLOSE * self.amount else flow, price, 0.0)
            if not low < z < high:
                z = (low + min(high, lowest)) / 2
        return Filled(flow, price, 0.0)

    def _next(self, z: float, rest: float, lowest: float) -> float:
        """Where the rest is traded, or given back, if the curves are the hyperbolas that touch them here."""
        lines = self.lines
        if self.hyperbolas < self.segments.size:
            lines = lines.and_also(self._touching())
        return min(lines.reach(z, rest), lowest) if rest > 0 else -lines.mirrored().reach(-z, -rest)

    def _touching(self) -> _Lines:
        """Lines for the curves besides hyperbolas, from their slopes and bends where they were last evaluated."""
        curved = slice(self.hyperbolas, None)
        slope, traded = self.slope[curved], self.traded[curved]
        root = 2 * slope**1.5 / self.bend[curved]
        at = self._z(slope)
        root[~np.isfinite(root)] = 0.0
        return _Lines(at - traded / root, at + (self.most - traded) / root, root, np.zeros(len(root)))

    def _mixed(self, z: float) -> Floats:
        """Part of what segments take just before z and just after it: no price tells those apart."""
        step = 2 * ROUNDING * abs(z)
        less, more = self._flow(self._price(z - step)), self._flow(self._price(z + step))
        self._fill_flats(more, self._price(z), np.inf)
        done = self._traded(less)
        most = self._traded(more)
        share = (self.amount - done) / (most - done) if most > done else 0.0
        return less + min(max(share, 0.0), 1.0) * (more - less)

    def _fill_flats(self, flow: Floats, price: float, rest: float) -> float:
        """Give the rest to the flat segments of just this price; what is left then."""
        if not self.has_flats:
            return rest
        for flat in np.flatnonzero(self.is_flat & (np.abs(self.prices - price) <= SAME * price)).tolist():
            part = max(0.0, min(rest if self.is_exact_in else rest / price, self.capacity.item(flat)))
            flow[flat] = part
            rest -= part if self.is_exact_in else part * price
        return rest

    def _flow(self, price: float) -> Floats:
        """What every segment takes until it has come down to a price; flat ones only above it."""
        segments, n = self.segments, self.hyperbolas
        flow = np.empty(segments.size)
        np.multiply(self.root, price**-0.5, out=flow[:n])
        flow[:n] -= self.depth
        if n < segments.size:
            segments.invert_curved(np.full(segments.size - n, price), flow[n:])
        np.maximum(flow, 0.0, out=flow)
        np.minimum(flow, segments.capacity, out=flow)
        if self.has_flats:
            is_above = self.is_flat & (self.prices > price * (1 + SAME))
            flow[:n][is_above] = self.capacity[is_above]
        return flow

    def _traded(self, flow: Floats) -> float:
        if self.is_exact_in and self.hyperbolas == self.segments.size:
            return float(flow.sum())
        self.segments.evaluate(flow, self.value, self.slope, self.bend)
        self.traded = flow if self.is_exact_in else self.value
        return float(self.traded.sum())

    def _price(self, z: float) -> float:
        return z**-2 if self.is_exact_in else z * z

    def _z(self, price: Floats) -> Floats:
        z: Floats = price**-0.5 if self.is_exact_in else -np.sqrt(price)
        return z
