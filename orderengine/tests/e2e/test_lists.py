"""The table of orders: what it says is what the API says, filtered and in pages."""

import re
from typing import Any

from playwright.sync_api import expect

from orderengine.tests.e2e.desk import Desk

ROWS = "#rows tr[data-id]"


def grouped(text: str) -> str:
    """A decimal string as the page shows it: whole thousands grouped."""
    whole, _, fraction = text.partition(".")
    return f"{int(whole):,}" + (f".{fraction}" if fraction else "")


def cut(text: str, most: int) -> str:
    """With at most so many decimals, cut towards zero."""
    whole, _, fraction = text.partition(".")
    kept = fraction[:most].rstrip("0") if len(fraction) > most else fraction
    return grouped(f"{whole}.{kept}" if kept else whole)


def test_the_first_list_is_asked_for_beside_the_modules_and_not_again(desk: Desk) -> None:
    asked = desk.page.evaluate(
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/orders?limit=60'))"
        ".map(({ initiatorType, startTime }) => [initiatorType, startTime])"
    )
    last_module = desk.page.evaluate(
        "Math.max(...performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js'))"
        ".map(({ responseEnd }) => responseEnd))"
    )

    assert asked[0][0] == "link"
    assert asked[0][1] < last_module
    # What happened until the stream was there may be missing: mostly only what is newer is asked for.
    assert [kind for kind, _ in asked[1:]] in ([], ["fetch"])


def test_what_happened_before_the_stream_was_there_is_asked_for_alone(desk: Desk) -> None:
    order = desk.place("0.2")
    desk.has_status(order["id"], "CONFIRMED")
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    with desk.page.expect_response(lambda answer: "created_after=" in answer.url) as newer:
        desk.page.reload()

    assert order["id"] in [each["id"] for each in newer.value.json()["results"]]
    assert len([url for url in asked if url.endswith("/orders?limit=60")]) == 1
    assert len([url for url in asked if url.endswith("/venues")]) == 1


def test_each_number_of_a_row_is_the_apis(desk: Desk) -> None:
    placed = [
        desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": amount, **more})
        for amount, more in (("0.31", {}), ("32.123456789", {}), ("1234.5", {"side": "exact_out"}))
    ]
    for order in placed:
        desk.has_status(order["id"], "CONFIRMED")
        told = desk.get(f"/orders/{order['id']}")
        is_in = told["side"] == "exact_in"
        fixed, open_token = ("token_in", "token_out") if is_in else ("token_out", "token_in")
        amount = told["amount_out"] if is_in else told["amount_in"]
        row = desk.row(order["id"])
        swap = row.locator("button.open")
        expect(swap).to_have_text(f"{'Sell' if is_in else 'Buy'} {cut(told['amount'], 6)} {told[fixed]}")
        expect(swap).to_have_attribute("title", f"{told['amount']} {told[fixed]} · {told['id']}")
        got = row.locator(".c-got span")
        whole = len(amount.split(".")[0])
        # All figures are under the pointer, and what is shown is the beginning of them.
        expect(got).to_have_attribute("title", f"{amount} {told[open_token]}")
        expect(got).to_have_text(f"{cut(amount, 2 if whole >= 4 else 4 if whole >= 2 else 6)} {told[open_token]}")
        expect(row.locator(".c-time")).to_have_attribute(
            "title", told["created_at"].replace("T", " ").replace("Z", " UTC")
        )
        expect(row.locator(".c-time")).to_have_text(told["created_at"][11:19])
        assert bps_of(row.locator(".c-got small").inner_text()) == versus_quote(told)


def bps_of(text: str) -> float:
    """The number of a note such as "−0.3 bp vs quote"."""
    return float(re.sub(r"[^0-9.-]", "", text.split(" bp")[0].replace("−", "-").replace("< 0.1", "0.0")))


def versus_quote(order: dict[str, Any]) -> float:
    """Executed against quoted in basis points with one decimal; positive is better."""
    name = "amount_out" if order["side"] == "exact_in" else "amount_in"
    done, quoted = int(order[f"{name}_raw"]), int(order[f"quoted_{name}_raw"])
    difference = (done - quoted) if name == "amount_out" else (quoted - done)
    return round(difference * 10_000 / (quoted if name == "amount_out" else done), 1)


def test_the_filter_takes_words_pairs_and_ids(desk: Desk) -> None:
    sold = desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.33"})
    bought = desk.post("/orders", {"token_in": "USDC", "token_out": "ETH", "amount": "34"})
    for order in (sold, bought):
        desk.has_status(order["id"], "CONFIRMED")
    box = desk.page.locator("#filter")

    box.fill("usdc/eth")
    expect(desk.row(bought["id"])).to_be_visible()
    expect(desk.row(sold["id"])).to_have_count(0)
    shown = desk.page.locator(ROWS).evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
    assert shown == [order["id"] for order in desk.get("/orders?pair=USDC/ETH&limit=60")["results"]]

    box.fill(sold["id"])
    expect(desk.page.locator(ROWS)).to_have_count(1)
    expect(desk.row(sold["id"])).to_be_visible()

    box.fill("no such word")
    expect(desk.page.locator("#orders-note")).to_have_text("No order fits.")
    box.fill("")
    expect(desk.row(bought["id"])).to_be_visible()


def test_the_tabs_ask_for_statuses(desk: Desk) -> None:
    waiting = desk.post(
        "/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "1", "type": "limit", "limit_price": "5000"}
    )
    done = desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.35"})
    desk.has_status(done["id"], "CONFIRMED")
    tabs = desk.page.get_by_role("radiogroup", name="Which orders")

    tabs.get_by_role("radio", name="Open").check(force=True)
    expect(desk.row(waiting["id"])).to_be_visible()
    expect(desk.row(done["id"])).to_have_count(0)
    tabs.get_by_role("radio", name="Confirmed").check(force=True)
    expect(desk.row(done["id"])).to_be_visible()
    expect(desk.row(waiting["id"])).to_have_count(0)
    desk.post("/orders/cancel", {"all": True})
    tabs.get_by_role("radio", name="Failed").check(force=True)
    expect(desk.row(waiting["id"])).to_be_visible()


def test_older_pages_and_back_to_the_newest(desk: Desk) -> None:
    bodies = [{"token_in": "SOL", "token_out": "USDC", "amount": f"0.0{100 + number}"} for number in range(70)]
    made = desk.post("/orders/batch", {"orders": bodies})["results"]
    newest = made[-1]["order"]["id"]
    desk.has_status(newest, "CONFIRMED", 60)
    rows = desk.page.locator(ROWS)
    expect(rows).to_have_count(60)
    first_page = rows.evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
    listed = desk.get("/orders?limit=100")["results"]
    assert first_page == [order["id"] for order in listed[:60]]

    desk.page.locator("#older").click()
    expect(desk.row(newest)).to_have_count(0)
    expect(desk.row(listed[60]["id"])).to_be_visible()
    # What is new belongs to the newest page.
    later = desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.36"})
    expect(desk.row(later["id"])).to_have_count(0)

    desk.page.locator("#newest").click()
    expect(desk.row(later["id"])).to_be_visible()
    assert desk.get(f"/orders/{later['id']}")["amount"] == "0.36"


def test_rows_stay_where_they_are_under_the_pointer(desk: Desk) -> None:
    first = desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.37"})
    desk.has_status(first["id"], "CONFIRMED")
    desk.row(first["id"]).hover()

    second = desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.38"})
    expect(desk.page.locator("#paused-note")).to_have_text("1 new, shown when the pointer leaves")
    expect(desk.row(second["id"])).to_have_count(0)

    desk.page.mouse.move(0, 0)
    expect(desk.row(second["id"])).to_be_visible()
    expect(desk.page.locator("#paused-note")).to_be_empty()
