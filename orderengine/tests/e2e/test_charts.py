"""The charts of the desk: what they say is what the API says, and an order is moved in the price chart."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from orderengine.tests.e2e.axe import violations
from orderengine.tests.e2e.desk import Desk


@pytest.fixture(autouse=True)
def a_fill_and_a_waiting_order(desk: Desk) -> Iterator[dict[str, Any]]:
    """So that each chart has something to show."""
    done = desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.5"})
    limit = {"token_in": "SOL", "token_out": "USDC", "amount": "0.25", "type": "limit", "limit_price": "150"}
    waiting = desk.post("/orders", limit)
    desk.has_status(done["id"], "CONFIRMED")
    yield waiting
    desk.post("/orders/cancel", {"all": True})


def choose(desk: Desk, name: str) -> None:
    """Show another chart."""
    desk.page.locator(f'input[name="chart"][value="{name}"]').check(force=True)


def at(line: Locator, price: str) -> None:
    """Where a line says that it stands."""
    expect(line).to_have_attribute("aria-valuetext", re.compile(rf"^{re.escape(price)} USDC"))


@pytest.mark.parametrize("name", ["price", "impact", "costs", "share"])
def test_each_chart_can_be_read_by_all(desk: Desk, axe: str, name: str) -> None:
    desk.fill("5")
    expect(desk.page.locator("#quote")).to_contain_text("Price")
    choose(desk, name)
    chart = desk.page.locator(f'[data-chart="{name}"]')
    expect(chart.locator("svg").first).to_be_visible()
    if chart.locator("details").count():
        chart.locator("details").first.evaluate("(details) => { details.open = true; }")

    assert violations(desk.page, axe) == []


def test_an_order_is_moved_by_keys_after_one_question(desk: Desk, a_fill_and_a_waiting_order: dict[str, Any]) -> None:
    order = a_fill_and_a_waiting_order
    line = desk.page.get_by_role("slider", name="Move limit of sell 0.25 SOL")
    at(line, "150")
    line.focus()
    desk.page.keyboard.press("ArrowUp")
    desk.page.keyboard.press("PageUp")
    desk.page.keyboard.press("Escape")
    at(line, "150")
    line.focus()
    desk.page.keyboard.press("PageUp")
    desk.page.keyboard.press("Enter")
    expect(desk.dialog).to_contain_text("Move limit of sell 0.25 SOL from 150 to 150.1")
    desk.answer("Move to 150.1")

    expect(desk.page.locator("#announce")).to_have_text("Moved limit of sell 0.25 SOL to 150.1")
    at(line, "150.1")
    assert desk.get(f"/orders/{order['id']}")["limit_price"] == "150.1"


def test_an_order_is_dragged_and_goes_back_where_that_is_called_off(
    desk: Desk, a_fill_and_a_waiting_order: dict[str, Any]
) -> None:
    order = a_fill_and_a_waiting_order
    desk.page.locator("#price-fit").check()
    line = desk.page.get_by_role("slider", name="Move limit of sell 0.25 SOL")
    expect(line).to_be_visible()
    line.scroll_into_view_if_needed()

    def drag() -> None:
        label = line.locator("rect")
        box = label.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        desk.page.mouse.move(x, y)
        desk.page.mouse.down()
        desk.page.mouse.move(x, y + 10, steps=4)
        desk.page.mouse.up()

    drag()
    expect(desk.dialog).to_contain_text("Move limit of sell 0.25 SOL from 150 to")
    desk.answer("Back")
    at(line, "150")
    assert desk.get(f"/orders/{order['id']}")["limit_price"] == "150"

    drag()
    act = desk.dialog.locator("button[value=yes]").inner_text()
    desk.answer(act)
    wanted = act.removeprefix("Move to ")
    expect(desk.page.locator("#announce")).to_have_text(f"Moved limit of sell 0.25 SOL to {wanted}")
    at(line, wanted)
    assert desk.get(f"/orders/{order['id']}")["limit_price"] == wanted


def test_the_impact_chart_quotes_the_sizes_of_the_curve(desk: Desk) -> None:
    desk.fill("5")
    with desk.page.expect_response("**/api/v1/quotes/curve") as asked:
        choose(desk, "impact")
    told = asked.value.json()["results"]
    rows = desk.page.locator('[data-chart="impact"] table tbody tr')
    expect(rows).to_have_count(len(told))
