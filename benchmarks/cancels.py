"""How many orders get a new signature after their cancel was accepted: none should.

    make bench ARGS="cancels --orders 300"

Every order is undone by the chain for its price, so that it is routed and signed again until its attempts are used
up, and is cancelled at a random moment of that. Counted are the answers, and the swaps that were signed after a cancel
was stored, both by the database's clock.
"""

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from typing import Any

import httpx
import psycopg

from benchmarks.suite.engine import fresh_engine

BODY = {"token_in": "SOL", "token_out": "USDC", "amount": "1.5", "sim": {"scenario": "slippage"}}
# As on a chain: there are moments between two steps.
DELAYS = {"SIM_BLOCK_TIME_MS": "100", "SIM_QUOTE_DELAY_MS": "40", "SIM_BUILD_DELAY_MS": "15"}
DELAYS |= {"SIM_SUBMIT_DELAY_MS": "25"}
AT_ONCE = 20
CANCEL_WITHIN_S = 1.5
ENDS_WITHIN_S = 120.0
SIGNED_AFTER = """
    SELECT count(DISTINCT o.id), count(DISTINCT o.id) FILTER (WHERE o.status = 'CONFIRMED')
    FROM orders_order o JOIN orders_submission s ON s.order_id = o.id
    JOIN orders_signedtransaction t ON t.submission_id = s.id
    WHERE NOT t.is_noop AND t.created_at > o.cancel_requested_at
"""
OPEN = "SELECT count(*) FROM orders_order WHERE status NOT IN ('CONFIRMED', 'FAILED')"
OUTCOMES = "SELECT outcome, count(*) FROM orders_order GROUP BY 1 ORDER BY 1"


async def place_and_cancel(url: str, count: int, dice: random.Random) -> Counter[int]:
    """The answers to the cancels, by status."""
    answers: Counter[int] = Counter()
    turn = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:

        async def one(wait_s: float) -> None:
            async with turn:
                order_id = (await http.post("/api/v1/orders", json=BODY)).json()["id"]
                await asyncio.sleep(wait_s)
                answers[(await http.delete(f"/api/v1/orders/{order_id}")).status_code] += 1

        await asyncio.gather(*(one(dice.uniform(0, CANCEL_WITHIN_S)) for _ in range(count)))
    return answers


def books(database_url: str) -> dict[str, Any]:
    """What the rows say once every order has ended."""
    with psycopg.connect(database_url, autocommit=True) as database:
        ends_at = time.monotonic() + ENDS_WITHIN_S
        while database.execute(OPEN).fetchone() != (0,):
            if time.monotonic() > ends_at:
                raise SystemExit(f"orders have not ended after {ENDS_WITHIN_S:.0f} s")
            time.sleep(0.2)
        row = database.execute(SIGNED_AFTER).fetchone()
        assert row is not None
        outcomes: dict[str, int] = dict(database.execute(OUTCOMES).fetchall())
    return {"signed_after_cancel": row[0], "of_these_filled": row[1], "outcomes": outcomes}


def main() -> None:
    """Measure once on a fresh engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with fresh_engine(**DELAYS, WORKER_CONCURRENCY="4") as stack:
        answers = asyncio.run(place_and_cancel(stack.url, options.orders, random.Random(options.seed)))
        found = books(stack.database_url)
    print(json.dumps({"orders": options.orders, "answers": dict(sorted(answers.items()))} | found))


if __name__ == "__main__":
    main()
