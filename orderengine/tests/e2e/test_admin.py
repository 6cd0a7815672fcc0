"""The admin in a browser: signed in, its pages have no error and nothing that axe finds."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from orderengine.tests.e2e.axe import violations
from orderengine.tests.e2e.desk import Desk, desk_page
from orderengine.tests.engines import Engine

# Links without a line under them and a search box without a label: markup of Django's own templates.
DJANGOS = (".breadcrumbs", ".small", "#searchbar")


@pytest.fixture
def admin(browser: Browser, whole: Engine, api: httpx.Client) -> Iterator[Desk]:
    """Signed in as the administrator that `make run` makes."""
    with desk_page(browser, f"{whole.url}/admin/", api) as page:
        page.page.goto(page.url)
        page.page.locator("[name=username]").fill("admin")
        page.page.locator("[name=password]").fill((whole.state / "admin-password").read_text().strip())
        page.page.get_by_role("button", name="Sign in").click()
        expect(page.page.locator("#user-tools")).to_be_visible()
        # Django's pages name no icon.
        page.expected.append("favicon.ico")
        yield page
        errors = page.unexpected()
    assert errors == []


def test_the_first_page_and_lists(admin: Desk, axe: str) -> None:
    for path in ("", "orders/order/", "orders/auditentry/"):
        admin.page.goto(f"{admin.url}{path}")
        expect(admin.page.locator("#content")).to_be_visible()
        assert violations(admin.page, axe, left_out=DJANGOS) == [], path


def test_the_page_of_an_order(admin: Desk, axe: str) -> None:
    order = admin.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.5"})
    admin.page.goto(f"{admin.url}orders/order/{order['id']}/change/")

    expect(admin.page.locator("#content")).to_contain_text(order["id"])
    assert admin.unexpected() == []
    # The rules set styles of their own while they measure this page, which its policy refuses.
    admin.expected += ["Applying inline style", "policy: style-src"]
    assert violations(admin.page, axe, left_out=DJANGOS) == []
