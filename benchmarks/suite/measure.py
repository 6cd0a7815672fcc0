"""One load on one engine: sent by a process of its own, waited for to the last order, with the CPU of all processes."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from benchmarks.suite.figures import quantile
from benchmarks.suite.load import READY, Followed, Job, Seen
from benchmarks.suite.meter import Meter
from benchmarks.suite.subject import Subject
from benchmarks.suite.supervised import ROOT

ENDS_WITHIN_S = 60.0
POLL_S = 0.05
LOAD = (sys.executable, "-m", "benchmarks.suite.load")


class Unfit(Exception):
    """A load that did not run as it should; its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one load. Times in milliseconds; CPU per order, of each part and of all together."""

    orders: int
    orders_per_s: float
    cpu_ms: Mapping[str, float]
    load_cpu_ms: float
    answer_ms: list[float]
    latency_ms: list[float] = field(default_factory=list)
    event_ms: list[float] = field(default_factory=list)

    @property
    def all_cpu_ms(self) -> float:
        """CPU per order of all processes but the load generator's."""
        return sum(self.cpu_ms.values())

    def figures(self) -> dict[str, float | None]:
        """By name, as the table and the JSON file have them."""
        return {
            "orders": self.orders,
            "followed": len(self.latency_ms),
            "orders_per_s": self.orders_per_s,
            "cpu_ms": self.all_cpu_ms,
            "load_cpu_ms": self.load_cpu_ms,
            "answer_p50_ms": quantile(self.answer_ms, 0.5),
            "answer_p99_ms": quantile(self.answer_ms, 0.99),
            "latency_p50_ms": quantile(self.latency_ms, 0.5),
            "latency_p99_ms": quantile(self.latency_ms, 0.99),
            "event_p50_ms": quantile(self.event_ms, 0.5),
            "events": len(self.event_ms),
            **{f"cpu_ms_{name}": used for name, used in self.cpu_ms.items()},
        }


def measure(subject: Subject, job: Job, *, batch: int = 1) -> Measured:
    """Run a load, `batch` orders in each request. Raises: Unfit unless every order was accepted and has ended."""
    with subprocess.Popen(LOAD, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as generator:
        assert generator.stdin
        assert generator.stdout
        try:
            if generator.stdout.readline().strip() != READY:
                raise Unfit("the load generator did not start")
            with Meter(subject.roots, {subject.database.info.backend_pid}) as meter:
                generator.stdin.write(json.dumps(asdict(job)))
                generator.stdin.close()
                told = json.loads(generator.stdout.read())
                wait_for_the_end(subject)
        finally:
            generator.kill()
    seen = Seen(**told | {"followed": [Followed(**one) for one in told["followed"]]})
    if seen.wrong or not seen.answered:
        raise Unfit(f"{subject.dialect.name}: {seen.answered} requests answered, {seen.wrong}")
    orders = seen.answered * batch
    if failed := subject.failed(seen.started_at):
        raise Unfit(f"{subject.dialect.name}: {failed} of {orders} orders FAILED")
    return Measured(
        orders=orders,
        orders_per_s=orders / (subject.last_end(seen.started_at) - seen.started_at),
        cpu_ms={name: used / orders for name, used in meter.ms().items()},
        load_cpu_ms=1000 * seen.cpu_s / orders,
        answer_ms=[1000 * one for one in seen.answer_s],
        latency_ms=[1000 * (one.ended_at - one.posted_at) for one in seen.followed],
        event_ms=event_times(subject, seen.followed),
    )


def wait_for_the_end(subject: Subject) -> None:
    """Until no order is open. Raises: Unfit."""
    ends_at = time.monotonic() + ENDS_WITHIN_S
    while left := subject.open_orders():
        if time.monotonic() > ends_at:
            raise Unfit(f"{subject.dialect.name}: {left} orders have not ended after {ENDS_WITHIN_S:.0f} s")
        time.sleep(POLL_S)


def event_times(subject: Subject, followed: list[Followed]) -> list[float]:
    """Milliseconds from the commit of CONFIRMED to its event at the client, where the socket was open before it."""
    commits = subject.commits([one.order_id for one in followed]) if followed else {}
    return [
        1000 * (one.ended_at - commits[one.order_id])
        for one in followed
        if one.order_id in commits and one.opened_at < commits[one.order_id]
    ]
