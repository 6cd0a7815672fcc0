"""What is asked of an order, a market and an account, by both clients, of a real web process."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async

from dex.chains.simulated import SimulatedChain
from orderengine_client import AsyncClient, Client, ConflictError, NotFoundError, RefusedError
from orders.models import Account
from orders.order_types import ORDER_TYPES
from orders.receipts.keys import make_private_key
from orders.tests.factories import api_key
from orders.tests.web import Web, web_server
from tests.conftest import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

SCOPES = ["read", "quote", "trade", "cancel", "webhooks"]


@pytest.fixture
def url(chain: SimulatedChain, both_webs: list[Web]) -> str:
    return f"http://127.0.0.1:{both_webs[0].port}"


@pytest.fixture
def client(account: Account, url: str) -> Any:
    with Client(url, api_key(account, scopes=SCOPES)) as client:
        yield client


def test_an_executed_order_is_explained_measured_signed_and_replayed(
    account: Account,
    chain: SimulatedChain,
    worker: Callable[[], Worker],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a web process that signs receipts."""
    make_private_key(tmp_path / "receipt-key.pem")
    monkeypatch.setenv("RECEIPT_KEY_FILE", str(tmp_path / "receipt-key.pem"))
    with web_server(tmp_path) as web, Client(f"http://127.0.0.1:{web.port}", api_key(account, scopes=SCOPES)) as client:
        check_an_executed_order(client, worker)
        assert web.said_wrong() == []


def check_an_executed_order(client: Client, worker: Callable[[], Worker]) -> None:
    with worker():
        order = client.wait(client.place("SOL", "USDC", "250", tags={"book": "eu"}).id)
    explained, measured = client.explain(order.id), client.execution(order.id)
    receipt, snapshot = json.loads(client.receipt(order.id)), json.loads(client.snapshot(order.id))
    again = client.replay(order.id)
    single = client.replay(order.id, venues={"max_legs": 1, "max_swaps": 1})
    report = client.report("pair", created_after=datetime.now(UTC) - timedelta(hours=1))
    table = client.report_csv("pair").decode().splitlines()

    assert (order.status, order.outcome) == ("CONFIRMED", "filled")
    assert "250 SOL" in explained.summary.text
    assert explained.ending
    assert (measured.amount_out, measured.order_id) == (order.amount_out, order.id)
    assert receipt["order"]["id"] == str(order.id)
    assert snapshot["format"].startswith("order-market/")
    assert again.is_same_route
    assert again.amount_out == order.quoted_amount_out
    assert int(single.amount_out_raw) <= int(again.amount_out_raw)
    [row] = report.results
    assert row.to_dict()["orders"] == 1
    assert len(table) >= 2


def test_quotes_are_named_by_orders_and_streamed(client: Client) -> None:
    quote = client.quote("SOL", "USDC", "250")
    order = client.place("SOL", "USDC", "250", quote_id=quote.quote_id)
    with pytest.raises(RefusedError) as refused:
        client.place("SOL", "USDC", "251", quote_id=quote.quote_id)
    stream = client.quotes("SOL", "USDC", 250, venues={"deny": ["orca"]})
    streamed = next(stream)
    stream.close()
    with pytest.raises(RefusedError, match="unknown_token"):
        next(client.quotes("SOL", "NOPE", "1"))

    assert int(order.guards.min_amount_out.replace(".", "")) == int(quote.min_amount_out_raw)  # type: ignore[union-attr]
    assert refused.value.code == "quote_mismatch"
    assert streamed.amount_in == "250"
    assert int(streamed.amount_out_raw) <= int(quote.amount_out_raw)


def test_webhooks_are_made_changed_and_removed(client: Client, settings: Any) -> None:
    made = client.create_webhook("https://example.com/hook", description="desk", status=["CONFIRMED"])
    changed = client.change_webhook(made.id, pair="SOL/USDC", is_enabled=False)
    rotated = client.rotate_webhook_secret(made.id, overlap_hours=1)
    shown = client.webhooks()

    assert made.secret.startswith("whsec_")
    assert rotated.secret != made.secret
    assert (changed.pair, changed.is_enabled, changed.status) == ("SOL/USDC", False, ["CONFIRMED"])
    assert [one.id for one in shown] == [made.id]
    assert client.webhook(made.id).description == "desk"
    assert list(client.webhook_deliveries(made.id)) == []
    client.delete_webhook(made.id)
    with pytest.raises(NotFoundError):
        client.webhook(made.id)


async def test_the_same_calls_are_awaited(account: Account, url: str, worker: Callable[[], Worker]) -> None:
    key = await database_sync_to_async(lambda: api_key(account, scopes=SCOPES))()
    waits = {"type": "limit", "limit_price": "100000", "time_in_force": "gtc"}
    async with AsyncClient(url, key) as client:
        results = await client.place_many(
            [
                {"token_in": "SOL", "token_out": "USDC", "amount": "1", "client_order_id": "a", **waits},  # type: ignore[typeddict-item]
                {"token_in": "SOL", "token_out": "NOPE", "amount": "1"},
            ]
        )
        order = await client.by_client_id("a")
        replaced = await client.replace(
            order.id, order.version, amount="2", expires_at=datetime.now(UTC) + timedelta(days=1)
        )
        listed = [one.id async for one in client.list(status="PENDING", limit=1)]
        explained = await client.explain(order.id)
        with pytest.raises(ConflictError):
            await client.receipt(order.id)
        me = await client.me()
        halts = await client.halt("lunch")
        resumed = await client.resume("back")
        armed = await client.deadman(30)
        state = (await client.deadman_state()).state
        disarmed = await client.disarm_deadman()
        quote = await anext(client.quotes("SOL", "USDC", "1"))
        cancelled = await client.cancel_many(all=True)
        tokens, venues, wallets = await client.tokens(), await client.venues(), await client.wallets()
        page = await client.account_events("0", limit=2)

    assert results[1].error.code == "unknown_token"  # type: ignore[union-attr]
    assert (replaced.amount, replaced.time_in_force) == ("2", "gtd")
    assert listed == [order.id]
    assert explained.waiting
    assert (me.user, me.role, "trade" in me.scopes) == (None, None, True)
    assert [halt.scope for halt in halts] == ["account"]
    assert resumed == []
    assert (armed.state, state, disarmed.state) == ("armed", "armed", "disarmed")
    assert quote.amount_in == "1"
    assert [one.result for one in cancelled.results] == ["cancelled"]
    assert {"SOL", "USDC"} <= {token.symbol for token in tokens}
    assert venues.results
    assert wallets.chain == "simulated"
    assert [event.seq for event in page.results] == [1, 2]


OF_TYPES: dict[str, Any] = {
    "market": {"guards": {"max_slippage_bps": Decimal("12.5"), "min_amount_out": 1}},
    "limit": {"limit_price": 100_000, "allow_partial": True, "time_in_force": "gtc"},
    "stop": {"trigger_price": Decimal("0.5"), "trigger": "below", "trigger_source": "last"},
    "stop_limit": {"trigger_price": "0.5", "limit_price": "0.4"},
    "trailing_stop": {"trail_bps": Decimal("250.5")},
    "twap": {"twap": {"slices": 2, "interval_s": 3600, "start_at": datetime.now(UTC) + timedelta(hours=1)}},
    "ladder": {"from_": Decimal(100_000), "to": "110000", "steps": 3},
    "sniper": {"min_liquidity": 10, "max_age_s": 60, "guards": {"min_amount_out": "1"}},
}


@pytest.mark.parametrize("name", sorted(ORDER_TYPES))
def test_an_order_of_each_type_is_placed_by_keywords(client: Client, name: str) -> None:
    order = client.place(
        "SOL", "USDC", 10, type=name, venues={"max_hops": 3}, fee={"max_native": "1"}, **OF_TYPES[name]
    )

    assert (order.type_, order.amount, order.status) == (name, "10", "PENDING")
    assert order.venues.max_hops == 3
    shown = order.to_dict()
    for field in OF_TYPES[name].keys() - {"guards", "twap", "time_in_force"}:
        stated = OF_TYPES[name][field]
        told = shown[field.rstrip("_")]
        assert told == stated or Decimal(told) == Decimal(stated)
