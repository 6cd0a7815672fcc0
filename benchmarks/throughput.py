"""Orders per second from the first POST to the last CONFIRMED, in batches, everything included.

    make bench ARGS="throughput --orders 20000 --batch 100"

Prints one JSON line. `orders_per_s` counts from the first POST sent to the last order CONFIRMED by the
database's clock; `cpu_ms_per_order` is the processes' own accounting; `sessions` is the most PostgreSQL
sessions seen.
"""

import argparse
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg

from benchmarks.suite.engine import Engine, fresh_engine

PAIRS = (("SOL", "USDC", "1.5"), ("USDC", "SOL", "200"), ("ETH", "USDC", "0.05"), ("USDC", "ETH", "150"))
TICKS = os.sysconf("SC_CLK_TCK")
TIMEOUT_S = 300
# The conditions of the order table's partial indexes (orders/models/due.py).
OPEN = (
    "status IN ('PENDING', 'ROUTING')",
    "status = 'BUILDING' AND tx_hash IS NULL",
    "status = 'BUILDING' AND tx_hash IS NOT NULL",
    "status = 'SUBMITTED'",
)


def bodies(orders: int, batch: int) -> list[bytes]:
    """Ready-made request bodies, alternating pairs and directions."""
    items = [dict(zip(("token_in", "token_out", "amount"), PAIRS[i % len(PAIRS)], strict=True)) for i in range(orders)]
    return [json.dumps({"orders": items[i : i + batch]}).encode() for i in range(0, orders, batch)]


def cpu_by_name(stack: Engine) -> dict[str, float]:
    """CPU seconds of each kept process with all its descendants, living or reaped."""
    parents: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
            used[int(entry.name)] = sum(map(int, fields[11:15])) / TICKS

    def total(pid: int) -> float:
        return used.get(pid, 0.0) + sum(total(child) for child in parents.get(pid, ()))

    return {name: total(pid) for name, pid in stack.processes().items()}


class Sessions(threading.Thread):
    """Notes the most PostgreSQL sessions there were at a time."""

    def __init__(self, stack: Engine) -> None:
        super().__init__(daemon=True)
        self.stack, self.most, self.is_over = stack, 0, threading.Event()

    def run(self) -> None:
        with psycopg.connect(self.stack.database_url, autocommit=True) as database:
            while not self.is_over.wait(0.25):
                row = database.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                ).fetchone()
                assert row
                self.most = max(self.most, row[0])


def wait_until_all_ended(database: psycopg.Connection) -> None:
    """Ask the stages' own indexes, so that asking costs nothing."""
    nobody_due = " AND ".join(f"NOT EXISTS (SELECT FROM orders_order WHERE {found})" for found in OPEN)
    ends_at = time.monotonic() + TIMEOUT_S
    while time.monotonic() < ends_at:
        row = database.execute(f"SELECT {nobody_due}").fetchone()
        if row and row[0]:
            return
        time.sleep(0.1)


def measure(stack: Engine, orders: int, batch: int, clients: int) -> dict[str, object]:
    """Post everything, wait for the end, and read the figures out of the rows."""
    requests = bodies(orders, batch)
    sessions = Sessions(stack)
    before = cpu_by_name(stack)
    with (
        psycopg.connect(stack.database_url, autocommit=True) as database,
        httpx.Client(base_url=stack.url, timeout=60, headers={"Content-Type": "application/json"}) as client,
    ):
        sessions.start()
        # One machine, one clock: the database's times and ours can be compared.
        started_at = time.time()

        def post(body: bytes) -> int:
            return client.post("/api/v1/orders/batch", content=body).status_code

        with ThreadPoolExecutor(clients) as pool:
            codes = set(pool.map(post, requests))
        posted_s = time.time() - started_at
        wait_until_all_ended(database)
        sessions.is_over.set()
        after = cpu_by_name(stack)
        rows = database.execute(
            "SELECT coalesce(outcome, status), count(*), extract(epoch FROM max(updated_at))::float8"
            " FROM orders_order WHERE created_at >= to_timestamp(%s) GROUP BY 1",
            [started_at],
        ).fetchall()
    took_s = max(row[2] for row in rows) - started_at
    return {
        "orders": orders,
        "batch": batch,
        "codes": sorted(codes),
        "outcomes": {outcome: count for outcome, count, _ in rows},
        "posted_s": round(posted_s, 2),
        "took_s": round(took_s, 2),
        "orders_per_s": round(orders / took_s),
        "sessions": sessions.most,
        "cpu_ms_per_order": {
            name: round((after[name] - before.get(name, 0)) * 1000 / orders, 3) for name in sorted(after)
        },
    }


def main() -> None:
    """Measure once on a fresh engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4, help="requests in flight")
    parser.add_argument("--warmup", type=int, default=500)
    options = parser.parse_args()
    with fresh_engine() as stack:
        if options.warmup:
            measure(stack, options.warmup, options.batch, options.clients)
        print(json.dumps(measure(stack, options.orders, options.batch, options.clients)))


if __name__ == "__main__":
    main()
