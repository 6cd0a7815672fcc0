"""The charts where something is unusual: changes from elsewhere, prices the other way round, no data, little room."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from orderengine.tests.e2e.axe import violations
from orderengine.tests.e2e.conftest import OpenDesk
from orderengine.tests.e2e.desk import NARROW, Desk


@pytest.fixture(autouse=True)
def nothing_waits(desk: Desk) -> Iterator[None]:
    """Orders that still wait are cancelled."""
    yield
    desk.post("/orders/cancel", {"all": True})


def chart(desk: Desk, name: str) -> Locator:
    desk.page.locator(f'#chart-tabs input[value="{name}"]').check(force=True)
    return desk.page.locator(f'#charts [data-chart="{name}"]')


def line_of(desk: Desk, order: dict[str, Any], field: str = "limit_price") -> Locator:
    desk.page.locator("#price-fit").check()
    return desk.page.locator(f'#levels [data-key="{order["id"]} {field}"]')


def stated(desk: Desk, order: dict[str, Any]) -> tuple[str, int]:
    told = desk.get(f"/orders/{order['id']}")
    return told["limit_price"], told["version"]


def test_the_price_and_own_fills_are_the_apis(desk: Desk) -> None:
    order = desk.place("3")
    desk.has_status(order["id"], "CONFIRMED")

    sold = desk.page.locator("#price-chart .sold")
    expect(sold.first).to_be_attached()
    reader = desk.page.get_by_role("slider", name="Price of SOL in USDC over time")
    reader.focus()
    desk.page.keyboard.press("End")
    words = reader.get_attribute("aria-valuetext") or ""
    while "sold" not in words:
        desk.page.keyboard.press("ArrowLeft")
        before, words = words, reader.get_attribute("aria-valuetext") or ""
        assert words != before, words
    assert words == desk.page.locator("#price-chart .read").inner_text()
    buckets = [each for each in desk.get("/prices?pair=SOL/USDC&points=300")["results"] if each["sold"]]
    assert order["id"] in {each["sold"]["newest_order_id"] for each in buckets}

    desk.page.keyboard.press("Enter")
    expect(desk.drawer.get_by_role("heading", level=2)).to_contain_text("SOL")


def test_a_change_from_elsewhere_is_not_overwritten(desk: Desk) -> None:
    order = desk.place("3", "limit", limit_price="5000")
    desk.expected.append("412")
    line = line_of(desk, order)
    line.focus()
    desk.page.keyboard.press("ArrowUp")
    desk.page.keyboard.press("Enter")
    expect(desk.dialog).to_be_visible()
    answer = desk.api.patch(
        f"/api/v1/orders/{order['id']}", json={"limit_price": "6000"}, headers={"If-Match": f'"{order["version"]}"'}
    )
    assert answer.status_code == 200
    desk.answer("Move to 5,000.1")

    expect(desk.page.locator(".toast.bad")).to_contain_text("changed")
    expect(line).to_have_text("Sell limit 6,000")
    assert stated(desk, order) == ("6000", order["version"] + 1)


def test_a_purchase_stands_at_its_price_the_other_way_round(desk: Desk) -> None:
    order = desk.post(
        "/orders", {"token_in": "USDC", "token_out": "SOL", "amount": "99", "type": "limit", "limit_price": "0.0125"}
    )
    line = line_of(desk, order)
    expect(line).to_have_text("Buy limit 80")
    line.focus()
    desk.page.keyboard.press("PageDown")
    desk.page.keyboard.press("Enter")
    desk.answer("Move to 79.99")

    expect(line).to_have_text("Buy limit 79.99")
    assert stated(desk, order)[0].startswith("0.012501562695336917")


def test_the_price_that_is_typed_is_a_line_too(desk: Desk) -> None:
    desk.fill("2", "limit", limit_price="4000")
    desk.page.locator("#price-fit").check()
    expect(desk.page.locator("#levels .is-new")).to_have_text("New limit 4,000")
    desk.page.locator('#ticket-form [name="amount_in"]').fill("")
    expect(desk.page.locator("#levels .is-new")).to_have_count(0)


def test_the_impact_is_asked_for_when_it_is_looked_at(desk: Desk) -> None:
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url) if "curve" in request.url else None)
    desk.fill("2")
    expect(desk.send).to_be_enabled()
    assert asked == []

    impact = chart(desk, "impact")

    expect(impact.locator("tbody tr")).to_have_count(9)
    assert len(asked) == 1
    reader = impact.get_by_role("slider")
    reader.focus()
    desk.page.keyboard.press("Home")
    assert (reader.get_attribute("aria-valuetext") or "").startswith("0.2 SOL at ")


def test_all_charts_fit_into_390_pixels(open_desk: OpenDesk) -> None:
    desk = open_desk(viewport=NARROW)
    done = desk.place("3")
    desk.has_status(done["id"], "CONFIRMED")
    desk.place("3", "limit", limit_price="5000")
    desk.fill("2")
    for name in ("price", "impact", "costs", "share"):
        shown = chart(desk, name)
        expect(shown.locator("summary").first).to_be_visible()
        shown.locator("details").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")
        assert desk.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_a_chart_whose_data_do_not_come_says_so(open_desk: OpenDesk, axe: str) -> None:
    desk = open_desk(is_loaded=False)
    desk.expected += ["503", "Failed to load"]

    def refuse(route: Route) -> None:
        problem = {
            "type": "/problems/not-ready",
            "title": "The engine is not ready",
            "status": 503,
            "code": "not_ready",
        }
        route.fulfill(status=503, json=problem)

    desk.page.route("**/api/v1/prices?**", refuse)
    desk.page.route("**/api/v1/reports/execution?**", refuse)
    desk.open()
    for name in ("price", "costs", "share"):
        expect(chart(desk, name).locator(".problem")).to_contain_text("The engine is not ready")
        assert violations(desk.page, axe) == [], name
