"""The load of many sockets: its figures, the memory it looks at, and that it is run where it is named alone."""

import os
from typing import Any, cast

import pytest

from benchmarks.suite import bench as bench_module
from benchmarks.suite.__main__ import ALWAYS, PARTS
from benchmarks.suite.bench import Bench
from benchmarks.suite.crowd.client import Heard
from benchmarks.suite.crowd.sockets import figures, resident_of
from benchmarks.suite.plan import QUICK


def test_an_event_is_late_by_what_has_passed_since_its_commit() -> None:
    heard = Heard(ends={"a": [10.001, 10.003], "b": [12.002, 12.25]})

    assert figures(heard, {"a": 10.0, "b": 12.0}, grown_kb=100.0) == {
        "open": 4,
        "kb_each": 25.0,
        "delivery_p50_ms": pytest.approx(2.0),
        "delivery_p99_ms": pytest.approx(250.0),
    }


def test_sockets_that_heard_nothing_have_no_figures() -> None:
    assert figures(Heard(), {}, grown_kb=100.0) == {
        "open": 0,
        "kb_each": None,
        "delivery_p50_ms": None,
        "delivery_p99_ms": None,
    }


def test_memory_is_that_of_the_named_processes() -> None:
    assert resident_of([os.getpid()]) > 10_000_000
    assert resident_of([]) == 0


def test_many_sockets_are_opened_where_that_is_asked_for() -> None:
    assert {part.__name__ for part in PARTS} - ALWAYS == {"sockets"}


@pytest.mark.parametrize(
    ("delay_ms", "given", "stated", "processes"),
    [(0, {}, None, None), (100, {}, None, "4"), (100, {}, "3", "3"), (20, {"WORKER_CONCURRENCY": "1"}, "3", "1")],
)
def test_batches_beside_each_other_are_started_where_the_network_takes_time(
    monkeypatch: pytest.MonkeyPatch, delay_ms: int, given: dict[str, str], stated: str | None, processes: str | None
) -> None:
    seen: list[dict[str, str]] = []

    class Enough(Exception):
        """What was to be seen was seen."""

    def engine(_servers: Any, *, database_url: str, **environment: str) -> None:
        seen.append(environment)
        raise Enough

    monkeypatch.setattr(bench_module, "engine", engine)
    monkeypatch.delenv("WORKER_CONCURRENCY", raising=False)
    if stated:
        monkeypatch.setenv("WORKER_CONCURRENCY", stated)
    bench = Bench(cast("Any", None), QUICK, cast("Any", None), has_peer=False)

    with pytest.raises(Enough), bench.subject("ours", delay_ms=delay_ms, **given):
        pass

    assert [one.get("WORKER_CONCURRENCY") for one in seen] == [processes]
