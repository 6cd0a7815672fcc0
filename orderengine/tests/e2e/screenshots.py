"""Pictures of the desk and the admin for the documents: `make screenshots` writes docs/images/*.webp.

An engine of its own gets the same orders each time; ids and times differ from run to run.
"""

import base64
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, ViewportSize, expect

from orderengine.devstack.environment import free_port
from orderengine.tests.conftest import state_directory
from orderengine.tests.e2e.chromium import chromium
from orderengine.tests.e2e.desk import NARROW, Desk, desk_page
from orderengine.tests.engines import FAST, ROOT, Engine, until

IMAGES = ROOT / "docs" / "images"
SIZE = ViewportSize(width=1440, height=900)
MOST_BYTES = 120_000
# The best first.
QUALITIES = (82, 74, 66)
# Other traders, so that prices are not the same from first to last.
SETTINGS = FAST | {"SIM_NOISE_TRADES": "2", "SIM_BLOCK_TIME_MS": "200"}
SWAP = {"token_in": "SOL", "token_out": "USDC"}
# In the order in which they are placed; those that end are waited for before the next is.
ORDERS: tuple[dict[str, Any], ...] = (
    {**SWAP, "amount": "1200"},
    {"token_in": "ETH", "token_out": "USDC", "amount": "4.2"},
    {"token_in": "USDC", "token_out": "SOL", "amount": "12500"},
    {**SWAP, "amount": "90", "sim": {"scenario": "slippage"}},
    {"token_in": "BTC", "token_out": "USDT", "amount": "0.75"},
    {"token_in": "SOL", "token_out": "BONK", "amount": "40"},
    {**SWAP, "amount": "20000", "side": "exact_out"},
    {"token_in": "JUP", "token_out": "USDC", "amount": "8000"},
    {**SWAP, "amount": "120", "type": "twap", "twap": {"slices": 3, "interval_s": 1}},
    {"token_in": "ETH", "token_out": "SOL", "amount": "12"},
    {**SWAP, "amount": "50", "type": "limit", "limit_price": "150"},
    {**SWAP, "amount": "400", "type": "stop", "trigger_price": "132"},
    {"token_in": "USDC", "token_out": "ETH", "amount": "15000", "type": "limit", "limit_price": "0.00036"},
    {**SWAP, "amount": "5000"},
)
ENDED = ("CONFIRMED", "FAILED")


def main() -> None:
    """Take all pictures, and fail where one is too large to be kept."""
    with engine() as started, ExitStack() as opened:
        api = opened.enter_context(httpx.Client(base_url=started.url, timeout=20))
        until(lambda: api.get("/ready").status_code == 200, 60)
        orders = [place(api, body) for body in ORDERS]
        # Prices are noted every 15 seconds.
        until(lambda: any(each["market"] for each in prices(api)), 60)
        browser = opened.enter_context(chromium())

        def desk(scheme: str, size: ViewportSize = SIZE) -> Desk:
            page = desk_page(browser, f"{started.url}/", api, color_scheme=scheme, viewport=size)
            return opened.enter_context(page).open()

        light = desk("light")
        light.fill("25000")
        expect(light.page.locator("#quote")).to_contain_text("Saved vs")
        take(light.page, "desk")

        dark = desk("dark")
        dark.fill("25000")
        expect(dark.page.locator("#quote")).to_contain_text("Saved vs")
        dark.show(orders[-1]["id"])
        expect(dark.drawer).to_contain_text("Explained")
        take(dark.page, "desk-order")

        phone = desk("dark", NARROW)
        phone.fill("250")
        expect(phone.page.locator("#quote")).to_contain_text("Saved vs")
        take(phone.page, "desk-phone")


def prices(api: httpx.Client) -> list[dict[str, Any]]:
    """The points of the price chart."""
    after = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    found: list[dict[str, Any]] = api.get("/api/v1/prices", params={"pair": "SOL/USDC", "after": after}).json()[
        "results"
    ]
    return found


@contextmanager
def engine() -> Iterator[Engine]:
    """One of its own."""
    with state_directory() as state:
        started = Engine(state, PORT=str(free_port()), **SETTINGS).until_up()
        try:
            yield started
        finally:
            started.stop()


def place(api: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    """Place an order, and wait for its end unless it waits for a price."""
    answer = api.post("/api/v1/orders", json=body)
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    if order["type"] in ("market", "twap"):
        until(lambda: api.get(f"/api/v1/orders/{order['id']}").json()["status"] in ENDED, 30)
    return order


def take(page: Page, name: str) -> None:
    """What the page shows now, as a file below docs/images. Raises: SystemExit."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(700)  # until the last refresh is painted
    session = page.context.new_cdp_session(page)
    path = Path(IMAGES / f"{name}.webp")
    for quality in QUALITIES:
        shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": quality})
        if len(data := base64.b64decode(shot["data"])) <= MOST_BYTES:
            break
    else:
        raise SystemExit(f"error: {path.name} has {len(data):,} bytes, of {MOST_BYTES:,} at most")
    path.write_bytes(data)
    print(f"{path.relative_to(ROOT)}: {len(data):,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
