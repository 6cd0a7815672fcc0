"""What those without a key can do to those who trade: orders beside 32 strangers, and memory for unread answers.

    make bench ARGS="strangers --orders 100"

Prints one JSON line. `post_p50_ms`: one POST after another while 32 clients ask for a page as fast as they are
answered, `idle_p50_ms` before and after each page without them, `ratios` the one over the mean of the others next to
it; `answered_per_s` is what the clients got. `unread_growth_mib`: how much the web process grows while clients that
never read ask for the largest file, at most and a while after they have left.
"""

import argparse
import json
import multiprocessing
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import httpx

from benchmarks.suite.engine import Engine, fresh_engine

BODY = {"token_in": "SOL", "token_out": "USDC", "amount": "1.5"}
BUNDLE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
PATHS = (
    "/api/v1/schema",
    "/api/v1/docs",
    BUNDLE,
    "/",
    "/admin/login/",
    "/ready",
    "/health",
    "/nothing",
    "/api/v1/orders",
)
# Sent with the last of them: it has the form of a key and is none.
MADE_UP = {"Authorization": "Bearer oe_test_abcdefgh_0123456789"}
PAUSE_S = 1.0
LEFT_S = 5.0


def post_p50_ms(stack: Engine, orders: int) -> float:
    """One order after another."""
    times = []
    with httpx.Client(base_url=stack.url, timeout=60) as client:
        for _ in range(orders):
            started_at = time.perf_counter()
            assert client.post("/api/v1/orders", json=BODY).status_code == 201
            times.append((time.perf_counter() - started_at) * 1000)
    return round(statistics.median(times), 1)


def ask(url: str, path: str, clients: int, count: "Synchronized[int]") -> None:
    """Ask for a page on several connections, each as fast as it is answered, until the process is ended."""

    def one() -> None:
        headers = MADE_UP if path == PATHS[-1] else {}
        with httpx.Client(base_url=url, timeout=60, headers=headers) as client:
            while True:
                with suppress(httpx.HTTPError):
                    client.get(path)
                    with count.get_lock():
                        count.value += 1

    threads = [Thread(target=one) for _ in range(clients)]
    for thread in threads:
        thread.start()


@contextmanager
def strangers(stack: Engine, path: str, clients: int) -> Iterator["Synchronized[int]"]:
    """Strangers in a process of their own; the number of answers that they got."""
    count: Synchronized[int] = multiprocessing.Value("q", 0)
    process = multiprocessing.Process(target=ask, args=(stack.url, path, clients, count), daemon=True)
    process.start()
    try:
        time.sleep(PAUSE_S)
        yield count
    finally:
        process.kill()
        process.join()
        time.sleep(PAUSE_S)


def rss_mib(pid: int) -> float:
    """Resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def unread(stack: Engine, clients: int, watch_s: float) -> dict[str, float]:
    """Growth of the web process by clients that ask for the largest file and never read."""
    pid, address = stack.processes()["web"], urlsplit(stack.url)
    for _ in range(20):
        httpx.get(stack.url + BUNDLE)
    before, most, opened = rss_mib(pid), 0.0, []
    for _ in range(clients):
        one = socket.create_connection((address.hostname, address.port or 80))
        one.sendall(f"GET {BUNDLE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        opened.append(one)
    ends_at = time.monotonic() + watch_s
    while time.monotonic() < ends_at:
        most = max(most, rss_mib(pid))
        time.sleep(0.1)
    for one in opened:
        one.close()
    time.sleep(LEFT_S)
    return {"before": round(before, 1), "most": round(most - before, 1), "left": round(rss_mib(pid) - before, 1)}


def measure(stack: Engine, options: argparse.Namespace) -> dict[str, object]:
    """All of it on one engine."""
    idle = [post_p50_ms(stack, options.orders) for _ in range(2)][1:]  # the first warms it up
    p50: dict[str, float] = {}
    ratios: dict[str, float] = {}
    answered: dict[str, float] = {}
    for path in options.paths:
        httpx.get(stack.url + path, timeout=60)  # what is made once is not counted
        with strangers(stack, path, options.clients) as count:
            started_at, before = time.monotonic(), count.value
            p50[path] = post_p50_ms(stack, options.orders)
            answered[path] = round((count.value - before) / (time.monotonic() - started_at), 1)
        idle.append(post_p50_ms(stack, options.orders))
        ratios[path] = round(2 * p50[path] / (idle[-2] + idle[-1]), 2)
    return {
        "strangers": options.clients,
        "post_p50_ms": p50,
        "idle_p50_ms": idle,
        "ratios": ratios,
        "answered_per_s": answered,
        "unread_clients": options.unread,
        "unread_growth_mib": unread(stack, options.unread, options.watch),
    }


def main() -> None:
    """Measure once on a fresh engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=100)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--unread", type=int, default=300)
    parser.add_argument("--watch", type=float, default=20.0, help="seconds for which those who never read are watched")
    parser.add_argument("--paths", nargs="*", default=PATHS)
    options = parser.parse_args()
    with fresh_engine() as stack:
        print(json.dumps(measure(stack, options)))


if __name__ == "__main__":
    main()
