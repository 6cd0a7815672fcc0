"""What orders take while Redis answers each write with an error, beside the same orders while it does not.

    make bench ARGS="refusing --seconds 120"

Orders are posted at `--rate` a second for `--seconds` without a fault, then for as long while Redis refuses, as after
a failover (`READONLY`; `--error` takes the others). Each time is from acceptance to the end by the database's clock.
Counted are also orders that are not CONFIRMED, and processes of the supervisor's list that are others than before.
"""

import argparse
import json
import time
from typing import Any

import httpx
import psycopg

from benchmarks.recovery import BODY, DELAYS
from benchmarks.suite.engine import Engine, fresh_engine
from orderengine.chaos.refusals import REFUSALS, client_of

SETTLE_S = 30.0
TOOK = """
    SELECT extract(epoch FROM e.at - o.created_at) FROM orders_order o
    JOIN orders_orderevent e ON e.order_id = o.id AND e.seq = o.seq WHERE o.status = 'CONFIRMED' AND o.created_at >= %s
"""
OTHERS = "SELECT count(*) FROM orders_order WHERE status <> 'CONFIRMED' AND created_at >= %s"


def measure(stack: Engine, http: httpx.Client, rate: float, seconds: float) -> dict[str, Any]:
    """Post at this pace, wait for the end of all, and say what they took."""
    before = stack.processes()
    with psycopg.connect(stack.database_url, autocommit=True) as database:
        began = database.execute("SELECT now()").fetchone()
        posted, refused = _post(http, rate, seconds)
        ends_at = time.monotonic() + SETTLE_S
        while (open_orders := database.execute(OTHERS, began).fetchone()) != (0,) and time.monotonic() < ends_at:
            time.sleep(0.2)
        took = sorted(float(row[0]) for row in database.execute(TOOK, began).fetchall())
    after = stack.processes()
    return {
        "orders": posted,
        "not_accepted": refused,
        "not_confirmed": open_orders[0] if open_orders else None,
        "p50_s": round(took[len(took) // 2], 2),
        "p99_s": round(took[int(len(took) * 0.99)], 2),
        "max_s": round(took[-1], 2),
        "processes_given_up": sum(after.get(name) != pid for name, pid in before.items()),
    }


def _post(http: httpx.Client, rate: float, seconds: float) -> tuple[int, int]:
    begun_at, posted, refused = time.monotonic(), 0, 0
    while posted < rate * seconds:
        time.sleep(max(0.0, begun_at + posted / rate - time.monotonic()))
        refused += http.post("/api/v1/orders", json=BODY).status_code != httpx.codes.CREATED
        posted += 1
    return posted, refused


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--error", choices=REFUSALS, default="READONLY")
    options = parser.parse_args()
    refusal = REFUSALS[options.error]
    with fresh_engine(**DELAYS) as stack, httpx.Client(base_url=stack.url, timeout=30) as http:
        _post(http, options.rate, 3.0)
        without = measure(stack, http, options.rate, options.seconds)
        client, pid = client_of(stack.servers.redis), stack.processes()["valkey"]
        refusal.begin(client, pid)
        refusing = measure(stack, http, options.rate, options.seconds)
        refusal.end(client, pid)
        afterwards = measure(stack, http, options.rate, 5.0)
    print(json.dumps({"error": options.error, "without": without, "refusing": refusing, "afterwards": afterwards}))


if __name__ == "__main__":
    main()
