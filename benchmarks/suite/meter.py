"""CPU time of whole process trees between two moments: an engine's, PostgreSQL's with its backends, and Valkey's."""

import threading
from collections.abc import Callable, Collection, Mapping

from benchmarks.suite.processes import cpu_ns, parents, root_of

# A process that ends between two looks loses what it used since the last one; a backend of a pool lives for minutes.
EVERY_S = 0.5
NS_PER_MS = 1_000_000


class Usage:
    """Sums up what each process has used since it was first seen, by the root that it descends from."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._name: dict[int, str] = {}

    def look(self, found: Mapping[int, tuple[str, int]], *, is_first: bool = False) -> None:
        """Note CPU time in ns by process, with its root's name. A process that is new later counts from its start."""
        for pid, (name, used) in found.items():
            if pid not in self._last or used < self._last[pid]:  # new, or its number is another's now
                self._first[pid] = (used if is_first else 0) - self.used_by(pid)
            self._last[pid], self._name[pid] = used, name

    def used_by(self, pid: int) -> int:
        """Nanoseconds so far."""
        return self._last.get(pid, 0) - self._first.get(pid, 0)

    def by_name(self) -> dict[str, int]:
        """Nanoseconds of each root with all that descends from it."""
        total: dict[str, int] = {}
        for pid, name in self._name.items():
            total[name] = total.get(name, 0) + self.used_by(pid)
        return total


def look_at(roots: Mapping[str, int], without: Collection[int] = ()) -> dict[int, tuple[str, int]]:
    """Every process below these roots but for some, and what it has used."""
    above = parents()
    for pid in without:
        above.pop(pid, None)
    names = {pid: name for name, pid in roots.items()}
    found = {}
    for pid in above:
        root = root_of(pid, names, above)
        used = cpu_ns(pid) if root else None
        if used is not None:
            found[pid] = (names[root], used)
    return found


class Meter:
    """Measures while its block runs; `roots` is asked again at each look, since a supervisor may restart one.

    `without` are processes of the benchmark, such as the database session that asks whether all orders have ended.
    """

    def __init__(self, roots: Callable[[], Mapping[str, int]], without: Collection[int] = ()) -> None:
        self._roots = roots
        self._without = without
        self._usage = Usage()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Meter":
        self._usage.look(self._found(), is_first=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._usage.look(self._found())

    def _watch(self) -> None:
        while not self._is_over.wait(EVERY_S):
            self._usage.look(self._found())

    def _found(self) -> dict[int, tuple[str, int]]:
        return look_at(self._roots(), self._without)

    def ms(self) -> dict[str, float]:
        """Milliseconds by name, once the block has ended."""
        return {name: used / NS_PER_MS for name, used in sorted(self._usage.by_name().items())}
