"""How soon one order goes on whose worker is killed, and what a POST costs while Redis is away.

    make bench ARGS="recovery --kills 20"

Each kill is a SIGKILL of the whole worker, the only one of `make run`, at some moment of an order; counted are the
seconds from there to the order's end, the start of the next worker included. Redis is frozen, then dead, for
`--away` seconds each, while orders are posted; its supervisor starts a dead one again, so it is killed once more
whenever it is up.
"""

import argparse
import json
import os
import random
import signal
import statistics
import time
from typing import Any

import httpx

from benchmarks.suite.engine import Engine, fresh_engine

BODY = {"token_in": "SOL", "token_out": "USDC", "amount": "1.5"}
# As on a chain: there is a moment to be killed in.
DELAYS = {"SIM_BLOCK_TIME_MS": "100", "SIM_QUOTE_DELAY_MS": "40", "SIM_BUILD_DELAY_MS": "15"}
DELAYS |= {"SIM_SUBMIT_DELAY_MS": "25"}
LONGEST_S = 60.0
POST_EVERY_S = 0.05


def recovery_s(stack: Engine, http: httpx.Client, dice: random.Random) -> tuple[str, float]:
    """Kill the worker somewhere in one order; how it ended, and seconds from the kill to that."""
    order_id = http.post("/api/v1/orders", json=BODY).json()["id"]
    time.sleep(dice.uniform(0, 0.2))
    worker = stack.processes()["worker"]
    os.killpg(worker, signal.SIGKILL)
    killed_at = time.monotonic()
    while time.monotonic() - killed_at < LONGEST_S:
        order = http.get(f"/api/v1/orders/{order_id}").json()
        if order["status"] in {"CONFIRMED", "FAILED"}:
            return order["status"], time.monotonic() - killed_at
        time.sleep(0.02)
    raise SystemExit(f"order {order_id} has not ended {LONGEST_S:.0f} s after the kill")


def until_ready(stack: Engine, http: httpx.Client) -> None:
    """Wait until a worker is there and has worked: one order passes."""
    while "worker" not in stack.processes():
        time.sleep(0.05)
    order_id = http.post("/api/v1/orders", json=BODY).json()["id"]
    while http.get(f"/api/v1/orders/{order_id}").json()["status"] not in {"CONFIRMED", "FAILED"}:
        time.sleep(0.05)


def posts_while(stack: Engine, http: httpx.Client, number: int, seconds: float) -> dict[str, Any]:
    """POST at a steady pace while Redis has this signal; times in ms and the answers that are no 201."""
    times, others = [], 0
    ends_at = time.monotonic() + seconds
    hit: set[int] = set()
    while time.monotonic() < ends_at:
        valkey = stack.processes().get("valkey")
        if valkey is not None and valkey not in hit:
            hit.add(valkey)
            os.kill(valkey, number)
        started_at = time.monotonic()
        others += http.post("/api/v1/orders", json=BODY).status_code != httpx.codes.CREATED
        times.append((time.monotonic() - started_at) * 1000)
        time.sleep(max(0.0, POST_EVERY_S - (time.monotonic() - started_at)))
    if number == signal.SIGSTOP:
        for valkey in hit:
            os.kill(valkey, signal.SIGCONT)
    quantiles = statistics.quantiles(times, n=100)
    figures = {"p50_ms": quantiles[49], "p99_ms": quantiles[98], "max_ms": max(times)}
    return {"posts": len(times), "not_201": others} | {name: round(value, 1) for name, value in figures.items()}


def main() -> None:
    """Measure once on a fresh engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--away", type=float, default=10.0, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    with fresh_engine(**DELAYS) as stack, httpx.Client(base_url=stack.url, timeout=30) as http:
        until_ready(stack, http)
        times = []
        for _ in range(options.kills):
            times.append(recovery_s(stack, http, dice)[1])
            until_ready(stack, http)
        frozen = posts_while(stack, http, signal.SIGSTOP, options.away)
        until_ready(stack, http)
        dead = posts_while(stack, http, signal.SIGKILL, options.away)
        until_ready(stack, http)
    recovery = {"p50_s": statistics.median(times), "max_s": max(times)}
    recovery = {name: round(value, 2) for name, value in recovery.items()}
    print(json.dumps({"killed": {"orders": options.kills} | recovery, "redis_frozen": frozen, "redis_dead": dead}))


if __name__ == "__main__":
    main()
