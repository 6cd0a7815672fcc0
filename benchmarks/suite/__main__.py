"""Run everything, print one table of ratios ours/peer, and write the figures and plots into `.bench/runs/`.

    make bench              # ten minutes; needs Node.js with npm for the peer, pgbench for the row of bare SQL
    make bench QUICK=1      # 90 seconds: one alternation, short loads, no plots

Both engines run on one PostgreSQL and one Valkey, one after the other, with simulated delays off. Figures are medians
of the alternations. Settings of the environment reach our engine (`WORKER_CONCURRENCY=1 make bench`), and are noted.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg

from benchmarks.suite import parts
from benchmarks.suite.bare import bare
from benchmarks.suite.bench import Bench
from benchmarks.suite.crowd.sockets import sockets
from benchmarks.suite.measure import Unfit
from benchmarks.suite.peer import installed
from benchmarks.suite.plan import FULL, QUICK
from benchmarks.suite.report import machine, save
from benchmarks.suite.rows import results
from benchmarks.suite.servers import shared_servers
from benchmarks.suite.supervised import ROOT
from benchmarks.suite.table import table

PARTS: tuple[Callable[[Bench], None], ...] = (
    parts.main_rows,
    parts.delayed,
    parts.statements,
    bare,
    parts.curves,
    parts.by_workers,
    sockets,
)
# Run where they are named alone.
NAMED_ALONE = {"sockets"}
ALWAYS = {part.__name__ for part in PARTS} - NAMED_ALONE
# A machine that is busy before a run gives figures of its own load.
BUSY_PER_CORE = 0.5


def main() -> int:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="90 seconds")
    parser.add_argument("--no-peer", action="store_true", help="our engine alone: no Node.js is needed")
    parser.add_argument("--only", nargs="+", choices=[part.__name__ for part in PARTS], help="some parts")
    parser.add_argument("--growth", type=int, metavar="ORDERS", help="orders of the part `curves`, however long")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench")
    options = parser.parse_args()
    began, started_at = machine(), time.monotonic()
    if began["before"]["load_1m"] > BUSY_PER_CORE * (os.cpu_count() or 1):
        print(f"The machine is busy (load {began['before']['load_1m']}): ratios may hold, figures do not.", flush=True)
    has_failed = False
    if not options.no_peer:
        installed(options.folder / "peer")
    with shared_servers(keep_commit_times=True) as servers:
        plan = QUICK if options.quick else FULL
        if options.growth:
            plan = replace(plan, growth_orders=options.growth, growth_s=math.inf)
        bench = Bench(servers, plan, options.folder, not options.no_peer)
        for part in PARTS:
            if part.__name__ in (options.only or ALWAYS):
                has_failed = not _run(part, bench) or has_failed
    found = results(bench.found)
    took_s = time.monotonic() - started_at
    print(table(found))
    print(f"{save(bench, found, began, took_s)} ({took_s:.0f} s)")
    return int(has_failed)


def _run(part: Callable[[Bench], None], bench: Bench) -> bool:
    """Run one part, and say how long it took; whether its figures mean something."""
    began = time.monotonic()
    try:
        part(bench)
    except (Unfit, SystemExit, psycopg.Error) as reason:  # what the other parts have found is kept
        print(f"error: {part.__name__}: {reason}", file=sys.stderr, flush=True)
        return False
    if (took_s := time.monotonic() - began) > 1:  # the plan leaves some out
        print(f"{part.__name__}: {took_s:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
