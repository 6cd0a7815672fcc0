"""Processes of this machine as trees, and the CPU time that each tree has used. Linux alone."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

# Beside a process's number in the number of its clock: CPU time by the scheduler, of the whole process.
SCHEDULER_CLOCK = 2
CLOCK_BITS = 3


def parents() -> dict[int, int]:
    """Every process with the one that it is a child of."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="ascii", errors="replace").rpartition(") ")[2].split()
            except OSError:
                continue
            found[int(entry.name)] = int(fields[1])
    return found


def root_of(pid: int, roots: Iterable[int], above: Mapping[int, int]) -> int:
    """Which of the roots a process is, or descends from; 0 when none."""
    known = set(roots)
    while pid and pid not in known:
        pid = above.get(pid, 0)
    return pid


def cpu_ns(pid: int) -> int | None:
    """CPU time of a process with all threads, ended ones too, in nanoseconds; None for one that is gone.

    The sum of /proc/PID/task/*/schedstat would leave out threads that have ended, and /proc/PID/stat counts in
    hundredths of a second: the process's own clock is both whole and exact.
    """
    try:
        return time.clock_gettime_ns((~pid << CLOCK_BITS) | SCHEDULER_CLOCK)
    except OSError:
        return None
