"""The desk as a person uses it: what is on the page, and how it is acted on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Response, ViewportSize, expect

from orderengine.tests.engines import until

WIDE = ViewportSize(width=1440, height=1000)
NARROW = ViewportSize(width=390, height=844)
TIMEOUT_MS = 30_000
# Of which a copy takes this, and is asked for again.
COPY_MS = 5_000
# A dialog takes no answer in its first 300 ms: the second half of a double click is none.
DIALOG_OPENS_MS = 320
# Fields of the orders that go along with the ticket's.
LINKED = {"take_profit", "stop_loss", "exit_amount", "or_price"}
# Answers that the desk asks for knowing that there may be none: a report of an order that has none yet.
REPORTS = re.compile(r"/api/v1/orders/[0-9a-f-]{36}/(explain|execution)$")
# So that a violation of the page's policy is an error in its log, with what was refused.
TELL_VIOLATIONS = (
    "addEventListener('securitypolicyviolation',"
    " (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"
)


class Desk:
    """One page of the desk, and the API beside it."""

    def __init__(self, page: Page, url: str, api: httpx.Client) -> None:
        self.page, self.url, self.api = page, url, api
        # What the test expects to see among the page's errors, as regular expressions.
        self.expected: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        address = message.location.get("url", "")
        if message.type == "error" and not (REPORTS.search(address) and "404" in message.text):
            self.errors.append(f"{message.text} ({address})")

    def unexpected(self) -> list[str]:
        """Errors of the page that no test has announced."""
        return [error for error in self.errors if not any(re.search(each, error) for each in self.expected)]

    # The page

    def open(self, *, is_live: bool = True) -> "Desk":
        """Load it; live: connected, with its list."""
        self.page.goto(self.url)
        return self.wait_until_live() if is_live else self

    def wait_until_live(self, seconds: float = 30) -> "Desk":
        """Wait for the stream, the list, the tokens and the pauses: what is typed before has no effect."""
        self.wait_until_read(seconds)
        expect(self.page.locator("#halt")).to_be_enabled()
        return self

    def wait_until_read(self, seconds: float = 30) -> "Desk":
        """The same for who may not halt."""
        expect(self.page.locator("#link")).to_have_attribute("data-state", "live", timeout=seconds * 1_000)
        expect(self.page.locator("#rows")).not_to_have_class(re.compile("loading"))
        expect(self.page.locator("#token-in option").first).to_be_attached()
        return self

    def row(self, order_id: str) -> Locator:
        """An order's row in the table."""
        return self.page.locator(f'#rows tr[data-id="{order_id}"]')

    def steps(self, order_id: str) -> Locator:
        """The five steps in it, with the status."""
        return self.row(order_id).locator(".steps")

    def has_status(self, order_id: str, status: str, seconds: float = 30) -> None:
        """Wait until its row says so."""
        expect(self.steps(order_id)).to_have_attribute("data-status", status, timeout=seconds * 1_000)

    @property
    def drawer(self) -> Locator:
        """The order that is open."""
        return self.page.locator("#drawer")

    @property
    def dialog(self) -> Locator:
        """The question that is asked."""
        return self.page.locator("dialog[open]")

    @property
    def send(self) -> Locator:
        """The button of the ticket."""
        return self.page.locator("#send")

    # Acts

    def fill(self, amount: str, kind: str = "market", *, buys: bool = False, **fields: Any) -> None:
        """Type an order into the ticket; the fields have the names of the form."""
        form = self.page.locator("#ticket-form")
        form.locator(f'input[name="type"][value="{kind}"]').check(force=True)
        if not LINKED.isdisjoint(fields):  # these come with the first look at them
            self.page.locator("#links").evaluate("(details) => { details.open = true; }")
        for name, value in fields.items():
            field = form.locator(f'[name="{name}"]')
            # What is rare stands below a summary that is closed at first.
            field.evaluate("(node) => { const more = node.closest('details'); if (more) more.open = true; }")
            if field.evaluate("(node) => node.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        form.locator('[name="amount_out"]' if buys else '[name="amount_in"]').fill(amount)

    def answer(self, name: str) -> None:
        """Answer the question with the button of this name."""
        expect(self.dialog).to_be_visible()
        self.page.wait_for_timeout(DIALOG_OPENS_MS)
        self.dialog.get_by_role("button", name=name, exact=True).click()
        expect(self.dialog).to_have_count(0)

    def place(self, amount: str, kind: str = "market", **fields: Any) -> dict[str, Any]:
        """Type, send and confirm an order; the API's answer."""
        self.fill(amount, kind, **fields)
        expect(self.send).to_be_enabled()
        label = self.send.inner_text()
        with self.page.expect_response(is_placing) as placed:
            self.send.click()
            self.answer(label)
        order: dict[str, Any] = placed.value.json()
        assert placed.value.status == 201, order
        # The pointer leaves the page's rows alone: under it they would stay where they are.
        self.page.mouse.move(0, 0)
        return order

    def show(self, order_id: str) -> Locator:
        """Open an order; the drawer with all its reports."""
        self.row(order_id).locator("button.open").click()
        self.page.mouse.move(0, 0)
        expect(self.drawer.get_by_role("heading", name="Timeline")).to_be_visible()
        return self.drawer

    def copied(self, language: str, words: str = "") -> str:
        """The ticket's order as a program, from the clipboard.

        On a busy machine the clipboard of a browser without a window does not always answer: it is asked again.
        """
        until(lambda: self._says_copied(language, words), TIMEOUT_MS / 1_000)
        program: str = self.page.evaluate("navigator.clipboard.readText()")
        return program

    def _says_copied(self, language: str, words: str) -> bool:
        self.page.locator(f"#copy-{language}").click()
        try:
            expect(self.page.locator("#toasts")).to_contain_text(f"Copied the {words}", timeout=COPY_MS)
        except AssertionError:
            return False
        return True

    # Beside the page

    def get(self, path: str) -> dict[str, Any]:
        """The API's answer."""
        answer = self.api.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a program does beside the page."""
        answer = self.api.post(f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made


def is_placing(response: Response) -> bool:
    """Whether this answers POST /orders."""
    return response.request.method == "POST" and response.url.endswith("/api/v1/orders")


@contextmanager
def desk_page(browser: Browser, url: str, api: httpx.Client, **options: Any) -> Iterator[Desk]:
    """A desk in a browser context of its own: no cookie, no storage, local time UTC."""
    context: BrowserContext = browser.new_context(
        **{"viewport": WIDE, "timezone_id": "UTC", "locale": "en-GB", **options}
    )
    context.add_init_script(TELL_VIOLATIONS)
    try:
        yield Desk(context.new_page(), url, api)
    finally:
        context.close()
