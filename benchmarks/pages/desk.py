"""The desk in a browser: first paint with data, updates a second, memory. Needs Chromium, and `make setup-dev` once.

    make bench ARGS="pages.desk --orders 10000"

On an engine of its own. `first_rows_ms`: from the begin of a navigation until rows of orders are painted, in a browser
that has nothing of the page yet, with one order stored and with many: median and longest of the loads. `updates`:
events of the account stream, made in the page itself at an even pace, on the 60 rows: seconds until the last is painted
(2 is ideal) and frames a second meanwhile. `heap_mb`: after garbage collection, as new orders run through all their
statuses. Prints one JSON line.
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from benchmarks.suite.engine import ORDERS, fresh_engine

try:
    from playwright.sync_api import Browser, Page
except ModuleNotFoundError as missing:
    raise SystemExit(f"error: {missing}.\n  Way out: make setup-dev") from missing

from orderengine.tests.e2e.chromium import chromium
from orderengine.tests.e2e.desk import WIDE

BATCH = 500
LIVE: list[tuple[str, str | int | float | bool | None]] = [
    *(("status", status) for status in ("PENDING", "ROUTING", "BUILDING", "SUBMITTED")),
    ("limit", "1"),
]
TIMEOUT_MS = 120_000
# Notes when the first row of an order has been painted: the frame after it was put there has begun.
NOTE_ROWS = """() => {
  new MutationObserver((_, observer) => {
    if (!document.querySelector('#rows tr[data-id]')) return;
    observer.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => { window.firstRows = performance.now(); }));
  }).observe(document, { subtree: true, childList: true });
}"""
AWAIT_ROWS = """() => new Promise((resolve) => {
  const look = () => (window.firstRows ? resolve(window.firstRows) : setTimeout(look, 5));
  look();
})"""
# Takes the place of the account stream's socket: `feed` hands it messages. All other sockets stay what they are.
FEED = """() => {
  const Original = window.WebSocket;
  window.WebSocket = class extends Original {
    constructor(address) {
      if (!address.includes('/ws/v1/stream')) return new Original(address);
      const socket = { readyState: 1, send() {}, close() {} };
      window.feed = (message) => socket.onmessage({ data: JSON.stringify(message) });
      setTimeout(() => window.feed({ type: 'hello', resumed: true, cursor: '0' }));
      return socket;
    }
  };
  window.makeEvent = (cursor, id, seq, status) => ({
    type: 'event', cursor: String(cursor), order_id: id, seq, status, attempt: 1, took_ms: 1, data: {},
    outcome: status === 'CONFIRMED' ? 'filled' : null, at: new Date().toISOString(),
  });
}"""
# `updates` events over `ms`, spread over the rows that are shown; resolves when the last has been painted.
RUN_UPDATES = """({ updates, ms }) => new Promise((resolve) => {
  const ids = [...document.querySelectorAll('#rows tr[data-id]')].map((row) => row.dataset.id);
  const statuses = ['ROUTING', 'BUILDING', 'SUBMITTED'];
  const from = performance.now();
  let sent = 0, frames = 0, last = from, longest = 0;
  const frame = (now) => {
    frames += 1;
    longest = Math.max(longest, now - last);
    last = now;
    if (sent < updates) return requestAnimationFrame(frame);
    const took = performance.now() - from;
    resolve({ seconds: took / 1000, fps: frames / (took / 1000), longest_frame_ms: longest });
  };
  const step = () => {
    const due = Math.min(updates, Math.floor(((performance.now() - from) / ms) * updates));
    for (; sent < due; sent += 1) {
      const round = Math.floor(sent / ids.length);
      window.feed(window.makeEvent(sent + 1, ids[sent % ids.length], 100 + round, statuses[round % 3]));
    }
    if (sent < updates) setTimeout(step, 1);
  };
  requestAnimationFrame(frame);
  step();
})"""
# As many events, of new orders from their first to their last; a pause after each hundred lets the page paint.
RUN_ORDERS = """async ({ updates, begin }) => {
  const way = ['PENDING', 'ROUTING', 'BUILDING', 'SUBMITTED', 'CONFIRMED'];
  for (let n = begin; n < begin + updates; n += 1) {
    const id = `00000000-0000-7000-8000-${String(Math.floor(n / 5)).padStart(12, '0')}`;
    window.feed(window.makeEvent(10000 + n, id, (n % 5) + 1, way[n % 5]));
    if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
}"""


def main() -> None:
    """Measure, and print one JSON line."""
    parser = argparse.ArgumentParser(prog="desk", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000, help="stored for the second series of loads")
    parser.add_argument("--loads", type=int, default=9, help="of the page, in each series")
    parser.add_argument("--updates", type=int, default=100_000, help="while memory is watched")
    chosen = parser.parse_args()
    with fresh_engine() as engine, chromium() as browser, httpx.Client(base_url=engine.url, timeout=60) as api:
        place(api, 1)
        found: dict[str, Any] = {"first_rows_ms": {"1 order": first_rows(browser, engine.url, chosen.loads)}}
        place(api, chosen.orders - 1)
        found["first_rows_ms"][f"{chosen.orders:,} orders"] = first_rows(browser, engine.url, chosen.loads)
        found["updates"] = updates(browser, engine.url)
        found["heap_mb"] = heap(browser, engine.url, chosen.updates)
    print(json.dumps(found))


def place(api: httpx.Client, orders: int) -> None:
    """Place orders in batches, and wait for their end."""
    bodies = [json.loads(ORDERS[n % len(ORDERS)]) for n in range(orders)]
    for begin in range(0, orders, BATCH):
        api.post("/api/v1/orders/batch", json={"orders": bodies[begin : begin + BATCH]}).raise_for_status()
    while api.get("/api/v1/orders", params=LIVE).json()["results"]:
        pass


@contextmanager
def page_of(browser: Browser, *scripts: str) -> Iterator[Page]:
    """A page in a context without cache or storage, with these scripts before its own."""
    context = browser.new_context(viewport=WIDE)
    try:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        for script in scripts:
            page.add_init_script(f"({script})()")
        yield page
    finally:
        context.close()


def first_rows(browser: Browser, url: str, loads: int) -> dict[str, float]:
    """Median and longest of the loads in milliseconds; one before them warms the engine up."""
    took = []
    for _ in range(loads + 1):
        with page_of(browser, NOTE_ROWS) as page:
            page.goto(url)
            took.append(page.evaluate(AWAIT_ROWS))
    return {"median": round(statistics.median(took[1:])), "longest": round(max(took[1:]))}


def updates(browser: Browser, url: str) -> dict[str, float]:
    """2,000 in 2 seconds on 60 rows."""
    with page_of(browser, FEED) as page:
        page.goto(url)
        page.wait_for_selector("#rows tr[data-id]")
        page.wait_for_timeout(1_000)
        figures = page.evaluate(RUN_UPDATES, {"updates": 2_000, "ms": 2_000})
    return {name: round(value, 2) for name, value in figures.items()}


def heap(browser: Browser, url: str, updates: int) -> dict[str, float]:
    """Megabytes after a tenth of the updates, which warm the page up, and after each further third of them."""
    with page_of(browser, FEED) as page:
        page.goto(url)
        page.wait_for_selector("#rows tr[data-id]")
        session = page.context.new_cdp_session(page)
        done, measured = 0, {}
        for share in (10, 3, 3, 3):
            size = updates // share // 5 * 5
            page.evaluate(RUN_ORDERS, {"updates": size, "begin": done})
            done += size
            page.wait_for_timeout(2_000)  # until the last refresh has ended
            session.send("HeapProfiler.collectGarbage")
            measured[f"{done:,} updates"] = round(session.send("Runtime.getHeapUsage")["usedSize"] / 1e6, 2)
    return measured


if __name__ == "__main__":
    main()
