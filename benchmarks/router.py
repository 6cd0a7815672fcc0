"""The split router on generated markets of eight pool kinds: CPU time, distance to the bound, gain over simpler ways.

Every order is routed several times on a compiled market, in one thread; its fastest run counts. Times on a shared
machine move together, so a fixed Python loop is timed beside them: compare the ratios.

Rows "net ..." hold orders at a cost per swap, each beside itself without (net.py); rows "batch of ..." go through the
engine on the default market (routes/batches.py).

Run: python -m benchmarks.router [--orders 60] [--rows 100 "net 100"] [--seeds 41 42] [--against FILE] [--json]
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy loads

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import net
from benchmarks.cases import Case, Cases, at_most_in_a_row, between_two, few_swaps, in_markets_of
from benchmarks.references import BP, Reference, read
from benchmarks.rivals import best_on_grid, best_single
from benchmarks.routes import batches
from dex.errors import InsufficientLiquidity, NoRoute
from dex.router.convex.best_path import query_of
from dex.router.kernel import kernels_on, use_kernels
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder

ATOMS_PER_SWAP = 2  # that rounding may cost
LOOP = 200_000  # rounds of the reference loop, which 2.5 GHz do in about 10 ms


class Target(NamedTuple):
    """Milliseconds of CPU within which half of all orders, and 95 %, are to be routed."""

    p50: float
    p95: float


@dataclass(slots=True)
class Row:
    """Measurements of one kind of market, one number an order: times in ms, gaps and gains in basis points."""

    ms: list[float] = field(default_factory=list)
    float_gap: list[float] = field(default_factory=list)
    exact_gap: list[float] = field(default_factory=list)
    over_single: list[float] = field(default_factory=list)
    over_grid: list[float] = field(default_factory=list)
    swaps: list[int] = field(default_factory=list)
    proven: int = 0
    refused: int = 0
    loop_ms: float = 0.0


ROWS: dict[str, Cases] = {
    "one pair": between_two,
    "10": in_markets_of(10),
    "100": in_markets_of(100),
    "1000": in_markets_of(1_000),
    "10000": in_markets_of(10_000),
    "100, few swaps": few_swaps(100),
    "1000, few swaps": few_swaps(1_000),
    "1000, 2 hops": at_most_in_a_row(2, 1_000),
    "1000, 3 hops": at_most_in_a_row(3, 1_000),
}
# With numpy alone, and with the extra `fast`.
TARGETS = {
    "one pair": (Target(0.25, 0.4), Target(0.25, 0.4)),
    "10": (Target(1.5, 2.0), Target(0.25, 0.5)),
    "100": (Target(2.5, 10.0), Target(0.5, 2.0)),
    "1000": (Target(5.0, 15.0), Target(1.2, 4.0)),
    "10000": (Target(9.0, 30.0), Target(4.0, 12.0)),
}


def measure(cases: Iterable[Case], repeat: int, compares: bool) -> Row:
    """Route every order `repeat` times; gains are looked for among orders without limits only."""
    row = Row()
    loops = [loop_ms()]
    for case in cases:
        try:
            ms, split = fastest(case, repeat)
        except (InsufficientLiquidity, NoRoute):
            row.refused += 1
            continue
        loops.append(loop_ms())
        row.ms.append(ms)
        row.swaps.append(len(split.swaps))
        row.proven += split.is_proven
        row.float_gap.append(split.gap_bps)
        row.exact_gap.append(exact_gap(case.order, split))
        if compares and case.order.max_swaps is None:
            _compare(row, case, split)
    row.loop_ms = float(np.median(loops))
    return row


def fastest(case: Case, repeat: int) -> tuple[float, Split]:
    """The least milliseconds of CPU that the order takes, and its route."""
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        split = find_split(case.market, case.order)
        best = min(best, time.process_time() - start)
    return best * 1e3, split


def exact_gap(order: SplitOrder, split: Split) -> float:
    """How far the route is from the bound in whole atoms, but for what rounding may cost."""
    count = len(split.swaps)
    atoms = ATOMS_PER_SWAP * count
    if order.side.value == "exact_in":
        return BP * max(0.0, 1 - (split.amount_out + atoms) / split.bound)
    return BP * max(0.0, (split.amount_in - atoms) / split.bound - 1)


def _compare(row: Row, case: Case, split: Split) -> None:
    """How much more of the target there is for the same input."""
    query = query_of(case.market, case.order.token_in, case.order.token_out, float(split.amount_in), True)
    for gains, rival in ((row.over_single, best_single), (row.over_grid, best_on_grid)):
        paid = rival(case.market, query, split.amount_in)
        if paid:  # no path of a rival may be able to take it all
            gains.append(BP * (split.amount_out / paid - 1))


def loop_ms() -> float:
    """What the machine is worth just now: milliseconds of CPU of a fixed loop."""
    start = time.process_time()
    sum(number * number for number in range(LOOP))
    return (time.process_time() - start) * 1e3


def summary(name: str, row: Row) -> dict[str, Any]:
    """The figures of a row, JSON-ready."""
    p50, p95 = np.percentile(row.ms, (50, 95)).round(3).tolist()
    target = TARGETS[name][kernels_on()] if name in TARGETS else None
    return {
        "row": name,
        "fast": kernels_on(),
        "orders": len(row.ms),
        "refused": row.refused,
        "p50_ms": p50,
        "p95_ms": p95,
        "quotes_per_s": round(1e3 / float(np.mean(row.ms)), 1),
        "loop_ms": round(row.loop_ms, 2),
        "p50_loops": round(p50 / row.loop_ms, 4),
        "p95_loops": round(p95 / row.loop_ms, 4),
        "target_ms": target,
        "proven": row.proven,
        "median_swaps": float(np.median(row.swaps)),
        "float_gap_bps": _spread(row.float_gap),
        "exact_gap_bps": _spread(row.exact_gap),
        "over_single_path_bps": _spread(row.over_single),
        "over_grid_bps": _spread(row.over_grid),
    }


def _spread(numbers: list[float]) -> dict[str, float] | None:
    if not numbers:
        return None
    return {"median": float(np.median(numbers)), "mean": float(np.mean(numbers)), "max": max(numbers)}


def main() -> None:
    """Print the tables, or with `--json` a line a row."""
    options = _options()
    use_kernels(not options.numpy)
    if not options.json:
        print("with the kernels of the extra `fast`" if kernels_on() else "with numpy alone")
    free = [name for name in options.rows if name in ROWS]
    if free and not options.json:
        print(
            f"{'pools':>15}{'orders':>7}{'p50':>9}{'target':>7}{'p95':>9}{'target':>7}{'a second':>9}{'loop':>7}",
            end="",
        )
        print(f"{'gap':>9}{'max':>8}{'exact':>8}{'max':>8}{'swaps':>7}{'proven':>7}{'single':>9}{'grid':>7}")
    for name in free:
        row = measure(ROWS[name](options.orders, options.seeds), options.repeat, not options.times_only)
        figures = summary(name, row)
        print(json.dumps(figures) if options.json else _line(figures), flush=True)
    _print_net([name for name in options.rows if name in net.ROWS], options)
    for name in [name for name in options.rows if name in batches.ROWS]:
        figures = batches.summary(name, batches.measure(batches.ROWS[name], options.orders, options.repeat))
        print(json.dumps(figures) if options.json else batches.line(figures), flush=True)


def _options() -> argparse.Namespace:
    every = [*ROWS, *net.ROWS, *batches.ROWS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100, help="in each row")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each order, of which the fastest counts")
    parser.add_argument("--rows", nargs="*", choices=every, default=every)
    parser.add_argument("--seeds", nargs="*", type=int, help="of markets, in place of 1, 2 and so on")
    parser.add_argument("--against", type=Path, help="a file of references.py: what orders at a cost lose to it")
    parser.add_argument("--times-only", action="store_true", help="do not compare with simpler ways")
    parser.add_argument("--numpy", action="store_true", help="do not use the extra `fast`")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _print_net(names: Sequence[str], options: argparse.Namespace) -> None:
    references: dict[str, Reference] = read(options.against) if options.against else {}
    if names and not options.json:
        print(net.HEADINGS)
    for name in names:
        cases = net.ROWS[name](options.orders, options.seeds)
        for row in net.measure(cases, lambda case: fastest(case, options.repeat), references):
            figures = net.summary(name, row)
            for line in [json.dumps(figures)] if options.json else net.lines(figures):
                print(line, flush=True)


def _line(figures: dict[str, Any]) -> str:
    target = figures["target_ms"] or ("", "")
    gap, exact = figures["float_gap_bps"], figures["exact_gap_bps"]
    single, grid = figures["over_single_path_bps"], figures["over_grid_bps"]
    return (
        f"{figures['row']:>15}{figures['orders']:>7}{figures['p50_ms']:>6.2f} ms{target[0]:>7}"
        f"{figures['p95_ms']:>6.2f} ms{target[1]:>7}{figures['quotes_per_s']:>9.0f}{figures['loop_ms']:>7.1f}"
        f"{gap['median']:>9.5f}{gap['max']:>8.4f}{exact['median']:>8.4f}{exact['max']:>8.4f}"
        f"{figures['median_swaps']:>7.0f}{figures['proven']:>7}"
        + "".join(f"{gain['mean']:>8.2f}" if gain else f"{'':>8}" for gain in (single, grid))
    )


if __name__ == "__main__":
    main()
