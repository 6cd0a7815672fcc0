"""The parts of a run: each starts what it needs, measures, and notes its figures on the bench."""

import time

from benchmarks.suite.bench import Bench
from benchmarks.suite.figures import quantile, ratio
from benchmarks.suite.measure import measure
from benchmarks.suite.proxy import Proxy
from benchmarks.suite.rows import OURS, PEER
from benchmarks.suite.subject import Subject
from benchmarks.suite.wire import Counts, count

BATCH = 100
BATCHES_AT_ONCE = 4
FOLLOWED_PER_S = 20
APART_PER_S = 2
# Below that a 99th percentile says nothing.
LEAST_FOLLOWED = 50
DELAY_MS, DELAYED_PER_S = 100, 200
# Time for what an order leaves to be done after its last event.
AFTER_S = 0.3
GROWTH_FIRST = 10_000
CALL_DELAY_MS = 20


def main_rows(bench: Bench) -> None:
    """One order per request, followed orders and batches: each side in turn, as often as the plan says."""
    for _ in range(bench.plan.alternations):
        for side in bench.sides:
            with bench.subject(side) as subject:
                bench.note(side, "single", measure(subject, subject.job(bench.plan.single_s)).figures())
                followed = subject.job(bench.plan.followed_s, rate=FOLLOWED_PER_S, follow=1)
                bench.note(side, "followed", measure(subject, followed).figures())
                if subject.dialect.batch_path:
                    batches = subject.job(bench.plan.batch_s, connections=BATCHES_AT_ONCE, batch=BATCH)
                    bench.note(side, "batch", measure(subject, batches, batch=BATCH).figures())


def delayed(bench: Bench) -> None:
    """A network that takes 100 ms to answer, and 200 orders a second, of which each tenth is followed."""
    for _ in range(bench.plan.delayed_alternations):
        for side in bench.sides:
            with bench.subject(side, delay_ms=DELAY_MS) as subject:
                follow = DELAYED_PER_S // FOLLOWED_PER_S
                job = subject.job(bench.plan.delayed_s, rate=DELAYED_PER_S, follow=follow)
                bench.note(side, "delayed", measure(subject, job).figures())


def statements(bench: Bench) -> None:
    """What single orders, and an idle engine, send to PostgreSQL."""
    for side in bench.sides if bench.plan.counts_peer else (OURS,):
        with Proxy(bench.servers.database_url) as proxy:
            address = proxy.url() if side == OURS else proxy.url("peer_db")
            with bench.subject(side, database_url=address) as subject:
                time.sleep(bench.plan.rest_s)
                start = time.monotonic()
                time.sleep(bench.plan.idle_s)
                idle = count(proxy.since(start)).scaled(1 / bench.plan.idle_s)
                bench.note(side, "idle", idle.rounded(2))
                bench.note(side, "statements", _per_order(bench, subject, proxy, idle).rounded(1))


def _per_order(bench: Bench, subject: Subject, proxy: Proxy, idle: Counts) -> Counts:
    """One order at a time, none of them followed: what an order alone causes, less what goes on anyway."""
    orders, start = bench.plan.statements, time.monotonic()
    measure(subject, subject.job(orders / APART_PER_S, rate=APART_PER_S))
    time.sleep(AFTER_S)
    return count(proxy.since(start)).less(idle, time.monotonic() - start).scaled(1 / orders)


def curves(bench: Bench) -> None:
    """What the plots show over table size, batch size and load: each side is started once."""
    if not (bench.plan.growth_orders or bench.plan.sizes or bench.plan.rates):
        return
    with bench.subject(OURS) as subject:
        _growth(bench, subject)
        _by_batch_size(bench, subject)
        _by_load(bench, subject)
    if bench.has_peer and bench.plan.rates:
        with bench.subject(PEER) as subject:
            _by_load(bench, subject)


def _growth(bench: Bench, subject: Subject) -> None:
    """Batches until all orders are placed, or the time is over: CPU per order, and the last against the first."""
    steps: list[tuple[int, float]] = []
    placed, ends_at = 0, time.monotonic() + bench.plan.growth_s
    while placed < bench.plan.growth_orders and time.monotonic() < ends_at:
        found = measure(subject, subject.job(2.0, connections=BATCHES_AT_ONCE, batch=BATCH), batch=BATCH)
        placed += found.orders
        steps.append((found.orders, found.cpu_ms["worker"]))
        bench.point("cost by table size", "all processes", placed, found.all_cpu_ms)
        bench.point("cost by table size", "worker", placed, found.cpu_ms["worker"])
    bench.note(OURS, "growth", {"worker_ratio": late_to_early(steps, GROWTH_FIRST), "orders": placed})


def late_to_early(steps: list[tuple[int, float]], size: int) -> float | None:
    """Mean cost of the last orders against that of the first, `size` of each at least; None where they overlap."""
    if sum(orders for orders, _ in steps) < 2 * size:
        return None
    return ratio(_mean_of_first(steps[::-1], size), _mean_of_first(steps, size))


def _mean_of_first(steps: list[tuple[int, float]], size: int) -> float:
    taken, spent = 0, 0.0
    for orders, cost in steps:
        taken, spent = taken + orders, spent + orders * cost
        if taken >= size:
            break
    return spent / taken


def _by_batch_size(bench: Bench, subject: Subject) -> None:
    """Throughput for orders that come 1, 10, 100, ... in a request."""
    for size in bench.plan.sizes:
        connections = 50 if size == 1 else BATCHES_AT_ONCE
        job = subject.job(bench.plan.point_s, connections=connections, batch=size)
        bench.point("throughput by batch size", OURS, size, measure(subject, job, batch=size).orders_per_s)


def _by_load(bench: Bench, subject: Subject) -> None:
    """Latency at the client at several rates; as many are followed as the web server lets one account follow."""
    side = subject.dialect.name
    for rate in bench.plan.rates:
        seconds = max(bench.plan.point_s, LEAST_FOLLOWED / rate)
        job = subject.job(seconds, rate=rate, follow=max(1, rate // FOLLOWED_PER_S))
        found = measure(subject, job)
        bench.latencies.setdefault(side, {})[rate] = [round(one, 3) for one in found.latency_ms]
        for share in (0.5, 0.99):
            bench.point("latency by load", f"{side} p{100 * share:.0f}", rate, quantile(found.latency_ms, share))


def by_workers(bench: Bench) -> None:
    """Throughput by worker processes, with a network of 20 ms per call: waits overlap until the cores are full."""
    for workers in bench.plan.workers:
        with bench.subject(OURS, delay_ms=CALL_DELAY_MS, WORKER_CONCURRENCY=str(workers)) as subject:
            job = subject.job(bench.plan.point_s, connections=BATCHES_AT_ONCE, batch=BATCH)
            bench.point("throughput by workers", OURS, workers, measure(subject, job, batch=BATCH).orders_per_s)
