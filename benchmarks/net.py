"""Orders at a cost per swap beside the same orders where swaps are free: CPU time, gap to the bound, what was found.

Gaps and losses are in basis points of what the order is worth where swaps are free: a net value may be next to nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.cases import Case, Cases, at_costs, between_two, in_markets_of
from benchmarks.references import BP, Reference, is_beaten, loss_bps, net
from dex.errors import InsufficientLiquidity, NoRoute
from dex.router.kernel import kernels_on
from dex.router.split_values import Split, SplitOrder
from dex.types import Side

UNSOLVED: Final = ("count", "prices")  # last steps of searches whose proof took no solve
CLOSE_BPS: Final = 0.1  # by which a route may be worse than the best one known
Fastest = Callable[[Case], tuple[float, Split]]  # milliseconds of CPU, and the route

ROWS: dict[str, Cases] = {
    "net one pair": between_two,
    "net 10": in_markets_of(10),
    "net 30": in_markets_of(30),
    "net 100": in_markets_of(100),
    "net 300": in_markets_of(300),
}


class Target(NamedTuple):
    """Of a row: times the free p50 (of all orders, of those that need a solve), p95 in ms, gaps, share found."""

    ratio: float | None
    solved_ratio: float | None
    p95_ms: float | None
    gap_p50: float
    gap_p95: float
    found: float


# With numpy alone; `fast` is to take half the time. Gaps in basis points.
TARGETS: Final = {
    "net one pair": Target(1.5, 2.0, None, 0.1, 2.0, 0.99),
    "net 10": Target(1.5, 2.0, None, 0.1, 2.0, 0.99),
    "net 30": Target(1.5, 2.0, None, 0.1, 2.0, 0.99),
    "net 100": Target(1.5, 2.0, 15.0, 0.1, 2.0, 0.99),
    "net 300": Target(None, None, 15.0, 0.1, 5.0, 0.97),
}
SINGLE_WITHOUT_SOLVE: Final = 0.8  # share of the orders best on one path that are to be proven without a solve


class Measured(NamedTuple):
    """One order at one cost: times in ms, gap and loss in basis points (None: no best route is known)."""

    name: str
    free_ms: float
    ms: float
    gap: float
    is_proven: bool
    is_single: bool
    needed_solve: bool
    swaps: int
    loss: float | None
    is_beaten: bool


@dataclass(slots=True)
class NetRow:
    """The orders of one kind of market and one side."""

    side: Side
    orders: list[Measured] = field(default_factory=list)
    refused: int = 0


def measure(cases: Iterable[Case], fastest: Fastest, references: dict[str, Reference]) -> list[NetRow]:
    """Route every order free, then at each cost."""
    rows = {side: NetRow(side) for side in Side}
    for case in cases:
        row = rows[case.order.side]
        try:
            free_ms, free = fastest(case)
        except (InsufficientLiquidity, NoRoute):
            row.refused += 1
            continue
        for costly in at_costs(case):
            ms, split = fastest(costly)
            row.orders.append(_measured(costly, split, (free_ms, ms), free.float_amount, references))
    return [row for row in rows.values() if row.orders]


def _measured(
    case: Case, split: Split, times: tuple[float, float], free: float, references: dict[str, Reference]
) -> Measured:
    known, order = references.get(case.name), case.order
    return Measured(
        case.name,
        *times,
        gap_bps(order, split, free),
        split.is_proven,
        len({swap.token_in for swap in split.swaps}) == len(split.swaps),
        split.step not in UNSOLVED,
        len(split.swaps),
        None if known is None else loss_bps(known, order, split),
        known is not None and is_beaten(known, order, split),
    )


def gap_bps(order: SplitOrder, split: Split, free: float) -> float:
    """How far the route is from its bound, without rounding."""
    found = net(order.side, split.float_amount, 1, split.cost)
    bound = split.bound if order.side is Side.EXACT_IN else -split.bound
    return BP * (bound - found) / free


def summary(name: str, row: NetRow) -> dict[str, Any]:
    """The figures of a row, JSON-ready."""
    orders = row.orders
    target = TARGETS[name]
    faster = 2.0 if kernels_on() else 1.0
    losses = [order.loss for order in orders if order.loss is not None]
    singles = [order for order in orders if order.is_single]
    return {
        "row": name,
        "mode": row.side.value,
        "fast": kernels_on(),
        "orders": len(orders),
        "refused": row.refused,
        "free_ms": _percentiles(order.free_ms for order in orders),
        "ms": _percentiles(order.ms for order in orders),
        "p95_target_ms": None if target.p95_ms is None else target.p95_ms / faster,
        "ratio": _ratio(orders),
        "ratio_target": target.ratio,
        "solved_ratio": _ratio([order for order in orders if order.needed_solve]),
        "solved_ratio_target": target.solved_ratio,
        "unsolved_ratio": _ratio([order for order in orders if not order.needed_solve]),
        "gap_bps": _percentiles(order.gap for order in orders),
        "gap_targets_bps": (target.gap_p50, target.gap_p95),
        "proven": _share(order.is_proven for order in orders),
        "single": _share(order.is_single for order in orders),
        "single_without_solve": _share(not order.needed_solve for order in singles),
        "single_without_solve_target": SINGLE_WITHOUT_SOLVE,
        "swaps": float(np.mean([order.swaps for order in orders])),
        "compared": len(losses),
        "found": _share(loss <= CLOSE_BPS for loss in losses),
        "found_target": target.found,
        "worst_loss_bps": max(losses, default=None),
        "missed": [order.name for order in orders if order.loss is not None and order.loss > CLOSE_BPS],
        "beaten_bounds": [order.name for order in orders if order.is_beaten],
    }


def _percentiles(numbers: Iterable[float]) -> tuple[float, float]:
    p50, p95 = np.percentile(list(numbers), (50, 95)).tolist()
    return p50, p95


def _ratio(orders: list[Measured]) -> float | None:
    """Of the medians."""
    if not orders:
        return None
    return float(np.median([order.ms for order in orders]) / np.median([order.free_ms for order in orders]))


def _share(wanted: Iterable[bool]) -> float | None:
    flags = list(wanted)
    return sum(flags) / len(flags) if flags else None


HEADINGS: Final = (
    f"{'pools':>13}{'side':>10}{'orders':>7}{'free p50':>9}{'p95':>7}{'net p50':>9}{'p95':>7}{'target':>7}"
    f"{'ratio':>7}{'target':>7}{'solved':>7}{'target':>7}{'not':>6}{'gap p50':>9}{'p95':>9}{'targets':>10}"
    f"{'proven':>7}{'single':>7}{'unsolved':>9}{'target':>7}{'swaps':>6}{'found':>8}{'target':>7}{'worst':>8}"
)


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """A row of the table, and the names of what went wrong."""
    free, times, gaps = figures["free_ms"], figures["ms"], figures["gap_bps"]
    yield (
        f"{figures['row']:>13}{figures['mode']:>10}{figures['orders']:>7}{free[0]:>9.2f}{free[1]:>7.2f}"
        f"{times[0]:>9.2f}{times[1]:>7.2f}{_text(figures['p95_target_ms'], 1):>7}"
        f"{_text(figures['ratio']):>7}{_text(figures['ratio_target'], 1):>7}"
        f"{_text(figures['solved_ratio']):>7}{_text(figures['solved_ratio_target'], 1):>7}"
        f"{_text(figures['unsolved_ratio']):>6}{gaps[0]:>9.4f}{gaps[1]:>9.3f}"
        f"{'{}, {}'.format(*figures['gap_targets_bps']):>10}{_percent(figures['proven']):>7}"
        f"{_percent(figures['single']):>7}{_percent(figures['single_without_solve']):>9}"
        f"{_percent(figures['single_without_solve_target']):>7}{figures['swaps']:>6.1f}"
        f"{_percent(figures['found'], 1):>8}{_percent(figures['found_target']):>7}"
        f"{_text(figures['worst_loss_bps'], 3):>8}"
    )
    for what in ("missed", "beaten_bounds"):
        if figures[what]:
            yield f"{what.replace('_', ' ')}: {' '.join(figures[what])}"


def _text(number: float | None, digits: int = 2) -> str:
    return "-" if number is None else f"{number:.{digits}f}"


def _percent(share: float | None, digits: int = 0) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f} %"
