"""What a running engine costs while it does nothing: CPU, memory and PostgreSQL sessions, by process.

`make run` in one terminal, `make bench ARGS="idle 60"` in another. Reads /proc, so Linux only.
RSS counts shared pages once per process, PSS shares them out: the sum of PSS is what the machine really gives.
"""

import os
import sys
import time
from pathlib import Path

import psycopg

from orderengine.environment.attach import attach
from orderengine.environment.state_files import read_table

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 20.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the command, which is in parentheses: parent, group, user and system time.
PPID, PGRP, UTIME, STIME = 1, 2, 11, 12
KIB_PER_MIB = 1024


def main() -> None:
    """Watch for a while, then print one line per part and the sums."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    # The engine that runs says where it keeps its state.
    state = os.environ.get("STATE_DIR") if attach(ROOT) else None
    if not state or not (groups := read_table(Path(state), "processes")):
        sys.exit("No engine runs here: `make run` in another terminal, then again.")
    before = cpu_s(groups)
    started = time.monotonic()
    time.sleep(seconds)
    after = cpu_s(groups)
    elapsed = time.monotonic() - started

    print(f"{'part':<11}{'processes':>10}{'CPU %':>8}{'RSS MiB':>9}{'PSS MiB':>9}")
    total = [0.0] * 4
    for name, group in groups.items():
        members = processes(group, groups)
        row = [
            len(members),
            100 * (after[name] - before[name]) / elapsed,
            sum(memory_mib(pid, "Rss") for pid in members),
            sum(memory_mib(pid, "Pss") for pid in members),
        ]
        total = [a + b for a, b in zip(total, row, strict=True)]
        show(name, row)
    show("all", total)
    print(f"PostgreSQL sessions: {sessions()} (of one core, over {elapsed:.0f} s)")


def show(name: str, row: list[float]) -> None:
    """One line of the table."""
    print(f"{name:<11}{row[0]:>10.0f}{row[1]:>8.2f}{row[2]:>9.1f}{row[3]:>9.1f}")


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command; none for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def processes(leader: int, groups: dict[str, int]) -> list[int]:
    """The process and what it started: its group, and PostgreSQL's processes, which have groups of their own."""
    found = [leader]
    for entry in Path("/proc").iterdir():
        fields = stat(int(entry.name)) if entry.name.isdigit() else []
        is_ours = fields and leader in {int(fields[PGRP]), int(fields[PPID])}
        if is_ours and int(entry.name) not in groups.values():
            found.append(int(entry.name))
    return found


def cpu_s(groups: dict[str, int]) -> dict[str, float]:
    """CPU seconds used so far by each part."""
    used = {}
    for name, leader in groups.items():
        fields = [stat(pid) for pid in processes(leader, groups)]
        used[name] = sum(int(f[UTIME]) + int(f[STIME]) for f in fields if f) / TICKS_PER_S
    return used


def memory_mib(pid: int, kind: str) -> float:
    """Resident memory, counted as `kind` says."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / KIB_PER_MIB for line in lines if line.startswith(f"{kind}:")), 0.0)


def sessions() -> int:
    """How many clients PostgreSQL has, without this one."""
    with psycopg.connect(os.environ["DATABASE_URL"].partition("?")[0]) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    main()
