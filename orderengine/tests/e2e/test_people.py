"""People who sign in where the API is open to nobody: password, code, roles, and a session that ends meanwhile."""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from orderengine.devstack.environment import free_port
from orderengine.tests.conftest import state_directory
from orderengine.tests.e2e.axe import violations
from orderengine.tests.e2e.conftest import SETTINGS, OpenDesk
from orderengine.tests.e2e.desk import Desk, desk_page
from orderengine.tests.engines import Engine, until

PASSWORD = "correct horse battery staple"
ACCOUNT = "treasury"
CODE_S = 30


@pytest.fixture(scope="module")
def closed(browser: Browser) -> Iterator[Engine]:
    """An engine whose callers need a key or a session."""
    with state_directory() as state:
        engine = Engine(state, PORT=str(free_port()), REQUIRE_API_KEY="1", **SETTINGS).until_up()
        yield engine
        engine.stop()


@pytest.fixture(scope="module")
def program(closed: Engine) -> Iterator[httpx.Client]:
    """A program with a key of the same account."""
    key = closed.manage("keys", "create", ACCOUNT).stdout.split()[0]
    with httpx.Client(base_url=closed.url, headers={"Authorization": f"Bearer {key}"}, timeout=20) as client:
        until(lambda: client.get("/ready").status_code == 200, 60)
        yield client


@pytest.fixture
def open_door(browser: Browser, closed: Engine, program: httpx.Client) -> Iterator[OpenDesk]:
    """Opens pages at the sign-in; none of them may have had an error that the test did not expect."""
    desks: list[Desk] = []
    with ExitStack() as opened:

        def open_one() -> Desk:
            desks.append(opened.enter_context(desk_page(browser, f"{closed.url}/", program)))
            desks[-1].page.goto(f"{closed.url}/sign-in")
            return desks[-1]

        yield open_one
        errors = [desk.unexpected() for desk in desks]
    assert not any(errors), errors


@pytest.fixture
def person(closed: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The name of a user with the role that the test asks for."""
    name = f"user-{time.monotonic_ns()}"
    file = tmp_path / "password"
    file.touch(0o600)
    file.write_text(PASSWORD)
    made = closed.manage(
        "users", "add", name, "--account", ACCOUNT, "--role", request.param, "--password-file", str(file)
    )
    assert made.returncode == 0, made.stderr
    return name


def code_of(secret: str) -> str:
    """What an authenticator app shows for it now (RFC 6238)."""
    key = base64.b32decode(secret.replace(" ", "").upper())
    digest = hmac.new(key, int(time.time() // CODE_S).to_bytes(8, "big"), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"


def give_password(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill the first form."""
    page.locator("#username").fill(name)
    page.locator("#password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def enroll(page: Page) -> list[str]:
    """Scan the secret, give its code; the backup codes."""
    page.locator("#code").fill(code_of(page.locator("#secret").inner_text()))
    page.get_by_role("button", name="Turn on").click()
    codes = page.locator("#backup-codes li").all_inner_texts()
    assert len(set(codes)) == 10
    return codes


@pytest.mark.parametrize("person", ["trading"], indirect=True)
def test_who_trades_enrolls_an_app_places_an_order_and_comes_back_with_a_backup_code(
    open_door: OpenDesk, person: str, axe: str
) -> None:
    desk = open_door()
    page = desk.page
    assert violations(page, axe) == []
    give_password(page, person, "wrong")
    expect(page.locator("#problem")).to_contain_text("Please enter a correct username and password")
    assert violations(page, axe) == []
    give_password(page, person)
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up two-factor sign-in")
    assert violations(page, axe) == []
    codes = enroll(page)
    assert violations(page, axe) == []
    page.locator("#continue").click()

    desk.wait_until_live()
    expect(page.locator("#who")).to_contain_text(person)
    order = desk.place("0.5")
    desk.has_status(order["id"], "CONFIRMED")
    assert desk.get(f"/orders/{order['id']}")["status"] == "CONFIRMED"
    assert violations(page, axe) == []

    page.locator("#sign-out").click()
    expect(page.locator("#ticket-form")).to_have_count(0)
    page.goto(f"{desk.url}sign-in")
    give_password(page, person)
    page.locator("#code").fill("000000")
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#problem")).to_be_visible()
    assert violations(page, axe) == []
    page.wait_for_timeout(1_100)  # after a wrong code the next one must wait a second
    page.locator("#code").fill(codes[0])
    page.get_by_role("button", name="Verify").click()
    desk.wait_until_live()


@pytest.mark.parametrize("person", ["read_only"], indirect=True)
def test_who_only_reads_sees_orders_and_has_nothing_to_send_them_with(open_door: OpenDesk, person: str) -> None:
    desk = open_door()
    give_password(desk.page, person)
    desk.wait_until_read()
    order = desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.2"})
    desk.has_status(order["id"], "CONFIRMED")
    before = desk.get("/orders?limit=1")["results"]

    desk.fill("1")
    expect(desk.page.locator("#quote")).to_contain_text("Price")
    expect(desk.send).to_be_hidden()
    expect(desk.page.locator("#halt")).to_be_hidden()
    desk.page.keyboard.press("Control+Enter")
    desk.page.keyboard.press("Control+Alt+h")
    expect(desk.dialog).to_have_count(0)
    waiting = desk.post(
        "/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "1", "type": "limit", "limit_price": "5000"}
    )
    desk.show(waiting["id"])
    expect(desk.drawer.get_by_role("button", name="Cancel order")).to_be_hidden()
    expect(desk.drawer.get_by_role("button", name="Replace")).to_be_hidden()
    assert desk.get("/orders?limit=2")["results"][1]["id"] == before[0]["id"]


@pytest.mark.parametrize("person", ["operator"], indirect=True)
def test_a_session_that_ends_is_said_and_goes_on_after_another_sign_in(
    open_door: OpenDesk, person: str, closed: Engine
) -> None:
    desk = open_door()
    give_password(desk.page, person)
    codes = enroll(desk.page)
    desk.page.locator("#continue").click()
    desk.wait_until_live()
    desk.expected.append("401")
    other = desk.page.context.new_page()
    other.goto(desk.url)
    other.locator("#sign-out").click()
    expect(other.locator("#ticket-form")).to_have_count(0)
    desk.fill("0.3")
    desk.page.locator("#dry-run").click()
    expect(desk.page.locator("#session-banner")).to_contain_text("You are signed out")

    other.goto(f"{desk.url}sign-in")
    give_password(other, person)
    other.locator("#code").fill(codes[0])
    other.get_by_role("button", name="Verify").click()
    expect(other.locator("#ticket-form")).to_be_visible()
    desk.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(desk.page.locator("#session-banner")).to_be_hidden()
    # What was typed has stayed.
    assert desk.page.input_value("#amount-in") == "0.3"
    desk.wait_until_live()
    order = desk.place("0.4")
    desk.has_status(order["id"], "CONFIRMED")
