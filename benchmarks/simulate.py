"""Predicts latency under load from service times that `make bench` has measured, and checks it against the same run.

    make bench ARGS=simulate                                   # the newest run in .bench/runs
    make bench ARGS="simulate --rate 1000 --webs 4 --workers 8 --cores 16"

The model: an order's latency is one that was measured at the lowest rate, where nothing waits, and three waits: for a
web process (one order at a time each), for a worker (which takes all that wait, up to a batch), and for a core. Service
times are the CPU per order of the run's parts; what a batch needs beside its orders is what remains of the unloaded
latency.
"""

import argparse
import json
import random
import statistics
import sys
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from benchmarks.suite.figures import median, quantile
from benchmarks.suite.parts import LEAST_FOLLOWED
from benchmarks.suite.queueing import Path, latencies, steady
from benchmarks.suite.supervised import ROOT
from benchmarks.suite.table import shown

ORDERS = 20_000
# A queue without end begins empty: this share of its first orders is not counted.
WARM_SHARE = 0.1
SHARES = (0.5, 0.99)


def path_of(run: dict[str, Any]) -> Path:
    """The service times of a run. Raises: SystemExit for a run that has not measured them."""
    samples, ours = run.get("latencies", {}).get("ours", {}), run["measured"].get("ours", {})
    needed = (
        "single.cpu_ms_web",
        "batch.cpu_ms_worker",
        "batch.cpu_ms_postgres",
        "single.cpu_ms",
        "followed.answer_p50_ms",
    )
    known = {name: median(ours.get(name, [])) for name in (*needed, "single.load_cpu_ms")}
    if not samples or any(known[name] is None for name in needed):
        raise SystemExit("error: that run has no latency by load. Way out: `make bench`, without QUICK=1.")
    figures = {name: value or 0.0 for name, value in known.items()}
    unloaded = tuple(samples[min(samples, key=float)])
    each = figures["batch.cpu_ms_worker"] + figures["batch.cpu_ms_postgres"]
    return Path(
        unloaded=unloaded,
        web=figures["single.cpu_ms_web"],
        batch=max(0.0, statistics.median(unloaded) - figures["followed.answer_p50_ms"] - each),
        each=each,
        cores_used=figures["single.cpu_ms"] + figures["single.load_cpu_ms"],
        webs=int(run["settings"].get("WEB_PROCESSES", 1)),
        workers=int(run["settings"].get("WORKER_CONCURRENCY", 2)),
        cores=int(run["machine"]["cores"]),
    )


def predicted(path: Path, rate: float, seed: int = 1) -> list[float | None]:
    """p50 and p99 at this rate, for as long as it lasts; unknown above what the path can take."""
    if rate >= path.capacity_per_s:
        return [None] * len(SHARES)
    times = latencies(path, steady(rate / 1000, ORDERS), random.Random(seed))
    times = times[int(WARM_SHARE * len(times)) :]
    return [quantile(times, share) for share in SHARES]


def repeated(path: Path, rate: float, orders: int, seed: int = 1) -> list[float | None]:
    """p50 and p99 of a load that was measured: `orders` from an idle start, over and over."""
    dice = random.Random(seed)
    runs = [latencies(path, steady(rate / 1000, orders), dice) for _ in range(max(1, ORDERS // orders))]
    return [quantile([one for run in runs for one in run], share) for share in SHARES]


def seconds(run: dict[str, Any], rate: float) -> float:
    """How long a run has measured at this rate."""
    return max(float(run["plan"]["point_s"]), LEAST_FOLLOWED / rate)


def newest() -> File:
    """The last run's file. Raises: SystemExit when there is none."""
    runs = sorted((ROOT / ".bench/runs").glob("*.json"))
    if not runs:
        raise SystemExit("error: there is no run in .bench/runs. Way out: `make bench`.")
    return runs[-1]


def main() -> int:
    """Print what is predicted beside what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=File, help="a run of `make bench`")
    parser.add_argument("--rate", type=float, nargs="*", default=[], help="orders a second that were not measured")
    parser.add_argument("--webs", type=int)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--cores", type=int)
    options = parser.parse_args()
    file = options.file or newest()
    run = json.loads(file.read_text(encoding="utf-8"))
    path = path_of(run)
    changed = {name: value for name in ("webs", "workers", "cores") if (value := getattr(options, name)) is not None}
    measured = {} if changed else {float(rate): times for rate, times in run["latencies"]["ours"].items()}
    path = replace(path, **changed)
    print(f"{file.name}: web {path.web:.2f} ms, a batch {path.batch:.2f} ms and {path.each:.2f} ms an order,")
    print(f"{path.cores_used:.2f} ms of a core; {path.webs} web, {path.workers} workers, {path.cores} cores:")
    print(f"at most {path.capacity_per_s:.0f} orders/s")
    print(f"{'orders/s':>10}{'p50 ms':>10}{'measured':>10}{'p99 ms':>10}{'measured':>10}")
    for rate in sorted({*measured, *options.rate}):
        times = measured.get(rate, [])
        told = repeated(path, rate, round(rate * seconds(run, rate))) if times else predicted(path, rate)
        pairs = [(value, quantile(times, share)) for share, value in zip(SHARES, told, strict=True)]
        cells = [shown(value) for pair in pairs for value in pair]
        print(f"{rate:>10g}" + "".join(f"{cell:>10}" for cell in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
