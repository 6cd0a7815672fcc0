"""One order at a time: milliseconds from the POST to CONFIRMED as its WebSocket shows it, delays zero.

    make bench ARGS="latency --orders 200"

Each order opens a socket of its own after its POST was answered, as a client that knows no other way would do;
`execution` is the engine's own part, from the order's first event to its last, by the database's clock.
"""

import argparse
import asyncio
import json
import statistics
import time
from typing import Any

import httpx
from websockets.asyncio.client import connect

from benchmarks.suite.engine import fresh_engine

BODY = {"token_in": "SOL", "token_out": "USDC", "amount": "1.5"}


async def one(client: httpx.AsyncClient, url: str) -> tuple[float, float, float]:
    """Place and follow one order: ms to the answer, to CONFIRMED seen, and of execution alone."""
    started_at = time.perf_counter()
    answer = await client.post("/api/v1/orders", json=BODY)
    answered_ms = (time.perf_counter() - started_at) * 1000
    address = f"{url.replace('http', 'ws', 1)}/orders/{answer.json()['id']}?after=0"
    took_ms = 0
    async with connect(address) as socket:
        async for message in socket:
            event: dict[str, Any] = json.loads(message)
            took_ms += event.get("took_ms", 0)
            if event.get("status") == "CONFIRMED":
                return answered_ms, (time.perf_counter() - started_at) * 1000, took_ms
            assert event.get("status") != "FAILED", event
    raise AssertionError("the socket closed before the order was CONFIRMED")


async def measure(url: str, orders: int, warmup: int) -> dict[str, Any]:
    """Run orders one after another."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        for _ in range(warmup):
            await one(client, url)
        times = [await one(client, url) for _ in range(orders)]
    names = ("answered_ms", "confirmed_seen_ms", "execution_ms")
    return {"orders": orders} | {
        name: {"p50": round(statistics.median(column), 1), "p99": round(statistics.quantiles(column, n=100)[98], 1)}
        for name, column in zip(names, zip(*times, strict=True), strict=True)
    }


def main() -> None:
    """Measure once on a fresh engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--warmup", type=int, default=30)
    options = parser.parse_args()
    with fresh_engine() as stack:
        print(json.dumps(asyncio.run(measure(stack.url, options.orders, options.warmup))))


if __name__ == "__main__":
    main()
