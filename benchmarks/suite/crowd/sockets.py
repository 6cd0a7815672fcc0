"""Thousands of WebSockets on two web processes: what each takes of memory, and how soon an event is at its client."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO

from benchmarks.suite.bench import Bench
from benchmarks.suite.crowd.callers import make_keys
from benchmarks.suite.crowd.client import EACH, GO, OPEN, PLACED, Crowd, Heard
from benchmarks.suite.figures import quantile
from benchmarks.suite.measure import Unfit
from benchmarks.suite.processes import parents, root_of
from benchmarks.suite.rows import OURS
from benchmarks.suite.subject import Subject
from benchmarks.suite.supervised import ROOT

WEB_PROCESSES = 2
EVENTS_PER_S = 1_000
COMMITS = (
    "SELECT order_id::text, extract(epoch FROM pg_xact_commit_timestamp(xid::xid))::float8"
    " FROM orders_orderevent WHERE order_id = ANY(%s::uuid[]) AND status = 'FAILED'"
)


def sockets(bench: Bench) -> None:
    """Open them, look at the memory of the web processes, send one event to each."""
    with bench.subject(OURS, WEB_PROCESSES=str(WEB_PROCESSES)) as subject:
        keys = make_keys(bench.servers, bench.plan.sockets // EACH)
        crowd = Crowd(subject.url, tuple(keys), EVENTS_PER_S / EACH)
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.suite.crowd.client"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as client:
            assert client.stdin
            assert client.stdout
            try:
                print(json.dumps(asdict(crowd)), file=client.stdin, flush=True)
                before = _memory_at(PLACED, client.stdin, client.stdout, subject)
                after = _memory_at(OPEN, client.stdin, client.stdout, subject)
                heard = Heard(**json.loads(client.stdout.read()))
            finally:
                client.kill()
        if heard.wrong:
            raise Unfit(f"of {len(keys) * EACH} sockets: {heard.wrong}")
        bench.note(OURS, "sockets", figures(heard, dict(_commits(subject, heard)), (after - before) / 1000))


def figures(heard: Heard, commits: Mapping[str, float], grown_kb: float) -> dict[str, float | None]:
    """By name, as the table has them."""
    late_ms = [1000 * (at - commits[order]) for order, ends in heard.ends.items() for at in ends]
    return {
        "open": len(late_ms),
        "kb_each": grown_kb / len(late_ms) if late_ms else None,
        "delivery_p50_ms": quantile(late_ms, 0.5),
        "delivery_p99_ms": quantile(late_ms, 0.99),
    }


def _memory_at(point: str, to: IO[str], of: IO[str], subject: Subject) -> int:
    """Bytes of the web processes when the client has come so far; it goes on then."""
    if of.readline().strip() != point:
        raise Unfit("the client of the sockets ended early; its reason is above")
    bytes_now = resident_of([pid for name, pid in subject.roots().items() if name.startswith("web")])
    print(GO, file=to, flush=True)
    return bytes_now


def resident_of(roots: list[int]) -> int:
    """Bytes of memory that these processes and their descendants have of their own, with a share of what is shared."""
    above = parents()
    return sum(_proportional(pid) for pid in above if root_of(pid, roots, above))


def _proportional(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return 1024 * int(line.split()[1])
    return 0


def _commits(subject: Subject, heard: Heard) -> list[tuple[str, float]]:
    return subject.database.execute(COMMITS, [list(heard.ends)]).fetchall()
