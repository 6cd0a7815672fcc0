"""The desk without a pointer: each key of its list, and a whole order by keys alone."""

from playwright.sync_api import expect

from orderengine.tests.e2e.desk import DIALOG_OPENS_MS, Desk, is_placing

FOCUSED = "document.activeElement.id || document.activeElement.name || document.activeElement.tagName"


def test_an_order_from_n_to_its_drawer_by_keys_alone(desk: Desk) -> None:
    press = desk.page.keyboard.press
    press("n")
    assert desk.page.evaluate(FOCUSED) == "amount-in"
    desk.page.keyboard.type("0.21")
    expect(desk.send).to_be_enabled()
    press("Control+Enter")
    expect(desk.dialog).to_contain_text("Sell 0.21 SOL")
    # The question holds the focus, and its first button is the act.
    assert desk.page.evaluate("document.activeElement.value") == "yes"
    desk.page.wait_for_timeout(DIALOG_OPENS_MS)
    with desk.page.expect_response(is_placing) as placed:
        press("Enter")
    order = placed.value.json()
    desk.has_status(order["id"], "CONFIRMED")

    press("Escape")
    press("j")
    assert desk.page.locator("#rows tr[aria-current]").get_attribute("data-id") == order["id"]
    press("j")
    press("k")
    press("Enter")
    expect(desk.drawer.get_by_role("heading", level=2)).to_have_text("Sell 0.21 SOL")
    expect(desk.drawer.get_by_role("heading", level=2)).to_be_focused()
    press("Escape")
    expect(desk.drawer).to_be_hidden()
    # The focus is where it was before.
    assert desk.page.evaluate("document.activeElement.closest('tr')?.dataset.id") == order["id"]


def test_x_cancels_after_one_question_and_never_what_has_ended(desk: Desk) -> None:
    order = desk.place("3", "limit", limit_price="5000")
    press = desk.page.keyboard.press
    press("Escape")
    press("j")
    press("x")
    expect(desk.dialog).to_contain_text("Cancel: Sell 3 SOL at 5,000")
    press("Escape")
    expect(desk.dialog).to_have_count(0)
    assert desk.get(f"/orders/{order['id']}")["outcome"] is None
    press("x")
    expect(desk.dialog).to_be_visible()
    desk.page.wait_for_timeout(DIALOG_OPENS_MS)
    press("Enter")

    desk.has_status(order["id"], "FAILED")
    assert desk.get(f"/orders/{order['id']}")["outcome"] == "cancelled"
    press("x")
    expect(desk.dialog).to_have_count(0)


def test_a_double_press_is_no_answer(desk: Desk) -> None:
    before = desk.get("/orders?limit=1")["results"]
    desk.fill("0.22")
    expect(desk.send).to_be_enabled()
    desk.page.evaluate(
        """() => {
          document.getElementById('send').click();
          document.querySelector('dialog button[value=yes]').click();
        }"""
    )
    expect(desk.dialog).to_be_visible()
    desk.answer("Back")
    assert desk.get("/orders?limit=1")["results"] == before


def test_f_flips_and_slash_filters_and_question_mark_lists_keys(desk: Desk) -> None:
    press = desk.page.keyboard.press
    desk.fill("5")
    press("Escape")
    press("f")
    assert desk.page.input_value("#token-in") == "USDC"
    assert desk.page.input_value("#amount-out") == "5"
    expect(desk.send).to_have_text("Buy 5 SOL")
    press("/")
    expect(desk.page.locator("#filter")).to_be_focused()
    # A key that is typed is text.
    press("n")
    assert desk.page.input_value("#filter") == "n"
    press("Escape")
    press("?")
    expect(desk.dialog).to_contain_text("Halt or resume")
    # Below a question no key acts.
    press("n")
    expect(desk.page.locator("#amount-in")).not_to_be_focused()
    press("Escape")
    expect(desk.dialog).to_have_count(0)


def test_tab_reaches_every_control_in_the_order_of_the_page(desk: Desk) -> None:
    desk.page.keyboard.press("Tab")
    assert desk.page.evaluate("document.activeElement.className") == "skip"
    seen: list[str] = []
    for _ in range(60):
        desk.page.keyboard.press("Tab")
        seen.append(desk.page.evaluate(FOCUSED))
        outline = desk.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        is_radio = desk.page.evaluate("document.activeElement.type === 'radio'")
        assert outline == "solid" or is_radio, seen[-1]
        if seen[-1] == "filter":
            break
    wanted = ["keys-open", "halt", "type", "amount-in", "token-in", "flip", "amount-out", "token-out"]
    assert [name for name in seen if name in wanted] == wanted
    assert "filter" in seen


def test_halt_and_resume_by_keys_ask_once_each(desk: Desk) -> None:
    press = desk.page.keyboard.press
    press("Control+Alt+h")
    expect(desk.dialog).to_contain_text("Halt trading")
    desk.answer("Halt now")
    try:
        expect(desk.page.locator("#halt-banner")).to_contain_text("Trading is halted (account")
        expect(desk.page.locator("html")).to_have_class("is-halted")
        assert [pause["reason"] for pause in desk.get("/halt")["results"]] == ["From the desk"]
        waiting = desk.place("0.23")
        expect(desk.row(waiting["id"])).to_contain_text("halted")
    finally:
        press("Control+Alt+h")
        desk.answer("Resume now")

    expect(desk.page.locator("#halt-banner")).to_be_hidden()
    assert desk.get("/halt")["results"] == []
    desk.has_status(waiting["id"], "CONFIRMED", 30)
