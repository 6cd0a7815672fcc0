"""What a run leaves: one JSON file with everything measured, and the plots, in `.bench/`."""

import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.suite.bench import Bench
from benchmarks.suite.rows import Result
from benchmarks.suite.supervised import OWN, ROOT
from benchmarks.suite.svg import plot

LOOP = 1_000_000
AXES = {
    "throughput by batch size": ("orders per request", "orders/s"),
    "latency by load": ("orders/s", "POST to CONFIRMED, ms"),
    "cost by table size": ("orders in the tables", "CPU per order, ms"),
    "throughput by workers": ("worker processes", "orders/s"),
}


def speed() -> dict[str, float]:
    """How busy the machine is, and the CPU milliseconds that a fixed Python loop takes on it at this moment."""
    began = time.process_time()
    sum(number * number for number in range(LOOP))
    return {"load_1m": round(os.getloadavg()[0], 2), "loop_ms": round(1000 * (time.process_time() - began), 1)}


def machine() -> dict[str, Any]:
    """What the figures depend on beside the code."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True
    )
    return {
        "commit": described.stdout.strip() or "unknown",
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "before": speed(),
    }


def settings() -> dict[str, str]:
    """Settings of our engine that the caller's environment changes, without secrets."""
    known = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        name: os.environ[name]
        for name in known
        if name in os.environ and name not in OWN and not re.search("SECRET|PASS|KEYSTORE|WALLETS", name)
    }


def save(bench: Bench, results: Sequence[Result], began: Mapping[str, Any], took_s: float) -> Path:
    """Write the JSON file of this run, and its plots beside it; the file's path."""
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    runs = bench.folder / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    content = {
        "at": name,
        "took_s": round(took_s),
        "machine": {**began, "after": speed()},
        "settings": settings(),
        "plan": asdict(bench.plan),
        "rows": [
            {
                "name": one.row.name,
                "label": one.row.label,
                "unit": one.row.unit,
                "ours": one.ours,
                "peer": one.peers,
                "ratio": one.ratio,
                "goal": str(one.row.goal or ""),
                "verdict": one.verdict,
            }
            for one in results
        ],
        "measured": bench.found,
        "points": bench.points,
        "latencies": bench.latencies,
    }
    path = runs / f"{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for title, lines in bench.points.items():
        picture = runs / f"{name}-{title.replace(' ', '-')}.svg"
        picture.write_text(plot(title, *AXES[title], lines), encoding="utf-8")
    return path
