"""Which statements one order sends to PostgreSQL, in their sequence, and how many of each kind.

    make bench ARGS="statements --list"

A proxy on loopback stands between a fresh engine and its PostgreSQL and reads the wire protocol. Orders are placed one
at a time. Means are of all of them, less what the idle engine does in as long a time; a line of the list that the idle
engine sends too is marked `idle`. `parsed` says that the statement's text was sent and parsed for this execution. The
proxy slows each round trip, so times tell where an order waits and are not to be compared with other runs.
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psycopg
from websockets.sync.client import connect

from benchmarks.suite.engine import ORDERS, PLACED, Engine, engine
from benchmarks.suite.processes import parents, root_of
from benchmarks.suite.proxy import Proxy
from benchmarks.suite.servers import shared_servers
from benchmarks.suite.wire import Counts, Event, count

ENDS_WITHIN_S = 20.0
# What an order leaves to be done after its last event, such as releasing what was reserved.
AFTER_S = 0.15
BETWEEN_S = 0.2
POLL_S = 0.005
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Window:
    """The time from a POST to what its order's end still causes."""

    started_at: float
    ended_at: float
    ends_at: float


def place(client: httpx.Client, database: psycopg.Connection, stack: Engine, number: int, *, follow: bool) -> Window:
    """Place one order and wait for its end, which is read past the proxy."""
    started_at = time.monotonic()
    answer = client.post(PLACED, content=ORDERS[number % len(ORDERS)], headers=JSON)
    answer.raise_for_status()
    order_id = answer.json()["id"]
    if follow:
        with connect(stack.socket(order_id)) as socket:
            while json.loads(socket.recv(ENDS_WITHIN_S)).get("status") not in {"CONFIRMED", "FAILED"}:
                pass
    while not _has_ended(database, order_id):
        if time.monotonic() > started_at + ENDS_WITHIN_S:
            raise SystemExit(f"error: order {order_id} has not ended after {ENDS_WITHIN_S:.0f} s")
        time.sleep(POLL_S)
    ended_at = time.monotonic()
    time.sleep(AFTER_S)
    window = Window(started_at, ended_at, time.monotonic())
    time.sleep(BETWEEN_S)
    return window


def _has_ended(database: psycopg.Connection, order_id: str) -> bool:
    row = database.execute("SELECT status IN ('CONFIRMED', 'FAILED') FROM orders_order WHERE id = %s", [order_id])
    found = row.fetchone()
    return bool(found and found[0])


def listed(events: list[Event], window: Window, idle: set[str], names: dict[int, str], width: int) -> Iterator[str]:
    """Lines for people, in the order in which the statements were sent."""
    yield f"{'#':>4} {'ms':>7} {'took':>6}  {'process':<10} {'result':<12} statement"
    number = 0
    for event in sorted((one for one in events if one.kind == "statement"), key=lambda one: one.at):
        number += not event.is_delimiter
        text = " ".join(event.text.split())
        marks = "".join(f"[{mark}] " for mark, holds in _marks(event, idle) if holds)
        shown = "" if event.is_delimiter else number
        times = f"{1000 * (event.at - window.started_at):7.1f} {1000 * event.took_s:6.2f}"
        name = names.get(event.session, "?")
        yield f"{shown:>4} {times}  {name:<10} {event.tag:<12} {marks}{text[:width] if width else text}"


def _marks(event: Event, idle: set[str]) -> Iterator[tuple[str, bool]]:
    yield "parsed", event.is_parsed and not event.is_delimiter
    yield "idle", event.text in idle and not event.is_delimiter


def main() -> None:
    """Measure once on a fresh engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=30)
    parser.add_argument("--idle", type=float, default=10.0, help="seconds that the idle engine is watched")
    parser.add_argument("--follow", action="store_true", help="each order is followed on a WebSocket of its own")
    parser.add_argument("--list", action="store_true", help="every statement of one order, the median one")
    parser.add_argument("--width", type=int, default=160, help="characters of each statement; 0: all")
    options = parser.parse_args()
    with (
        shared_servers() as servers,
        Proxy(servers.database_url) as proxy,
        engine(servers, database_url=proxy.url()) as stack,
        psycopg.connect(servers.database_url, autocommit=True) as database,
        httpx.Client(base_url=stack.url, timeout=30) as client,
    ):
        for number in range(options.warmup):
            place(client, database, stack, number, follow=options.follow)
        quiet_from = time.monotonic()
        time.sleep(options.idle)
        idle_events = proxy.since(quiet_from)
        windows = [place(client, database, stack, number, follow=options.follow) for number in range(options.orders)]
        report(proxy, windows, idle_events, options, name_sessions(proxy, stack))


def name_sessions(proxy: Proxy, stack: Engine) -> dict[int, str]:
    """The engine's process that each session belongs to, by name."""
    roots = {pid: name for name, pid in stack.processes().items()}
    above = parents()
    return {session: roots.get(root_of(pid, roots, above), "gone") for session, pid in proxy.processes.items()}


def report(
    proxy: Proxy, windows: list[Window], idle_events: list[Event], options: argparse.Namespace, names: dict[int, str]
) -> None:
    """Print the list, where it is asked for, and the means as one JSON line."""
    idle = count(idle_events).scaled(1 / options.idle)
    found = [proxy.since(window.started_at, window.ends_at) for window in windows]
    if options.list:
        sizes = [count(events).statements for events in found]
        chosen = sizes.index(statistics.median_low(sizes))
        texts = {event.text for event in idle_events if event.kind == "statement"}
        print("\n".join(listed(found[chosen], windows[chosen], texts, names, options.width)))
    mean = Counts()
    for window, events in zip(windows, found, strict=True):
        own = count(events).less(idle, window.ends_at - window.started_at)
        mean = mean.scaled(1.0, own, 1 / len(windows))
    took = statistics.median(1000 * (window.ended_at - window.started_at) for window in windows)
    print(
        json.dumps(
            {
                "orders": len(windows),
                "followed": options.follow,
                "per_order": mean.rounded(),
                "idle_per_s": idle.rounded(),
                "through_the_proxy_ms": round(took, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
