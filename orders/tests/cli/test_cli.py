"""What the command line shows: a live table on a terminal, in whichever order its answers come."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orders.amounts import grouped
from orders.cli import watch as watching
from orders.cli.client import ServerError
from orders.cli.render import Row
from orders.cli.waiting import waiting_words
from orders.management.commands.doctor import live_findings


def event(seq: int, status: str, **data: Any) -> dict[str, Any]:
    outcome = {"CONFIRMED": "filled", "FAILED": "slippage"}.get(status)
    return {"type": "event", "seq": seq, "status": status, "attempt": 1, "outcome": outcome, "took_ms": 7, "data": data}


LEGS = [{"share": "1", "hops": [{"venue": "raydium", "token_out": "USDC"}]}]
AMOUNTS = {"quoted_amount_out_raw": "1000000", "amount_out_raw": "1000100"}
FILLED = [event(1, "PENDING"), event(2, "BUILDING", route=LEGS), event(3, "CONFIRMED", **AMOUNTS)]
# A parent is not quoted itself, and tells what its children have come to.
IN_PARTS = [event(1, "PENDING"), event(2, "CONFIRMED", amount_in_raw="2000000", amount_out_raw="1000100")]
FAILED = [event(1, "PENDING"), event(2, "ROUTING"), event(3, "FAILED", failure={"detail": "moved"})]


class FakeClient:
    """A server whose orders tell their events in turn, and whose answers take a moment."""

    url = "http://localhost:3000"

    async def follow(self, order_id: str) -> AsyncIterator[dict[str, Any]]:
        if order_id == "gone":
            raise ServerError("the socket broke")
        for told in {"good": FILLED, "parent": IN_PARTS}.get(order_id, FAILED):
            await asyncio.sleep(0.01)
            yield told

    def call(self, method: str, path: str) -> dict[str, Any]:
        import time

        time.sleep(0.05)
        return {"amount_out": "1.0001", "token_out": "USDC"}


def rows(*ids: str) -> list[Row]:
    return [Row(i, {"id": id_, "amount": "250", "token_in": "SOL", "token_out": "USDC", "status": "PENDING"})
            for i, id_ in enumerate(ids, start=1)]  # fmt: skip


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal of 140 columns that keeps what is drawn."""
    drawn = io.StringIO()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(watching, "Console", lambda: Console(file=drawn, force_terminal=True, width=140))
    return drawn


def test_the_live_table_survives_answers_in_any_order(terminal: io.StringIO) -> None:
    problems = watching.watch(FakeClient(), rows("good", "bad"), timeout_s=5, as_json=False, title="5 orders")  # type: ignore[arg-type]

    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert problems == []
    assert "1 confirmed · 1 failed" in shown
    assert "+1.0 bp" in shown
    assert "1.0001 USDC" in shown
    assert "FAILED slippage" in shown


def test_an_order_that_others_have_executed_is_shown_with_what_it_got(terminal: io.StringIO) -> None:
    assert watching.watch(FakeClient(), rows("parent"), timeout_s=5, as_json=False, title="1 order") == []  # type: ignore[arg-type]

    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert "1 confirmed" in shown
    assert "1.0001 USDC" in shown
    assert " bp" not in shown


def test_a_narrow_terminal_gets_fewer_columns_and_no_cut_words(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = io.StringIO()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(watching, "Console", lambda: Console(file=drawn, force_terminal=True, width=80))

    watching.watch(FakeClient(), rows("good", "bad"), timeout_s=5, as_json=False, title="5 orders")  # type: ignore[arg-type]

    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.getvalue())
    assert "…" not in shown.replace("…good", "").replace("…bad", "")
    assert all(words in shown for words in ("250 SOL → USDC", "CONFIRMED", "FAILED slippage", "1.0001 USDC", "21 ms"))
    assert "saved" not in shown


def test_a_broken_socket_is_a_sentence(terminal: io.StringIO) -> None:
    assert watching.watch(FakeClient(), rows("gone"), timeout_s=5, as_json=False, title="") == ["the socket broke"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("1000", "1,000"), ("35999.180000", "35,999.18"), ("0.123456789", "0.123456"), ("0.999999999", "0.999999")],
)
def test_amounts_are_grouped_and_cut(amount: str, shown: str) -> None:
    assert grouped(amount, 6) == shown


def test_without_a_chains_file_the_simulated_chain_misses_nothing(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.CHAIN, settings.CHAINS_FILE = "simulated", str(tmp_path / "chains.toml")
    monkeypatch.delenv("CHAINS_FILE", raising=False)

    assert [finding.ok for finding in live_findings()] == [True]
    monkeypatch.setenv("CHAINS_FILE", settings.CHAINS_FILE)
    assert [finding.ok for finding in live_findings()] == [False]
    monkeypatch.delenv("CHAINS_FILE")
    settings.CHAIN = "local"
    assert [finding.ok for finding in live_findings()] == [False]


class QuotingClient(FakeClient):
    """A server that quotes one price."""

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return {"price": "143.931"}


@pytest.mark.parametrize(("limit", "said"), [("150", "(4.2 % away)"), ("143.931", "(reached)"), ("143", "(reached)")])
def test_an_order_that_waits_says_how_far_its_price_is(limit: str, said: str) -> None:
    names = ("token_in", "token_out", "amount", "side")
    order = dict.fromkeys(names, "1") | {"type": "limit", "limit_price": limit, "waiting_for": "price"}

    assert waiting_words(QuotingClient(), order) == f"waits for price, now 143.931 {said}"  # type: ignore[arg-type]
