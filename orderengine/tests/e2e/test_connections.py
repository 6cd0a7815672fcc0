"""What the desk does while processes die, answers get lost, and answers come late."""

import os
import signal
import threading
import time
from typing import Any

from playwright.sync_api import Route, expect

from orderengine.tests.e2e.desk import Desk
from orderengine.tests.engines import Engine, is_running, until

# What Chromium writes of a connection that is lost.
LOST = r"WebSocket connection|ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_FAILED|502|503"
# Keeps each message of the account stream.
KEEP_MESSAGES = """() => {
  window.messages = [];
  const Original = window.WebSocket;
  window.WebSocket = class extends Original {
    constructor(address) {
      super(address);
      const keep = ({ data }) => window.messages.push(JSON.parse(data));
      if (address.includes('/ws/v1/stream')) this.addEventListener('message', keep);
    }
  };
}"""


def orders_named(desk: Desk, amount: str) -> list[dict[str, Any]]:
    """All orders of this amount, which the test alone uses."""
    return [order for order in desk.get("/orders?limit=100")["results"] if order["amount"] == amount]


def test_a_killed_web_process_costs_a_banner_and_no_event(whole: Engine, open_desk: Any) -> None:
    desk: Desk = open_desk(is_loaded=False)
    desk.expected.append(LOST)
    desk.page.add_init_script(f"({KEEP_MESSAGES})()")
    desk.open()
    before = desk.place("0.11")
    desk.has_status(before["id"], "CONFIRMED")
    web = whole.processes()["web"]

    os.killpg(web, signal.SIGKILL)

    expect(desk.page.locator("#link-banner")).to_contain_text("The engine cannot be reached")
    expect(desk.page.locator("#link-banner")).to_contain_text("Trying again")
    until(lambda: not is_running(web), 10)
    desk.wait_until_live(60)
    expect(desk.page.locator("#link-banner")).to_be_hidden()
    after = desk.place("0.12")
    desk.has_status(after["id"], "CONFIRMED", 30)
    messages = desk.page.evaluate("window.messages")
    hellos = [message for message in messages if message["type"] == "hello"]
    # It came again with its cursor: one snapshot, and each event once, in order, without a hole.
    assert [hello["resumed"] for hello in hellos] == [False, *[True] * (len(hellos) - 1)]
    assert len(hellos) >= 2
    for order in (before, after):
        told = [
            message["seq"] for message in messages if message["type"] == "event" and message["order_id"] == order["id"]
        ]
        assert told == list(range(1, len(desk.get(f"/orders/{order['id']}/events")["results"]) + 1))


def test_a_killed_redis_delays_an_order_and_loses_none(whole: Engine, desk: Desk) -> None:
    desk.expected.append(LOST)
    until(lambda: "valkey" in whole.processes(), 20)
    os.kill(whole.processes()["valkey"], signal.SIGKILL)

    order = desk.place("0.13")

    desk.has_status(order["id"], "CONFIRMED", 60)
    assert len(orders_named(desk, "0.13")) == 1


def test_a_lost_answer_makes_no_second_order(desk: Desk) -> None:
    desk.expected.append(LOST)
    tries: list[Any] = []

    def lose_the_first(route: Route) -> None:
        tries.append(route.request.post_data_json)
        if len(tries) == 1:
            # The engine has it, and its answer gets lost.
            assert route.fetch().status == 201
            route.abort()
        else:
            route.continue_()

    desk.page.route("**/api/v1/orders", lose_the_first)

    desk.fill("0.14")
    expect(desk.send).to_be_enabled()
    desk.send.click()
    desk.answer("Sell 0.14 SOL")

    expect(desk.page.locator("#announce")).to_contain_text("Sell 0.14 SOL")
    assert len(tries) == 2
    assert tries[0] == tries[1]
    (order,) = orders_named(desk, "0.14")
    assert order["client_order_id"] == tries[0]["client_order_id"]
    desk.has_status(order["id"], "CONFIRMED")


def test_where_all_answers_get_lost_the_order_is_looked_up(desk: Desk) -> None:
    desk.expected.append(LOST)
    tries: list[int] = []

    def lose(route: Route) -> None:
        tries.append(route.fetch().status)
        route.abort()

    desk.page.route("**/api/v1/orders", lose)
    desk.fill("0.15")
    expect(desk.send).to_be_enabled()
    desk.send.click()
    desk.answer("Sell 0.15 SOL")

    expect(desk.page.locator("#announce")).to_contain_text("Sell 0.15 SOL")
    expect(desk.page.locator("#ticket-unknown")).to_be_hidden()
    assert tries == [201] * 4
    assert len(orders_named(desk, "0.15")) == 1


def test_a_late_answer_is_waited_for_and_nothing_is_sent_twice(desk: Desk) -> None:
    sent: list[str] = []
    may_answer = threading.Event()

    def answer_late(route: Route) -> None:
        sent.append(route.request.post_data or "")
        response = route.fetch()
        desk.page.wait_for_timeout(1_500)
        may_answer.set()
        route.fulfill(response=response)

    desk.page.route("**/api/v1/orders", answer_late)
    desk.fill("0.16")
    expect(desk.send).to_be_enabled()
    desk.send.click()
    desk.answer("Sell 0.16 SOL")

    expect(desk.send).to_be_disabled()
    desk.page.keyboard.press("Control+Enter")
    expect(desk.page.locator("#announce")).to_contain_text("Sell 0.16 SOL")
    assert may_answer.is_set()
    assert len(sent) == 1
    assert len(orders_named(desk, "0.16")) == 1


def test_a_quote_that_has_run_out_takes_the_button_with_it(open_desk: Any) -> None:
    desk: Desk = open_desk(is_loaded=False)
    # One quote, and none after it.
    quotes: list[str] = []

    def only_one(socket: Any) -> None:
        server = socket.connect_to_server()

        def forward(message: str) -> None:
            if '"type":"quote"' in message.replace(" ", ""):
                quotes.append(message)
                if len(quotes) > 1:
                    return
            socket.send(message)

        server.on_message(forward)

    desk.page.route_web_socket("**/ws/v1/quotes", only_one)
    desk.open()
    desk.fill("0.17")
    expect(desk.send).to_be_enabled()

    expect(desk.send).to_be_disabled()
    expect(desk.send).to_have_text("Waiting for a quote")
    started_at = time.monotonic()
    desk.page.keyboard.press("Control+Enter")
    expect(desk.dialog).to_have_count(0)
    assert time.monotonic() > started_at


def test_a_part_that_did_not_load_is_asked_for_again_at_the_next_use(desk: Desk) -> None:
    order = desk.place("0.2")
    desk.page.reload()
    row = desk.page.locator(f'#rows tr[data-id="{order["id"]}"] button')
    expect(row).to_be_visible()
    desk.expected += ["ERR_FAILED", "ERR_FAILED"]
    # One that the drawer needs, so that its import would have failed for good.
    desk.page.route("**/desk/route.js", lambda route: route.abort())
    row.click()
    expect(desk.page.locator("#toasts")).to_contain_text("This part of the page did not load")
    expect(desk.page.locator("#drawer")).to_be_hidden()

    desk.page.unroute("**/desk/route.js")
    row.click()
    expect(desk.page.locator("#drawer h2")).to_have_text("Sell 0.2 SOL")

    desk.page.route("**/desk/costs.js", lambda route: route.abort())
    desk.page.keyboard.press("Escape")
    desk.page.locator("#chart-tabs [value=costs]").check(force=True)
    expect(desk.page.locator("#cost-chart")).to_contain_text("This part of the page did not load")
    desk.page.unroute("**/desk/costs.js")
    desk.page.locator("#chart-tabs [value=price]").check(force=True)
    desk.page.locator("#chart-tabs [value=costs]").check(force=True)
    expect(desk.page.locator("#cost-chart a[download]")).to_be_visible()
