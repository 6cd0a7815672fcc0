"""The simulation of queues against closed forms, and what it makes of a run."""

import math
import random
import statistics
from typing import Any

import pytest

from benchmarks.simulate import path_of, predicted, repeated
from benchmarks.suite.queueing import Path, batch_times, latencies, poisson, steady, waits

COUNT = 200_000


def exponential(mean: float, dice: random.Random) -> list[float]:
    return [dice.expovariate(1 / mean) for _ in range(COUNT)]


def erlang_c(servers: int, load: float) -> float:
    """The share that waits, of Poisson arrivals at several servers with exponential service."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(load**k / math.factorial(k) for k in range(servers)) + last)


@pytest.mark.slow
@pytest.mark.parametrize("load", [0.3, 0.7])
def test_one_server_with_exponential_service_waits_as_the_closed_form_says(load: float) -> None:
    dice = random.Random(1)
    found = waits(poisson(load, COUNT, dice), exponential(1.0, dice), 1)

    assert statistics.mean(found) == pytest.approx(load / (1 - load), rel=0.05)
    assert sum(one > 0 for one in found) / COUNT == pytest.approx(load, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("load", [0.3, 0.7])
def test_one_server_with_constant_service_waits_half_as_long(load: float) -> None:
    found = waits(poisson(load, COUNT, random.Random(2)), [1.0] * COUNT, 1)

    assert statistics.mean(found) == pytest.approx(load / (2 * (1 - load)), rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("servers", "load"), [(2, 1.4), (5, 4.0)])
def test_several_servers_wait_as_erlang_says(servers: int, load: float) -> None:
    dice = random.Random(3)
    found = waits(poisson(load, COUNT, dice), exponential(1.0, dice), servers)
    share = erlang_c(servers, load)

    assert sum(one > 0 for one in found) / COUNT == pytest.approx(share, abs=0.015)
    assert statistics.mean(found) == pytest.approx(share / (servers - load), rel=0.06)


def test_nobody_waits_at_equal_distances_for_a_server_that_is_fast_enough() -> None:
    assert waits(steady(1.0, 5), [1.0] * 5, 1) == [0.0] * 5
    assert waits(steady(1.0, 4), [1.5] * 4, 1) == [0.0, 0.5, 1.0, 1.5]
    assert waits(steady(1.0, 4), [1.5] * 4, 2) == [0.0] * 4


def test_a_free_server_takes_all_that_wait() -> None:
    # The first is alone; the other three wait for it and share one batch.
    found = batch_times([0.0, 1.0, 2.0, 3.0], [4.0] * 4, each=1.0, servers=1, most=200)

    assert found == [5.0, 11.0, 10.0, 9.0]
    assert batch_times([0.0, 1.0, 2.0, 3.0], [4.0] * 4, each=1.0, servers=1, most=2) == [5.0, 10.0, 9.0, 13.0]
    assert batch_times([0.0, 1.0], [4.0] * 2, each=1.0, servers=2, most=200) == [5.0, 5.0]


def test_batches_of_one_are_a_plain_queue() -> None:
    dice = random.Random(4)
    arrivals = poisson(0.6, 2_000, dice)
    services = [dice.expovariate(1.0) for _ in arrivals]
    times = batch_times(arrivals, services, each=0.0, servers=2, most=1)
    plain = [wait + service for wait, service in zip(waits(arrivals, services, 2), services, strict=True)]

    assert times == pytest.approx(plain)


def test_without_load_latencies_are_those_that_were_measured() -> None:
    path = Path(unloaded=(5.0, 6.0, 7.0), web=1.0, batch=2.0, each=0.5, cores_used=2.0)
    found = latencies(path, steady(1 / 1000, 500), random.Random(5))

    assert {round(one, 6) for one in found} == {5.0, 6.0, 7.0}
    assert len(found) == 500


def test_the_scarcest_of_web_workers_and_cores_bounds_the_rate() -> None:
    path = Path(unloaded=(5.0,), web=1.0, batch=2.0, each=0.5, cores_used=1.0, webs=1, workers=2, cores=2)

    assert path.capacity_per_s == 1000.0
    assert predicted(path, 1000.0) == [None, None]
    slow = Path(unloaded=(5.0,), web=1.0, batch=0.0, each=4.0, cores_used=1.0, webs=1, workers=2, cores=2)
    assert slow.capacity_per_s == 500.0


def test_latency_rises_with_the_rate() -> None:
    path = Path(unloaded=(4.0, 5.0, 9.0), web=1.0, batch=3.0, each=0.5, cores_used=2.0)
    found = [predicted(path, rate) for rate in (10, 300, 700)]
    p50, p99 = ([round(one[at] or math.nan, 6) for one in found] for at in (0, 1))

    assert p50 == sorted(p50)
    assert p99 == sorted(p99)
    assert p99[0] == 9.0
    assert p99[2] > 9.0


def test_a_load_that_was_measured_is_repeated_from_an_idle_start() -> None:
    """Above what the engine takes, latency is a matter of how long the load lasts."""
    path = Path(unloaded=(5.0,), web=2.0, batch=0.0, each=0.0, cores_used=0.0)
    short, long = (repeated(path, 1_000, orders) for orders in (11, 101))

    # Each order waits a millisecond longer than the one before.
    assert short == pytest.approx([10.0, 15.0])
    assert long == pytest.approx([55.0, 104.0])


def test_service_times_come_from_the_medians_of_a_run() -> None:
    run: dict[str, Any] = {
        "latencies": {"ours": {"20": [9.0], "5": [8.0, 10.0, 12.0]}},
        "measured": {
            "ours": {
                "single.cpu_ms_web": [1.0, 3.0, 2.0],
                "single.cpu_ms": [4.0],
                "single.load_cpu_ms": [0.5],
                "batch.cpu_ms_worker": [0.25],
                "batch.cpu_ms_postgres": [0.25],
                "followed.answer_p50_ms": [3.0],
            }
        },
        "settings": {"WORKER_CONCURRENCY": "3"},
        "machine": {"cores": 2},
    }

    expected = Path((8.0, 10.0, 12.0), web=2.0, batch=6.5, each=0.5, cores_used=4.5, webs=1, workers=3, cores=2)
    assert path_of(run) == expected
    run["measured"]["ours"].pop("batch.cpu_ms_worker")
    with pytest.raises(SystemExit, match="no latency by load"):
        path_of(run)
