"""The ticket: every type and field that it offers becomes a request that the API takes, and says what it means."""

import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from playwright.sync_api import Request, expect

from orderengine.tests.e2e.axe import violations
from orderengine.tests.e2e.conftest import OpenDesk
from orderengine.tests.e2e.desk import DIALOG_OPENS_MS, Desk

# By type: what is typed, and what of it the order shows.
TYPED: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "limit": (
        {"limit_price": "5000", "max_slippage_bps": "25", "deny": "orca, raydium", "max_legs": "2", "tags": "a=b, c=d"},
        {"limit_price": "5000", "time_in_force": "gtc", "tags": {"a": "b", "c": "d"}},
    ),
    "stop": (
        {"trigger_price": "1", "trigger_source": "last", "strategy": "fast", "max_native": "0.5"},
        {"trigger": "below", "trigger_source": "last", "fee": {"strategy": "fast", "max_native": "0.5"}},
    ),
    "stop_limit": (
        {"trigger_price": "2", "limit_price": "1", "trigger": "below", "time_in_force": "gtd:3600"},
        {"trigger_price": "2", "limit_price": "1", "time_in_force": "gtd"},
    ),
    "trailing_stop": ({"trail_bps": "1500", "max_deviation_bps": "300"}, {"trail_bps": "1500"}),
    "twap": (
        {"slices": "3", "interval_s": "3600", "jitter_percent": "10", "catch_up": "immediate", "limit_price": "1"},
        {"twap": {"slices": 3, "interval_s": 3600, "jitter_percent": 10, "catch_up": "immediate"}, "limit_price": "1"},
    ),
    "ladder": ({"from": "5000", "to": "6000", "steps": "3"}, {"from": "5000", "to": "6000", "steps": 3}),
    "sniper": (
        {"min_liquidity": "1000000", "max_age_s": "60", "liquidity_token": "token_out", "min_amount_out": "10"},
        {"min_liquidity": "1000000", "max_age_s": 60, "liquidity_token": "token_out"},
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_waits(desk: Desk) -> Iterator[None]:
    """Orders that still wait are cancelled."""
    yield
    desk.post("/orders/cancel", {"all": True})


@pytest.mark.parametrize("kind", TYPED)
def test_an_order_of_each_type_is_placed_as_it_was_typed(desk: Desk, kind: str) -> None:
    typed, expected = TYPED[kind]
    order = desk.place("20", kind, **typed)

    assert order["type"] == kind
    assert {name: order[name] for name in expected} == expected
    told = desk.get(f"/orders/{order['id']}")
    for name in ("max_slippage_bps", "max_deviation_bps", "min_amount_out"):
        if name in typed:
            assert told["guards"][name] == typed[name]
    if "deny" in typed:
        assert (told["venues"]["deny"], told["venues"]["max_legs"]) == (["orca", "raydium"], 2)


def test_a_market_order_names_the_quote_that_was_shown(desk: Desk) -> None:
    sent: list[Request] = []
    desk.page.on("request", lambda request: sent.append(request))
    order = desk.place("0.5")
    [body] = [json.loads(each.post_data or "") for each in sent if each.url.endswith("/api/v1/orders")]

    assert body["quote_id"].startswith("q1.")
    assert body["guards"]["min_amount_out"] == order["guards"]["min_amount_out"]


def test_a_quote_that_has_expired_on_the_way_still_limits_the_order(desk: Desk) -> None:
    """The order is sent again without it, under the same id and with its limit."""
    desk.expected.append("409|422|410")
    bodies: list[dict[str, Any]] = []

    def expire(route: Any) -> None:
        bodies.append(json.loads(route.request.post_data))
        if "quote_id" in bodies[-1]:
            route.fulfill(status=409, json={"title": "Quote expired", "code": "quote_expired", "status": 409})
        else:
            route.continue_()

    desk.page.route("**/api/v1/orders", expire)
    desk.fill("0.5")
    expect(desk.send).to_be_enabled()
    desk.send.click()
    desk.answer("Sell 0.5 SOL")
    expect(desk.page.locator("#announce")).to_contain_text("0.5 SOL")

    assert len(bodies) == 2
    first, second = bodies
    assert {**second, "quote_id": first["quote_id"]} == first
    assert second["guards"]["min_amount_out"]


def place_linked(desk: Desk) -> list[dict[str, Any]]:
    """Send what was typed; the orders of the batch."""
    expect(desk.send).to_be_enabled()
    label = desk.send.inner_text()
    with desk.page.expect_response("**/api/v1/orders/batch") as placed:
        desk.send.click()
        desk.answer(label)
    assert placed.value.status == 201
    return [result["order"] for result in placed.value.json()["results"]]


def test_exits_sell_what_the_order_buys_once_it_has_filled(desk: Desk) -> None:
    desk.page.locator("#token-in").select_option("USDC")
    desk.fill("1000", "limit", limit_price="10", take_profit="5000", stop_loss="5")
    entry, profit, loss = place_linked(desk)

    assert [order["link_rank"] for order in (entry, profit, loss)] == [0, 1, 1]
    assert (profit["token_in"], profit["type"], profit["limit_price"], profit["amount"]) == (
        "SOL",
        "limit",
        "5000",
        "100",
    )
    assert (loss["token_in"], loss["type"], loss["trigger_price"], loss["amount"]) == ("SOL", "stop", "5", "100")
    drawer = desk.show(entry["id"])
    expect(drawer.locator(".parts li")).to_have_count(2)


def test_the_question_says_where_a_price_is_reached_already(desk: Desk) -> None:
    """The stop of what is bought at 10 stands above the price of now."""
    desk.page.locator("#token-in").select_option("USDC")
    desk.fill("1000", "limit", limit_price="10", take_profit="5000", stop_loss="4000")
    expect(desk.send).to_be_enabled()
    expect(desk.page.locator("#quote")).to_contain_text("Price")
    desk.send.click()

    rows = desk.dialog.locator("dl > div")
    expect(rows.filter(has_text="at stop 4,000")).to_contain_text("reached now")
    expect(rows.filter(has_text="at 5,000")).not_to_contain_text("reached")
    expect(desk.dialog).not_to_contain_text("executes at once")
    desk.answer("Back")


def test_a_long_time_can_be_typed_in_days(desk: Desk) -> None:
    order = desk.place("20", "twap", slices="52", interval_s="7d")

    assert order["twap"]["interval_s"] == 7 * 86_400


def test_a_limit_and_a_stop_cancel_each_other(desk: Desk) -> None:
    desk.fill("2", "limit", limit_price="5000", or_price="1")
    first, second = place_linked(desk)

    assert first["link"] == second["link"] == "one_cancels_other"
    assert (second["type"], second["trigger_price"], second["amount"]) == ("stop", "1", "2")


def test_prices_are_typed_as_money_per_token(desk: Desk) -> None:
    """Who pays USDC for SOL limits the USDC per SOL from above: the order's price is the inverse, never less."""
    desk.page.locator("#token-in").select_option("USDC")
    order = desk.place("1000", "limit", limit_price="70")

    assert 1 <= Fraction(order["limit_price"]) * 70 < 1 + Fraction(1, 10**40)
    expect(desk.row(order["id"])).to_contain_text("Sell 1,000 USDC at 70")
    stop = desk.place("1000", "stop", trigger_price="5000", trigger="above")
    assert (stop["trigger"], stop["trigger_price"]) == ("below", "0.0002")
    expect(desk.show(stop["id"])).to_contain_text("above 5,000 USDC per SOL")


def test_half_and_all_of_the_balance(desk: Desk) -> None:
    order = desk.place("0.1")
    desk.has_status(order["id"], "CONFIRMED")
    desk.page.locator("#token-in").select_option("ETH")
    [wallet] = desk.get("/wallets")["results"]
    held = {balance["token"]: balance for balance in wallet["balances"]}

    desk.page.locator("#half").click()
    expect(desk.page.locator("#amount-in")).not_to_have_value("")
    assert int(Decimal(desk.page.locator("#amount-in").input_value()) * 10**8) == int(held["ETH"]["amount_raw"]) // 2
    desk.page.locator("#most").click()
    expect(desk.page.locator("#amount-in")).to_have_value(held["ETH"]["amount"])

    # The token that pays the fees: some of it stays.
    desk.page.locator("#token-in").select_option("SOL")
    desk.page.locator("#most").click()
    expect(desk.page.locator("#toasts")).to_contain_text("kept for network fees")
    assert Decimal(0) < Decimal(held["SOL"]["amount"]) - Decimal(desk.page.locator("#amount-in").input_value()) < 1


def test_without_a_wallet_the_buttons_say_why(open_desk: OpenDesk) -> None:
    desk = open_desk(is_loaded=False)
    desk.page.route("**/api/v1/wallets", lambda route: route.fulfill(json={"chain": "simulated", "results": []}))
    desk.open()

    desk.page.locator("#most").click()
    expect(desk.page.locator("#toasts")).to_contain_text("no wallet before its first order")
    expect(desk.page.locator("#amount-in")).to_have_value("")


def test_an_error_stands_at_the_field_that_it_points_to(desk: Desk) -> None:
    """One of the quote at once, one of the order when it was sent; typing takes them away."""
    desk.expected.append("400|422")
    desk.fill("20", "limit", limit_price="5000", max_hops="99")
    field, wrong = desk.page.locator('#ticket-form [name="max_hops"]'), desk.page.locator("#wrong-max_hops")
    expect(wrong).to_contain_text("8")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert field.get_attribute("aria-describedby") == "wrong-max_hops"
    expect(desk.send).to_be_disabled()
    field.fill("3")
    expect(wrong).to_have_count(0)

    desk.page.locator('#ticket-form [name="allow_partial"]').check()
    desk.fill("20", "limit", time_in_force="fok")
    expect(desk.send).to_be_enabled()
    desk.send.click()
    desk.answer("Sell 20 SOL at 5,000")
    wrong = desk.page.locator("#wrong-allow_partial")
    expect(wrong).to_be_visible()
    desk.fill("20", "limit", time_in_force="ioc")
    expect(wrong).to_have_count(0)


def test_the_order_as_a_program_places_the_same_order(open_desk: OpenDesk) -> None:
    desk = open_desk(permissions=["clipboard-read", "clipboard-write"])
    ladder: dict[str, Any] = {"from": "5000", "to": "6000", "steps": "2"}
    desk.fill("4", "ladder", **ladder)
    expect(desk.send).to_be_enabled()
    texts = {}
    for name, words in (("curl", "curl command"), ("python", "Python program"), ("javascript", "JavaScript")):
        texts[name] = desk.copied(name, words)

    body = json.loads(texts["curl"].rpartition("-d '")[2].rstrip("'"))
    assert (body["type"], body["from"], body["to"], body["steps"], body["amount"]) == ("ladder", "5000", "6000", 2, "4")
    compile(texts["python"], "snippet", "exec")
    assert 'client.place("SOL", "USDC", "4"' in texts["python"]
    assert 'from_="5000"' in texts["python"]
    assert '"steps": 2' in texts["javascript"]
    first = desk.post("/orders", body)
    assert desk.post("/orders", body)["id"] == first["id"]


def test_terms_are_replaced_and_a_change_from_elsewhere_is_shown_first(desk: Desk) -> None:
    desk.expected.append("412")
    order = desk.place("3", "limit", limit_price="5000")
    drawer = desk.show(order["id"])
    drawer.get_by_role("button", name="Replace").click()
    answer = desk.api.patch(
        f"/api/v1/orders/{order['id']}", json={"amount": "4"}, headers={"If-Match": f'"{order["version"]}"'}
    )
    assert answer.status_code == 200
    desk.dialog.locator('[name="limit_price"]').fill("5500")
    desk.page.wait_for_timeout(DIALOG_OPENS_MS)
    desk.dialog.get_by_role("button", name="Replace order").click()

    expect(desk.dialog).to_contain_text("Order has changed")
    expect(desk.dialog).to_contain_text("Sell 4 SOL at 5,000")
    expect(desk.dialog.locator('[name="limit_price"]')).to_have_value("5500")
    desk.dialog.locator('[name="amount"]').fill("4")
    desk.answer("Replace order")

    expect(drawer.get_by_role("heading", level=2)).to_have_text("Sell 4 SOL at 5,500")
    told = desk.get(f"/orders/{order['id']}")
    assert (told["limit_price"], told["amount"], told["version"]) == ("5500", "4", order["version"] + 2)
    expect(drawer.locator("[data-name=replace]")).to_be_focused()


def test_receipt_and_market_are_kept_as_files_of_the_same_bytes(desk: Desk) -> None:
    order = desk.place("0.7")
    desk.has_status(order["id"], "CONFIRMED")
    drawer = desk.show(order["id"])

    drawer.get_by_role("button", name="Receipt").click()
    with desk.page.expect_download() as kept:
        desk.dialog.get_by_role("button", name="Save as file").click()
    assert kept.value.path().read_bytes() == desk.api.get(f"/api/v1/orders/{order['id']}/receipt").content
    desk.answer("Close")
    with desk.page.expect_download() as kept:
        drawer.get_by_role("button", name="Market").click()
    assert kept.value.path().read_bytes() == desk.api.get(f"/api/v1/orders/{order['id']}/snapshot").content
    drawer.get_by_role("button", name="Route again").click()
    expect(desk.dialog).to_contain_text("the same")
    desk.answer("Close")


def test_header_and_venues_show_how_the_newest_orders_went(desk: Desk) -> None:
    order = desk.place("0.5")
    desk.has_status(order["id"], "CONFIRMED")
    desk.open()
    told = desk.get("/reports/recent")
    assert told["measured"] > 0

    shown = desk.page.locator("#took-p50")
    expect(shown).not_to_have_text("–")
    for at in told["venues"]:
        cells = desk.page.locator(f'#venues tr[data-venue="{at["venue"]}"] td')
        expect(cells.nth(0).locator("svg")).to_have_attribute("aria-label", ", ".join(map(str, at["trend"])))
        expect(cells.nth(2)).to_have_text(f"{int(Decimal(at['fill_rate_bps'])) // 100} %")


def test_a_waiting_order_says_how_far_its_price_is(desk: Desk) -> None:
    order = desk.place("3", "limit", limit_price="5000")
    sentence = next(
        each for each in desk.get(f"/orders/{order['id']}/explain")["waiting"] if each["facts"].get("price_now")
    )
    desk.open()

    expect(desk.row(order["id"]).locator(".c-got")).to_contain_text("% away")
    shown = desk.row(order["id"]).locator(".c-got").inner_text()
    # Its price moves with each block, by less than a percent.
    away = Decimal(shown.partition(" %")[0].replace(",", ""))
    assert abs(away - Decimal(sentence["facts"]["distance_bps"]) / 100) < away / 50


def test_the_questions_of_an_order_can_be_used_by_all(desk: Desk, axe: str) -> None:
    order = desk.place("3", "limit", limit_price="5000")
    drawer = desk.show(order["id"])
    drawer.get_by_role("button", name="Replace").click()
    assert violations(desk.page, axe) == []
    desk.answer("Back")
    done = desk.place("0.3")
    desk.has_status(done["id"], "CONFIRMED")
    desk.page.keyboard.press("Escape")
    desk.show(done["id"])
    drawer.get_by_role("button", name="Receipt").click()
    expect(desk.dialog).to_contain_text("order-receipt/1")
    assert violations(desk.page, axe) == []
    desk.answer("Close")
