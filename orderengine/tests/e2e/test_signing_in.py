"""People who sign in where the API is not open: enrolment, roles, and a session that ends in the middle of an order."""

import time
from base64 import b32decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django_otp.oath import TOTP
from playwright.sync_api import Browser, Page, expect

from orderengine.devstack.environment import free_port
from orderengine.tests.conftest import state_directory
from orderengine.tests.e2e.axe import violations
from orderengine.tests.e2e.conftest import SETTINGS
from orderengine.tests.e2e.desk import Desk, desk_page
from orderengine.tests.engines import Engine

PASSWORD = "correct horse battery staple"
LEFT_OUT = r"status of 40[134]"


@pytest.fixture(scope="module")
def closed() -> Iterator[Engine]:
    """An engine whose callers need a key or a sign-in."""
    with state_directory() as state:
        engine = Engine(state, PORT=str(free_port()), REQUIRE_API_KEY="1", **SETTINGS).until_up()
        yield engine
        engine.stop()


@pytest.fixture(scope="module")
def password_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secret") / "password"
    file.write_text(PASSWORD)
    file.chmod(0o600)
    return file


def add_user(engine: Engine, password_file: Path, name: str, role: str) -> None:
    added = engine.manage(
        "users", "add", name, "--account", "desk", "--role", role, "--password-file", str(password_file)
    )
    assert added.returncode == 0, added.stderr


@pytest.fixture
def desk(browser: Browser, closed: Engine) -> Iterator[Desk]:
    """A desk at whose door a person stands; refusals are part of every test here."""
    with httpx.Client(base_url=closed.url, timeout=20) as api, desk_page(browser, f"{closed.url}/", api) as opened:
        opened.expected.append(LEFT_OUT)
        yield opened
        assert opened.unexpected() == []


def give_password(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}sign-in")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def enroll(desk: Desk, name: str) -> list[str]:
    """Sign in for the first time; the backup codes."""
    give_password(desk.page, desk.url, name)
    app = TOTP(b32decode(desk.page.locator("#secret").inner_text().replace(" ", "")))
    app.time = time.time()
    desk.page.get_by_role("textbox", name="Code").fill(f"{app.token():06d}")
    desk.page.get_by_role("button", name="Turn on").click()
    codes = desk.page.locator("#backup-codes code")
    expect(codes).to_have_count(10)
    found = codes.all_inner_texts()
    desk.page.locator("#continue").click()
    desk.wait_until_live()
    return found


def test_the_forms_are_for_all_people(desk: Desk, closed: Engine, password_file: Path, axe: str) -> None:
    add_user(closed, password_file, "forms", "trading")
    desk.page.goto(f"{desk.url}sign-in")
    assert violations(desk.page, axe) == []
    desk.page.get_by_label("User name").fill("forms")
    desk.page.get_by_label("Password").fill("wrong")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("alert")).to_be_visible()
    assert violations(desk.page, axe) == []
    give_password(desk.page, desk.url, "forms")
    expect(desk.page.locator("#secret")).to_be_visible()
    assert violations(desk.page, axe) == []


def test_a_trader_enrolls_places_an_order_and_goes_on_after_the_session_has_ended(
    desk: Desk, closed: Engine, password_file: Path, axe: str
) -> None:
    add_user(closed, password_file, "trader", "trading")
    codes = enroll(desk, "trader")
    order = desk.place("1")
    desk.has_status(order["id"], "CONFIRMED")
    expect(desk.page.locator("#who")).to_contain_text("trader trading")

    desk.fill("2.5")
    other = desk.page.context.new_page()
    other.goto(desk.url)
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_url("**/sign-in")
    desk.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(desk.page.locator("#session-banner")).to_contain_text("You are signed out")
    expect(desk.page.locator("#link")).to_have_text("Signed out")
    expect(desk.send).to_be_disabled()
    assert violations(desk.page, axe) == []

    give_password(other, desk.url, "trader")
    other.get_by_role("textbox", name="Code").fill(codes[0])
    other.get_by_role("button", name="Verify").click()
    expect(other.locator("#link")).to_have_attribute("data-state", "live")
    desk.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(desk.page.locator("#session-banner")).to_be_hidden()
    desk.wait_until_live()
    expect(desk.page.locator("#amount-in")).to_have_value("2.5")
    expect(desk.send).to_be_enabled()
    desk.place("2.5")


def test_a_reader_sees_all_and_is_offered_no_act(desk: Desk, closed: Engine, password_file: Path, axe: str) -> None:
    add_user(closed, password_file, "reader", "read_only")
    give_password(desk.page, desk.url, "reader")
    desk.wait_until_live()

    desk.fill("2")
    expect(desk.page.locator("#quote")).to_contain_text("Price")
    expect(desk.page.locator("#role-note")).to_be_visible()
    for gone in ("#send", "#dry-run", "#halt", "#venues button[data-needs=admin]", "header a[href='/admin/']"):
        expect(desk.page.locator(gone).first).to_be_hidden()
    asked: list[Any] = []
    desk.page.on("request", lambda request: asked.append(request) if request.method != "GET" else None)
    desk.page.keyboard.press("Control+Enter")
    desk.page.locator("#amount-in").press("Enter")
    desk.page.keyboard.press("Control+Alt+H")
    expect(desk.dialog).to_have_count(0)
    assert not [each for each in asked if not each.url.endswith(("/quotes", "/ws-tickets", "/quotes/curve"))]
    assert violations(desk.page, axe) == []


def test_a_role_that_changes_changes_the_page(desk: Desk, closed: Engine, password_file: Path) -> None:
    add_user(closed, password_file, "riser", "trading")
    enroll(desk, "riser")
    expect(desk.page.locator("#venues button[data-needs=admin]").first).to_be_hidden()

    assert closed.manage("users", "role", "riser", "operator").returncode == 0
    desk.page.reload()
    desk.wait_until_live()

    expect(desk.page.locator("#role")).to_have_text("operator")
    expect(desk.page.locator("#venues button[data-needs=admin]").first).to_be_visible()
