"""The largest amount that can be filled, when an order's own cannot: a bracketing search over amounts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from dex.types import PPM

LEAST_SHARE: Final = 1e-9  # by which what fills differs from what does not, at first
TOO_SMALL: Final = -1.0
_TRIES: Final = 60
_WIDER: Final = 1_000.0  # margin below what a share says, after each time it was not enough
_VAGUE: Final = 0.1  # margin from which shares say nothing
_LONGER: Final = 32  # stride upwards, after each time it was not too much
_FAR: Final = 4  # factor between two amounts from which their geometric mean comes next


def largest_amount(missing_of: Callable[[int], float | None], amount: int, missing: float, fills: int = 0) -> int:
    """An amount that fills, where one larger by a millionth (by one atom at least) does not; 0 when none is found.

    `missing_of` an amount is the share of it that cannot be filled: 0.0 for none, `TOO_SMALL` where rounding leaves
    nothing of it, None to end the search with what it has. Shares need not be exact, but good ones save tries. Of
    `amount` it is `missing`. The search starts just above `fills`, an amount that does, if there is one.
    """
    low, high, floor = fills, amount, 0  # what fills, what is too large, what is too small
    margin, stride, probe = LEAST_SHARE, 1, _less(amount, missing, LEAST_SHARE)
    if fills:
        probe, stride = fills + max(1, fills // PPM), _LONGER
    for _ in range(_TRIES):
        if high - max(low, floor) <= max(1, low // PPM):
            break
        is_near = max(low, floor) < probe < high  # to the largest, by what a share said
        if not is_near:
            probe = _between(max(low, floor), high)
        found = missing_of(probe)
        if found is None:
            break
        if found < 0:
            floor, probe = probe, 0
        elif found:
            margin *= _WIDER
            high, probe = probe, _less(probe, found, margin) if margin < _VAGUE else 0
        else:
            low, probe = probe, probe + stride * max(1, probe // PPM) if is_near else 0
            stride *= _LONGER
    return low


def _less(amount: int, missing: float, margin: float) -> int:
    return int(amount * (1 - missing) * (1 - margin))


def _between(low: int, high: int) -> int:
    return math.isqrt(max(low, 1) * high) if high > _FAR * low else (low + high) // 2
