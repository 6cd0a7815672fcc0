"""What each part of a run asks of which side, and what it notes, with loads that are answered by a table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from benchmarks.suite import parts
from benchmarks.suite.bench import Bench
from benchmarks.suite.load import Job
from benchmarks.suite.measure import Measured
from benchmarks.suite.plan import FULL, QUICK, Plan
from benchmarks.suite.rows import OURS, PEER
from benchmarks.suite.subject import OURS as OUR_DIALECT
from benchmarks.suite.subject import PEER as PEERS_DIALECT
from benchmarks.suite.subject import Subject


@dataclass
class FakeBench(Bench):
    """Starts nothing; remembers what was to be started."""

    started: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @contextmanager
    def subject(self, side: str, *, delay_ms: int = 0, database_url: str = "", **environment: str) -> Iterator[Subject]:
        self.started.append((side, environment | ({"delay_ms": delay_ms} if delay_ms else {})))
        dialect = OUR_DIALECT if side == OURS else PEERS_DIALECT
        yield Subject(dialect, "http://127.0.0.1:1", cast("Any", None), dict)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Job]]:
    """The loads that were sent, with their sides. Each answers 1,000 orders; the worker's cost rises by 1 ms a load."""
    sent: list[tuple[str, Job]] = []

    def measure(subject: Subject, job: Job, *, batch: int = 1) -> Measured:
        sent.append((subject.dialect.name, job))
        cpu = {"web": 1.0, "worker": float(len(sent))}
        return Measured(1_000, 10.0 * batch, cpu, 0.1, [1.0], [2.0, 3.0] if job.follow else [])

    monkeypatch.setattr(parts, "measure", measure)
    return sent


def bench_of(plan: Plan, *, has_peer: bool = True) -> FakeBench:
    return FakeBench(cast("Any", None), plan, cast("Any", None), has_peer)


def test_sides_alternate_and_batches_are_ours_alone(jobs: list[tuple[str, Job]]) -> None:
    bench = bench_of(replace(QUICK, alternations=2))
    parts.main_rows(bench)

    assert [side for side, _ in bench.started] == [OURS, PEER, OURS, PEER]
    assert [(side, job.path, job.rate) for side, job in jobs[:5]] == [
        (OURS, "/api/v1/orders", 0.0),
        (OURS, "/api/v1/orders", 20),
        (OURS, "/api/v1/orders/batch", 0.0),
        (PEER, "/api/orders", 0.0),
        (PEER, "/api/orders", 20),
    ]
    assert bench.found[OURS]["batch.orders_per_s"] == [1000.0, 1000.0]
    assert bench.found[PEER]["followed.latency_p50_ms"] == [2.0, 2.0]
    assert "batch.orders_per_s" not in bench.found[PEER]


def test_the_slow_network_is_the_same_for_both(jobs: list[tuple[str, Job]]) -> None:
    bench = bench_of(QUICK)
    parts.delayed(bench)

    assert bench.started == [(OURS, {"delay_ms": 100}), (PEER, {"delay_ms": 100})]
    # 20 a second are followed, as many as one account may.
    assert [(job.rate, job.follow) for _, job in jobs] == [(200, 10)] * 2


def test_curves_start_each_side_once_and_note_every_point(jobs: list[tuple[str, Job]]) -> None:
    bench = bench_of(replace(FULL, growth_orders=20_000, sizes=(1, 100), rates=(5, 200)))
    parts.curves(bench)

    assert [side for side, _ in bench.started] == [OURS, PEER]
    assert bench.points["cost by table size"]["worker"] == [(1_000 * n, float(n)) for n in range(1, 21)]
    assert bench.points["cost by table size"]["all processes"][0] == (1_000.0, 2.0)
    assert bench.found[OURS]["growth.worker_ratio"] == [15.5 / 5.5]
    assert bench.found[OURS]["growth.orders"] == [20_000]
    assert bench.points["throughput by batch size"] == {OURS: [(1, 10.0), (100, 1000.0)]}
    assert list(bench.points["latency by load"]) == ["ours p50", "ours p99", "peer p50", "peer p99"]
    assert bench.points["latency by load"]["peer p99"] == [(5, 3.0), (200, 3.0)]
    assert bench.latencies == {side: {5: [2.0, 3.0], 200: [2.0, 3.0]} for side in (OURS, PEER)}
    by_rate = [(job.rate, job.seconds, job.follow) for side, job in jobs if job.rate and side == OURS]
    assert by_rate == [(5, 10.0, 1), (200, FULL.point_s, 10)]


def test_the_quick_run_draws_nothing(jobs: list[tuple[str, Job]]) -> None:
    bench = bench_of(QUICK)
    parts.curves(bench)
    parts.by_workers(bench)

    assert (bench.started, bench.points, jobs) == ([], {}, [])


def test_workers_are_counted_on_a_network_that_takes_time(jobs: list[tuple[str, Job]]) -> None:
    bench = bench_of(replace(FULL, workers=(1, 4)), has_peer=False)
    parts.by_workers(bench)

    assert bench.started == [(OURS, {"WORKER_CONCURRENCY": str(n), "delay_ms": 20}) for n in (1, 4)]
    assert bench.points == {"throughput by workers": {OURS: [(1, 1000.0), (4, 1000.0)]}}
    assert len(jobs) == 2
