"""The rows of the table: what each compares, and what is asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.suite.figures import Goal, Verdict, median, ratio

# By side, then by name: what each alternation has given.
Figures = Mapping[str, Mapping[str, Sequence[float | None]]]
OURS, PEER = "ours", "peer"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both sides. `of` is what the goal speaks of: their ratio, or our own figure alone.

    `peers` is the peer's figure to compare with, where that is another one.
    """

    name: str
    label: str
    unit: str
    goal: Goal | None = None
    of: Literal["ratio", "ours"] = "ratio"
    peers: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A row with its medians."""

    row: Row
    ours: float | None
    peers: float | None
    ratio: float | None
    verdict: Verdict


ROWS = (
    Row("single.orders_per_s", "one order per request, 50 connections", "orders/s", Goal(1.0, 0.85, more=True)),
    Row("single.cpu_ms", "the same, CPU per order, all processes", "ms", Goal(0.8, 1.0)),
    Row("followed.latency_p50_ms", "20 orders/s, each followed: POST to CONFIRMED, p50", "ms", Goal(1.0, 1.5)),
    Row("followed.latency_p99_ms", "the same, p99", "ms", Goal(1.0, 1.3)),
    Row("followed.cpu_ms", "the same, CPU per order", "ms", Goal(1.0, 1.4)),
    Row("followed.event_p50_ms", "event at the client after its commit, p50", "ms", Goal(1.0, 2.0)),
    Row(
        "batch.orders_per_s",
        "100 orders per request (peer: one, 50 connections)",
        "orders/s",
        Goal(3.0, 2.0, more=True),
        peers="single.orders_per_s",
    ),
    Row("batch.cpu_ms", "the same, CPU per order", "ms", Goal(0.5, 0.7), of="ours", peers="single.cpu_ms"),
    Row("delayed.latency_p50_ms", "100 ms in quote, build, submit; 200 orders/s: p50", "ms", Goal(1.1, 1.1)),
    Row("statements.transactions", "transactions per single order", "", Goal(7, 7), of="ours"),
    Row("statements.statements", "statements per single order", "", Goal(14, 14), of="ours"),
    Row("statements.parses", "parses per single order", ""),
    Row("idle.transactions", "transactions per second, idle", "1/s", Goal(3, 3), of="ours"),
    Row("growth.worker_ratio", "worker CPU per order, last orders / first 10,000", "x", Goal(1.05, 1.05), of="ours"),
    Row("sockets.kb_each", "WebSockets on two web processes: memory of each", "kB", Goal(60, 60), of="ours"),
    Row("sockets.delivery_p50_ms", "1,000 events/s to them, after their commits: p50", "ms"),
    Row("sockets.delivery_p99_ms", "the same, p99", "ms", Goal(250, 250), of="ours"),
    Row("bare.share", "batches, of what bare SQL of the same rows does", "x", Goal(0.5, 0.5, more=True), of="ours"),
)


def results(figures: Figures) -> list[Result]:
    """Each row's medians, their ratio and how it stands."""
    return [_result(row, figures) for row in ROWS]


def _result(row: Row, figures: Figures) -> Result:
    ours = median(figures.get(OURS, {}).get(row.name, []))
    peers = median(figures.get(PEER, {}).get(row.peers or row.name, []))
    compared = ratio(ours, peers)
    verdict = row.goal.verdict(compared if row.of == "ratio" else ours) if row.goal else ""
    return Result(row, ours, peers, compared, verdict)
