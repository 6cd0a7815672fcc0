"""What becomes of orders while the chain is away, and how soon they go on once it is back.

    make bench ARGS="outage --away 30"

Orders come at a steady pace before, during and after it; every other one has a time limit of an hour (`gtd`), the rest
the default. Counted are orders that have not ended `filled`, and, of those that were accepted while the chain was away,
the seconds from its return to their end by the database's clock.
"""

import argparse
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.suite.engine import fresh_engine
from orderengine.chaos.hooks import VARIABLE
from orderengine.chaos.outage import take_away

BODY = {"token_in": "SOL", "token_out": "USDC", "amount": "1.5"}
DELAYS = {"SIM_BLOCK_TIME_MS": "100", "SIM_QUOTE_DELAY_MS": "40", "SIM_BUILD_DELAY_MS": "15"}
DELAYS |= {"SIM_SUBMIT_DELAY_MS": "25"}
BEFORE_S, AFTER_S = 2.0, 2.0
ENDS_WITHIN_S = 60.0
OPEN = "SELECT count(*) FROM orders_order WHERE status NOT IN ('CONFIRMED', 'FAILED')"
ENDS = """
    SELECT coalesce(terms ->> 'time_in_force', 'ioc'), outcome, attempt, seq, extract(epoch FROM created_at)::float8,
           extract(epoch FROM updated_at)::float8
    FROM orders_order
"""


def post_at(http: httpx.Client, rate: float, until: float, number: int) -> int:
    """Post at this pace until then; the number of the next order."""
    while time.time() < until:
        started_at = time.monotonic()
        body: dict[str, Any] = dict(BODY)
        if number % 2:
            body |= {"time_in_force": "gtd", "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        http.post("/api/v1/orders", json=body).raise_for_status()
        number += 1
        time.sleep(max(0.0, 1 / rate - (time.monotonic() - started_at)))
    return number


def ends(database_url: str) -> list[tuple[Any, ...]]:
    """How every order stands once all have ended, or the time is up."""
    with psycopg.connect(database_url, autocommit=True) as database:
        ends_at = time.monotonic() + ENDS_WITHIN_S
        while database.execute(OPEN).fetchone() != (0,) and time.monotonic() < ends_at:
            time.sleep(0.2)
        return database.execute(ENDS).fetchall()


def main() -> None:
    """Measure once on a fresh engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--away", type=float, default=30.0, help="seconds")
    parser.add_argument("--rate", type=float, default=10.0, help="orders a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        faults = {"seed": 1, "directory": directory, "skipped": 0, "doubled": 0, "late": 0}
        environment = {"DJANGO_SETTINGS_MODULE": "orderengine.chaos.settings", VARIABLE: json.dumps(faults)}
        with fresh_engine(**DELAYS, **environment) as stack, httpx.Client(base_url=stack.url, timeout=30) as http:
            number = post_at(http, options.rate, time.time() + BEFORE_S, 0)
            went_at = time.time()
            back_at = take_away(Path(directory), options.away)
            number = post_at(http, options.rate, back_at + AFTER_S, number)
            found = ends(stack.database_url)
    waited = sorted(ended - back_at for *_, created, ended in found if went_at <= created < back_at)
    answer = {
        "away_s": options.away,
        "orders": number,
        "while_away": len(waited),
        "not_filled": {kind: sum(row[1] != "filled" for row in found if row[0] == kind) for kind in ("gtd", "ioc")},
        "most_attempts": max(row[2] for row in found),
        "most_events": max(row[3] for row in found),
        "end_after_return_s": {
            "p50": round(statistics.median(waited), 2),
            "p99": round(waited[int(len(waited) * 0.99)], 2),
            "max": round(waited[-1], 2),
        },
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
