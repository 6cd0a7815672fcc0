"""Arithmetic of the suite: medians, quantiles, ratios, and whether a figure reaches what is asked of it."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["reached", "short", "missed", ""]


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all does not exceed; None of no values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float | None]) -> float | None:
    """The median of those that are known; None when none is."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(ours: float | None, peers: float | None) -> float | None:
    """Ours as a multiple of the peer's; None where one is not known or the peer's is nothing."""
    return ours / peers if ours is not None and peers else None


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure is to reach, and in brackets what it must not miss. `more` says that more is better."""

    reach: float
    must: float
    more: bool = False

    def verdict(self, figure: float | None) -> Verdict:
        """How a figure stands; nothing about one that is not known."""
        if figure is None:
            return ""
        sign = 1 if self.more else -1
        if sign * figure >= sign * self.reach:
            return "reached"
        return "short" if sign * figure >= sign * self.must else "missed"

    def __str__(self) -> str:
        sign = ">=" if self.more else "<="
        return f"{sign} {self.reach:g}" + (f" ({self.must:g})" if self.must != self.reach else "")
