"""Curve segments of ranges of liquidity between ticks."""

from collections.abc import Callable
from functools import lru_cache

from dex.pools.math.ticks import Tick

Segment = tuple[float, float, float]  # price, curvature, capacity
Columns = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]

_NOTHING: Columns = ((), (), ())


def segment(start: int, end: int, liquidity: int, kept: float, bits: int) -> Segment:
    """The segment of a range from its near to its far square root price; `kept` is what the fee leaves of an input."""
    scale = 2.0**bits
    root, depth = start / scale, float(liquidity)
    if end < start:
        return kept * root * root, kept * root / depth, depth * (start - end) / start / end * scale / kept
    return kept / root / root, kept / root / depth, depth * (end - start) / scale / kept


# Kept, since most swaps end within the range at the price. An entry has a few numbers for each tick of a pool.
@lru_cache(maxsize=1 << 8)
def segments_beyond(
    ticks: tuple[Tick, ...],
    crossed: int,
    last: int,
    liquidity: int,
    kept: float,
    bits: int,
    is_down: bool,
    price_at: Callable[[int], int],
) -> Columns:
    """Columns of the ranges with liquidity beyond the tick at the position `crossed`, nearest first, up to `last`.

    `liquidity` is that of the first of them.
    """
    stride = -1 if is_down else 1
    start, segments = price_at(ticks[crossed][0]), []
    for position in range(crossed + stride, -1 if is_down else len(ticks), stride):
        tick, net = ticks[position]
        if (last - tick) * stride < 0:
            break
        end = price_at(tick)
        if liquidity and end != start:
            segments.append(segment(start, end, liquidity, kept, bits))
        start = end
        liquidity += net * stride
    end = price_at(last)
    if liquidity and end != start:
        segments.append(segment(start, end, liquidity, kept, bits))
    if not segments:
        return _NOTHING
    prices, curvatures, capacities = zip(*segments, strict=True)
    return prices, curvatures, capacities
