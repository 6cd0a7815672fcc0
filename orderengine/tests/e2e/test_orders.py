"""Orders placed on the desk, of each type, watched to their end and cancelled."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from orderengine.tests.e2e.desk import Desk

WAY = ["PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"]
# Notes each status that the row of an order shows, from the first paint on.
WATCH = """() => {
  window.shown = [];
  new MutationObserver(() => {
    for (const steps of document.querySelectorAll('#rows .steps')) {
      const mark = steps.closest('tr').dataset.id + ' ' + steps.dataset.status;
      if (!window.shown.includes(mark)) window.shown.push(mark);
    }
  }).observe(document.getElementById('rows'), { subtree: true, childList: true, attributes: true });
}"""


@pytest.fixture(autouse=True)
def nothing_waits(desk: Desk) -> Iterator[None]:
    """Orders that still wait are cancelled."""
    yield
    desk.post("/orders/cancel", {"all": True})


def test_a_market_order_is_seen_going_from_pending_to_confirmed(desk: Desk) -> None:
    desk.page.evaluate(WATCH)

    order = desk.place("0.5", scenario="slow")

    desk.has_status(order["id"], "CONFIRMED")
    shown = [mark.split()[1] for mark in desk.page.evaluate("window.shown") if mark.startswith(order["id"])]
    # Some are over before they can be painted; none comes twice or after a later one.
    assert all(WAY.index(a) < WAY.index(b) for a, b in pairwise(shown)), shown
    assert {"SUBMITTED", "CONFIRMED"} <= set(shown)
    expect(desk.row(order["id"])).to_contain_text("filled")
    told = desk.get(f"/orders/{order['id']}")
    assert told["status"] == "CONFIRMED"
    # The least that was on the screen is the order's own.
    assert told["guards"]["min_amount_out"] == order["guards"]["min_amount_out"] is not None
    expect(desk.page.locator("#announce")).to_contain_text("filled")


def test_what_is_bought_is_exactly_what_was_typed(desk: Desk) -> None:
    order = desk.place("20", buys=True)

    desk.has_status(order["id"], "CONFIRMED")
    told = desk.get(f"/orders/{order['id']}")
    assert (told["side"], told["amount"], told["amount_out"]) == ("exact_out", "20", "20")
    assert told["guards"]["max_amount_in"]
    expect(desk.row(order["id"])).to_contain_text("Buy 20 USDC")


def test_a_limit_order_waits_and_is_cancelled_after_one_question(desk: Desk) -> None:
    order = desk.place("3", "limit", limit_price="5000", time_in_force="gtd:3600")

    assert (order["type"], order["limit_price"], order["time_in_force"]) == ("limit", "5000", "gtd")
    expect(desk.row(order["id"])).to_contain_text("waits for price")
    drawer = desk.show(order["id"])
    drawer.get_by_role("button", name="Cancel order").click()
    desk.answer("Back")
    assert desk.get(f"/orders/{order['id']}")["outcome"] is None
    drawer.get_by_role("button", name="Cancel order").click()
    desk.answer("Cancel order")

    expect(desk.row(order["id"])).to_contain_text("cancelled")
    expect(desk.row(order["id"])).to_have_attribute("data-tone", "quiet")
    expect(drawer.locator(".timeline li").last).to_contain_text("cancelled")
    assert desk.get(f"/orders/{order['id']}")["outcome"] == "cancelled"


def test_a_limit_order_that_the_market_allows_is_filled(desk: Desk) -> None:
    order = desk.place("0.3", "limit", limit_price="1")

    desk.has_status(order["id"], "CONFIRMED")


def test_a_stop_order_waits_for_its_trigger(desk: Desk) -> None:
    order = desk.place("2", "stop", trigger_price="0.5", trigger="below")

    assert (order["type"], order["trigger_price"], order["trigger"]) == ("stop", "0.5", "below")
    expect(desk.row(order["id"])).to_contain_text("waits for price")


def test_a_twap_places_its_slices_and_shows_them(desk: Desk) -> None:
    order = desk.place("0.4", "twap", slices="2", interval_s="1")

    assert (order["twap"]["slices"], order["twap"]["interval_s"]) == (2, 1)
    desk.has_status(order["id"], "CONFIRMED", 20)
    drawer = desk.show(order["id"])
    parts = drawer.locator(".parts li")
    expect(parts).to_have_count(2)
    children = desk.get(f"/orders?parent={order['id']}")["results"]
    assert [child["amount"] for child in children] == ["0.2", "0.2"]
    parts.first.get_by_role("button").click()
    expect(drawer.get_by_role("heading", level=2)).to_have_text("Sell 0.2 SOL")


def test_a_dry_run_says_what_would_happen_and_stores_nothing(desk: Desk) -> None:
    before = desk.get("/orders?limit=1")["results"]
    desk.fill("1")
    expect(desk.send).to_be_enabled()

    desk.page.locator("#dry-run").click()

    said = desk.page.locator("#dry-result")
    expect(said).to_contain_text("nothing was stored")
    expect(said).to_contain_text("Least that the chain would allow")
    assert desk.get("/orders?limit=1")["results"] == before


def test_a_refusal_says_what_to_do_and_sends_nothing(desk: Desk) -> None:
    desk.fill("5000000", max_price_impact_bps="1")

    problem = desk.page.locator("#ticket-problem")
    expect(problem).to_be_visible()
    expect(problem.locator("strong")).not_to_be_empty()
    expect(problem.locator(".try")).not_to_be_empty()


def test_an_order_that_failed_says_why_and_what_next(desk: Desk) -> None:
    order = desk.place("0.5", scenario="slippage")

    desk.has_status(order["id"], "FAILED", 30)
    expect(desk.row(order["id"])).to_contain_text("slippage")
    drawer = desk.show(order["id"])
    failure = desk.get(f"/orders/{order['id']}")["failure"]
    expect(drawer.locator(".problem").first).to_contain_text(failure["title"])
    expect(drawer.locator(".problem .try").first).to_contain_text(failure["try"])
