"""The bench: the shared servers, and each engine started on them in turn, never both at a time."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from benchmarks.suite.engine import engine
from benchmarks.suite.measure import measure
from benchmarks.suite.peer import DATABASE, installed, peer
from benchmarks.suite.plan import Plan
from benchmarks.suite.rows import OURS, PEER
from benchmarks.suite.servers import Servers
from benchmarks.suite.subject import OURS as OUR_DIALECT
from benchmarks.suite.subject import PEER as PEERS_DIALECT
from benchmarks.suite.subject import Subject

# Settings of the simulated delays, ours; the peer has one for all three.
DELAYS = ("SIM_QUOTE_DELAY_MS", "SIM_BUILD_DELAY_MS", "SIM_SUBMIT_DELAY_MS")
# With delays most of a job's time is waiting: as many at once as an order a 5 ms needs, twice over.
DELAYED_CONCURRENCY = 200
# Ours takes all that is due at once, so that few batches on their way are enough. What the environment says counts.
DELAYED_PROCESSES = "4"


@dataclass(slots=True)
class Bench:
    """What a run works with, and what it has found so far."""

    servers: Servers
    plan: Plan
    folder: Path
    has_peer: bool
    found: dict[str, dict[str, list[float | None]]] = field(default_factory=dict)
    # Points of the plots: by plot, then by line, (x, y) in the order in which they were measured.
    points: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    # Every latency at each load, by side, for the simulation.
    latencies: dict[str, dict[int, list[float]]] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[str, ...]:
        """Who takes part, in the order of turns."""
        return (OURS, PEER) if self.has_peer else (OURS,)

    def note(self, side: str, part: str, figures: Mapping[str, float | None]) -> None:
        """Keep the figures of one turn, as `part.name`."""
        known = self.found.setdefault(side, {})
        for name, value in figures.items():
            known.setdefault(f"{part}.{name}", []).append(value)

    def point(self, plot: str, line: str, x: float, y: float | None) -> None:
        """Keep a point of a plot."""
        if y is not None:
            self.points.setdefault(plot, {}).setdefault(line, []).append((x, y))

    @contextmanager
    def subject(self, side: str, *, delay_ms: int = 0, database_url: str = "", **environment: str) -> Iterator[Subject]:
        """Start one side, send it some load to warm it up, and end it with the block."""
        start = self._ours if side == OURS else self._peers
        with start(delay_ms, database_url, environment) as subject:
            measure(subject, subject.job(self.plan.warm_s))
            yield subject

    @contextmanager
    def _ours(self, delay_ms: int, database_url: str, environment: dict[str, str]) -> Iterator[Subject]:
        delays = dict.fromkeys(DELAYS, str(delay_ms)) if delay_ms else {}
        if delay_ms:
            delays["WORKER_CONCURRENCY"] = os.environ.get("WORKER_CONCURRENCY", DELAYED_PROCESSES)
        changed = {**delays, **environment}
        with (
            engine(self.servers, database_url=database_url, **changed) as stack,
            psycopg.connect(self.servers.database_url, autocommit=True) as database,
        ):
            yield Subject(OUR_DIALECT, stack.url, database, stack.processes)

    @contextmanager
    def _peers(self, delay_ms: int, database_url: str, _environment: dict[str, str]) -> Iterator[Subject]:
        address = self.servers.make_database(DATABASE)
        concurrency = DELAYED_CONCURRENCY if delay_ms else 50
        folder = installed(self.folder / "peer")
        with (
            peer(self.servers, folder, database_url or address, concurrency=concurrency, delay_ms=delay_ms) as (
                url,
                pid,
            ),
            psycopg.connect(address, autocommit=True) as database,
        ):
            yield Subject(PEERS_DIALECT, url, database, lambda: {"node": pid} | self.servers.processes())
