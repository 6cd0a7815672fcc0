"""The ticket beyond the plain order: every type, linked orders, balances, other prices, and orders as programs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from orderengine.tests.e2e.conftest import OpenDesk
from orderengine.tests.e2e.desk import Desk
from orderengine.tests.engines import ROOT

# Type, what is typed, and what the API has of it then.
WAITING: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("stop_limit", {"trigger_price": "1", "limit_price": "0.9"}, {"trigger_price": "1", "limit_price": "0.9"}),
    ("trailing_stop", {"trail_bps": "500"}, {"trail_bps": "500"}),
    ("ladder", {"from": "5000", "to": "6000", "steps": "3"}, {"slices_total": 3}),
    ("sniper", {"min_liquidity": "10", "max_age_s": "60", "min_amount_out": "1"}, {"min_liquidity": "10"}),
]


@pytest.fixture(autouse=True)
def nothing_waits(request: pytest.FixtureRequest, api: Any) -> Iterator[None]:
    """Orders that still wait are cancelled."""
    yield
    api.post("/api/v1/orders/cancel", json={"all": True})


@pytest.mark.parametrize(("kind", "typed", "told"), WAITING, ids=[kind for kind, _, _ in WAITING])
def test_each_type_that_waits_is_taken_as_typed(
    desk: Desk, kind: str, typed: dict[str, Any], told: dict[str, Any]
) -> None:
    order = desk.place("3", kind, **typed)

    now = desk.get(f"/orders/{order['id']}")
    assert (now["type"], now["amount"]) == (kind, "3")
    assert {name: now[name] for name in told} == told
    expect(desk.row(order["id"])).to_be_visible()
    desk.show(order["id"])
    expect(desk.drawer).to_contain_text(kind.replace("_", " "))


def test_exits_go_along_all_or_none(desk: Desk) -> None:
    desk.fill("0.6", take_profit="0.02", stop_loss="0.001")
    expect(desk.send).to_be_enabled()
    label = desk.send.inner_text()
    assert label.endswith("and 2 linked")
    with desk.page.expect_response("**/api/v1/orders/batch") as sent:
        desk.send.click()
        desk.answer(label)

    orders = [result["order"] for result in sent.value.json()["results"]]
    assert '"link":"bracket"' in (sent.value.request.post_data or "")
    assert [order["type"] for order in orders] == ["market", "limit", "stop"]
    assert [order["token_in"] for order in orders] == ["SOL", "USDC", "USDC"]
    # They sell the least that the first one receives.
    assert {order["amount"] for order in orders[1:]} == {orders[0]["guards"]["min_amount_out"]}
    desk.has_status(orders[0]["id"], "CONFIRMED")


def test_half_and_max_are_the_wallets_balance(desk: Desk) -> None:
    done = desk.post("/orders", {"token_in": "SOL", "token_out": "USDC", "amount": "0.1"})
    desk.has_status(done["id"], "CONFIRMED")
    desk.open()
    (wallet,) = desk.get("/wallets")["results"]
    held = {balance["token"]: balance["amount"] for balance in wallet["balances"]}

    desk.page.locator("#token-in").select_option("USDC")
    desk.page.locator("#most").click()
    expect(desk.page.locator("#amount-in")).to_have_value(held["USDC"])
    desk.page.locator("#half").click()
    half = Decimal(held["USDC"]) / 2
    expect(desk.page.locator("#amount-in")).to_have_value(
        f"{half.quantize(Decimal('0.000001'), 'ROUND_DOWN'):f}".rstrip("0")
    )
    # Of what pays network fees some is left.
    desk.page.locator("#token-in").select_option("SOL")
    desk.page.locator("#most").click()
    expect(desk.page.locator("#amount-in")).to_have_value(re.compile(f"^{held['SOL'][:7]}"))
    taken = Decimal(desk.page.input_value("#amount-in"))
    assert 0 < Decimal(held["SOL"]) - taken < Decimal("0.1")


def test_who_buys_types_money_per_token(desk: Desk) -> None:
    desk.page.locator("#token-in").select_option("USDC")
    order = desk.place("300", "limit", limit_price="100")

    assert (order["token_in"], order["token_out"], Decimal(order["limit_price"])) == ("USDC", "SOL", Decimal("0.01"))
    expect(desk.row(order["id"])).to_contain_text("at 100")


def test_a_waiting_order_is_replaced_and_no_change_is_overwritten_unseen(desk: Desk) -> None:
    order = desk.place("2", "limit", limit_price="5000")
    drawer = desk.show(order["id"])
    desk.page.keyboard.press("r")
    desk.dialog.locator("[name=limit_price]").fill("5100")
    desk.answer("Replace order")
    expect(desk.row(order["id"])).to_contain_text("at 5,100")
    assert desk.get(f"/orders/{order['id']}")["limit_price"] == "5100"
    expect(drawer.locator(".timeline")).to_contain_text("5000 → 5100")

    # Another program replaces it while the question stands.
    desk.expected.append("412")
    drawer.get_by_role("button", name="Replace").click()
    box = desk.dialog.locator("[name=limit_price]")
    box.fill("5300")
    version = desk.get(f"/orders/{order['id']}")["version"]
    moved = desk.api.patch(
        f"/api/v1/orders/{order['id']}", json={"limit_price": "5200"}, headers={"If-Match": f'"{version}"'}
    )
    assert moved.status_code == 200
    desk.page.wait_for_timeout(320)
    desk.dialog.get_by_role("button", name="Replace order").click()

    expect(desk.dialog.locator(".problem")).to_be_visible()
    expect(desk.dialog).to_contain_text("now 5200")
    assert desk.dialog.locator("[name=limit_price]").input_value() == "5300"
    assert desk.get(f"/orders/{order['id']}")["limit_price"] == "5200"
    desk.answer("Replace order")
    expect(desk.row(order["id"])).to_contain_text("at 5,300")


def test_what_an_order_proves_is_kept(desk: Desk) -> None:
    order = desk.place("0.7")
    desk.has_status(order["id"], "CONFIRMED")
    drawer = desk.show(order["id"])
    drawer.get_by_role("button", name="Receipt").click()
    with desk.page.expect_download() as saved:
        desk.dialog.get_by_role("button", name="Save as file").click()
    assert saved.value.path().read_text() == desk.api.get(f"/api/v1/orders/{order['id']}/receipt").text
    desk.answer("Close")

    drawer.get_by_role("button", name="Route again").click()
    expect(desk.dialog).to_contain_text("the same")


@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_an_order_as_a_program_places_it(open_desk: OpenDesk, language: str) -> None:
    desk = open_desk(permissions=["clipboard-read", "clipboard-write"])
    desk.fill("0.41", "limit", limit_price="5000")
    desk.page.locator(f"#copy-{language}").click()
    expect(desk.page.locator("#toasts")).to_contain_text("Copied")
    program = desk.page.evaluate("navigator.clipboard.readText()")
    before = {order["id"] for order in desk.get("/orders?limit=100")["results"]}
    # The Python one waits for the order's end, which does not come: it is there all the same.
    command = {
        "curl": ["bash", "-c"],
        "python": [sys.executable, "-c"],
        "javascript": ["node", "--input-type=module", "-e"],
    }
    if language == "python":
        program = program.replace("timeout_s=60", "timeout_s=0.1")
    environment = os.environ | {"PYTHONPATH": str(ROOT / "client/src")}
    for _ in range(2):
        subprocess.run([*command[language], program], env=environment, capture_output=True, timeout=60, check=False)

    made = [order for order in desk.get("/orders?limit=100")["results"] if order["id"] not in before]
    assert [(order["amount"], order["limit_price"]) for order in made] == [("0.41", "5000")]
