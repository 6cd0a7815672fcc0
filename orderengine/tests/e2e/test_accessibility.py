"""The desk for all people: axe finds nothing in any state, at 390 and 1440 pixels, in light and dark; all has names."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import WebSocketRoute, expect

from orderengine.tests.e2e.axe import violations
from orderengine.tests.e2e.conftest import OpenDesk
from orderengine.tests.e2e.desk import NARROW, Desk

LIST = "**/api/v1/orders?**"

# Each type of the ticket, with what it needs.
KINDS: dict[str, dict[str, Any]] = {
    "market": {},
    "limit": {"limit_price": "5000"},
    "stop": {"trigger_price": "1"},
    "twap": {},
    "stop_limit": {"trigger_price": "1", "limit_price": "0.9"},
    "trailing_stop": {"trail_bps": "500"},
    "ladder": {"from": "5000", "to": "6000", "steps": "3"},
    "sniper": {"min_liquidity": "10", "max_age_s": "60", "min_amount_out": "1"},
}


@pytest.mark.empty
def test_the_empty_desk(desk: Desk, axe: str) -> None:
    expect(desk.page.locator("#orders-note")).to_have_text("No orders yet. Press N, or run manage.py seed.")
    assert violations(desk.page, axe) == []


def test_the_desk_while_it_loads(open_desk: OpenDesk, axe: str) -> None:
    desk = open_desk(is_loaded=False)
    desk.page.route("**/api/v1/**", lambda _route: None)
    desk.page.route_web_socket("**/ws/**", lambda _socket: None)
    desk.open(is_live=False)

    expect(desk.page.locator("#rows.loading")).to_be_attached()
    assert violations(desk.page, axe) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_ticket_of_each_type_with_a_quote(desk: Desk, axe: str, kind: str) -> None:
    desk.fill("2", kind, **KINDS[kind])
    for name in ("links", "more"):
        desk.page.locator(f"#{name}").evaluate("(details) => { details.open = true; }")

    expect(desk.page.locator("#quote")).to_contain_text("Price")
    assert violations(desk.page, axe) == []


def test_a_problem_in_the_ticket_and_in_the_form(desk: Desk, axe: str) -> None:
    desk.fill("5000000", max_price_impact_bps="1")
    expect(desk.page.locator("#ticket-problem")).to_be_visible()
    assert violations(desk.page, axe) == []

    desk.fill("1,5")
    expect(desk.send).to_have_text("Use a point for decimals")
    assert violations(desk.page, axe) == []


def test_a_dry_run(desk: Desk, axe: str) -> None:
    desk.fill("0.4", "twap")
    desk.page.locator("#dry-run").click()
    expect(desk.page.locator("#dry-result")).to_contain_text("nothing was stored")

    assert violations(desk.page, axe) == []


def test_questions(desk: Desk, axe: str) -> None:
    desk.fill("0.5")
    desk.send.click()
    expect(desk.dialog).to_be_visible()
    assert violations(desk.page, axe) == []
    desk.answer("Back")

    desk.page.keyboard.press("Control+Alt+h")
    expect(desk.dialog).to_contain_text("Halt trading")
    assert violations(desk.page, axe) == []
    desk.answer("Back")

    desk.page.locator("#keys-open").click()
    assert violations(desk.page, axe) == []


def test_the_halted_desk(desk: Desk, axe: str) -> None:
    desk.post("/halt", {"scope": "account", "reason": "a test"})
    try:
        desk.open()
        expect(desk.page.locator("#halt-banner")).to_contain_text("Trading is halted")
        assert violations(desk.page, axe) == []
    finally:
        desk.api.request("DELETE", "/api/v1/halt", json={"scope": "account", "reason": "the test is over"})


def closing(code: int) -> Callable[[WebSocketRoute], None]:
    """A stream that ends at once, with this code."""
    return lambda socket: socket.close(code=code)


def test_a_stream_that_is_away_and_one_that_is_refused(open_desk: OpenDesk, axe: str) -> None:
    for code, words in ((1012, "cannot be reached"), (4403, "was refused")):
        desk = open_desk(is_loaded=False)
        desk.page.route_web_socket("**/ws/v1/stream*", closing(code))
        desk.open(is_live=False)
        expect(desk.page.locator("#link-banner")).to_contain_text(words)
        expect(desk.page.locator("#ticket")).to_have_class("panel is-off")
        assert violations(desk.page, axe) == []


def test_a_list_that_cannot_be_read(open_desk: OpenDesk, axe: str) -> None:
    problem = {"type": "/problems/not-ready", "title": "Not ready", "status": 503, "code": "not_ready", "try": "Wait"}
    desk = open_desk(is_loaded=False)
    desk.expected.append("503")
    desk.page.route(
        LIST, lambda route: route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))
    )
    desk.open(is_live=False)

    expect(desk.page.locator("#orders-note")).to_have_text("Not ready. Wait")
    assert violations(desk.page, axe) == []


def test_an_order_of_which_nothing_is_known(desk: Desk, axe: str) -> None:
    desk.expected.append("ERR_FAILED")
    desk.page.route("**/api/v1/orders", lambda route: route.abort())
    desk.page.route("**/api/v1/orders/by-client-id/*", lambda route: route.abort())
    desk.fill("0.1")
    expect(desk.send).to_be_enabled()
    desk.page.clock.install()
    desk.send.click()
    desk.page.clock.run_for(400)
    desk.dialog.locator("button[value=yes]").click()
    for _ in range(12):
        desk.page.clock.run_for(1_000)

    expect(desk.page.locator("#ticket-unknown")).to_contain_text("It is not known whether this order was taken")
    assert violations(desk.page, axe) == []


def test_a_list_with_orders_of_each_kind_and_each_of_them_open(desk: Desk, axe: str) -> None:
    bodies: list[dict[str, Any]] = [
        {"amount": "0.4"},
        {"amount": "0.3", "side": "exact_out"},
        {"amount": "0.2", "sim": {"scenario": "slippage"}},
        {"amount": "1", "type": "limit", "limit_price": "5000"},
        {"amount": "1", "type": "stop", "trigger_price": "1", "trigger": "below"},
        {"amount": "0.2", "type": "twap", "twap": {"slices": 2, "interval_s": 1}},
    ]
    orders = [desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", **body}) for body in bodies]
    ended = ["CONFIRMED", "CONFIRMED", "FAILED", "PENDING", "PENDING", "CONFIRMED"]
    for order, status in zip(orders, ended, strict=True):
        desk.has_status(order["id"], status, 30)
    assert violations(desk.page, axe) == []

    for order in orders:
        drawer = desk.show(order["id"])
        for details in drawer.locator("details").all():
            details.evaluate("(node) => { node.open = true; }")
        assert violations(desk.page, axe) == []
        desk.page.keyboard.press("Escape")
        expect(drawer).to_be_hidden()
    desk.post("/orders/cancel", {"all": True})


def test_everything_that_can_be_acted_on_has_a_name(desk: Desk) -> None:
    order = desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.1"})
    desk.has_status(order["id"], "CONFIRMED")
    desk.fill("1")
    desk.show(order["id"])

    session = desk.page.context.new_cdp_session(desk.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    controls = [
        node
        for node in nodes
        if not node["ignored"]
        and node["role"]["value"]
        in {"button", "textbox", "searchbox", "combobox", "radio", "checkbox", "link", "spinbutton"}
    ]
    assert len(controls) > 30
    assert [node for node in controls if not node.get("name", {}).get("value", "").strip()] == []
    regions = {node["name"]["value"] for node in nodes if node["role"]["value"] == "region" and not node["ignored"]}
    assert {"New order", "Route", "Orders", "Venues"} <= regions


def test_the_live_region_tells_of_own_orders_alone(desk: Desk) -> None:
    said = desk.page.locator("#announce")
    assert said.get_attribute("aria-live") == "polite"
    other = desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.1"})
    desk.has_status(other["id"], "CONFIRMED")
    expect(said).to_be_empty()

    desk.place("0.2")
    expect(said).to_contain_text("Sell 0.2 SOL: ✓ filled")


def test_at_390_pixels_nothing_is_cut_off_in_light_and_dark(open_desk: OpenDesk) -> None:
    for scheme in ("light", "dark"):
        desk = open_desk(viewport=NARROW, color_scheme=scheme)
        order = desk.place("0.4")
        desk.has_status(order["id"], "CONFIRMED")
        desk.fill("1")
        expect(desk.page.locator("#quote")).to_contain_text("Price")
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert desk.page.evaluate(overflow) == 0
        desk.show(order["id"])
        assert desk.page.evaluate(overflow) == 0
        drawer = desk.drawer.bounding_box()
        assert drawer
        assert drawer["width"] <= NARROW["width"]
        ground = desk.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(", "))) < 3 * 128) is (scheme == "dark")
