"""`manage.py orders explain` and where `seed` points to: which order is meant, and what is printed."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from orders.cli.client import EngineClient, ServerError
from orders.cli.explaining import explain_lines, hint
from orders.cli.render import Row

FIRST, SECOND = "01a22e38-173c-7612-885d-63f7a0c35db2", "01a22e38-173c-7612-885d-a1b2c3d4e5f6"
EMPTY: dict[str, Any] = {name: [] for name in ("waiting", "ending", "route", "attempts", "next")}
TOLD = EMPTY | {
    "summary": {"code": "summary", "text": "This market order swaps 1 SOL for USDC.", "facts": {}},
    "ending": [{"code": "filled", "text": "It is filled.", "facts": {}}],
    "next": [{"code": "see_execution", "text": "See the rest.", "facts": {}}],
}
LINES = [
    *("This market order swaps 1 SOL for USDC.", "", "How it ended", "  It is filled.", "", "What next"),
    "  See the rest.",
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A server with two orders, one of them with a client_order_id of digits that also end the other's id."""
    paths: list[str] = []

    def call(self: EngineClient, method: str, path: str, body: Any = None) -> Any:
        paths.append(path)
        if path.startswith("orders?"):
            return {"results": [{"id": FIRST}, {"id": SECOND}], "next": None}
        if path == "orders/by-client-id/a1b2c3d4e5f6":
            return {"id": FIRST}
        if path.startswith("orders/by-client-id/"):
            raise ServerError("Not found: no order of yours has this client_order_id.")
        return TOLD

    monkeypatch.setattr(EngineClient, "call", call)
    return paths


@pytest.mark.parametrize(
    ("text", "order_id"),
    [
        (FIRST, FIRST),
        (FIRST[-7:], FIRST),
        ("…" + FIRST[-12:], FIRST),
        # All of a client_order_id goes before the digits of an id.
        (SECOND[-12:], FIRST),
        (SECOND[-8:], SECOND),
    ],
)
def test_an_order_is_named_by_id_digits_or_its_client_order_id(
    asked: list[str], capsys: pytest.CaptureFixture[str], text: str, order_id: str
) -> None:
    call_command("orders", "explain", text)

    assert asked[-1] == f"orders/{order_id}/explain"
    assert capsys.readouterr().out.splitlines() == LINES


def test_it_is_json_on_demand(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("orders", "explain", FIRST, "--json")

    assert json.loads(capsys.readouterr().out) == TOLD


@pytest.mark.parametrize("text", ["no-such-order", "ffff"])
def test_what_names_no_order_is_a_sentence(asked: list[str], text: str) -> None:
    with pytest.raises(CommandError, match=r"order id|none of your newest"):
        call_command("orders", "explain", text)


def row(status: str, order_id: str, waits: str = "") -> Row:
    return Row(1, {"id": order_id, "status": status}, waits=waits)


def test_seed_points_to_what_has_most_to_explain() -> None:
    filled, failed, waiting = row("CONFIRMED", FIRST), row("FAILED", SECOND), row("PENDING", "0" * 20 + "aaaabbbbcccc")

    assert hint([filled, waiting, failed]) == "next: manage.py orders explain a1b2c3d4e5f6\n"
    assert hint([filled, waiting]) == "next: manage.py orders explain aaaabbbbcccc\n"
    assert hint([filled]) == "next: manage.py orders explain 63f7a0c35db2\n"
    assert hint([]) == hint([failed], as_json=True) == ""


@pytest.mark.parametrize(
    ("side", "told", "shown"),
    [
        ("exact_in", {"amount_out_raw": "1001", "quoted_amount_out_raw": "1000"}, "+10.0 bp"),
        ("exact_in", {"amount_out_raw": "999", "quoted_amount_out_raw": "1000"}, "−10.0 bp"),
        ("exact_out", {"amount_in_raw": "1000", "quoted_amount_in_raw": "1001"}, "+10.0 bp"),
        ("exact_out", {"amount_in_raw": "1000", "quoted_amount_in_raw": "1000"}, "0.0 bp"),
    ],
)
def test_what_is_better_than_the_quote_has_a_plus_on_both_sides(side: str, told: dict[str, str], shown: str) -> None:
    data = {"quoted_amount_out_raw": "1", "amount_out_raw": "1"} | told
    event = {"status": "CONFIRMED", "outcome": "filled", "attempt": 1, "took_ms": 1, "data": data}
    final = {"amount_out": "1", "token_out": "USDC"}
    order = {"id": FIRST, "amount": "1", "token_in": "SOL", "token_out": "USDC", "side": side, "final": final}

    assert shown in Row(1, order, [event]).cells()


def test_sections_that_say_nothing_are_left_out() -> None:
    assert list(explain_lines(EMPTY | {"summary": TOLD["summary"]})) == [TOLD["summary"]["text"]]
